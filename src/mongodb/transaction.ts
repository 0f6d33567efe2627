/** One MongoDB transaction: bounded in time, committed at most once, and with every statement tracked. If its outcome is unknown, it says so. */
import type { ClientSession, Db, MongoClient } from "mongodb";
import { ApplicationFailure, keptQueued } from "../errors.js";
import { createDeadline } from "../store/deadline.js";
import { CallerLeft, Contention } from "../store/failures.js";
import { CommitUnknown, isUndone } from "./errors.js";

/** What layers and hooks get as `tx`. */
export interface MongoTransaction {
  /** To be passed with every call, as `{ session: tx.session }`. A call without it is not part of the transaction. */
  readonly session: ClientSession;
  readonly db: Db;
}

export interface TransactionBounds {
  /** The time limit of one statement, in milliseconds, by the server's clock. */
  readonly statementMs: number;
  readonly transactionMs: number;
}

interface TransactionOptions extends TransactionBounds {
  readonly waitedMs: number;
  readonly signal?: AbortSignal;
}

/** Keeps track of the statements of a transaction. */
export interface Watch {
  /** The number of statements that have been answered. */
  statements: number;
  /** The error of the first statement that failed. */
  failure: { readonly error: unknown } | undefined;
  readonly underWay: Set<Promise<unknown>>;
  /** No further statement is accepted. */
  ended: boolean;
}

export function createWatch(): Watch {
  return { statements: 0, failure: undefined, underWay: new Set(), ended: false };
}

/** Sends one statement. If it fails, the whole transaction fails, even if the error is caught: the server has aborted the transaction by then. */
export async function send<T>(watch: Watch, run: () => Promise<T>): Promise<T> {
  if (watch.ended) throw tooLate();
  throwFailure(watch);
  const running = run();
  watch.underWay.add(running);
  try {
    const result = await running;
    watch.statements += 1;
    return result;
  } catch (error) {
    watch.failure ??= { error };
    throw error;
  } finally {
    watch.underWay.delete(running);
  }
}

/** @throws ApplicationFailure if a statement has failed, and its error was caught */
export function throwFailure({ failure }: Watch): void {
  if (failure !== undefined) throw new ApplicationFailure(failure.error);
}

function tooLate(): Error {
  return new Error(
    "The transaction has ended: `tx` takes no more statements. Await everything that is sent through it before the hook returns.",
  );
}

/**
 * Runs `run` in a transaction, and commits it once `run` has resolved. If `run` rejects, the transaction is aborted, and the promise rejects with the same error.
 *
 * @throws CallerLeft; Contention if others' changes prevented the commit, and nothing has been committed; CommitUnknown
 */
export async function inTransaction<T>(
  client: MongoClient,
  { statementMs, transactionMs, waitedMs, signal }: TransactionOptions,
  watch: Watch,
  run: (session: ClientSession) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw new CallerLeft();
  const session = client.startSession();
  const deadline = createDeadline(transactionMs - waitedMs, () => {
    watch.ended = true;
    return tookTooLong(transactionMs);
  });
  try {
    session.startTransaction({
      readConcern: { level: "snapshot" },
      writeConcern: { w: "majority" },
      readPreference: "primary",
      maxCommitTimeMS: statementMs,
    });
    const result = await Promise.race([run(session), deadline.passed]);
    while (watch.underWay.size > 0)
      await Promise.race([Promise.allSettled(watch.underWay), deadline.passed]);
    watch.ended = true;
    throwFailure(watch);
    keepInside(session);
    await Promise.race([commit(session), deadline.passed]);
    return result;
  } finally {
    watch.ended = true;
    // Aborts a transaction that has not been committed, so that its locks are released. If the message does not arrive, the server aborts it after its own time limit.
    const ending = session.endSession();
    await Promise.race([ending, deadline.passed]).catch(() => undefined);
    deadline.end();
  }
}

/** Sends COMMIT once. The driver may repeat it, and the server then gives the same answer. */
async function commit(session: ClientSession): Promise<void> {
  try {
    await session.commitTransaction();
  } catch (error) {
    if (isUndone(error))
      throw new Contention("Others have changed the same rows.", { cause: error });
    throw new CommitUnknown(error);
  }
}

/**
 * A statement that a hook did not await may reach the driver after the transaction has ended. The driver would then send it outside of any transaction. With
 * this, it sends it as part of the ended transaction, and the server refuses it.
 */
function keepInside(session: ClientSession): void {
  session.inTransaction = () => true;
}

function tookTooLong(ms: number): Error {
  const cause = `The transaction had not ended after ${ms} ms.`;
  return keptQueued("The database takes too long right now.", new Error(cause));
}
