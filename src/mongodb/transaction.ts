/** One transaction of MongoDB's: bounded in time, committed once, watched. What becomes of it is never guessed. */
import type { ClientSession, Db, MongoClient } from "mongodb";
import { ApplicationFailure, keptQueued } from "../errors.js";
import { createDeadline } from "../store/deadline.js";
import { CallerLeft, Contention } from "../store/failures.js";
import { CommitUnknown, isUndone } from "./errors.js";

/** What layers and hooks get as `tx`. */
export interface MongoTransaction {
  /** Goes with every call, `{ session: tx.session }`. What is sent without it is no part of the transaction. */
  readonly session: ClientSession;
  readonly db: Db;
}

export interface TransactionBounds {
  /** Milliseconds for one statement, by the server's clock. */
  readonly statementMs: number;
  readonly transactionMs: number;
}

interface TransactionOptions extends TransactionBounds {
  readonly waitedMs: number;
  readonly signal?: AbortSignal;
}

/** What has been sent in a transaction. */
export interface Watch {
  /** Statements that have been answered. */
  statements: number;
  /** The first one's that has failed. */
  failure: { readonly error: unknown } | undefined;
  readonly underWay: Set<Promise<unknown>>;
  /** No statement is taken any more. */
  ended: boolean;
}

export function createWatch(): Watch {
  return { statements: 0, failure: undefined, underWay: new Set(), ended: false };
}

/** Sends one statement of the library's own. One that fails is the whole transaction's failure, whoever catches its error: the server has undone all by then. */
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

/** @throws ApplicationFailure where a statement has failed, and somebody has caught its error and gone on */
export function throwFailure({ failure }: Watch): void {
  if (failure !== undefined) throw new ApplicationFailure(failure.error);
}

function tooLate(): Error {
  return new Error(
    "The transaction has ended: `tx` takes no more statements. Await everything that is sent through it before the hook returns.",
  );
}

/**
 * Commits what `run` resolves to; aborts where it rejects, and rejects with that error.
 *
 * @throws CallerLeft, Contention where nothing has been committed because of others, CommitUnknown
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
    // It aborts what has not been committed, so that who comes next does not meet it. What the word does not reach, the server aborts by itself.
    const ending = session.endSession();
    await Promise.race([ending, deadline.passed]).catch(() => undefined);
    deadline.end();
  }
}

/** Once, but for the driver's own repetition, to which the server gives the same answer. */
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
 * What a hook has left unawaited may reach the driver when the transaction is over, which would send it by itself then, outside of any transaction. As part of
 * the transaction the server refuses it.
 */
function keepInside(session: ClientSession): void {
  session.inTransaction = () => true;
}

function tookTooLong(ms: number): Error {
  const cause = `The transaction had not ended after ${ms} ms.`;
  return keptQueued("The database takes too long right now.", new Error(cause));
}
