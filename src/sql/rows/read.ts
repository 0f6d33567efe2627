/** Reads rows of the application's tables: one for `context.stored()`, one for `references`, and hashes of many, to detect later changes. */
import { type Expression, sql, type SqlBool } from "kysely";
import type { StoredRow, Values } from "../../store/store.js";
import type { Column, FingerprintOptions, Fingerprints } from "../../store/tables.js";
import { sha256 } from "../../wire/serialize.js";
import type { Access, Dialect } from "../dialect.js";
import { keyFilter, withLock, lockClauses } from "../select.js";
import type { SqlTable, SqlTransaction } from "../table.js";
import { keyOf } from "./values.js";

/**
 * Reads a row and locks it. Rejects with the database's errors.
 *
 * @param wanted those of these that the role may read. Absent: the whole row
 */
export async function readRow(
  transaction: SqlTransaction,
  dialect: Dialect,
  { source, columns, traits }: SqlTable,
  key: Values,
  wanted?: readonly string[],
): Promise<StoredRow | undefined> {
  // Without plugins, because they would rename the columns, and have already been applied to the table's name.
  const tx = transaction.withoutPlugins();
  const isWanted = ({ name }: Column) =>
    wanted === undefined || (wanted.includes(name) && traits?.readable?.has(name) !== false);
  const all = [...columns.values()]
    .filter(isWanted)
    .map((column) => sql`${exactly(dialect, column)} as ${sql.id(column.name)}`);
  const from = [source.schema, source.name].filter((part) => part !== undefined);
  const { beside, behind } = lockClauses(dialect.rowLock);
  const { rows } = await sql<StoredRow>`
    select ${sql.join(all)} from ${sql.id(...from)} ${beside}
    where ${hasKey(dialect, columns, key)} ${behind}
  `.execute(tx);
  const [row] = rows;
  return row === undefined ? undefined : Object.freeze({ ...row });
}

/** Reads one column of the row that a client refers to by another key than the database's. */
export async function lookUp(
  tx: SqlTransaction,
  dialect: Dialect,
  { name, columns }: SqlTable,
  match: Values,
  take: string,
): Promise<{ readonly value: unknown } | undefined> {
  const column = columns.get(take);
  const taken = column === undefined ? sql.id(take) : exactly(dialect, column);
  const row = await tx
    .selectFrom(name)
    .select([sql<unknown>`${taken}`.as("taken")])
    .where(hasKey(dialect, columns, match))
    .executeTakeFirst();
  return row && { value: row.taken };
}

/** Parts of a key may be expressions. */
function hasKey(dialect: Dialect, columns: SqlTable["columns"], key: Values): Expression<SqlBool> {
  return keyFilter({ key: keyOf(dialect, columns, key) });
}

/** Reads the column with all its digits. */
function exactly({ exact }: Dialect, column: Column) {
  const reference = sql.id(column.name);
  return exact?.(reference, column) ?? reference;
}

/** How many rows one statement reads. */
const chunk = 50;

/** Takes one statement for 50 rows, and one or two for the table. */
export async function fingerprint(
  tx: SqlTransaction,
  dialect: Dialect,
  table: SqlTable,
  keys: readonly Values[],
  { columns: wanted, lock = false }: FingerprintOptions = {},
): Promise<Fingerprints | undefined> {
  const access: Access = (await dialect.access?.(tx, table.source)) ?? {
    readable: new Set(table.columns.keys()),
    lockable: false,
  };
  const readable = [...table.columns.values()].filter(({ name }) => access.readable.has(name));
  const keyColumns = Object.keys(keys[0] ?? {});
  if (keyColumns.some((name) => !access.readable.has(name))) return undefined;
  const columns =
    wanted === undefined
      ? readable
      : wanted.flatMap((name) => readable.find((column) => column.name === name) ?? []);
  const { comparable = () => true } = dialect;
  const isComparable = (key: Values) =>
    Object.entries(key).every(([name, value]) => {
      const column = table.columns.get(name);
      return column !== undefined && comparable(column, value);
    });
  const asked = keys.filter(isComparable);
  if (lock && access.lockable) await lockRows(tx, dialect, table, asked);
  const found = await hashesOf(tx, dialect, table, columns, asked);
  const byKey = new Map(asked.map((key, index) => [key, found[index]]));
  return { columns: columns.map(({ name }) => name), hashes: keys.map((key) => byKey.get(key)) };
}

async function hashesOf(
  tx: SqlTransaction,
  dialect: Dialect,
  { name: table, columns: all }: SqlTable,
  columns: readonly Column[],
  keys: readonly Values[],
): Promise<readonly (string | null)[]> {
  const texts = dialect.fingerprint(columns);
  const one = (key: Values, index: number) =>
    tx
      .selectFrom(table)
      .select([
        sql<unknown>`${sql.lit(index)}`.as("n"),
        ...texts.map((text, at) => sql<unknown>`${text}`.as(`t${at}`)),
      ])
      .where(hasKey(dialect, all, key));
  const hashes: (string | null)[] = [];
  for (const some of chunks(keys)) {
    const [first, ...others] = some.map(one);
    if (first === undefined) break;
    const found = await others.reduce((all, each) => all.unionAll(each), first).execute();
    const byRow = new Map<number, string[][]>();
    for (const { n, ...rest } of found as readonly Record<string, unknown>[]) {
      const row = texts.map((_, at) => String(rest[`t${at}`]));
      byRow.set(Number(n), [...(byRow.get(Number(n)) ?? []), row]);
    }
    for (const index of some.keys()) {
      // There is one row, unless the database does not enforce that the key is unique.
      const rows = byRow
        .get(index)
        ?.map((each) => JSON.stringify(each))
        .toSorted();
      hashes.push(rows === undefined ? null : await sha256(rows));
    }
  }
  return hashes;
}

/** Locks in a separate statement, because FOR UPDATE may return fewer rows than can be read: policies may hide rows from updates. */
async function lockRows(
  tx: SqlTransaction,
  dialect: Dialect,
  { name: table, columns }: SqlTable,
  keys: readonly Values[],
): Promise<void> {
  const { rowLock } = dialect;
  if (rowLock === undefined) return;
  for (const some of chunks(keys)) {
    const any = sql.join(
      some.map((key) => sql`(${hasKey(dialect, columns, key)})`),
      sql` or `,
    );
    await withLock(
      tx
        .selectFrom(table)
        .select(sql.lit(1).as("n"))
        .where(sql<boolean>`(${any})`),
      rowLock,
    ).execute();
  }
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / chunk) }, (_, index) =>
    items.slice(index * chunk, (index + 1) * chunk),
  );
}
