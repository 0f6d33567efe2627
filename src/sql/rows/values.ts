/** The values of a row as they stand in a statement: expressions of the application's in parentheses, the library's own conversions, and NULL. */
import { type Expression, sql } from "kysely";
import type { Values } from "../../store/store.js";
import type { Table } from "../../store/tables.js";
import type { Dialect } from "../dialect.js";

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

/** What `convert` has made of a value that no parameter can carry. */
const conversions = new WeakSet<object>();

/** Marks an expression that stands for one value: unlike the application's own, it can be compared with a column. */
export function conversion<T>(expression: Expression<T>): Expression<T> {
  conversions.add(expression);
  return expression;
}

/** The database computes it, and nobody knows the value beforehand. */
export function isComputed(value: unknown): value is Expression<unknown> {
  return isExpression(value) && !conversions.has(value);
}

/** NULL as a word: a driver gives a parameter some type, and SQL Server refuses a text for a column of bytes or money, NULL or not. The same object where there is none. */
export function literalNulls(values: Values): Values {
  for (const name in values) {
    if (values[name] !== null) continue;
    return Object.fromEntries(
      Object.entries(values).map(([each, value]) => [each, value === null ? sql`null` : value]),
    );
  }
  return values;
}

/** Values of which some are expressions. The same object where none is, so that all of them can be parameters. */
export function enclosedValues(values: Values): Values {
  for (const name in values) {
    if (!isExpression(values[name])) continue;
    return Object.fromEntries(
      Object.entries(values).map(([each, value]) => [
        each,
        isComputed(value) && !isDefault(value) ? enclosed(value) : value,
      ]),
    );
  }
  return values;
}

/** The word alone, which stands for the column's default and is no expression. */
function isDefault(value: Expression<unknown>): boolean {
  const node = value.toOperationNode();
  if (node.kind !== "RawNode" || !("sqlFragments" in node)) return false;
  return /^\s*default\s*$/i.test((node.sqlFragments as readonly string[]).join(" ? "));
}

/** A key as it stands beside its columns. */
export function keyOf(
  { keyParameter }: Pick<Dialect, "keyParameter">,
  columns: Table["columns"],
  key: Values,
): Values {
  if (keyParameter === undefined) return enclosedValues(key);
  const entries = Object.entries(key).map(([name, value]) => {
    const column = columns.get(name);
    return [name, column === undefined ? value : keyParameter(column, value)];
  });
  return enclosedValues(Object.fromEntries(entries));
}
