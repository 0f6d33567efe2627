/** Processes one transaction, from its identity to its answer. In the end it is applied once, recorded as a dead letter, or still queued on the device. */
import type { Principal } from "../context.js";
import { correlated, type Emit, transactionEvent } from "../events/emit.js";
import type { Tally } from "../events/events.js";
import {
  type CrudTransaction,
  type InvalidTransaction,
  retryableResult,
  success,
  type TransactionResult,
} from "../model.js";
import { announceMissing } from "../pipeline/persist.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { SchemaTrust } from "../store/tables.js";
import { identifiable } from "../wire/entries.js";
import { createWatchUnmatched } from "./apply.js";
import { type Applied, type Attempt, attempt } from "./attempt.js";
import type { Call, Memory } from "./call.js";
import { inUnit, isTriedAgain, tellServerValue } from "./classify.js";
import type { Known } from "./dependence.js";
import { withRemedy } from "./explain.js";
import { createFailures, type Failed, type FailureParts, isRecorded } from "./failure.js";
import { tryFlight } from "./flight.js";
import { type Identity, identityOf } from "./identity.js";
import type { Parked, Parking } from "./parking.js";
import { forgetFailures, isSkipped, noteFailure } from "./together.js";

/** The most attempts at a transaction while others change the letters that it depends on. */
const mostAttempts = 10;
const busyMessage = "Others are changing something that this change depends on.";
const noWork = async () => {};
export const notBegun = retryableResult(
  "The caller disconnected before the transaction was tried.",
);

interface AnnounceParts<P extends Principal, DB> {
  readonly pipeline: Pipeline<P, DB>;
  readonly emit: Emit;
  readonly parking: Parking<P> | undefined;
}

/** Tells the application's hooks, and parking, that a transaction has been committed. Never rejects. */
export type Announce<P extends Principal> = (applied: Applied, subject: Parked<P>) => Promise<void>;

export function createAnnounce<P extends Principal, DB>({
  pipeline,
  emit,
  parking,
}: AnnounceParts<P, DB>): Announce<P> {
  return async ({ transaction, writes, needs }, subject) => {
    const { call } = subject;
    if (needs !== undefined) announceMissing(emit, needs, call);
    await pipeline.announceCommit?.({ transaction, writes: writes() }, call.shown);
    // Parking needs to know that the database can apply transactions at all: see `parking.ts`.
    call.memory.appliedAt = performance.now();
    if (call.memory.failing.size > 0) await parking?.settled(subject);
  };
}

interface TransactionParts<P extends Principal, DB> extends FailureParts<P, DB> {
  readonly announce: Announce<P>;
}

/** Never rejects. */
export type RunTransaction<P extends Principal> = (
  transaction: CrudTransaction | InvalidTransaction,
  call: Call<P>,
) => Promise<TransactionResult>;

export function createRunTransaction<P extends Principal, DB>(
  parts: TransactionParts<P, DB>,
): RunTransaction<P> {
  const { pipeline, rowStateReader, emit, dependants, parking, announce } = parts;
  const { deferConstraints = false } = parts.config;
  const failures = createFailures(parts);

  const run = async (
    transaction: CrudTransaction | InvalidTransaction,
    call: Call<P>,
    tally: Tally,
  ): Promise<TransactionResult> => {
    const isInvalid = "invalid" in transaction;
    if (!isInvalid && transaction.crud.length === 0) return success;
    // An invalid transaction gets an identity, too: it may have been applied before, or be accepted once a limit has been raised.
    const named = isInvalid ? await identifiable(transaction.raw) : transaction;
    const identity = call.ledger && named ? await identityOf(call, named) : undefined;
    const execute = () => tryUntilAnswered({ transaction, call, identity }, tally);
    if (identity?.key === undefined) return execute();
    const execution = executionKey(identity.key, identity);
    for (;;) {
      tally.ledger = "miss";
      const { result, shared } = await shareExecution(call.memory, execution, execute);
      if (!shared) return result;
      tally.ledger = "shared";
      // Enters that this request held the transaction, too: the ledger never prunes what a queue sent last.
      if (identity.queue !== undefined && isAnswered(result))
        await inUnit(call.store, noWork, { claim: { ...identity, known: true } });
      // If the caller who began the run has left, this request begins it again.
      if (result !== notBegun || call.signal.aborted) return result;
    }
  };

  /** Rejects if something fails that has nothing to do with the transaction itself. */
  const tryUntilAnswered = async (subject: Parked<P>, tally: Tally): Promise<TransactionResult> => {
    const { transaction, call, identity } = subject;
    const { store, memory } = call;
    const known: Known = { free: new Set() };
    const watchLeft = pipeline.mutations && createWatchUnmatched(rowStateReader, call, emit);
    const begunAt = performance.now();
    let together = memory.undone.size === 0 || !isSkipped(memory.undone, call, identity);
    const goOnStepByStep = () => {
      noteFailure(memory.undone, call, identity, begunAt);
      together = false;
    };
    for (let number = 1; ; number += 1) {
      const schema: SchemaTrust = { since: call.requestBegan, believed: new Map() };
      const begun = { number, claim: identity, schema, tally };
      const options = { ...begun, dependants, known, deferConstraints, watchLeft };
      const mayFly = store.flight !== undefined && store.flight.support.supported !== false;
      const flown =
        together && mayFly ? await tryFlight(pipeline, transaction, call, options) : undefined;
      if (flown?.kind === "undone") goOnStepByStep();
      const tried =
        flown === undefined || flown.kind === "undone"
          ? await attempt(pipeline, transaction, call, { ...options, together })
          : flown;
      if (tried.kind === "undone") {
        goOnStepByStep();
        continue;
      }
      if (tried.kind === "applied" && together && memory.undone.size > 0)
        forgetFailures(memory.undone, call, identity);
      if (tried.kind !== "failed" && tried.kind !== "unsure") return done(tried, subject, tally);
      const verdict = tried.kind === "failed" ? failures.judge(tried, call) : undefined;
      // What took too long in a flight is neither explained nor counted for parking. Both need the step-by-step way.
      if (flown?.kind === "failed" && verdict?.outcome === "retryable" && !verdict.passes)
        noteFailure(memory.undone, call, identity, begunAt);
      if (verdict && (await isTriedAgain(verdict, number, { ...call, schema }))) continue;
      if (tried.kind === "failed") tellServerValue(emit, call, tried.error);
      const result = await failures.answer(tried, verdict, subject, known);
      if (result !== undefined) return result;
      // While others change letters or delete rows, each attempt may find something else, so the number is bounded. The device sends the transaction again.
      if (number >= mostAttempts) return retryableResult(busyMessage);
    }
  };

  const done = async (
    tried: Exclude<Attempt, Failed | { readonly kind: "undone" }>,
    subject: Parked<P>,
    tally: Tally,
  ): Promise<TransactionResult> => {
    if (tried.kind === "not begun") return notBegun;
    if (tried.kind === "replayed") {
      tally.ledger = "hit";
      // Another process, or another pool, may have answered it after this one had counted a failure.
      if (subject.call.memory.failing.size > 0 && isAnswered(tried.answer))
        await parking?.settled(subject);
      return tried.answer;
    }
    await announce(tried, subject);
    return success;
  };

  return async (transaction, call) => {
    const started = performance.now();
    const tally: Tally = { attempts: 0, statements: 0, ledger: "off", flown: false };
    let result: TransactionResult;
    try {
      result = await run(transaction, call, tally);
    } catch (error) {
      emit({
        type: "error",
        ...correlated(call),
        during: "transaction",
        error,
        outcome: "retryable",
        ...withRemedy(error, "transaction", call.store),
      });
      result = retryableResult("The change can't be made right now.");
    }
    emit(transactionEvent(transaction, call, result, tally, performance.now() - started));
    return result;
  };
}

/** Includes `handling`: a copy that is sent after the client was asked again has to be tried, and must not share the answer of an earlier copy. */
export function executionKey(key: string, { handling }: Identity): string {
  return `${key} ${handling ?? ""}`;
}

/**
 * Runs `execute`, or waits for the run that is under way for the same key. The map belongs to one database: the same identity in another database is
 * another transaction.
 */
export async function shareExecution(
  { executing }: Pick<Memory, "executing">,
  key: string,
  execute: () => Promise<TransactionResult>,
): Promise<{ readonly result: TransactionResult; readonly shared: boolean }> {
  const same = executing.get(key);
  if (same !== undefined) return { result: await same, shared: true };
  const run = execute();
  executing.set(key, run);
  try {
    return { result: await run, shared: false };
  } finally {
    executing.delete(key);
  }
}

function isAnswered(result: TransactionResult): boolean {
  return result.status === "success" || isRecorded(result);
}
