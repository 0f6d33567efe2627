/** The client's PowerSync schema, as far as it decides what is uploaded: the SDK's `Schema` itself, or what its `toJSON()` gives. */

export interface ClientColumnType {
  readonly name: string;
  /** `TEXT`, `INTEGER` or `REAL`. */
  readonly type?: string | undefined;
}

export interface ClientTable {
  readonly name: string;
  readonly columns: readonly ClientColumnType[];
  readonly localOnly?: boolean | undefined;
  readonly local_only?: boolean | undefined;
  readonly insertOnly?: boolean | undefined;
  readonly insert_only?: boolean | undefined;
}

/** `Schema` of `@powersync/common`, or `schema.toJSON()`. Raw tables are passed over: what they upload is the application's own triggers' doing. */
export interface ClientSchema {
  readonly tables: readonly ClientTable[];
}

/** A table whose changes are uploaded. */
export interface SyncedTable {
  readonly name: string;
  readonly columns: readonly ClientColumnType[];
  readonly insertOnly: boolean;
}

/** @throws TypeError for what is no schema */
export function syncedTables(schema: ClientSchema): readonly SyncedTable[] {
  const tables: unknown = schema?.tables;
  if (!Array.isArray(tables) || !tables.every(isTable)) {
    throw new TypeError(
      "check() takes the client's schema: a Schema of @powersync/common, or what its toJSON() gives.",
    );
  }
  return tables
    .filter(({ localOnly, local_only }) => !(localOnly ?? local_only))
    .map(({ name, columns, insertOnly, insert_only }) => ({
      name,
      columns,
      insertOnly: (insertOnly ?? insert_only) === true,
    }));
}

function isTable(table: unknown): table is ClientTable {
  return isNamed(table) && "columns" in table && isList(table.columns, isNamed);
}

function isNamed(value: unknown): value is { readonly name: string } {
  return (
    typeof value === "object" && value !== null && "name" in value && typeof value.name === "string"
  );
}

function isList<T>(value: unknown, is: (each: unknown) => each is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}
