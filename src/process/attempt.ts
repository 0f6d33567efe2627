/**
 * One attempt at a transaction, in one database transaction: the ledger's row, then map → authorize → persist for each operation, then COMMIT.
 * COMMIT is sent only when every answer before it has been read, and after a failure there is only ROLLBACK.
 */
import type { Transaction } from "kysely";
import {
  begin,
  CallerLeft,
  createWatch,
  throwFailure,
  type TransactionSettings,
  type Watch,
} from "../sql/transaction.js";
import { type Call, publicContext } from "./call.js";
import type { CrudTransaction, TransactionResult, Write } from "../model.js";
import type { FatalError } from "../errors.js";
import type { ErrorEvent } from "../events.js";
import type { Identity } from "./identity.js";
import type { Principal, TransactionContext } from "../pipeline/layers.js";
import { claim } from "../sql/ledger.js";
import type { Connection } from "../sql/dialect.js";
import { dialectOf } from "../sql/dialects.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { DatabaseCaller } from "../rls/rls.js";
import { turnTo, withStored } from "../pipeline/stored-row.js";

export type Attempt =
  | { readonly kind: "applied"; readonly writes: readonly Write[] }
  | { readonly kind: "replayed"; readonly answer: TransactionResult }
  | { readonly kind: "not begun" }
  | Failure;

export interface Failure {
  readonly kind: "failed";
  readonly error: unknown;
  readonly during: ErrorEvent["during"];
  readonly operationIndex?: number;
}

/** Where an attempt stands, so that its failure can say so. */
export interface Progress {
  during: ErrorEvent["during"];
  operationIndex: number | undefined;
}

/** Never rejects. */
export async function attempt<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  transaction: CrudTransaction,
  call: Call<P, DB>,
  { number, identity, refusal, tally, settings }: AttemptOptions,
): Promise<Attempt> {
  const progress: Progress = { during: "begin", operationIndex: undefined };
  const watch = createWatch();
  const bounds = identity && dialectOf(call.database).bounds?.(settings.timeouts);
  const run = async (tx: Transaction<DB>): Promise<Attempt> => {
    const answer =
      identity && (await claim(settings.own.on(tx), { identity, request: call.requestId, bounds }));
    if (answer !== undefined) return { kind: "replayed", answer };
    if (refusal !== undefined) {
      progress.during = "validate";
      throw refusal;
    }
    const writes = await apply(pipeline, transaction, call, { tx, number, progress, watch });
    return { kind: "applied", writes };
  };
  try {
    return await begin(call.database, settings, run, {
      watch,
      signal: call.signal,
      boundsItself: bounds !== undefined,
    });
  } catch (error) {
    if (error instanceof CallerLeft) return { kind: "not begun" };
    const { during, operationIndex } = progress;
    return {
      kind: "failed",
      error,
      during,
      ...(operationIndex !== undefined && { operationIndex }),
    };
  } finally {
    tally.statements += watch.statements;
  }
}

interface AttemptOptions {
  /** From 1. */
  readonly number: number;
  readonly identity: Identity | undefined;
  /** `validate` has refused the transaction: it is only looked up whether it has been answered before. */
  readonly refusal: FatalError | undefined;
  /** Statements answered are added to it. */
  readonly tally: { statements: number };
  readonly settings: TransactionSettings;
}

async function become<DB>(tx: Transaction<DB>, caller: DatabaseCaller): Promise<void> {
  const { rowSecurity } = dialectOf(tx);
  if (rowSecurity === undefined)
    throw new TypeError("rls: this database has no row-level security.");
  await rowSecurity.become(tx as unknown as Connection, caller);
}

/** What an upload and the retry of a dead letter have in common, from here to COMMIT. */
export async function apply<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  transaction: CrudTransaction,
  call: Call<P, DB>,
  { tx, number, progress, watch }: Applying<DB>,
): Promise<readonly Write[]> {
  const { caller, lossyNumbers } = call;
  // From here on the policies decide; hooks and deferred triggers included, for the role ends with the transaction.
  if (caller !== undefined) await become(tx, caller);
  const context = { ...publicContext(call), tx, transaction, attempt: number, lossyNumbers };
  return applyAll(pipeline, context, progress, watch);
}

interface Applying<DB> {
  readonly tx: Transaction<DB>;
  /** From 1. */
  readonly number: number;
  readonly progress: Progress;
  readonly watch: Watch;
}

/** One operation after the other: what one has written, the next one's authorization can see. */
async function applyAll<P extends Principal, DB>(
  { map, authorize, persist, readRow }: Pipeline<P, DB>,
  context: TransactionContext<P, DB>,
  progress: Progress,
  watch: Watch,
): Promise<readonly Write[]> {
  const writes: Write[] = [];
  for (const [operationIndex, operation] of context.transaction.crud.entries()) {
    const { metadata, previousValues } = operation;
    const known = {
      ...context,
      operation,
      operationIndex,
      ...(metadata !== undefined && { metadata }),
      ...(previousValues !== undefined && { previousValues }),
    };
    const inOperation = withStored(known, readRow);
    progress.operationIndex = operationIndex;
    progress.during = "map";
    const mapped = await map(operation, inOperation);
    if (mapped === null) continue;
    turnTo(inOperation, mapped);
    progress.during = "authorize";
    const write = await authorize(mapped, inOperation);
    progress.during = "persist";
    await persist(write, inOperation);
    throwFailure(watch);
    writes.push(write);
  }
  progress.operationIndex = undefined;
  progress.during = "commit";
  return writes;
}
