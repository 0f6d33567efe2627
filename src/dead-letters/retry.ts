/** One letter tried again: applied as the user who sent it, and closed, in one database transaction; or left as it was. */
import type { Kysely, Transaction } from "kysely";
import { apply, type Progress } from "../process/attempt.js";
import { begin, createWatch, type TransactionSettings } from "../sql/transaction.js";
import type { Call } from "../process/call.js";
import type { AnnounceCommit } from "../process/committed.js";
import type { WritesConfig } from "../config.js";
import { badRequest, fatal, isBadRequest } from "../errors.js";
import { correlated, type Emit } from "../events.js";
import type { Gate } from "../rls/gate.js";
import type { Committed, Principal } from "../pipeline/layers.js";
import type { Limits } from "../wire/limits.js";
import { classify, type Verdict } from "../process/classify.js";
import type { Connection } from "../sql/dialect.js";
import type { RowStateReader } from "../sql/fingerprints.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Again } from "../process/retry.js";
import { createInTransaction, type InTransaction } from "./api.js";
import { change, find, type StoredLetter } from "../sql/dead-letters.js";
import { waiting } from "./query.js";
import type { Letter, RetryOptions, RetryResult } from "./types.js";
import type { CrudTransaction } from "../model.js";
import { normaliseUpload } from "../wire/upload.js";

export interface RetryParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly pipeline: Pipeline<P, DB>;
  readonly rowStateReader: RowStateReader;
  readonly announceCommit: AnnounceCommit<P, DB>;
  readonly again: Again;
  readonly emit: Emit;
  readonly settings: TransactionSettings;
  readonly limits: Limits;
  readonly gate: Gate<P, DB>;
}

/** Rejects with `badRequest` where `as` is somebody else; every other failure is its result. */
type RetryLetter<P extends Principal, DB> = (
  database: Kysely<DB>,
  id: string,
  options: Pick<RetryOptions<P>, "force" | "as">,
) => Promise<RetryResult>;

type Failed = Extract<RetryResult, { status: "failed" }>;
type Tried = { readonly result: RetryResult; readonly committed?: Committed };

export function createRetryLetter<P extends Principal, DB>(
  parts: RetryParts<P, DB>,
): RetryLetter<P, DB> {
  const { config, announceCommit, again, emit, gate, settings } = parts;

  const inTransaction = createInTransaction(settings, again);

  return async (database, id, { force = false, as }) => {
    const name = { correlationId: crypto.randomUUID() };
    const progress: Progress = { during: "begin", operationIndex: undefined };
    try {
      // Asked before the transaction begins: the answer may come from the same database.
      const letter = await inTransaction(database, (tx) => find(settings.own.on(tx), id));
      if (letter === undefined) return { status: "not_found" };
      if (!waiting.includes(letter.status)) return { status: "not_open", is: letter.status };
      const principal = await principalOf(letter, as, config.deadLetters?.principal);
      if (principal === undefined) return unknownPrincipal;
      const { signal } = new AbortController();
      const caller = await gate(database, { ...name, signal, principal });
      const call = {
        ...callOf(database, name.correlationId, principal, letter),
        ...(caller && { caller }),
      };
      for (let number = 1; ; number += 1) {
        Object.assign(progress, { during: "begin", operationIndex: undefined });
        try {
          const tried = await tryOnce(parts, id, force, call, number, progress);
          const { result, committed } = tried;
          if (committed !== undefined) await announceCommit(committed, call);
          if (result.status === "retried" || result.status === "stale") {
            emit({ type: "dead_letter_handled", ...name, id, outcome: result.status });
          }
          return result;
        } catch (error) {
          const { during, operationIndex } = progress;
          const verdict = classify(error, database, during !== "begin", caller !== undefined);
          const where = operationIndex === undefined ? {} : { operationIndex };
          const { outcome } = verdict;
          emit({ type: "error", ...name, during, error, outcome, ...where });
          if (await again(verdict, number, call)) continue;
          const failed = failedBy(verdict, operationIndex);
          await count(parts, inTransaction, database, id, failed, name);
          emit({ type: "dead_letter_handled", ...name, id, outcome: "failed" });
          return failed;
        }
      }
    } catch (error) {
      if (isBadRequest(error)) throw error;
      emit({ type: "error", ...name, during: "retry", error, outcome: "retryable" });
      return failedBy(classify(error, database, false), undefined);
    }
  };
}

const unknownPrincipal: Failed = {
  status: "failed",
  retryable: false,
  errorCode: "UNAUTHORIZED",
  message:
    "The letter does not keep who sent it: say so by `as`, or by `deadLetters.principal` in the configuration.",
};

/** @throws badRequest where `as` is not the letter's user */
async function principalOf<P extends Principal>(
  letter: Letter,
  as: P | undefined,
  make: ((letter: Letter) => P | Promise<P>) | undefined,
): Promise<P | undefined> {
  const principal = as ?? (make === undefined ? (letter.principal as P) : await make(letter));
  if (principal === undefined) return undefined;
  if (principal?.userId === letter.userId) return principal;
  if (as !== undefined) throw badRequest(400, "`as` must be the user whose letter it is.");
  throw new TypeError("deadLetters.principal gave somebody else than the letter's user.");
}

function callOf<P extends Principal, DB>(
  database: Kysely<DB>,
  correlationId: string,
  principal: P,
  { clientId, queueId, lossyNumbers }: StoredLetter,
): Call<P, DB> {
  return {
    correlationId,
    signal: new AbortController().signal,
    principal,
    database,
    ...(clientId !== undefined && { clientId }),
    ...(queueId !== undefined && { queueId }),
    // What the device has been told stands: the ledger has no part in this.
    identify: async () => undefined,
    requestId: correlationId,
    clientCanHandle: false,
    lossyNumbers,
  };
}

/** Rejects with whatever fails; then nothing has been written. */
async function tryOnce<P extends Principal, DB>(
  { pipeline, rowStateReader, settings, limits }: RetryParts<P, DB>,
  id: string,
  force: boolean,
  call: Call<P, DB>,
  number: number,
  progress: Progress,
): Promise<Tried> {
  const watch = createWatch();
  const run = async (tx: Transaction<DB>): Promise<Tried> => {
    const own = settings.own.on(tx);
    const letter = await find(own, id, true);
    if (letter === undefined) return { result: { status: "not_found" } };
    const { status, rowStates, payload } = letter;
    if (!waiting.includes(status)) return { result: { status: "not_open", is: status } };
    if (!force && rowStates !== undefined) {
      const rows = await rowStateReader.changed(tx as unknown as Connection, rowStates);
      if (rows.length > 0) {
        await change(own, [id], { status: "stale" });
        return { result: { status: "stale", rows } };
      }
    }
    const reading = transactionOf(payload, limits);
    if ("invalid" in reading) {
      progress.operationIndex = reading.operationIndex;
      throw fatal("INVALID_TRANSACTION", reading.invalid);
    }
    // First, while the connection's own role is at work. It is undone with everything else.
    await change(own, [id], { closed: { status: "retried" } });
    const { transaction } = reading;
    const writes = await apply(pipeline, transaction, call, { tx, number, progress, watch });
    return { result: { status: "retried" }, committed: { transaction, writes } };
  };
  return begin(call.database, settings, run, { watch });
}

function failedBy(verdict: Verdict, operationIndex: number | undefined): Failed {
  const { outcome, message } = verdict;
  return {
    status: "failed",
    retryable: outcome === "retryable",
    ...(verdict.outcome === "fatal" && { errorCode: verdict.errorCode }),
    message,
    ...(operationIndex !== undefined && { operationIndex }),
  };
}

/** In a transaction of its own, for what failed is undone. The count is no promise. */
async function count<P extends Principal, DB>(
  { emit, settings }: RetryParts<P, DB>,
  inTransaction: InTransaction,
  database: Kysely<DB>,
  id: string,
  { errorCode, message, operationIndex }: Failed,
  name: { readonly correlationId: string },
): Promise<void> {
  const where = operationIndex === undefined ? {} : { operationIndex };
  const error = errorCode === undefined ? {} : { error: { errorCode, message, ...where } };
  try {
    await inTransaction(database, (tx) => change(settings.own.on(tx), [id], { failed: error }));
  } catch (error) {
    emit({ type: "error", ...correlated(name), during: "retry", error, outcome: "ignored" });
  }
}

// A letter's payload as the transaction that it is.
/** Says what is wrong where it is none. */
type Reading =
  | { readonly transaction: CrudTransaction }
  | { readonly invalid: string; readonly operationIndex?: number };

export function transactionOf(payload: unknown, limits: Limits): Reading {
  try {
    const [transaction, ...others] = normaliseUpload(payload, limits).transactions;
    if (transaction === undefined || others.length > 0) {
      return { invalid: "A letter holds one transaction: { crud: [...] }." };
    }
    if (!("invalid" in transaction)) return { transaction };
    const { invalid, operationIndex } = transaction;
    return { invalid, ...(operationIndex !== undefined && { operationIndex }) };
  } catch (error) {
    if (isBadRequest(error)) return { invalid: error.message };
    throw error;
  }
}
