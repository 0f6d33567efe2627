/** Attempts at one transaction: in one go if possible, otherwise step by step, until it is applied, or it is decided what becomes of its failure. */
import type { WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import { payloadOf } from "../dead-letters/payload.js";
import type { Dependants } from "../dead-letters/dependants.js";
import type { LetterQuota } from "../dead-letters/quota.js";
import type { RowStateReader } from "../dead-letters/row-states.js";
import { correlated, type Emit } from "../events/emit.js";
import type { Tally } from "../events/events.js";
import { retryableResult, success, type TransactionResult } from "../model.js";
import { announceMissing } from "../pipeline/persist.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { rowName } from "../store/letters.js";
import type { SchemaTrust } from "../store/tables.js";
import { createWatchUnmatched } from "./apply.js";
import { type Applied, type Attempt, attempt, type Failure } from "./attempt.js";
import type { Call } from "./call.js";
import { classify, isTriedAgain, tellServerValue, type Verdict } from "./classify.js";
import { createConclude } from "./conclude.js";
import { dependence, dependent, type Known } from "./dependence.js";
import { withColumns, withRemedy } from "./explain.js";
import { tryFlight } from "./flight.js";
import type { Parked, Parking } from "./parking.js";
import { createRecord } from "./record.js";
import { forgetUndone, isStepByStep, noteUndone } from "./together.js";

/** The most attempts at a transaction while others change the letters that it depends on. */
const mostAttempts = 10;
const busyMessage = "Others are changing something that this change depends on.";
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

interface AttemptsParts<P extends Principal, DB> extends AnnounceParts<P, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly rowStateReader: RowStateReader;
  readonly quota: LetterQuota;
  readonly dependants: Dependants;
  readonly announce: Announce<P>;
}

/** Tries a transaction until there is an answer to it. Rejects if something fails that has nothing to do with the transaction itself. */
export type MakeAttempts<P extends Principal> = (
  subject: Parked<P>,
  tally: Tally,
) => Promise<TransactionResult>;

/** An attempt that was rolled back, so that its failure has to be decided about. */
type Failed = Extract<Attempt, { kind: "failed" | "unsure" }>;

export function createAttempts<P extends Principal, DB>({
  config,
  pipeline,
  rowStateReader,
  emit,
  quota,
  dependants,
  parking,
  announce,
}: AttemptsParts<P, DB>): MakeAttempts<P> {
  const { deferConstraints = false } = config;
  const { onRecorded, requiresClientHandling } = config.deadLetters ?? {};
  const record = createRecord({ pipeline, rowStateReader, emit, onRecorded, quota });
  const conclude = createConclude({ requiresClientHandling, record, emit });

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

  /**
   * The answer to a failure. `undefined`: the transaction has to be tried again, because no letter would create the rows that it lacks, or because the
   * letter that would create one has been closed in the meantime.
   *
   * @param verdict absent if nothing failed but rows are missing
   */
  const answerTo = async (
    tried: Failed,
    verdict: Verdict | undefined,
    subject: Parked<P>,
    known: Known,
  ): Promise<TransactionResult | undefined> => {
    const { transaction, call, identity } = subject;
    const failed = tried.kind === "failed" ? tried : undefined;
    const last =
      failed && verdict && ((await parking?.failed(verdict, failed, subject)) ?? verdict);
    const { needs, targets } = tried;
    const needed =
      needs && !("invalid" in transaction) && last?.outcome !== "retryable"
        ? await dependence(
            dependants,
            { transaction, call, targets },
            needs,
            last,
            failed?.operationIndex,
          )
        : undefined;
    if (needed === undefined && last === undefined) {
      for (const row of needs?.rows ?? []) known.free.add(rowName(row));
      if (tried.kind === "unsure" && tried.puts !== undefined) known.puts = tried.puts;
      return undefined;
    }
    const concluded = { payload: payloadOf(transaction), call, identity, targets };
    const result =
      needed === undefined
        ? await conclude({
            ...concluded,
            verdict: last ?? dependent,
            operationIndex: failed?.operationIndex,
          })
        : await conclude({ ...concluded, verdict: dependent, ...needed });
    // A failure that was fatal at once has not been counted.
    if (result !== undefined && last !== verdict && isRecorded(result))
      await parking?.recorded(subject);
    return result;
  };

  return async (subject, tally) => {
    const { transaction, call, identity } = subject;
    const { store, memory } = call;
    const known: Known = { free: new Set() };
    const watchLeft = pipeline.mutations && createWatchUnmatched(rowStateReader, call, emit);
    const begunAt = performance.now();
    let together = memory.undone.size === 0 || !isStepByStep(memory, call, identity);
    const goOnStepByStep = () => {
      noteUndone(memory, call, identity, begunAt);
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
        forgetUndone(memory, call, identity);
      if (tried.kind !== "failed" && tried.kind !== "unsure") return done(tried, subject, tally);
      const verdict = tried.kind === "failed" ? judge(tried, call) : undefined;
      if (verdict && (await isTriedAgain(verdict, number, { ...call, schema }))) continue;
      if (tried.kind === "failed") tellServerValue(emit, call, tried.error);
      const result = await answerTo(tried, verdict, subject, known);
      if (result !== undefined) return result;
      // While others change letters or delete rows, each attempt may find something else, so the number is bounded. The device sends the transaction again.
      if (number >= mostAttempts) return retryableResult(busyMessage);
    }
  };
}

export function isAnswered(result: TransactionResult): boolean {
  return result.status === "success" || isRecorded(result);
}

function isRecorded(result: TransactionResult): boolean {
  return result.status === "fatal_error" && !result.requiresClientHandling;
}
