/** The client's schema, as `check()` and `createWrites` take it, and the tables of it whose changes are uploaded. */

/** A column of the client's PowerSync schema. */
export interface ClientColumnType {
  readonly name: string;
  /** `TEXT`, `INTEGER` or `REAL`. */
  readonly type?: string | undefined;
}

/** A table of the client's PowerSync schema. */
export interface ClientTable {
  readonly name: string;
  readonly columns: readonly ClientColumnType[];
  readonly localOnly?: boolean | undefined;
  readonly local_only?: boolean | undefined;
  readonly insertOnly?: boolean | undefined;
  readonly insert_only?: boolean | undefined;
  readonly trackPrevious?: boolean | TrackedColumns | undefined;
  readonly include_old?: unknown;
  readonly include_old_only_when_changed?: boolean | undefined;
}

/** `trackPrevious` of a client's table. */
interface TrackedColumns {
  /** The tracked columns. Absent: all. */
  readonly columns?: readonly string[] | undefined;
  readonly onlyWhenChanged?: boolean | undefined;
}

/** `Schema` of `@powersync/common`, or `schema.toJSON()`. Raw tables are ignored, because the application's own triggers decide what they upload. */
export interface ClientSchema {
  readonly tables: readonly ClientTable[];
}

/** A table whose changes are uploaded. */
export interface SyncedTable {
  readonly name: string;
  readonly columns: readonly ClientColumnType[];
  readonly insertOnly: boolean;
  /** Absent: previous values are not sent. */
  readonly tracked?: TrackedColumns;
}

/**
 * @param from the function or option that was given the schema, for the message
 * @throws TypeError for what is not a schema
 */
export function syncedTables(schema: ClientSchema, from = "check()"): readonly SyncedTable[] {
  const tables: unknown = schema?.tables;
  if (!Array.isArray(tables) || !tables.every(isTable)) {
    throw new TypeError(
      `${from} takes the client's schema: a Schema of @powersync/common, or the result of its toJSON().`,
    );
  }
  return tables
    .filter(({ localOnly, local_only }) => !(localOnly ?? local_only))
    .map((table) => {
      const { name, columns, insertOnly, insert_only } = table;
      const tracked = trackedOf(table);
      return {
        name,
        columns,
        insertOnly: (insertOnly ?? insert_only) === true,
        ...(tracked && { tracked }),
      };
    });
}

/** The option as a `Table` has it, or its JSON. */
function trackedOf({
  trackPrevious,
  include_old: included,
  include_old_only_when_changed: onlyWhenChanged,
}: ClientTable): TrackedColumns | undefined {
  if (trackPrevious === true) return {};
  if (typeof trackPrevious === "object") return trackPrevious;
  if (trackPrevious === false || included === undefined || included === null) return undefined;
  const rest = { onlyWhenChanged: onlyWhenChanged === true };
  if (Array.isArray(included)) return { columns: included.map(String), ...rest };
  return included === true ? rest : undefined;
}

function isTable(table: unknown): table is ClientTable {
  return isNamed(table) && "columns" in table && isListOf(table.columns, isNamed);
}

function isNamed(value: unknown): value is { readonly name: string } {
  return (
    typeof value === "object" && value !== null && "name" in value && typeof value.name === "string"
  );
}

function isListOf<T>(value: unknown, is: (each: unknown) => each is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}
