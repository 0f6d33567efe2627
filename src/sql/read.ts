/** Reads single rows of the application's tables: for `context.stored()`, and for `references`. */
import { sql } from "kysely";
import type { StoredRow, Values } from "../store/store.js";
import type { Column, Dialect, SqlTable, SqlTransaction } from "./dialect.js";
import { isRow } from "./statements.js";

/** A whole row, locked. Rejects with the database's errors. */
export async function readRow(
  transaction: SqlTransaction,
  dialect: Dialect,
  { name, source, columns }: SqlTable,
  key: Values,
): Promise<StoredRow | undefined> {
  // Without plugins: the columns are to be named as they are, and the table's name has been through them.
  const tx = transaction.withoutPlugins();
  const all = Array.from(
    columns.values(),
    (column) => sql`${exactly(dialect, column)} as ${sql.id(column.name)}`,
  );
  const from = [source.schema, source.name].filter((part) => part !== undefined);
  const { rows } = await sql<StoredRow>`
    select ${sql.join(all)} from ${sql.id(...from)}
    where ${isRow({ table: name, key, scope: undefined })} ${dialect.rowLock ?? sql``}
  `.execute(tx);
  const [row] = rows;
  return row === undefined ? undefined : Object.freeze({ ...row });
}

/** One column of the row that a client refers to by another key than the database does. */
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
    .where(isRow({ table: name, key: match, scope: undefined }))
    .executeTakeFirst();
  return row && { value: row.taken };
}

/** The column with all its digits. */
function exactly({ exact }: Dialect, column: Column) {
  const reference = sql.id(column.name);
  return exact?.(reference, column) ?? reference;
}
