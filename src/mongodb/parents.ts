/** Finds the parents of a run's documents ahead: by one find for each of the parents' collections, and not by one for each document. */
import { BSON, type Document } from "mongodb";
import type { Scope, Table } from "../store/tables.js";
import { columnIn, filterOfAny, findAll, mostAtOnce, queryKey, type Sending } from "./commands.js";
import { filterIn, type ParentQuery, parentQuery } from "./scope.js";
import { comparable } from "./values.js";

/** A document that is about to be judged by a scope. */
export interface Judged {
  readonly table: Table;
  readonly scope: Scope | undefined;
  readonly document: Document;
}

/** The parents to find by one find: they have one collection, one key column and one scope expression. */
interface ParentGroup {
  readonly scope: Scope | undefined;
  /** By `queryKey`. */
  readonly queries: Map<string, ParentQuery>;
}

/**
 * Finds the parents that the scopes of these documents ask for, and their parents in turn, and remembers them for `isInScope`. What can't be told from that find is
 * left to `isInScope`, which then sends a find of its own. Does nothing outside of a run.
 */
export async function rememberParents(sending: Sending, all: readonly Judged[]): Promise<void> {
  const { remembered } = sending;
  if (remembered === undefined) return;
  for (const { scope, queries } of await groupsOf(sending, all, remembered)) {
    const found = queries.size > 1 ? await findParents(sending, scope, queries) : undefined;
    if (found === undefined) continue;
    for (const [asked, document] of found) remembered.set(asked, Promise.resolve(document));
    const further = [...found].flatMap(([asked, document]) => {
      const table = queries.get(asked)?.table;
      return document === null || table === undefined ? [] : [{ table, scope, document }];
    });
    await rememberParents(sending, further);
  }
}

async function groupsOf(
  sending: Sending,
  all: readonly Judged[],
  remembered: ReadonlyMap<string, unknown>,
): Promise<Iterable<ParentGroup>> {
  const groups = new Map<string, ParentGroup>();
  for (const { table, scope, document } of all) {
    for (const parent of scope?.parents ?? []) {
      const query = await parentQuery(sending, table, parent, document);
      // A collation may take the document's text and the parent's for equal, although they are spelled in two ways.
      if (typeof query === "string" || query.table.collated) continue;
      const asked = queryKey(query.table, query.filter, query.fields);
      if (remembered.has(asked)) continue;
      const expression = BSON.EJSON.stringify([parent.scope?.expression], { relaxed: false });
      const name = JSON.stringify([parent.table, parent.by, query.fields, expression]);
      const group = groups.get(name) ?? { scope: parent.scope, queries: new Map() };
      group.queries.set(asked, query);
      groups.set(name, group);
    }
  }
  return groups.values();
}

/** What each query finds. `undefined`: it can't be told from one find, because several documents have one key, or there are too many keys. */
async function findParents(
  sending: Sending,
  scope: Scope | undefined,
  queries: ReadonlyMap<string, ParentQuery>,
): Promise<ReadonlyMap<string, Document | null> | undefined> {
  const [first] = queries.values();
  if (first === undefined || queries.size > mostAtOnce) return undefined;
  const { table, key, fields } = first;
  const [by = ""] = Object.keys(key);
  const { field } = columnIn(table, by);
  const keys = Array.from(queries.values(), (query) => query.key);
  const filter = filterIn(scope, filterOfAny(table, keys));
  const all = await findAll(sending, table, filter, [field, ...fields], keys.length + 1);
  if (all.length > keys.length) return undefined;
  const byKey = new Map(all.map((document) => [comparable(document[field]), document]));
  const wanted = new Set(keys.map((each) => comparable(each[by])));
  if (byKey.size < all.length || ![...byKey.keys()].every((each) => wanted.has(each)))
    return undefined;
  const found = new Map<string, Document | null>();
  for (const [asked, query] of queries)
    found.set(asked, byKey.get(comparable(query.key[by])) ?? null);
  return found;
}
