/** Filters: which documents match. */
import { evaluate } from "./expressions.js";
import { compare, type Doc, isEqual, isNumber, Refusal, typeOf, unknown } from "./values.js";
import { schemaFailures } from "./json-schema.js";

/** @param same what a collation takes for equal */
export function matches(document: Doc, filter: Doc, same: Same = isEqual): boolean {
  return Object.entries(filter).every(([name, wanted]) => {
    switch (name) {
      case "$and":
        return listOf(name, wanted).every((each) => matches(document, each, same));
      case "$or":
        return listOf(name, wanted).some((each) => matches(document, each, same));
      case "$nor":
        return !listOf(name, wanted).some((each) => matches(document, each, same));
      case "$expr":
        return evaluate(wanted, document) === true;
      case "$jsonSchema":
        return schemaFailures(document, wanted as Doc).length === 0;
      default:
        if (name.startsWith("$"))
          throw new Refusal(2, "BadValue", `unknown top level operator: ${name}`);
        return fieldMatches(valuesAt(document, name.split(".")), wanted, same);
    }
  });
}

export type Same = (one: unknown, other: unknown) => boolean;

function listOf(operator: string, wanted: unknown): readonly Doc[] {
  if (Array.isArray(wanted) && wanted.length > 0) return wanted as readonly Doc[];
  throw new Refusal(2, "BadValue", `${operator} must be a nonempty array`);
}

/** What stands there: of a list that is gone through, one for each of its documents. */
function valuesAt(value: unknown, [name, ...path]: readonly string[]): readonly unknown[] {
  if (name === undefined) return [value];
  if (Array.isArray(value)) return value.flatMap((each) => valuesAt(each, [name, ...path]));
  if (value === null || typeof value !== "object" || typeOf(value) !== "object") return [undefined];
  return valuesAt((value as Doc)[name], path);
}

function fieldMatches(values: readonly unknown[], wanted: unknown, same: Same): boolean {
  const operators = isOperators(wanted) ? Object.entries(wanted) : [["$eq", wanted] as const];
  return operators.every(([operator, operand]) => operatorHolds(operator, operand, values, same));
}

function isOperators(wanted: unknown): wanted is Doc {
  if (wanted === null || typeof wanted !== "object" || typeOf(wanted) !== "object") return false;
  const names = Object.keys(wanted);
  return names.length > 0 && names.every((name) => name.startsWith("$"));
}

function operatorHolds(
  operator: string,
  operand: unknown,
  values: readonly unknown[],
  same: Same,
): boolean {
  const some = (holds: (value: unknown) => boolean): boolean =>
    values.some((value) => holds(value) || (Array.isArray(value) && value.some(holds)));
  const ordered = (holds: (order: number) => boolean): boolean =>
    some(
      (value) =>
        (typeOf(value) === typeOf(operand) || (isNumber(value) && isNumber(operand))) &&
        holds(compare(value, operand)),
    );
  switch (operator) {
    case "$eq":
      return some((value) => same(value, operand));
    case "$ne":
      return !some((value) => same(value, operand));
    case "$in":
      return some((value) => (operand as readonly unknown[]).some((each) => same(value, each)));
    case "$nin":
      return !operatorHolds("$in", operand, values, same);
    case "$gt":
      return ordered((order) => order > 0);
    case "$gte":
      return ordered((order) => order >= 0);
    case "$lt":
      return ordered((order) => order < 0);
    case "$lte":
      return ordered((order) => order <= 0);
    case "$exists":
      return values.some((value) => value !== undefined) === Boolean(operand);
    case "$type":
      return [operand].flat().some((type) =>
        values.some((value) => {
          const own = value === undefined ? "missing" : typeOf(value);
          const inside = Array.isArray(value) && value.some((each) => typeOf(each) === type);
          return (
            own === type || inside || (type === "number" && value !== undefined && isNumber(value))
          );
        }),
      );
    case "$not":
      return !fieldMatches(values, operand, same);
    default:
      throw unknown(`the query operator ${operator}`);
  }
}
