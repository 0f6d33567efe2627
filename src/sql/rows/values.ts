/** The values of a row as they stand in a statement: expressions of the application's in parentheses, the library's own conversions, and NULL. */
import { type Expression, sql } from "kysely";
import type { Values } from "../../store/store.js";
import type { Table } from "../../store/tables.js";
import type { Dialect } from "../dialect.js";

/** JSON can't contain a function, so no value that a client sends counts as an expression. */
export function isExpression(value: unknown): value is Expression<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "toOperationNode" in value &&
    typeof value.toOperationNode === "function"
  );
}

/**
 * In parentheses, because raw SQL may be an OR. On separate lines, because it may end with a comment, which would hide what follows, such as the
 * condition on the key.
 */
export function enclosed<T>(expression: Expression<T>): Expression<T> {
  return sql<T>`(
${expression}
)`;
}

/** Expressions that `convert` has made of values that no parameter can carry. */
const conversions = new WeakSet<object>();

/** Marks an expression that stands for one value: unlike the application's own, it can be compared with a column. */
export function conversion<T>(expression: Expression<T>): Expression<T> {
  conversions.add(expression);
  return expression;
}

/** Whether the database computes the value, so that it is not known before. */
export function isComputed(value: unknown): value is Expression<unknown> {
  return isExpression(value) && !conversions.has(value);
}

/**
 * Writes NULL as a literal: a driver gives each parameter a type, and SQL Server refuses a text for a column of bytes or money, even NULL.
 * Returns the same object if no value is NULL.
 */
export function literalNulls(values: Values): Values {
  for (const name in values) {
    if (values[name] !== null) continue;
    return Object.fromEntries(
      Object.entries(values).map(([each, value]) => [each, value === null ? sql`null` : value]),
    );
  }
  return values;
}

/** Puts expressions in parentheses. Returns the same object if there are none, so that all values can be parameters. */
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

/** The keyword DEFAULT, which is not an expression. */
function isDefault(value: Expression<unknown>): boolean {
  const node = value.toOperationNode();
  if (node.kind !== "RawNode" || !("sqlFragments" in node)) return false;
  return /^\s*default\s*$/i.test((node.sqlFragments as readonly string[]).join(" ? "));
}

/** Whether both have the same columns, in the same order. */
export function haveSameColumns(one: Values, other: Values): boolean {
  return one === other || areSameNames(Object.keys(one), Object.keys(other));
}

/** In the same order, too. */
export function areSameNames(names: readonly string[], others: readonly string[]): boolean {
  return names.length === others.length && names.every((name, index) => name === others[index]);
}

/** A key's values, to be compared with its columns. */
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
