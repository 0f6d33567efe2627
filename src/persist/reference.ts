/** Looks up the row that a client refers to by another key than the database does. */
import { sql } from "kysely";
import { fatal } from "../errors.js";
import type { OperationContext, Principal } from "../layer.js";
import type { Reference } from "../table-rule.js";
import type { ConvertRow } from "./convert.js";
import type { Connection } from "./dialect.js";
import { dialectOf } from "./dialects.js";
import { isRow } from "./rows.js";

/** The value of `take` in the row whose `match` is the value sent. Throws fatal FOREIGN_KEY_VIOLATION where there is none. */
export async function lookUp<P extends Principal, DB>(
  convertRow: ConvertRow,
  { table, match, take }: Reference,
  value: unknown,
  context: OperationContext<P, DB>,
): Promise<unknown> {
  if (value === null || value === undefined) return null;
  const tx = context.tx as unknown as Connection;
  const { exact } = dialectOf(tx);
  const sought = { [match]: value };
  const { values: key, schema } = await convertRow(table, sought, context, [match]);
  const column = schema.columns.get(take);
  const reference = sql.id(take);
  const taken = column === undefined ? reference : (exact?.(reference, column) ?? reference);
  const row = await tx
    .selectFrom(table)
    .select([sql<unknown>`${taken}`.as("taken")])
    .where(isRow({ table, key, scope: undefined }))
    .executeTakeFirst();
  if (row === undefined) {
    throw fatal("FOREIGN_KEY_VIOLATION", "A row that this one refers to does not exist.");
  }
  return row.taken;
}
