/** Applies a transaction's operations inside an open database transaction: map → authorize → persist for each, with changes collected into runs. */
import type { Principal, TransactionContext, OperationContext } from "../context.js";
import { isFatal, isRetryable } from "../errors.js";
import type { CrudTransaction, Write, WriteOutcome, CrudEntry } from "../model.js";
import { type OpenUnit, type OperationState, withOperation } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { isSliceOver, nextSlice } from "../wire/slices.js";
import type { Call } from "./call.js";
import { correlated, type Emit } from "../events/emit.js";
import { errorForRefused } from "../pipeline/refused-change.js";
import { Undone } from "../store/failures.js";
import type { Change } from "../store/store.js";
import type { ErrorEvent } from "../events/events.js";
import type { RowStateReader } from "../dead-letters/row-states.js";
import { rowName } from "../store/letters.js";

/**
 * Fewer operations don't delay other requests noticeably. More are run in slices, but not if the store has only one connection: whatever the
 * application sends on it between two slices would become part of this transaction.
 */
export const operationsOfSlice = 50;

interface Applying {
  readonly open: OpenUnit;
  readonly watchLeft?: WatchUnmatched | undefined;
  /** The number of the attempt, from 1. */
  readonly number: number;
  readonly progress: Progress;
}

/**
 * Applies the operations inside an open database transaction, for an upload or for the retry of a dead letter.
 * The authorization of an operation sees what earlier operations have written. Rejects with the failure of the first operation that fails.
 *
 * @returns a function that lists what was written, because not every caller needs the list
 */
export async function apply<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  transaction: CrudTransaction,
  call: Call<P>,
  { open: begun, number, progress, watchLeft }: Applying,
): Promise<() => readonly Write[]> {
  const open = { ...begun, sender: call };
  const { caller, lossyNumbers } = call;
  const { rules, looksAtAll, mutations } = pipeline;
  // From here on row-level security applies, also to hooks and deferred triggers: the role lasts until the transaction ends.
  if (caller !== undefined) await open.unit.become(caller);
  const inTransaction: TransactionContext<P, DB> = {
    ...call.shown,
    tx: open.unit.tx as TransactionContext<P, DB>["tx"],
    transaction,
    attempt: number,
    lossyNumbers,
  };
  const done: (readonly [Write, OperationState])[] = [];
  const inSlices = transaction.crud.length > operationsOfSlice && open.store.connections !== 1;
  const run = createRun(pipeline, open, progress);
  const made = mutations && new Set(mutations.made(transaction.crud));
  const tell = made && (await watchLeft?.(open, transaction.crud, made));
  for (const [operationIndex, operation] of transaction.crud.entries()) {
    // The transaction's mutator writes what this entry stands for.
    if (made?.has(operation) === false) continue;
    const { context, state } = withOperation(
      inTransaction,
      operation,
      operationIndex,
      open,
      pipeline.readRow,
    );
    open.needs?.operations.push(context);
    if (progress.states) progress.states[operationIndex] = state;
    if (looksAtAll || rules.get(operation.table)?.looksAround !== false) await run.end();
    if (inSlices && isSliceOver()) await nextSlice();
    progress.operationIndex = operationIndex;
    try {
      if (mutations?.isMutation(operation)) {
        progress.during = "persist";
        await mutations.run(operation, context);
        open.unit.throwIfFailed();
        continue;
      }
      progress.during = "map";
      const mapped = await pipeline.map(operation, context);
      if (mapped === null) continue;
      progress.during = "authorize";
      const write = await pipeline.authorize(mapped, context);
      await run.add(write, context, state);
      done.push([write, state]);
    } catch (error) {
      // Earlier operations may still wait to be written. If one of them fails in the database, its failure is the transaction's.
      if (isFatal(error) || isRetryable(error)) {
        const failed = { ...progress };
        await run.end();
        Object.assign(progress, failed);
      }
      throw error;
    }
  }
  await run.end();
  await tell?.();
  progress.operationIndex = undefined;
  progress.during = "commit";
  // `final` is set if a hook has replaced the values.
  return () => done.map(([write, { final }]) => final ?? write);
}

function noteMissing(
  { op, table, id }: Write,
  operationIndex: number,
  { needs }: OperationState,
): void {
  // The default persister has noted it already.
  if (op === "PUT" || needs?.rows.some((row) => row.operationIndex === operationIndex)) return;
  needs?.rows.push({ op, table, id, operationIndex });
}

interface WaitingChange<P extends Principal, DB> {
  readonly change: Change;
  readonly write: Write;
  readonly context: OperationContext<P, DB>;
  readonly state: OperationState;
}

/** Changes that wait to be written together. */
interface Run<P extends Principal, DB> {
  add(write: Write, context: OperationContext<P, DB>, state: OperationState): Promise<void>;
  /** Writes the waiting changes. Rejects with the first failure. */
  end(): Promise<void>;
}

function createRun<P extends Principal, DB>(
  { plainPersist, persist, rules }: Pipeline<P, DB>,
  { unit }: OpenUnit,
  progress: Progress,
): Run<P, DB> {
  const persistAlone: Run<P, DB>["add"] = async (write, context, state) => {
    progress.during = "persist";
    // A persister of the application's own may return nothing.
    let outcome: WriteOutcome | undefined;
    try {
      outcome = await persist(write, context);
    } catch (error) {
      if (state.change) progress.refused = { change: state.change, table: write.table };
      throw error;
    }
    unit.throwIfFailed();
    if (outcome?.effect === "missing") noteMissing(write, context.operationIndex, state);
  };
  if (plainPersist === undefined) return { add: persistAlone, end: async () => {} };
  let waiting: WaitingChange<P, DB>[] = [];
  return {
    add: async (write, context, state) => {
      // The changes before this one have been written already: see `Rule.looksAround`.
      const rule = rules.get(write.table);
      if ((rule?.persist ?? rule?.conflict) !== undefined)
        return persistAlone(write, context, state);
      progress.during = "persist";
      const change = await plainPersist.change(write, context, state);
      if (change !== undefined) waiting.push({ change, write, context, state });
    },
    end: async () => {
      if (waiting.length === 0) return;
      const run = waiting;
      waiting = [];
      progress.during = "persist";
      const { effects, failure } = await unit.write(run.map(({ change }) => change));
      // The transaction is run again, so its effects so far are not reported.
      if (failure?.cause instanceof Undone) throw failure.cause;
      for (const [index, effect] of effects.entries()) {
        const { write, context, change, state } = run[index] as WaitingChange<P, DB>;
        progress.operationIndex = change.operationIndex;
        if (effect === "written") continue;
        const { operationIndex } = change;
        plainPersist.judge(effect, write, {
          ...correlated(context),
          operationIndex,
          needs: state.needs,
        });
      }
      if (failure === undefined) return;
      progress.operationIndex = failure.operationIndex;
      const failed = run.find(({ change }) => change.operationIndex === failure.operationIndex);
      if (failed === undefined) throw failure.cause;
      progress.refused = { change: failed.change, table: failed.write.table };
      throw errorForRefused(failure.cause, failed.change, failed.state);
    },
  };
}

/** A change that the store has failed to make. */
export interface Refused {
  readonly change: Change;
  /** The client's name of the table. */
  readonly table: string;
}

/** How far an attempt has come, for the report of its failure. */
export interface Progress {
  during: ErrorEvent["during"];
  operationIndex: number | undefined;
  refused?: Refused;
  /** The states of the operations that have begun. Present only if the application has a mapping of its own. */
  states?: OperationState[];
}

/**
 * Reads the rows before the mutators run. The function that it resolves to reads them again afterwards, and emits the events. `undefined`: no entry is
 * left out.
 *
 * @param made the entries that are run or applied
 */
export type WatchUnmatched = (
  open: OpenUnit,
  crud: readonly CrudEntry[],
  made: ReadonlySet<CrudEntry>,
) => Promise<(() => Promise<void>) | undefined>;

/** Costs a statement or two for each table, twice, but only if a mutation's transaction holds other entries. */
export function createWatchUnmatched<P extends Principal>(
  reader: RowStateReader,
  call: Call<P>,
  emit: Emit,
): WatchUnmatched {
  return async (open, crud, made) => {
    const left = [...crud.entries()].filter(([, entry]) => !made.has(entry));
    if (left.length === 0) return undefined;
    const named = new Map(left.map(([, entry]) => [rowName(entry), entry]));
    const rows = Array.from(named.values(), ({ table, id }) => ({ table, id }));
    const read = async () => {
      const states = await reader.read(open, rows, call.principal);
      return new Map(states.rows.map((row) => [rowName(row), row.hash]));
    };
    const before = await read();
    return async () => {
      const now = await read();
      for (const [operationIndex, { op, table, id }] of left) {
        const hash = before.get(rowName({ table, id }));
        if (hash === undefined || hash !== now.get(rowName({ table, id }))) continue;
        emit({ type: "entry_unmatched", ...correlated(call), op, table, id, operationIndex });
      }
    };
  };
}
