/** What the source database says its tables are: read once, remembered, and read again when a statement shows that it has changed. */
import type { DialectAdapter, QueryExecutorProvider } from "kysely";
import { retryable, type RetryableError } from "../errors.js";
import { correlated, type Emit } from "../events.js";
import type { RequestContext } from "../pipeline/layers.js";
import type { Column, Connection, Dialect, SourceTable } from "./dialect.js";

export interface TableSchema {
  /** As a statement names it, plugins having had their say. */
  readonly source: SourceTable;
  readonly columns: ReadonlyMap<string, Column>;
  readonly names: ReadonlySet<string>;
}

export interface Catalog {
  /** `undefined`: there is no such table just now. Asks the database on the connection it is given, and on no other. */
  read(tx: Connection, table: string): Promise<TableSchema | undefined>;
  /** The same, but not from a reading older than the shortest interval between two. */
  reread(tx: Connection, table: string): Promise<TableSchema | undefined>;
  /** Forgets a database whose schema has changed. False: it was read so short a time ago that reading again won't help. */
  forget(db: QueryExecutorProvider): boolean;
}

interface Reading {
  readonly at: number;
  readonly schema: TableSchema | undefined;
}

/** At most one reading of a table in this time, however often statements say that the schema has changed. */
const shortestIntervalMs = 5_000;

/** @param severalRoles what one role does not find, another may: an absence is not remembered */
export function createCatalog(
  dialectOf: (db: QueryExecutorProvider) => Dialect,
  severalRoles = false,
): Catalog {
  // The adapter is one and the same for a Kysely instance, its transactions and its variants with other plugins.
  const databases = new WeakMap<DialectAdapter, Map<string, Reading>>();

  const readingsOf = (db: QueryExecutorProvider): Map<string, Reading> => {
    const { adapter } = db.getExecutor();
    const known = databases.get(adapter) ?? new Map<string, Reading>();
    databases.set(adapter, known);
    return known;
  };

  const readWithin = async (tx: Connection, table: string, maxAgeMs: number) => {
    const source = sourceTable(tx, table);
    const readings = readingsOf(tx);
    const name = `${source.schema ?? ""}.${source.name}`;
    const known = readings.get(name);
    if (known !== undefined && now() - known.at < maxAgeMs) return known.schema;
    const columns = await dialectOf(tx).readColumns(tx, source);
    const schema = columns.length === 0 ? undefined : toSchema(source, columns);
    if (schema !== undefined || !severalRoles) readings.set(name, { at: now(), schema });
    return schema;
  };

  return {
    // A table that is not there yet is looked for again; one that is there is believed.
    read: async (tx, table) =>
      (await readWithin(tx, table, Number.POSITIVE_INFINITY)) ??
      readWithin(tx, table, shortestIntervalMs),
    reread: (tx, table) => readWithin(tx, table, shortestIntervalMs),
    forget: (db) => {
      const readings = readingsOf(db);
      let forgotten = false;
      for (const [name, { at }] of readings) {
        if (now() - at < shortestIntervalMs) continue;
        readings.delete(name);
        forgotten = true;
      }
      return forgotten;
    },
  };
}

/** Declared, but not there: a deployment is under way, and the device keeps its write until it is over. */
export function schemaMissing(
  emit: Emit,
  context: RequestContext,
  where: { readonly table: string; readonly column?: string },
): RetryableError {
  emit({ type: "schema_missing", ...correlated(context), ...where });
  return retryable("The database is being changed just now.");
}

export function toSchema(source: SourceTable, columns: readonly Column[]): TableSchema {
  const byName = new Map(columns.map((column) => [column.name, column]));
  return { source, columns: byName, names: new Set(byName.keys()) };
}

/** The name that a statement on this connection would really use: plugins such as `withSchema` have their say. */
export function sourceTable(tx: Connection, table: string): SourceTable {
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

function now(): number {
  return performance.now();
}
