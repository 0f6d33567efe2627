/**
 * One attempt at a transaction, in one database transaction: the ledger's claim, then map → authorize → persist for each operation, then COMMIT.
 * A failure is always followed by ROLLBACK.
 */
import type { Principal, TransactionContext } from "../context.js";
import { isFatal, isRetryable } from "../errors.js";
import type { CrudTransaction, InvalidTransaction, Write } from "../model.js";
import { type Dependants, putsOf, rowsPut } from "../dead-letters/dependants.js";
import {
  type Needs,
  type OpenUnit,
  type OperationState,
  withOperation,
} from "../pipeline/operation.js";
import { targetsOf } from "../pipeline/mapping.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { isSliceOver, nextSlice } from "../wire/slices.js";
import { CallerLeft, Undone } from "../store/failures.js";
import type { Claim } from "../store/store.js";
import type { SchemaTrust } from "../store/tables.js";
import type { Attempt, Progress } from "./attempted.js";
import type { Call } from "./call.js";
import { refusalOf } from "./refusal.js";
import { createRun } from "./run.js";
import type { WatchLeft } from "./untouched.js";
import { isUnsure, type Known, throwIfOthers, throwIfUnsure } from "./dependence.js";

interface AttemptOptions {
  /** The number of the attempt, from 1. */
  readonly number: number;
  readonly claim: Claim | undefined;
  readonly schema: SchemaTrust;
  readonly dependants: Dependants;
  readonly watchLeft: WatchLeft | undefined;
  readonly known: Known;
  /** See `UnitOptions`. */
  readonly deferConstraints: boolean;
  readonly together: boolean;
  /** Counts the attempts, and the statements that the database has answered. */
  readonly tally: { attempts: number; statements: number };
}

/** Never rejects. A transaction that was refused as invalid is not applied: the ledger is only asked whether it was answered before. */
export async function attempt<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  transaction: CrudTransaction | InvalidTransaction,
  call: Call<P>,
  options: AttemptOptions,
): Promise<Attempt> {
  const { number, claim, schema, tally, dependants, known, deferConstraints, watchLeft } = options;
  const { store, memory, signal, principal } = call;
  const progress: Progress = {
    during: "begin",
    operationIndex: undefined,
    ...(pipeline.mapping && { states: [] }),
  };
  if ("invalid" in transaction && claim?.key === undefined) return refusalOf(transaction);
  const operations = "invalid" in transaction ? 1 : transaction.crud.length;
  const entering = { userId: principal.userId, operations, signal };
  tally.attempts = number;
  // A refused transaction writes nothing, so it can't need the rows of a letter.
  const applied =
    "invalid" in transaction
      ? {}
      : {
          lettersOf: principal.userId,
          deferConstraints,
          together: options.together && isPlain(pipeline, transaction),
        };
  let needs: Needs | undefined;
  try {
    return await memory.places.unit(
      entering,
      store,
      { signal, tally, schema, ...applied, ...(claim && { claim }) },
      async (unit): Promise<Attempt> => {
        if (unit.earlier !== undefined) return { kind: "replayed", answer: unit.earlier };
        if ("invalid" in transaction) {
          const { error, during, operationIndex } = refusalOf(transaction);
          progress.during = during;
          progress.operationIndex = operationIndex;
          throw error;
        }
        const { crud } = transaction;
        const made = () => pipeline.mutations?.made(crud) ?? crud;
        const puts = known.puts ?? (unit.hasLetters ? rowsPut(made()) : []);
        if (unit.hasLetters) {
          needs = { rows: [], references: [], operations: [] };
          await dependants.overtake({ store, unit }, principal, puts);
        }
        const open = { store, unit, ...(needs && { needs }) };
        const writes = await apply(pipeline, transaction, call, {
          open,
          number,
          progress,
          watchLeft,
        });
        if (needs !== undefined) {
          throwIfUnsure(needs, known.free);
          const { states } = progress;
          if (states) throwIfOthers(needs, puts, putsOf(transaction, targetsOf(crud, states)));
        }
        return { kind: "applied", transaction, writes, ...(needs && { needs }) };
      },
    );
  } catch (error) {
    if (error instanceof CallerLeft) return { kind: "not begun" };
    if (error instanceof Undone) return { kind: "undone" };
    const { during, operationIndex, refused, states } = progress;
    const targets =
      states === undefined || "invalid" in transaction
        ? {}
        : { targets: targetsOf(transaction.crud, states) };
    if (isUnsure(error))
      return { kind: "unsure", needs: error.needs, puts: error.puts, ...targets };
    return {
      kind: "failed",
      error,
      during,
      ...(operationIndex !== undefined && { operationIndex }),
      ...(refused && { refused }),
      ...(needs && { needs }),
      ...targets,
    };
  }
}

/** Whether no application code runs for any of the operations. Then a rollback and another try have no side effects. */
export function isPlain<P extends Principal, DB>(
  { plainPersist, looksAtAll, rules }: Pipeline<P, DB>,
  { crud }: CrudTransaction,
): boolean {
  return (
    plainPersist !== undefined &&
    !looksAtAll &&
    crud.every(({ table }) => rules.get(table)?.looksAround === false)
  );
}

/**
 * Fewer operations don't delay other requests noticeably. More are run in slices, but not if the store has only one connection: whatever the
 * application sends on it between two slices would become part of this transaction.
 */
const operationsOfSlice = 50;

interface Applying {
  readonly open: OpenUnit;
  readonly watchLeft?: WatchLeft | undefined;
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
