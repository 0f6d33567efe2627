/** Processes one transaction, from its identity to its answer. Whatever happens, it is applied once, recorded as a dead letter, or still queued on the device. */
import type { WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import { payloadOf } from "../dead-letters/payload.js";
import type { LetterQuota } from "../dead-letters/quota.js";
import type { RowStateReader } from "../dead-letters/row-states.js";
import { type Emit, correlated, transactionEvent } from "../events/emit.js";
import type { Tally } from "../events/events.js";
import {
  type CrudTransaction,
  type InvalidTransaction,
  retryableResult,
  success,
  type TransactionResult,
} from "../model.js";
import type { Dependants } from "../dead-letters/dependants.js";
import { announceMissing } from "../pipeline/persist.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { rowName } from "../store/letters.js";
import { identifiable } from "../wire/entries.js";
import { attempt, type Applied, type Attempt, type Failure } from "./attempt.js";
import { createWatchUnmatched } from "./apply.js";
import type { Call, Memory } from "./call.js";
import { classify, inUnit, isTriedAgain, tellServerValue, type Verdict } from "./classify.js";
import { createConclude } from "./conclude.js";
import { dependence, dependent, type Known } from "./dependence.js";
import { tryFlight } from "./flight.js";
import { forgetFailures, isSkipped, noteFailure } from "./together.js";
import { type Identity, identityOf } from "./identity.js";
import type { Parked, Parking } from "./parking.js";
import { withColumns, withRemedy } from "./explain.js";
import { createRecord } from "./record.js";
import type { SchemaTrust } from "../store/tables.js";

/** The most attempts at a transaction while others change the letters that it depends on. */
const mostAttempts = 10;
const busyMessage = "Others are changing something that this change depends on.";
const noWork = async () => {};
export const notBegun = retryableResult(
  "The caller disconnected before the transaction was tried.",
);

interface TransactionParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly pipeline: Pipeline<P, DB>;
  readonly rowStateReader: RowStateReader;
  readonly emit: Emit;
  readonly quota: LetterQuota;
  readonly dependants: Dependants;
  readonly parking: Parking<P> | undefined;
  readonly announce: Announce<P>;
}

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

/** Never rejects. */
export type RunTransaction<P extends Principal> = (
  transaction: CrudTransaction | InvalidTransaction,
  call: Call<P>,
) => Promise<TransactionResult>;

export function createRunTransaction<P extends Principal, DB>({
  config,
  pipeline,
  rowStateReader,
  emit,
  quota,
  dependants,
  parking,
  announce,
}: TransactionParts<P, DB>): RunTransaction<P> {
  const { deferConstraints = false } = config;
  const { onRecorded, requiresClientHandling } = config.deadLetters ?? {};
  const record = createRecord({ pipeline, rowStateReader, emit, onRecorded, quota });
  const conclude = createConclude({ requiresClientHandling, record, emit });

  const run = async (
    transaction: CrudTransaction | InvalidTransaction,
    call: Call<P>,
    tally: Tally,
  ): Promise<TransactionResult> => {
    const refused = "invalid" in transaction;
    if (!refused && transaction.crud.length === 0) return success;
    // A refused transaction gets an identity, too: it may have been applied before, or be accepted once a limit has been raised.
    const named = refused ? await identifiable(transaction.raw) : transaction;
    const identity = call.ledger && named ? await identityOf(call, named) : undefined;
    const execute = () => apply(transaction, call, identity, tally);
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

  const apply = async (
    transaction: CrudTransaction | InvalidTransaction,
    call: Call<P>,
    identity: Identity | undefined,
    tally: Tally,
  ): Promise<TransactionResult> => {
    const subject = { transaction, call, identity };
    const known: Known = { free: new Set() };
    const watchLeft = pipeline.mutations && createWatchUnmatched(rowStateReader, call, emit);
    const { store, memory } = call;
    const begunAt = performance.now();
    let together = memory.undone.size === 0 || !isSkipped(memory.undone, call, identity);
    for (let number = 1; ; number += 1) {
      const schema: SchemaTrust = { since: call.requestBegan, believed: new Map() };
      const begun = { number, claim: identity, schema, tally };
      const options = { ...begun, dependants, known, deferConstraints, watchLeft };
      const mayFly = store.flight !== undefined && store.flight.support.supported !== false;
      const flown =
        together && mayFly ? await tryFlight(pipeline, transaction, call, options) : undefined;
      if (flown?.kind === "undone") {
        noteFailure(memory.undone, call, identity, begunAt);
        together = false;
      }
      const tried =
        flown === undefined || flown.kind === "undone"
          ? await attempt(pipeline, transaction, call, { ...options, together })
          : flown;
      if (tried.kind === "undone") {
        noteFailure(memory.undone, call, identity, begunAt);
        together = false;
        continue;
      }
      if (tried.kind === "applied" && together && memory.undone.size > 0)
        forgetFailures(memory.undone, call, identity);
      if (tried.kind !== "failed" && tried.kind !== "unsure") return done(tried, subject, tally);
      const failed = tried.kind === "failed" ? tried : undefined;
      const verdict = failed && judge(failed, call);
      if (verdict && (await isTriedAgain(verdict, number, { ...call, schema }))) continue;
      if (failed) tellServerValue(emit, call, failed.error);
      const last =
        failed && verdict && ((await parking?.failed(verdict, failed, subject)) ?? verdict);
      const needed =
        tried.needs && !("invalid" in transaction) && last?.outcome !== "retryable"
          ? await dependence(
              dependants,
              { transaction, call, targets: tried.targets },
              tried.needs,
              last,
              failed?.operationIndex,
            )
          : undefined;
      if (needed === undefined && last === undefined) {
        // Each attempt may find other rows missing while others delete rows, so their number is bounded. The device sends the transaction again.
        if (number >= mostAttempts) return retryableResult(busyMessage);
        for (const row of tried.needs?.rows ?? []) known.free.add(rowName(row));
        if (tried.kind === "unsure" && tried.puts !== undefined) known.puts = tried.puts;
        continue;
      }
      const { targets } = tried;
      const concluded = { payload: payloadOf(transaction), call, identity, targets };
      const result =
        needed === undefined
          ? await conclude({
              ...concluded,
              verdict: last ?? dependent,
              operationIndex: failed?.operationIndex,
            })
          : await conclude({ ...concluded, verdict: dependent, ...needed });
      if (result === undefined) {
        // The root has been closed in the meantime, so the row that the transaction needs may exist now.
        if (number >= mostAttempts) return retryableResult(busyMessage);
        continue;
      }
      // A failure that was fatal at once has not been counted.
      if (last !== verdict && isRecorded(result)) await parking?.recorded(subject);
      return result;
    }
  };

  const done = async (
    tried: Exclude<Attempt, Failure | { readonly kind: "unsure" | "undone" }>,
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

  const judge = (failure: Failure, call: Call<P>): Verdict => {
    const { error, during, operationIndex } = failure;
    const { store, caller } = call;
    const judged = classify(error, store, during !== "begin", caller !== undefined);
    const verdict = withColumns(judged, failure, store, pipeline.rules);
    emit({
      type: "error",
      ...correlated(call),
      during,
      error,
      outcome: verdict.outcome,
      ...(operationIndex !== undefined && { operationIndex }),
      ...withRemedy(error, during, store, failure.refused?.change.table.name),
    });
    return verdict;
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

function isRecorded(result: TransactionResult): boolean {
  return result.status === "fatal_error" && !result.requiresClientHandling;
}
