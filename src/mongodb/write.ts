/** Makes one change of one document: reads it, writes it, and judges it again if the write may have moved it out of its scope. Runs use the same steps. */
import type { Document, Filter, UpdateFilter } from "mongodb";
import type { Change, Effect, Values } from "../store/change.js";
import { ColumnsFixed, Contention, RowTaken } from "../store/failures.js";
import type { Scope } from "../store/tables.js";
import { fieldsOf, newDocument } from "./documents.js";
import { fieldsTaken } from "./errors.js";
import { look, type Look, writing } from "./stored-documents.js";
import * as scopes from "./scope.js";
import { columnIn, findOne, type Sending } from "./commands.js";
import { isSame } from "./values.js";

/** What has to be sent for a change, given the stored document: nothing, or one write. */
export type Step =
  | { readonly kind: "none"; readonly effect: Effect }
  | { readonly kind: "insert"; readonly document: Document }
  | { readonly kind: "delete"; readonly found: Document }
  | {
      readonly kind: "update";
      readonly found: Document;
      readonly update: UpdateFilter<Document>;
      /** The fields that the update changes. */
      readonly fields: readonly string[];
    };

/** @throws ColumnsFixed, RowTaken, the server's errors; Contention if a row exists although application code has read that it does not */
export async function writeChange(sending: Sending, change: Change): Promise<Effect> {
  await scopes.checkScope(sending, change.scope);
  const step = stepFor(change, await look(sending, change, comparedIn(change)));
  const { table, scope } = change;
  const isIn = (document: Document) => scopes.isInBefore(sending, table, scope, document);
  switch (step.kind) {
    case "none":
      return step.effect;
    case "insert":
      if (!(await isIn(step.document))) return "left";
      return insert(sending, change, step.document);
    case "delete":
      await remove(sending, change, step.found);
      return "written";
    case "update":
      if (change.op !== "DELETE" && !(await isIn(updated(step)))) return "left";
      await updateFound(sending, change, step.found, step.update);
      return isJudged(change, step.fields) ? judged(sending, change, step.found) : "written";
  }
}

/** The updated document, as far as its scope depends on it. */
function updated({ found, fields, update }: Extract<Step, { kind: "update" }>): Document {
  const left = Object.entries(found).filter(([field]) => !fields.includes(field));
  return { ...Object.fromEntries(left), ...(update.$set as Document | undefined) };
}

/** The fields whose stored values decide whether the change is made. */
export function comparedIn({ table, values, fixed = [], neverChanges }: Change): readonly string[] {
  const compared = neverChanges ? Object.keys(values) : fixed;
  return compared.map((name) => columnIn(table, name).field);
}

/** @throws ColumnsFixed, RowTaken, InvalidValue; Contention if a row exists although application code has read that it does not */
export function stepFor(change: Change, found: Look): Step {
  const { op, table, key, values, fixed = [] } = change;
  if (found === "absent") {
    if (op !== "PUT") return { kind: "none", effect: "absent" };
    return { kind: "insert", document: newDocument(table, key, values) };
  }
  if (change.seenAbsent === true)
    throw new Contention("The row was not there when context.stored() was asked, and now it is.");
  if (found === "foreign") return { kind: "none", effect: "foreign" };
  const others = fixed.filter((name) => !holds(change, found, name));
  if (others.length > 0) throw new ColumnsFixed(others);
  if (op === "DELETE" && Object.keys(values).length === 0) return { kind: "delete", found };
  const changes = op === "PUT" ? omit(values, change.insertOnly) : values;
  if (change.neverChanges) {
    if (!Object.keys(changes).every((name) => holds(change, found, name))) throw new RowTaken();
    return { kind: "none", effect: "written" };
  }
  const { set, unset } = fieldsOf(table, omit(changes, Object.keys(key)));
  const update: UpdateFilter<Document> = {
    ...(Object.keys(set).length > 0 && { $set: set }),
    ...(unset.length > 0 && { $unset: Object.fromEntries(unset.map((field) => [field, ""])) }),
  };
  if (Object.keys(update).length === 0) return { kind: "none", effect: "written" };
  return { kind: "update", found, update, fields: [...Object.keys(set), ...unset] };
}

/** Whether an update may have moved the document out of its scope, so that it has to be judged again. A soft delete is allowed to. */
export function isJudged({ op, table, scope }: Change, fields: readonly string[]): boolean {
  return (
    op !== "DELETE" && scope !== undefined && goesBy(scope, fields, scopes.fieldsOf(table, scope))
  );
}

function holds({ table, values }: Change, found: Document, name: string): boolean {
  return isSame(found[columnIn(table, name).field], values[name]);
}

async function insert(sending: Sending, change: Change, document: Document): Promise<Effect> {
  const { table, key, scope } = change;
  const { collection, on, send } = sending;
  try {
    await send(() => collection(table.name).insertOne(document, on));
  } catch (error) {
    const taken = fieldsTaken(error);
    const own = Object.keys(key).map((name) => columnIn(table, name).field);
    // The row did not exist a moment ago, so another transaction has inserted it.
    if (taken.length === own.length && taken.every((field) => own.includes(field)))
      throw new Contention("Others have made the row in the meantime.", { cause: error });
    throw error;
  }
  if (scope?.expression === undefined)
    return (await scopes.isInScope(sending, table, scope, document)) ? "written" : "left";
  return judged(sending, change, document);
}

/** Whether a written document is still in its scope. */
export async function judged(
  sending: Sending,
  { table, scope }: Change,
  { _id }: Document,
): Promise<Effect> {
  const filter = scopes.filterIn(scope, { _id } as Filter<Document>);
  const found = await findOne(sending, table, filter, scopes.fieldsOf(table, scope));
  const isIn =
    found !== null && (await scopes.isInScope(writing(sending, found), table, scope, found));
  return isIn ? "written" : "left";
}

function goesBy(scope: Scope, fields: readonly string[], by: readonly string[]): boolean {
  if (scope.expression !== undefined || fields.some((field) => by.includes(field))) return true;
  return readsTable(scope, scope.table);
}

/** Whether the scope reads rows of this table. */
export function readsTable({ condition, parents }: Scope, table: string): boolean {
  const members = condition === undefined ? [] : scopes.tablesOf(condition.holds);
  return (
    members.includes(table) ||
    parents.some(
      (parent) =>
        parent.table === table || (parent.scope !== undefined && readsTable(parent.scope, table)),
    )
  );
}

/** The filter for writing a document that was found. It contains the owner, so that a document of another owner is never written. */
export function foundFilter({ table, scope }: Change, { _id }: Document): Filter<Document> {
  return scopes.ownedFilter(table, scope, { _id } as Filter<Document>);
}

export async function updateFound(
  { collection, on, send }: Sending,
  change: Change,
  found: Document,
  update: UpdateFilter<Document> | Document[],
): Promise<void> {
  const filter = foundFilter(change, found);
  const { matchedCount } = await send(() =>
    collection(change.table.name).updateOne(filter, update, on),
  );
  if (matchedCount !== 1) throw others();
}

async function remove(
  { collection, on, send }: Sending,
  change: Change,
  found: Document,
): Promise<void> {
  const filter = foundFilter(change, found);
  const { deletedCount } = await send(() => collection(change.table.name).deleteOne(filter, on));
  if (deletedCount !== 1) throw others();
}

function others(): Contention {
  return new Contention("Others have changed the row in the meantime.");
}

function omit(values: Values, names: readonly string[] = []): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}
