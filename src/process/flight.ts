/**
 * The first try at a transaction where its changes are all known before it begins: see `Flight` in `store/store.ts`. What it does not apply is for
 * `attempt.ts` to try step by step; it never decides a failure.
 */
import type { TransactionContext, Principal } from "../context.js";
import { correlated } from "../events/emit.js";
import type { CrudTransaction, InvalidTransaction, Write } from "../model.js";
import { type OpenUnit, withOperation } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { CallerLeft } from "../store/failures.js";
import type { Change, Claim, Effect, FlightPart, Unit } from "../store/store.js";
import type { SchemaTrust, Table } from "../store/tables.js";
import { isSliceOver, nextSlice } from "../wire/slices.js";
import type { Applied, Attempt, Failure } from "./attempted.js";
import type { Call } from "./call.js";
import type { Known } from "./dependence.js";
import { isIndependent } from "./independence.js";

interface FlightTry {
  /** From 1. */
  readonly number: number;
  readonly schema: SchemaTrust;
  /** See `UnitOptions`. */
  readonly deferConstraints: boolean;
  readonly tally: { attempts: number; statements: number; flown: boolean };
}

/** One of a client's, and its claim. */
export interface Boarding {
  readonly transaction: CrudTransaction;
  readonly claim: Claim | undefined;
}

/** Never rejects. `undefined`: it has not been begun, and is for the careful way. */
export async function tryFlight<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  transaction: CrudTransaction | InvalidTransaction,
  call: Call<P>,
  {
    claim,
    known,
    ...flightTry
  }: FlightTry & { readonly claim: Claim | undefined; readonly known: Known },
): Promise<Attempt | undefined> {
  if ("invalid" in transaction) return undefined;
  // Of a transaction that has been begun before in vain, letters may have to be asked.
  if (known.puts !== undefined || known.free.size > 0) return undefined;
  const flown = await fly(pipeline, [{ transaction, claim }], call, flightTry);
  return flown?.kind === "flown" ? flown.applied[0] : flown;
}

type Flown =
  | { readonly kind: "flown"; readonly applied: readonly Applied[] }
  /** Nothing of it is left. */
  | { readonly kind: "undone" }
  | { readonly kind: "not begun" }
  | Failure;

/** The same for one or more of a sender's, which commit together. */
export async function fly<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  boarding: readonly Boarding[],
  call: Call<P>,
  { number, schema, deferConstraints, tally }: FlightTry,
): Promise<Flown | undefined> {
  const { store, memory, signal, principal, caller } = call;
  const { flight } = store;
  if (flight === undefined || !flight.able()) return undefined;
  // Without a device it is told apart by its content, which takes a few statements.
  if (boarding.some(({ claim }) => claim !== undefined && claim.queue === undefined))
    return undefined;
  const plans: Plan[] = [];
  for (const { transaction, claim } of boarding) {
    const planned = await planOf(pipeline, transaction, call, { schema, number });
    if (planned === undefined) return undefined;
    plans.push({ transaction, claim, planned });
  }
  const all = plans.flatMap(({ planned }) => planned);
  if (plans.length > 1) {
    const written = new Set(all.map(({ change }) => change.table));
    if (!isIndependent([...written], { plain: true, deferConstraints })) return { kind: "undone" };
  }
  const entering = { userId: principal.userId, operations: all.length, signal };
  const options = {
    schema,
    signal,
    tally,
    lettersOf: principal.userId,
    deferConstraints,
    ...(caller && { caller }),
  };
  try {
    const effects = await memory.places.during(entering, (waitedMs) =>
      flight.send({ ...options, waitedMs }, plans.map(partOf)),
    );
    if (effects === "not sent") return undefined;
    if (effects === "undone") return { kind: "undone" };
    tally.flown = true;
    tally.attempts = number;
    judgeAll(pipeline, all, effects, call);
    return { kind: "flown", applied: plans.map(appliedOf) };
  } catch (error) {
    tally.attempts = number;
    if (error instanceof CallerLeft) return { kind: "not begun" };
    return { kind: "failed", error, during: "begin" };
  }
}

interface Plan extends Boarding {
  readonly planned: readonly Planned[];
}

function partOf({ claim, planned }: Plan): FlightPart {
  return { changes: planned.map(({ change }) => change), ...(claim && { claim }) };
}

function appliedOf({ transaction, planned }: Plan): Applied {
  return { kind: "applied", transaction, writes: () => planned.map(({ write }) => write) };
}

function judgeAll<P extends Principal, DB>(
  { plainPersist }: Pipeline<P, DB>,
  planned: readonly Planned[],
  effects: readonly Effect[],
  { shown }: Call<P>,
): void {
  for (const [index, effect] of effects.entries()) {
    const each = planned[index];
    if (effect === "written" || each === undefined) continue;
    const { write, change } = each;
    const { operationIndex } = change;
    plainPersist?.judge(effect, write, {
      ...correlated(shown),
      operationIndex,
      needs: undefined,
    });
  }
}

/** Nothing else of an operation is kept: of many, it would be the garbage collector's work. */
interface Planned {
  readonly change: Change;
  readonly write: Write;
}

/** Fewer operations are mapped before anybody would notice. */
const operationsOfSlice = 50;

/** All changes, before anything is begun. `undefined`: something has to run, or to be asked, in between; or it fails, and that is to be found out in its place. */
async function planOf<P extends Principal, DB>(
  { plainPersist, looksAtAll, rules, readRow, map, authorize }: Pipeline<P, DB>,
  transaction: CrudTransaction,
  call: Call<P>,
  { schema, number }: Pick<FlightTry, "schema" | "number">,
): Promise<readonly Planned[] | undefined> {
  if (plainPersist === undefined || looksAtAll) return undefined;
  for (const { op, table } of transaction.crud) {
    const rule = rules.get(table);
    // Nobody is to tell from the time it takes whether there is a row.
    if (rule?.looksAround !== false || (rule.hideForeign && op === "DELETE")) return undefined;
  }
  const { store, shown, lossyNumbers, caller } = call;
  const asked = { any: false };
  const unit = unitOf(asked, (name, columns) => store.known?.(name, columns, schema, caller));
  const open: OpenUnit = { store, unit };
  const inTransaction: TransactionContext<P, DB> = {
    ...shown,
    tx: unit.tx as TransactionContext<P, DB>["tx"],
    transaction,
    attempt: number,
    lossyNumbers,
  };
  const plan: Planned[] = [];
  const inSlices = transaction.crud.length > operationsOfSlice;
  try {
    for (const [index, operation] of transaction.crud.entries()) {
      if (inSlices && isSliceOver()) await nextSlice();
      const { context, state } = withOperation(inTransaction, operation, index, open, readRow);
      const mapped = await map(operation, context);
      if (mapped === null) continue;
      const write = await authorize(mapped, context);
      const change = await plainPersist.change(write, context, state);
      if (asked.any) return undefined;
      // A PATCH of nothing changes nothing; but whoever hears of the commit hears of it.
      if (change === undefined) return undefined;
      plan.push({ change, write: state.final ?? write });
    }
  } catch {
    return undefined;
  }
  return plan.length === 0 ? undefined : plan;
}

/** A unit that has not been begun: of it tables can be had, and nothing else. */
function unitOf(
  asked: { any: boolean },
  tableOf: (name: string, columns: readonly string[]) => Table | undefined,
): Unit {
  const refuse = (): never => {
    asked.any = true;
    throw new Error("Nothing has been begun yet.");
  };
  const tx = new Proxy({}, { get: refuse, has: refuse, set: refuse });
  const table: Unit["table"] = async (name, columns = []) => tableOf(name, columns) ?? refuse();
  const had: Readonly<Record<string | symbol, unknown>> = { tx, table };
  return new Proxy({} as Unit, {
    get: (_, name) => (Object.hasOwn(had, name) ? had[name] : refuse()),
  });
}
