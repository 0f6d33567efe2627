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
  const { values: key } = await convertRow(table, { [match]: value }, context, [match]);
  const row = await tx
    .selectFrom(table)
    .select([sql<unknown>`${exact?.(sql.id(take)) ?? sql.id(take)}`.as("taken")])
    .where(isRow({ table, key, scope: undefined }))
    .executeTakeFirst();
  if (row === undefined) {
    throw fatal("FOREIGN_KEY_VIOLATION", "A row that this one refers to does not exist.");
  }
  return row.taken;
}
