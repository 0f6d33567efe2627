/** What the source database says its tables are: read once, remembered, and read again when a statement shows that it has changed. */
import type { Column } from "../store/tables.js";
import type { Dialect, SourceTable, SqlDatabase, SqlTable, SqlTransaction } from "./dialect.js";

/**
 * `undefined`: there is no such table just now. Asks the database on the connection it is given, and on no other. A table that is not there,
 * or lacks one of the columns, is looked for again, but at most once in the shortest interval.
 */
export type ReadTable = (
  tx: SqlTransaction,
  name: string,
  columns: readonly string[],
) => Promise<SqlTable | undefined>;

/** Of one database, whichever Kysely object asks. */
export interface SchemaCache {
  /** The way to the tables for one Kysely object, whose plugins say what a table's name stands for. */
  tablesOf(db: SqlDatabase, dialect: Dialect): ReadTable;
  /** False: everything was read so short a time ago that reading again won't help. */
  forget(): boolean;
}

interface SchemaReading {
  readonly at: number;
  readonly table: SqlTable | undefined;
}

/** At most one reading of a table in this time, however often statements say that the schema has changed. */
const shortestIntervalMs = 5_000;

/** @param severalRoles what one role does not find, another may: an absence is not remembered */
export function createSchemaCache(severalRoles: boolean): SchemaCache {
  const readings = new Map<string, SchemaReading>();
  const isRecent = ({ at }: SchemaReading) => performance.now() - at < shortestIntervalMs;

  return {
    tablesOf: (db, dialect) => {
      const sources = new Map<string, SourceTable & { readonly key: string }>();
      const sourceOf = (name: string) => {
        const source = sourceTable(db, name);
        const named = { ...source, key: `${source.schema ?? ""}.${source.name}` };
        sources.set(name, named);
        return named;
      };
      return async (tx, name, columns) => {
        const { key, ...source } = sources.get(name) ?? sourceOf(name);
        const known = readings.get(key);
        if (known !== undefined && (isComplete(known.table, columns) || isRecent(known))) {
          return known.table;
        }
        const table = await readTable(tx, dialect, name, source);
        if (table !== undefined || !severalRoles) {
          readings.set(key, { at: performance.now(), table });
        }
        return table;
      };
    },
    forget: () => {
      let forgotten = false;
      for (const [key, reading] of readings) {
        if (isRecent(reading)) continue;
        readings.delete(key);
        forgotten = true;
      }
      return forgotten;
    },
  };
}

function isComplete(table: SqlTable | undefined, columns: readonly string[]): boolean {
  if (table === undefined) return false;
  for (const column of columns) if (!table.columns.has(column)) return false;
  return true;
}

/** Asks the database. `undefined`: there is no such table. */
export async function readTable(
  tx: SqlTransaction,
  dialect: Dialect,
  name: string,
  source = sourceTable(tx, name),
): Promise<SqlTable | undefined> {
  const columns: readonly Column[] = await dialect.readColumns(tx, source);
  if (columns.length === 0) return undefined;
  return { name, source, columns: new Map(columns.map((column) => [column.name, column])) };
}

/** The name that a statement on this connection would really use: plugins such as `withSchema` are applied. */
export function sourceTable(tx: SqlDatabase, table: string): SourceTable {
  const from = tx.selectFrom(table).toOperationNode().from?.froms[0];
  if (from?.kind !== "TableNode" || !("table" in from)) return { name: table };
  const { schema, identifier } = from.table as {
    readonly schema?: { readonly name: string };
    readonly identifier: { readonly name: string };
  };
  return schema === undefined
    ? { name: identifier.name }
    : { schema: schema.name, name: identifier.name };
}
