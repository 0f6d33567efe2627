/** What of MongoDB's language a command uses: its name and fields, operators of queries and updates, stages, expressions and variables. Data is none of it. */
import type { Document } from "mongodb";

/** Each as `find`, `find.filter`, `query $in`, `update $set`, `stage $match`, `expression $add`, `accumulator $sum`, `variable $$REMOVE`. */
export function wordsOf(name: string, command: Document): ReadonlySet<string> {
  const words = new Set([name]);
  for (const [field, value] of Object.entries(command)) {
    if (field === name) continue;
    words.add(`${name}.${field}`);
    inField(words, `${name}.${field}`, value);
  }
  return words;
}

type Words = Set<string>;

function inField(words: Words, field: string, value: unknown): void {
  switch (field) {
    case "find.filter":
    case "listCollections.filter":
    case "findAndModify.query":
      return inQuery(words, value);
    case "findAndModify.update":
      return inUpdate(words, value);
    case "aggregate.pipeline":
      return inStages(words, value);
    case "create.validator":
      return inQuery(words, value);
    case "update.updates":
    case "delete.deletes":
    case "createIndexes.indexes":
      for (const each of value as readonly Document[])
        for (const [part, operand] of Object.entries(each)) {
          words.add(`${field}.${part}`);
          if (part === "q" || part === "partialFilterExpression") inQuery(words, operand);
          if (part === "u") inUpdate(words, operand);
        }
  }
}

/** Operators whose operands are queries themselves. */
const nesting = new Set(["$and", "$or", "$nor", "$not"]);

function inQuery(words: Words, query: unknown): void {
  if (Array.isArray(query)) return query.forEach((each) => inQuery(words, each));
  if (typeof query !== "object" || query === null) return;
  for (const [name, operand] of Object.entries(query)) {
    if (!name.startsWith("$")) inQuery(words, operand);
    else if (isValue(name)) return;
    else {
      words.add(`query ${name}`);
      if (nesting.has(name)) inQuery(words, operand);
    }
  }
}

/** How a value of a type is written here. */
function isValue(name: string): boolean {
  return /^\$(?:date|uuid|oid|binary|number\w+)$/.test(name);
}

function inUpdate(words: Words, update: unknown): void {
  if (Array.isArray(update)) return inStages(words, update);
  const names = Object.keys(update as Document).filter((name) => name.startsWith("$"));
  if (names.length === 0) words.add("update by replacement");
  for (const name of names) words.add(`update ${name}`);
  const { $addToSet, $pull } = update as Document;
  if ($addToSet !== undefined && JSON.stringify($addToSet).includes('"$each"'))
    words.add("update $each");
  inQuery(words, $pull);
}

function inStages(words: Words, stages: unknown): void {
  for (const stage of stages as readonly Document[])
    for (const [name, operand] of Object.entries(stage)) {
      words.add(`stage ${name}`);
      if (name === "$match") inQuery(words, operand);
      else if (name === "$group") inGroup(words, operand as Document);
      else inExpression(words, operand);
    }
}

function inGroup(words: Words, { _id, ...accumulators }: Document): void {
  inExpression(words, _id);
  for (const accumulator of Object.values(accumulators) as readonly Document[])
    for (const [name, operand] of Object.entries(accumulator)) {
      words.add(`accumulator ${name}`);
      inExpression(words, operand);
    }
}

function inExpression(words: Words, expression: unknown): void {
  if (typeof expression === "string") {
    if (expression.startsWith("$$")) words.add(`variable ${expression}`);
    else if (expression.startsWith("$")) words.add("expression $field");
    return;
  }
  if (Array.isArray(expression)) return expression.forEach((each) => inExpression(words, each));
  if (typeof expression !== "object" || expression === null) return;
  for (const [name, operand] of Object.entries(expression)) {
    if (name.startsWith("$")) words.add(`expression ${name}`);
    if (name !== "$literal") inExpression(words, operand);
  }
}
