/** What an update makes of a document. */
import { Int32 } from "mongodb";
import { evaluate, removed } from "./expressions.js";
import { matches } from "./query.js";
import { add, type Doc, isEqual, isNumber, Refusal, unknown } from "./values.js";

/** @param inserting the document is made by an upsert */
export function updated(document: Doc, update: unknown, inserting: boolean): Doc {
  if (Array.isArray(update))
    return update.reduce<Doc>((made, stage) => stageOf(made, stage as Doc), document);
  const entries = Object.entries(update as Doc);
  if (!entries.some(([name]) => name.startsWith("$"))) {
    const { _id = document["_id"], ...rest } = update as Doc;
    return unchangedId(document, { _id, ...rest });
  }
  const made = new Map(Object.entries(document));
  const touched = new Set<string>();
  for (const [operator, fields] of entries) {
    for (const [field, value] of Object.entries(fields as Doc)) {
      if (field === "" || field.startsWith("$") || field.includes("."))
        throw unknown(`the path ${JSON.stringify(field)} of an update`);
      if (touched.has(field))
        throw new Refusal(
          40,
          "ConflictingUpdateOperators",
          `Updating the path '${field}' would create a conflict at '${field}'`,
        );
      touched.add(field);
      change(made, operator, field, value, inserting);
    }
  }
  return unchangedId(document, Object.fromEntries(made));
}

function stageOf(document: Doc, stage: Doc): Doc {
  const [[name, fields] = ["", {}], ...others] = Object.entries(stage);
  if (name !== "$set" || others.length > 0)
    throw unknown(`the stage ${Object.keys(stage).join()} of an update`);
  const made = new Map(Object.entries(document));
  for (const [field, expression] of Object.entries(fields as Doc)) {
    const value = evaluate(expression, document);
    if (value === removed) made.delete(field);
    else if (value !== undefined) made.set(field, value);
    else if (document[field] === undefined) made.delete(field);
  }
  return unchangedId(document, Object.fromEntries(made));
}

function unchangedId(before: Doc, after: Doc): Doc {
  if (before["_id"] !== undefined && !isEqual(before["_id"], after["_id"]))
    throw new Refusal(
      66,
      "ImmutableField",
      "Performing an update on the path '_id' would modify the immutable field '_id'",
    );
  return after;
}

function change(
  made: Map<string, unknown>,
  operator: string,
  field: string,
  value: unknown,
  inserting: boolean,
): void {
  const stored = made.get(field);
  switch (operator) {
    case "$set":
      made.set(field, value);
      return;
    case "$setOnInsert":
      if (inserting) made.set(field, value);
      return;
    case "$unset":
      made.delete(field);
      return;
    case "$inc":
      if (stored !== undefined && !isNumber(stored))
        throw new Refusal(14, "TypeMismatch", `Cannot apply $inc to a value of non-numeric type.`);
      made.set(field, add(stored ?? new Int32(0), value));
      return;
    case "$addToSet": {
      const { $each } = value as { $each?: readonly unknown[] };
      if ($each === undefined) throw unknown("$addToSet without $each");
      const list = [...((stored ?? []) as readonly unknown[])];
      for (const each of $each) if (!list.some((known) => isEqual(known, each))) list.push(each);
      made.set(field, list);
      return;
    }
    case "$pull":
      if (!Array.isArray(stored)) return;
      made.set(
        field,
        stored.filter((each) => !matches({ each }, { each: value })),
      );
      return;
    default:
      throw unknown(`the update operator ${operator}`);
  }
}

/** What an upsert starts from: the values that the filter says outright. */
export function seedOf(filter: Doc): Doc {
  const seed = new Map<string, unknown>();
  for (const [name, wanted] of Object.entries(filter)) {
    if (name === "$and") {
      for (const each of wanted as readonly Doc[])
        for (const [field, value] of Object.entries(seedOf(each))) seed.set(field, value);
      continue;
    }
    if (name.startsWith("$")) throw unknown(`an upsert whose filter has ${name}`);
    const isPlain =
      wanted === null ||
      typeof wanted !== "object" ||
      !Object.keys(wanted).some((each) => each.startsWith("$"));
    if (isPlain) seed.set(name, wanted);
    else if (Object.hasOwn(wanted, "$eq")) seed.set(name, (wanted as Doc)["$eq"]);
  }
  return Object.fromEntries(seed);
}
