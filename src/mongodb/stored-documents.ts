/** Reads the stored documents of changes, before they are written. */
import type { Document } from "mongodb";
import type { Change, Values } from "../store/change.js";
import { Undone } from "../store/failures.js";
import { typedJson } from "../wire/serialize.js";
import * as scopes from "./scope.js";
import { columnIn, filterOf, filterOfAny, findAll, findOne, type Sending } from "./commands.js";
import { rememberParents } from "./parents.js";
import { comparable } from "./values.js";

/** The stored document, if it is in the scope; otherwise why there is none. */
export type Look = "absent" | "foreign" | Document;

/** @param more fields to read in addition to those that the scope needs */
export async function look(
  sending: Sending,
  { table, key, scope }: Change,
  more: readonly string[],
): Promise<Look> {
  const filter = filterOf(table, key);
  const fields = [...scopes.fieldsOf(table, scope), ...more];
  const found = await findOne(sending, table, scopes.filterIn(scope, filter), fields);
  if (found !== null)
    return (await scopes.isInScope(writing(sending, found), table, scope, found))
      ? found
      : "foreign";
  if (scope?.expression === undefined) return "absent";
  return (await findOne(sending, table, filter, [])) === null ? "absent" : "foreign";
}

/** The context for judging a document that is being written. */
export function writing(sending: Sending, { _id }: Document): Sending {
  return { ...sending, written: _id };
}

/** A text that is the same for two keys that the server treats as equal. */
export function nameOf(key: Values): string {
  return typedJson(Object.values(key).map(comparable));
}

/**
 * Reads the documents of several changes by one find, in order. The changes have the same key columns and the same scope expression, and no two are of one document.
 *
 * @throws Undone if a found document can't be assigned to exactly one change
 */
export async function lookAtAll(
  sending: Sending,
  run: readonly Change[],
  more: readonly string[],
): Promise<readonly Look[]> {
  const [first] = run as readonly [Change];
  const { table, scope } = first;
  const fields = [...run.flatMap((change) => scopes.fieldsOf(table, change.scope)), ...more];
  const found = await findByKey(sending, run, fields);
  const unseen = run.filter(({ key }) => !found.has(nameOf(key)));
  const others =
    scope?.expression === undefined || unseen.length === 0
      ? found
      : await findByKey(sending, unseen.map(withoutScope), []);
  const judged = run.flatMap(({ key, scope: own }) => {
    const document = found.get(nameOf(key));
    return document === undefined ? [] : [{ table, scope: own, document }];
  });
  await rememberParents(sending, judged);
  const looks: Look[] = [];
  for (const { key, scope: own } of run) {
    const document = found.get(nameOf(key));
    if (document === undefined) looks.push(others.has(nameOf(key)) ? "foreign" : "absent");
    else looks.push((await scopes.isInScope(sending, table, own, document)) ? document : "foreign");
  }
  return looks;
}

function withoutScope(change: Change): Change {
  return { ...change, scope: undefined };
}

async function findByKey(
  sending: Sending,
  run: readonly Change[],
  fields: readonly string[],
): Promise<ReadonlyMap<string, Document>> {
  const [{ table, scope, key }] = run as readonly [Change];
  const keys = run.map((change) => change.key);
  const names = Object.keys(key);
  const keyFields = names.map((name) => columnIn(table, name).field);
  const filter = scopes.filterIn(scope, filterOfAny(table, keys));
  const all = await findAll(sending, table, filter, [...new Set([...keyFields, ...fields])]);
  const wanted = new Set(keys.map(nameOf));
  const found = new Map<string, Document>();
  for (const document of all) {
    const name = nameOf(Object.fromEntries(keyFields.map((field) => [field, document[field]])));
    if (!wanted.has(name) || found.has(name)) throw new Undone();
    found.set(name, document);
  }
  return found;
}
