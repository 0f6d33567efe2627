/**
 * Runs: neighbouring changes of one collection, looked at by one find, and written by one command for as many neighbours as are inserted, updated or
 * deleted. No two are of one document, and no scope among them reads their collection, so that each finds and leaves what it would find and leave alone.
 * What is not plainly good undoes the unit, which is begun again one change after the other: what a run may have done is never done twice.
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

/** A change, and what is to be sent for it. */
interface Planned {
  readonly change: Change;
  readonly step: Step;
}

/**
 * Makes the run that begins at a place among changes. `undefined`: there is none, or what has been found of its first changes refuses one of them, and
 * nothing has been written.
 *
 * @throws Undone, and what others do to the same documents
 */
export async function writeRun(
  sending: Sending,
  changes: readonly Change[],
  at: number,
): Promise<readonly Effect[] | undefined> {
  const run = await runAt(sending, changes, at);
  if (run.length < 2) return undefined;
  // Nothing is written to other collections meanwhile.
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

/** One filter finds the documents of both, and what tells the ones apart tells the others. */
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

/** A scope that can't be judged is the change's own failure. */
async function isReady(
  sending: Sending,
  { table, scope, seenAbsent = false }: Change,
): Promise<boolean> {
  if (ours(table).collated || seenAbsent) return false;
  if (scope !== undefined && readsTable(scope, table.name)) return false;
  // What it shows may be what the run writes.
  if (await scopes.asksViews(sending, scope).catch(() => true)) return false;
  return scopes.checkScope(sending, scope).then(
    () => true,
    () => false,
  );
}

/** Up to the first that is refused: that one is made alone, and fails there. */
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

/** In order, cut where one kind of write follows another. */
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
    // What others do passes, and what has become of the connection is not for another try at once.
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

/** What has become of each, and whether it is in its scope still. */
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

/** What has been inserted is known, but for what the expression says of it. */
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
