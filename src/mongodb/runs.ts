/**
 * Runs: neighboring changes of one collection. One find reads their documents, and one command writes as many neighbors as are inserted, updated or deleted
 * in a row. No two changes are of the same document, and no scope among them reads their own collection, so each change has the effect that it would have alone.
 * If anything is not plainly good, the unit is rolled back and run again, one change after the other. Nothing of a run is therefore applied twice.
 */
import { type AnyBulkWriteOperation, BSON, type Document, type Filter } from "mongodb";
import type { Change, Effect } from "../store/change.js";
import { Undone } from "../store/failures.js";
import { meaning } from "./errors.js";
import { type Look, lookAtAll, nameOf } from "./stored-documents.js";
import { rememberParents } from "./parents.js";
import * as scopes from "./scope.js";
import { findAll, mostAtOnce, ours, type Sending } from "./commands.js";
import { comparable } from "./values.js";
import { comparedIn, foundFilter, isJudged, readsTable, type Step, stepFor } from "./write.js";

/** A change, and the write that it needs. */
interface Planned {
  readonly change: Change;
  readonly step: Step;
}

/**
 * Makes the run that begins at this index. `undefined`: there are fewer than two changes to make together, and nothing has been written.
 *
 * @throws Undone, and the errors of contention and outages
 */
export async function writeRun(
  sending: Sending,
  changes: readonly Change[],
  at: number,
): Promise<readonly Effect[] | undefined> {
  const run = await runAt(sending, changes, at);
  if (run.length < 2) return undefined;
  // The run writes to no other collection, so what is read there stays valid.
  const remembering: Sending = { ...sending, remembered: new Map() };
  const looks = await lookAtAll(remembering, run, run.flatMap(comparedIn));
  const planned = plannedFor(run, looks);
  if (planned.length < 2) return undefined;
  for (const some of neighbours(planned)) await sendAll(sending, some);
  return effectsOf(remembering, planned);
}

async function runAt(
  sending: Sending,
  changes: readonly Change[],
  at: number,
): Promise<readonly Change[]> {
  const run: Change[] = [];
  const names = new Set<string>();
  for (let change = changes[at]; change !== undefined; change = changes[at + run.length]) {
    if (run.length === mostAtOnce || !isAlike(run[0] ?? change, change)) break;
    const name = nameOf(change.key);
    if (names.has(name) || !(await isReady(sending, change))) break;
    names.add(name);
    run.push(change);
  }
  return run;
}

/** Whether one find can read the documents of both changes. */
function isAlike(one: Change, other: Change): boolean {
  return (
    one.table === other.table &&
    Object.keys(one.key).join("\0") === Object.keys(other.key).join("\0") &&
    bytesOf(one.scope?.expression).equals(bytesOf(other.scope?.expression))
  );
}

function bytesOf(expression: unknown): Buffer {
  return Buffer.from(BSON.serialize({ expression }));
}

/** Whether a change may be part of a run. If its scope can't be judged, it is made alone, and the failure is its own. */
async function isReady(
  sending: Sending,
  { table, scope, seenAbsent = false }: Change,
): Promise<boolean> {
  if (ours(table).collated || seenAbsent) return false;
  if (scope !== undefined && readsTable(scope, table.name)) return false;
  // A view may show documents that the run writes.
  if (await scopes.asksViews(sending, scope).catch(() => true)) return false;
  return scopes.checkScope(sending, scope).then(
    () => true,
    () => false,
  );
}

/** The changes up to the first one that is refused. That one is then made alone, and fails there. */
function plannedFor(run: readonly Change[], looks: readonly Look[]): readonly Planned[] {
  const planned: Planned[] = [];
  for (const [index, change] of run.entries()) {
    try {
      planned.push({ change, step: stepFor(change, looks[index] ?? "absent") });
    } catch {
      break;
    }
  }
  return planned;
}

/** Groups of neighbors with the same kind of write, in order. */
function neighbours(planned: readonly Planned[]): readonly (readonly Planned[])[] {
  const all: Planned[][] = [];
  for (const each of planned) {
    if (each.step.kind === "none") continue;
    const last = all.at(-1);
    if (last?.[0]?.step.kind === each.step.kind) last.push(each);
    else all.push([each]);
  }
  return all;
}

async function sendAll({ collection, on, send }: Sending, some: readonly Planned[]): Promise<void> {
  const [{ change }] = some as readonly [Planned];
  const operations = some.flatMap(operationsFor);
  try {
    const { insertedCount, matchedCount, deletedCount } = await send(() =>
      collection(change.table.name).bulkWrite(operations, { ...on, ordered: true }),
    );
    if (insertedCount + matchedCount + deletedCount !== some.length) throw new Undone();
  } catch (error) {
    // Contention is retried as usual, and after a lost connection the outcome is unknown: neither is a reason to run the changes one by one.
    if (error instanceof Undone || passing.has(meaning(error))) throw error;
    throw new Undone(error);
  }
}

const passing: ReadonlySet<string> = new Set(["contention", "busy", "outage"]);

function operationsFor({ change, step }: Planned): readonly AnyBulkWriteOperation[] {
  switch (step.kind) {
    case "none":
      return [];
    case "insert":
      return [{ insertOne: { document: step.document } }];
    case "delete":
      return [{ deleteOne: { filter: foundFilter(change, step.found) } }];
    case "update":
      return [{ updateOne: { filter: foundFilter(change, step.found), update: step.update } }];
  }
}

/** The effect of each change: whether its document is still in its scope. */
async function effectsOf(
  sending: Sending,
  planned: readonly Planned[],
): Promise<readonly Effect[]> {
  const asked = planned.filter(isLookedAtAgain);
  const [first] = asked;
  const found = first === undefined ? [] : await findAgain(sending, first.change, asked);
  const byId = new Map(found.map((document) => [comparable(document["_id"]), document]));
  const left = planned.map((each) =>
    isLookedAtAgain(each)
      ? byId.get(comparable(idOf(each.step)))
      : each.step.kind === "insert" && each.step.document,
  );
  const judged = planned.flatMap(({ change: { table, scope } }, index) => {
    const document = left[index];
    return document === undefined || document === false ? [] : [{ table, scope, document }];
  });
  await rememberParents(sending, judged);
  const effects: Effect[] = [];
  for (const [index, { change, step }] of planned.entries()) {
    const document = left[index];
    if (step.kind === "none") effects.push(step.effect);
    else if (document === false) effects.push("written");
    else effects.push(await judgedAs(sending, change, document));
  }
  return effects;
}

async function judgedAs(
  sending: Sending,
  { table, scope }: Change,
  document: Document | undefined,
): Promise<Effect> {
  if (document === undefined) return "left";
  return (await scopes.isInScope(sending, table, scope, document)) ? "written" : "left";
}

/** Whether the document has to be read again after the write. An inserted one is known; only the scope's expression has to be evaluated by the server. */
function isLookedAtAgain({ change, step }: Planned): boolean {
  if (step.kind === "insert") return change.scope?.expression !== undefined;
  return step.kind === "update" && isJudged(change, step.fields);
}

function findAgain(
  sending: Sending,
  { table, scope }: Change,
  asked: readonly Planned[],
): Promise<readonly Document[]> {
  const ids = { _id: { $in: asked.map(({ step }) => idOf(step)) } } as Filter<Document>;
  const fields = asked.flatMap(({ change }) => scopes.fieldsOf(table, change.scope));
  return findAll(sending, table, scopes.filterIn(scope, ids), [...new Set(fields)]);
}

function idOf(step: Step): unknown {
  if (step.kind === "none") return undefined;
  return (step.kind === "insert" ? step.document : step.found)["_id"];
}
