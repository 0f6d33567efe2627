/**
 * The first try at a transaction whose changes are all known before it begins: see `Flight` in `store/store.ts`. A flight never decides a failure:
 * `attempt.ts` runs whatever it did not apply step by step.
 */
import type { TransactionContext, Principal } from "../context.js";
import { correlated } from "../events/emit.js";
import type { CrudTransaction, InvalidTransaction, Write } from "../model.js";
import { type OpenUnit, withOperation } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { CallerLeft } from "../store/failures.js";
import type { Change, Effect, FlightPart, Unit } from "../store/store.js";
import type { Claim } from "../store/ledger.js";
import type { SchemaTrust, Table } from "../store/tables.js";
import { isSliceOver, nextSlice } from "../wire/slices.js";
import type { Applied, Attempt, Failure } from "./attempt.js";
import { operationsOfSlice } from "./apply.js";
import type { Call } from "./call.js";
import type { Known } from "./dependence.js";
import { forgetFailures, isIndependent, isSkipped, noteFailure } from "./together.js";

interface FlightTry {
  /** The number of the attempt, from 1. */
  readonly number: number;
  readonly schema: SchemaTrust;
  /** See `UnitOptions`. */
  readonly deferConstraints: boolean;
  readonly tally: { attempts: number; statements: number; flown: boolean };
}

/** A transaction that is to fly, and its claim. */
export interface Boarding {
  readonly transaction: CrudTransaction;
  readonly claim: Claim | undefined;
}

/** Never rejects. `undefined`: nothing has begun, and the transaction has to be run step by step. */
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
  // An earlier attempt was unsure about rows that letters might create, and only the step-by-step way can ask the letters.
  if (known.puts !== undefined || known.free.size > 0) return undefined;
  const flown = await fly(pipeline, [{ transaction, claim }], call, flightTry);
  return flown?.kind === "flown" ? flown.applied[0] : flown;
}

type Flown =
  | { readonly kind: "flown"; readonly applied: readonly Applied[] }
  /** Rolled back; nothing has been written. */
  | { readonly kind: "undone" }
  | { readonly kind: "not begun" }
  | Failure;

/** Sends one or more transactions of one sender, which commit together. Never rejects. */
export async function fly<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  boarding: readonly Boarding[],
  call: Call<P>,
  { number, schema, deferConstraints, tally }: FlightTry,
): Promise<Flown | undefined> {
  const { store, memory, signal, principal, caller } = call;
  const { flight } = store;
  if (flight === undefined || flight.support.supported === false) return undefined;
  // Without a device, content tells transactions apart, and that takes statements of its own.
  if (boarding.some(({ claim }) => claim !== undefined && claim.queue === undefined))
    return undefined;
  const { notEntered } = memory;
  const [first] = boarding;
  if (notEntered.size > 0 && isSkipped(notEntered, call, first?.claim)) return undefined;
  const begunAt = performance.now();
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
    if (effects === "not entered") {
      noteFailure(notEntered, call, first?.claim, begunAt);
      return undefined;
    }
    if (effects === "undone") return { kind: "undone" };
    if (notEntered.size > 0) forgetFailures(notEntered, call, first?.claim);
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

/** Makes all changes before anything begins. `undefined`: something has to run or be read in between, or an operation fails, which `attempt.ts` decides. */
async function planOf<P extends Principal, DB>(
  { plainPersist, looksAtAll, rules, readRow, map, authorize }: Pipeline<P, DB>,
  transaction: CrudTransaction,
  call: Call<P>,
  { schema, number }: Pick<FlightTry, "schema" | "number">,
): Promise<readonly Planned[] | undefined> {
  if (plainPersist === undefined || looksAtAll) return undefined;
  for (const { op, table } of transaction.crud) {
    const rule = rules.get(table);
    // With `hideForeign`, the time that a DELETE takes must not tell whether the row exists.
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
  let known: Table | undefined;
  const inSlices = transaction.crud.length > operationsOfSlice;
  try {
    for (const [index, operation] of transaction.crud.entries()) {
      if (inSlices && isSliceOver()) await nextSlice();
      const { context, state } = withOperation(inTransaction, operation, index, open, readRow);
      state.table = known;
      // What is known already is not awaited: it would be several promises for each operation.
      const mapping = map(operation, context);
      const mapped = mapping instanceof Promise ? await mapping : mapping;
      if (mapped === null) continue;
      const authorizing = authorize(mapped, context);
      const write = authorizing instanceof Promise ? await authorizing : authorizing;
      const making = plainPersist.change(write, context, state);
      const change = making instanceof Promise ? await making : making;
      if (asked.any) return undefined;
      known = state.table;
      // A PATCH without values changes nothing, but the `committed` hooks have to be told of it.
      if (change === undefined) return undefined;
      plan.push({ change, write: state.final ?? write });
    }
  } catch {
    return undefined;
  }
  return plan.length === 0 ? undefined : plan;
}

/** A stand-in for a unit before anything has begun: it gives known tables, and notes any other use in `asked`. */
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
