/** Asks before a write whether its row would be in the scope: of what the row will hold, while all other rows are what they are. */
import { sql } from "kysely";
import type { Change, Values } from "../store/change.js";
import type { BoundScope, ValueOf } from "./bound-scope.js";
import type { Dialect, SqlTable, SqlTransaction, Target } from "./dialect.js";
import { isRow, judgment } from "./judgment.js";
import { enclosed, isExpression } from "./row-values.js";

/** @throws the database's errors */
export async function isInBefore(
  tx: SqlTransaction,
  dialect: Dialect,
  target: Pick<Target, "key">,
  change: Change,
  before: NonNullable<BoundScope["before"]>,
): Promise<boolean> {
  if (change.op === "DELETE") return true;
  const filter = await before(valuesOf(dialect, target, change));
  const [row] = await tx.selectNoFrom([judgment(filter).as("ok")]).execute();
  return Number(row?.ok) === 1;
}

/** A new row's defaults are not foreseen: a column that the change leaves out is NULL there. */
function valuesOf(
  { merging }: Dialect,
  { key }: Pick<Target, "key">,
  { table: found, op, values, insertOnly = [] }: Change,
): ValueOf {
  // The port's tables are this store's own.
  const { name: table, columns } = found as SqlTable;
  const stored = (column: string) =>
    sql`(select ${sql.ref(`${table}.${column}`)} from ${sql.table(table)} where ${isRow({ key })})`;
  const given = (of: Values, name: string) => {
    const value = of[name];
    if (value === null || value === undefined) return sql`null`;
    if (isExpression(value)) return enclosed(value);
    const column = columns.get(name);
    return column === undefined ? sql`${value}` : merging.typed(column, value);
  };
  return (name) => {
    if (Object.hasOwn(key, name)) return given(key, name);
    if (!Object.hasOwn(values, name)) return stored(name);
    if (op !== "PUT" || !insertOnly.includes(name)) return given(values, name);
    return sql`(case when exists (select 1 from ${sql.table(table)} where ${isRow({ key })}) then ${stored(name)} else ${given(values, name)} end)`;
  };
}
