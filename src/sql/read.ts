/** Reads the row that an operation is about, for `context.stored()`. */
import { sql } from "kysely";
import type { OperationContext, Principal, StoredRow } from "../pipeline/layers.js";
import type { Rules } from "../pipeline/rules.js";
import type { ReadRow } from "../pipeline/stored-row.js";
import type { ConvertRow } from "./convert.js";
import type { Connection } from "./dialect.js";
import { dialectOf } from "./dialects.js";
import { keyOf, notAKey } from "./write.js";
import { isRow } from "./statements.js";
import { fatal } from "../errors.js";
import type { Reference } from "../table-rule.js";

/** `undefined` where no rule has the table, too: what is written there is refused anyway. */
export function rowReader<P extends Principal, DB>(
  rules: Rules<P, DB>,
  convertRow: ConvertRow,
): ReadRow<P, DB> {
  return async ({ table, id }, context) => {
    const rule = rules.get(table);
    if (rule === undefined) return undefined;
    // Its key is looked for, so the database may be the one that makes it.
    const { values: key, schema } = await convertRow(
      rule.table,
      keyOf(rule, id),
      context,
      rule.key.columns,
    );
    // Without plugins: the columns are to be named as they are, and the table's name has been through them.
    const tx = (context.tx as unknown as Connection).withoutPlugins();
    const { exact, meaning, rowLock } = dialectOf(tx);
    const columns = Array.from(schema.columns.values(), (column) => {
      const reference = sql.id(column.name);
      return sql`${exact?.(reference, column) ?? reference} as ${reference}`;
    });
    const source = [schema.source.schema, schema.source.name].filter((part) => part !== undefined);
    try {
      const { rows } = await sql<StoredRow>`
        select ${sql.join(columns)} from ${sql.id(...source)}
        where ${isRow({ table: rule.table, key, scope: undefined })} ${rowLock ?? sql``}
      `.execute(tx);
      const [row] = rows;
      return row === undefined ? undefined : Object.freeze({ ...row });
    } catch (error) {
      // The asker is the application, whose own failures are never fatal; but this one is the client's, and for good.
      throw meaning(error) === "INVALID_DATA" ? notAKey() : error;
    }
  };
}

// Looks up the row that a client refers to by another key than the database does.
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
