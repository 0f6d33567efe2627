/** One change of one document: looked at, written, and judged again where the write may have moved it out of its scope. */
import { type Document, type Filter, type UpdateFilter } from "mongodb";
import type { Change, Effect, Values } from "../store/change.js";
import { ColumnsFixed, Contention, RowTaken } from "../store/failures.js";
import type { Scope } from "../store/tables.js";
import { fieldsOf, newDocument } from "./documents.js";
import { fieldsTaken } from "./errors.js";
import * as scopes from "./scope.js";
import { columnIn, filterOf, findOne, type Sending } from "./sending.js";
import { isSame } from "./values.js";

/** A document that is there and in the scope; or why there is none. */
export type Look = "absent" | "foreign" | Document;

/** @param more fields that are wanted beside those that the scope goes by */
export async function look(
  sending: Sending,
  { table, key, scope }: Change,
  more: readonly string[],
): Promise<Look> {
  const filter = filterOf(table, key);
  const fields = [...scopes.fieldsOf(table, scope), ...more];
  const found = await findOne(sending, table, scopes.filterIn(scope, filter), fields);
  if (found !== null)
    return (await scopes.isInScope(sending, table, scope, found)) ? found : "foreign";
  if (scope?.expression === undefined) return "absent";
  return (await findOne(sending, table, filter, [])) === null ? "absent" : "foreign";
}

/** @throws ColumnsFixed, RowTaken, Contention where a row is there of which somebody relies on it that it is not, and what the server throws */
export async function writeChange(sending: Sending, change: Change): Promise<Effect> {
  const { op, table, key, values, scope, fixed = [] } = change;
  await scopes.checkScope(sending, scope);
  const compared = change.neverChanges ? Object.keys(values) : fixed;
  const fields = compared.map((name) => columnIn(table, name).field);
  const found = await look(sending, change, fields);
  if (found === "absent") {
    if (op !== "PUT") return "absent";
    return insert(sending, change);
  }
  if (change.seenAbsent === true)
    throw new Contention("The row was not there when context.stored() was asked, and now it is.");
  if (found === "foreign") return "foreign";
  const others = fixed.filter((name) => !holds(change, found, name));
  if (others.length > 0) throw new ColumnsFixed(others);
  if (op === "DELETE" && Object.keys(values).length === 0) {
    await remove(sending, change, found);
    return "written";
  }
  const changes = op === "PUT" ? omit(values, change.insertOnly) : values;
  if (change.neverChanges) {
    if (!Object.keys(changes).every((name) => holds(change, found, name))) throw new RowTaken();
    return "written";
  }
  const { set, unset } = fieldsOf(table, omit(changes, Object.keys(key)));
  const update: UpdateFilter<Document> = {
    ...(Object.keys(set).length > 0 && { $set: set }),
    ...(unset.length > 0 && { $unset: Object.fromEntries(unset.map((field) => [field, ""])) }),
  };
  if (Object.keys(update).length === 0) return "written";
  await updateFound(sending, change, found, update);
  // A soft delete may leave the scope.
  if (op === "DELETE") return "written";
  return judged(sending, change, found, [...Object.keys(set), ...unset]);
}

function holds({ table, values }: Change, found: Document, name: string): boolean {
  return isSame(found[columnIn(table, name).field], values[name]);
}

async function insert(sending: Sending, change: Change): Promise<Effect> {
  const { table, key, values, scope } = change;
  const { collection, on, send } = sending;
  const document = newDocument(table, key, values);
  try {
    await send(() => collection(table.name).insertOne(document, on));
  } catch (error) {
    const taken = fieldsTaken(error);
    const own = Object.keys(key).map((name) => columnIn(table, name).field);
    // It was not there a moment ago: somebody else has made the row meanwhile.
    if (taken.length === own.length && taken.every((field) => own.includes(field)))
      throw new Contention("Others have made the row in the meantime.", { cause: error });
    throw error;
  }
  if (scope?.expression === undefined)
    return (await scopes.isInScope(sending, table, scope, document)) ? "written" : "left";
  return judged(sending, change, document, undefined);
}

/** Whether a document that has been written is in its scope still. @param fields that have been changed; absent: all */
export async function judged(
  sending: Sending,
  { table, scope }: Change,
  { _id }: Document,
  fields: readonly string[] | undefined,
): Promise<Effect> {
  if (scope === undefined || (fields && !goesBy(scope, fields, scopes.fieldsOf(table, scope))))
    return "written";
  const filter = scopes.filterIn(scope, { _id } as Filter<Document>);
  const found = await findOne(sending, table, filter, scopes.fieldsOf(table, scope));
  const isIn = found !== null && (await scopes.isInScope(sending, table, scope, found));
  return isIn ? "written" : "left";
}

function goesBy(scope: Scope, fields: readonly string[], by: readonly string[]): boolean {
  if (scope.expression !== undefined || fields.some((field) => by.includes(field))) return true;
  return readsTable(scope, scope.table);
}

/** Whether rows of the table decide about others of it. */
function readsTable({ condition, parents }: Scope, table: string): boolean {
  const members = condition === undefined ? [] : scopes.tablesOf(condition.holds);
  return (
    members.includes(table) ||
    parents.some(
      (parent) =>
        parent.table === table || (parent.scope !== undefined && readsTable(parent.scope, table)),
    )
  );
}

/** In the filter stands whose it must be, so that the write is refused where the look has been wrong. */
export async function updateFound(
  { collection, on, send }: Sending,
  { table, scope }: Change,
  { _id }: Document,
  update: UpdateFilter<Document> | Document[],
): Promise<void> {
  const filter = scopes.ownedFilter(table, scope, { _id } as Filter<Document>);
  const { matchedCount } = await send(() => collection(table.name).updateOne(filter, update, on));
  if (matchedCount !== 1) throw others();
}

async function remove(
  { collection, on, send }: Sending,
  { table, scope }: Change,
  { _id }: Document,
): Promise<void> {
  const filter = scopes.ownedFilter(table, scope, { _id } as Filter<Document>);
  const { deletedCount } = await send(() => collection(table.name).deleteOne(filter, on));
  if (deletedCount !== 1) throw others();
}

function others(): Contention {
  return new Contention("Others have changed the row in the meantime.");
}

function omit(values: Values, names: readonly string[] = []): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}
