/** Tries a rule's scope on no row at all, for `check()`: whether it is a statement that the database takes. */
import { sql } from "kysely";
import type { OperationContext, Principal } from "../layer.js";
import type { Rule } from "../rules.js";
import type { Connection } from "./dialect.js";
import { bindScope, type SchemaOf } from "./scope.js";

/** Rejects with what the scope or the database throws. */
export async function tryScope<P extends Principal, DB>(
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  schemaOf: SchemaOf,
): Promise<void> {
  const scope = await bindScope(rule, context, schemaOf);
  if (scope === undefined) return;
  const tx = context.tx as unknown as Connection;
  await tx
    .selectFrom(rule.table)
    .select([sql<number>`1`.as("one")])
    .where(scope.filter)
    .limit(0)
    .execute();
}
