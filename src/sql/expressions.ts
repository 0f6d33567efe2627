/** Expressions of the application's own, as they stand in a statement of the library's. */
import { type Expression, sql } from "kysely";
import type { Values } from "../store/store.js";

/** JSON can't hold a function, so nothing that a client sends is one. */
export function isExpression(value: unknown): value is Expression<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "toOperationNode" in value &&
    typeof value.toOperationNode === "function"
  );
}

/**
 * In parentheses, for raw SQL may have an OR at its top; and on lines of its own, for it may end with a comment, which would swallow what
 * follows: the condition that names the row, for one.
 */
export function enclosed<T>(expression: Expression<T>): Expression<T> {
  return sql<T>`(
${expression}
)`;
}

/** Values of which some are computed by the database. */
export function enclosedValues(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      isExpression(value) && !isDefault(value) ? enclosed(value) : value,
    ]),
  );
}

/** The word alone, which stands for the column's default and is no expression. */
function isDefault(value: Expression<unknown>): boolean {
  const node = value.toOperationNode();
  if (node.kind !== "RawNode" || !("sqlFragments" in node)) return false;
  return /^\s*default\s*$/i.test((node.sqlFragments as readonly string[]).join(" ? "));
}
