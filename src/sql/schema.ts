/** Reads the source database's tables once and remembers them. A table is read again if a caller must not rely on the earlier reading. */
import type { Column, ForeignKey, SchemaTrust } from "../store/tables.js";
import type { Dialect } from "./dialect.js";
import type { Lessons, SourceTable, SqlDatabase, SqlTable, SqlTransaction } from "./table.js";

/**
 * `undefined`: there is no such table at the moment. Only uses the given connection.
 *
 * @param begunAt when the transaction began, by `performance.now()`. It may not see later changes
 * @param role the role as which the transaction continues, if it is not the login role
 */
export type ReadTable = (
  tx: SqlTransaction,
  name: string,
  columns: readonly string[],
  trust: SchemaTrust,
  begunAt: number,
  role?: string,
) => Promise<SqlTable | undefined>;

/** The same from memory. `undefined`: the database would have to be queried. */
export type KnownTable = (
  name: string,
  columns: readonly string[],
  trust: SchemaTrust,
  role?: string,
) => SqlTable | undefined;

/**
 * A reading that is older than this is not used any more. A change of a column usually shows in what does not fit, but a value may also fit the column's
 * former type: it would lose digits that the column keeps by now.
 */
const mostAgeMs = 5 * 60_000;

/** The tables of one database, shared by all its Kysely objects. */
export interface SchemaCache {
  /** Access for one Kysely object, whose plugins decide what a table's name stands for. */
  tablesOf(
    db: SqlDatabase,
    dialect: Dialect,
  ): { readonly read: ReadTable; readonly known: KnownTable };
}

interface SchemaReading {
  /** When the reading began. Later changes are not in it. */
  readonly at: number;
  readonly table: SqlTable | undefined;
}

/** One table that is being read, and the callers that wait to read it next. */
interface Queue {
  readonly waiting: (() => void)[];
}

/** @param severalRoles whether data is written as several roles: another role may find the table that one does not, so an absence is not remembered */
export function createSchemaCache(severalRoles: boolean): SchemaCache {
  const readings = new Map<string, SchemaReading>();
  const lessons = new Map<string, Lessons>();
  const queues = new Map<string, Queue>();

  /** Reads one at a time. The latest of the waiting callers reads next, because its reading is new enough for all of them. */
  const inTurn = async (
    key: string,
    enough: () => SchemaReading | undefined,
    read: () => Promise<SchemaReading>,
  ): Promise<SchemaReading> => {
    for (let queue = queues.get(key); queue !== undefined; queue = queues.get(key)) {
      const { waiting } = queue;
      await new Promise<void>((resolve) => waiting.push(resolve));
      const found = enough();
      if (found !== undefined) return found;
    }
    const queue: Queue = { waiting: [] };
    queues.set(key, queue);
    try {
      return await read();
    } finally {
      queues.delete(key);
      // The latest caller gets its turn before the others check again.
      for (const next of queue.waiting.toReversed()) next();
    }
  };

  return {
    tablesOf: (db, dialect) => {
      const sources = new Map<string, SourceTable & { readonly key: string }>();
      const sourceOf = (name: string) => {
        const source = sourceTable(db, name);
        const named = { ...source, key: `${source.schema ?? ""}.${source.name}` };
        sources.set(name, named);
        return named;
      };
      // The reading includes the role's rights, so each role has its own.
      const keyOf = (name: string, role: string | undefined): string => {
        const { key } = sources.get(name) ?? sourceOf(name);
        return role === undefined ? key : `${key} ${role}`;
      };
      const knownOf: KnownTable = (name, columns, { since, anew, believed }, role) => {
        const reading = readings.get(keyOf(name, role));
        if (reading?.table === undefined || (anew && reading.at < since)) return undefined;
        if (reading.at < since - mostAgeMs) return undefined;
        if (!isComplete(reading.table, columns)) return undefined;
        if (reading.at < since) believed?.set(name, reading.table);
        return reading.table;
      };
      const read: ReadTable = async (tx, name, columns, trust, begunAt, role) => {
        const known = knownOf(name, columns, trust, role);
        if (known !== undefined) return known;
        const { since } = trust;
        const key = keyOf(name, role);
        const { key: _, ...source } = sources.get(name) ?? sourceOf(name);
        const enough = () => {
          const reading = readings.get(key);
          return reading !== undefined && reading.at >= since ? reading : undefined;
        };
        const found =
          enough() ??
          (await inTurn(key, enough, async () => {
            const read = await readTable(tx, dialect, name, source);
            const table = read && { ...read, lessons: lessons.get(key) ?? read.lessons };
            if (table !== undefined) lessons.set(key, table.lessons);
            const reading = { at: begunAt, table };
            const newest = (readings.get(key)?.at ?? -Infinity) <= begunAt;
            if (newest && (table !== undefined || !severalRoles)) readings.set(key, reading);
            return reading;
          }));
        return found.table;
      };
      return { read, known: knownOf };
    },
  };
}

function isComplete(table: SqlTable, columns: readonly string[]): boolean {
  for (const column of columns) if (!table.columns.has(column)) return false;
  return true;
}

/** Queries the database. `undefined`: there is no such table. */
export async function readTable(
  tx: SqlTransaction,
  dialect: Dialect,
  name: string,
  source = sourceTable(tx, name),
): Promise<SqlTable | undefined> {
  const columns: readonly Column[] = await dialect.readColumns(tx, source);
  if (columns.length === 0) return undefined;
  const traits = await dialect.readTraits?.(tx, source);
  return {
    name,
    source,
    columns: new Map(columns.map((column) => [column.name, column])),
    ...(traits && { traits }),
    ...(traits?.deferred && { deferred: traits.deferred }),
    lessons: { lockFirst: new Set(), unexplained: new Map() },
  };
}

/** One column of a foreign key, as catalogs list them. */
export interface ForeignKeyColumn {
  readonly id: string | number | bigint;
  readonly column: string;
  readonly table: string;
  readonly by: string | null;
}

/** @param rows in the order of the columns */
export function foreignKeysOf(rows: readonly ForeignKeyColumn[]): readonly ForeignKey[] {
  return [...Map.groupBy(rows, ({ id }) => String(id)).values()].map((columns) => ({
    columns: columns.map(({ column }) => column),
    table: columns[0]?.table ?? "",
    by: columns.map(({ by }) => by ?? ""),
  }));
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
