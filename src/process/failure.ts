/**
 * Decides about an attempt at a transaction that was rolled back: the transaction is tried again, stays queued, waits for the dead letter that it depends
 * on, or is recorded as one.
 */
import type { WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import { payloadOf } from "../dead-letters/payload.js";
import type { Dependants } from "../dead-letters/dependants.js";
import type { LetterQuota } from "../dead-letters/quota.js";
import type { RowStateReader } from "../dead-letters/row-states.js";
import { correlated, type Emit } from "../events/emit.js";
import type { TransactionResult } from "../model.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { rowName } from "../store/letters.js";
import type { Attempt, Failure } from "./attempt.js";
import type { Call } from "./call.js";
import { classify, type Verdict } from "./classify.js";
import { createConclude } from "./conclude.js";
import { dependence, dependent, type Known } from "./dependence.js";
import { withColumns, withRemedy } from "./explain.js";
import type { Parked, Parking } from "./parking.js";
import { createRecord } from "./record.js";

export interface FailureParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly pipeline: Pipeline<P, DB>;
  readonly rowStateReader: RowStateReader;
  readonly emit: Emit;
  readonly quota: LetterQuota;
  readonly dependants: Dependants;
  readonly parking: Parking<P> | undefined;
}

/** An attempt that was rolled back because of an error, or because rows are missing. */
export type Failed = Extract<Attempt, { kind: "failed" | "unsure" }>;

interface Failures<P extends Principal> {
  /** Emits the error. */
  judge(failure: Failure, call: Call<P>): Verdict;
  /**
   * Answers the transaction. `undefined`: it has to be tried again, because no letter would create the rows that it lacks, or because the letter that
   * would create one has been closed in the meantime.
   *
   * @param verdict absent if nothing failed but rows are missing
   */
  answer(
    tried: Failed,
    verdict: Verdict | undefined,
    subject: Parked<P>,
    known: Known,
  ): Promise<TransactionResult | undefined>;
}

export function createFailures<P extends Principal, DB>({
  config,
  pipeline,
  rowStateReader,
  emit,
  quota,
  dependants,
  parking,
}: FailureParts<P, DB>): Failures<P> {
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

  const answer = async (
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

  return { judge, answer };
}

/** Whether the transaction has become a dead letter. */
export function isRecorded(result: TransactionResult): boolean {
  return result.status === "fatal_error" && !result.requiresClientHandling;
}
