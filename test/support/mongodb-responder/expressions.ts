/** Expressions of aggregation: what the store's pipelines are made of, and nothing else. */
import { add, compare, type Doc, isEqual, isNumber, Refusal, typeOf, unknown } from "./values.js";

/** Stands for a field that is taken away. */
export const removed = Symbol("$$REMOVE");

type Variables = Readonly<Record<string, unknown>>;

/** `undefined`: it is missing. */
export function evaluate(expression: unknown, document: Doc, variables: Variables = {}): unknown {
  if (typeof expression === "string" && expression.startsWith("$"))
    return variable(expression, document, variables);
  if (Array.isArray(expression))
    return expression.map((each) => evaluate(each, document, variables) ?? null);
  if (expression === null || typeof expression !== "object" || typeOf(expression) !== "object")
    return expression;
  const entries = Object.entries(expression as Doc);
  const [first] = entries;
  if (first === undefined || !first[0].startsWith("$"))
    return Object.fromEntries(
      entries.map(([name, each]) => [name, evaluate(each, document, variables)]),
    );
  if (entries.length > 1)
    throw new Refusal(15_983, "Location15983", "An expression has one operator.");
  return operation(first[0], first[1], document, variables);
}

function variable(name: string, document: Doc, variables: Variables): unknown {
  if (name === "$$REMOVE") return removed;
  if (name.startsWith("$$")) {
    const own = name.slice(2);
    if (!Object.hasOwn(variables, own)) throw unknown(`the variable ${name}`);
    return variables[own];
  }
  return name
    .slice(1)
    .split(".")
    .reduce<unknown>(
      (value, part) =>
        typeof value === "object" && value !== null ? (value as Doc)[part] : undefined,
      document,
    );
}

function operation(operator: string, given: unknown, document: Doc, variables: Variables): unknown {
  if (operator === "$literal") return given;
  const of = (each: unknown, more: Variables = {}) =>
    evaluate(each, document, { ...variables, ...more });
  const operands = (): unknown[] =>
    (Array.isArray(given) ? given : [given]).map((each) => of(each) ?? null);
  const pair = (): readonly [unknown, unknown] => {
    const all = operands();
    if (all.length !== 2)
      throw new Refusal(16_020, "Location16020", `${operator} takes exactly 2 arguments.`);
    return [all[0], all[1]];
  };
  switch (operator) {
    case "$and":
      return operands().every(isTrue);
    case "$or":
      return operands().some(isTrue);
    case "$not":
      return !isTrue(operands()[0]);
    case "$eq":
      return isEqual(...pair());
    case "$gt":
      return compare(...pair()) > 0;
    case "$lt":
      return compare(...pair()) < 0;
    case "$in": {
      const [value, list] = pair();
      if (!Array.isArray(list))
        throw new Refusal(40_081, "Location40081", "$in requires an array as a second argument");
      return list.some((each) => isEqual(each, value));
    }
    case "$ifNull": {
      const all = (given as readonly unknown[]).map((each) => of(each));
      return all.find((each) => each !== undefined && each !== null) ?? all.at(-1);
    }
    case "$cond": {
      const [when, then, otherwise] = given as readonly unknown[];
      return isTrue(of(when)) ? of(then) : of(otherwise);
    }
    case "$add":
    case "$subtract": {
      const [one, other] = pair();
      if (one === null || other === null) return null;
      if (!isNumber(one) || !isNumber(other))
        throw new Refusal(14, "TypeMismatch", `${operator} only supports numeric types`);
      return add(one, other, operator === "$add" ? 1 : -1);
    }
    case "$max":
    case "$min": {
      const there = operands().filter((each) => each !== null);
      const sign = operator === "$max" ? 1 : -1;
      return there.reduce<unknown>(
        (best, each) => (best === null || sign * compare(each, best) > 0 ? each : best),
        null,
      );
    }
    case "$concatArrays": {
      const lists = operands();
      if (lists.includes(null)) return null;
      if (!lists.every(Array.isArray))
        throw new Refusal(28_664, "Location28664", "$concatArrays only supports arrays");
      return lists.flat();
    }
    case "$reduce": {
      const {
        input,
        initialValue,
        in: expression,
      } = given as { input: unknown; initialValue: unknown; in: unknown };
      const list = of(input) as readonly unknown[];
      let value = of(initialValue);
      for (const each of list) value = of(expression, { value, this: each });
      return value;
    }
    default:
      throw unknown(`the expression ${operator}`);
  }
}

function isTrue(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return false;
  return !isNumber(value) || Number(value) !== 0;
}
