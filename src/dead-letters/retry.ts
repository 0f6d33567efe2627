/** One letter tried again: applied as the user who sent it, and closed, in one database transaction; or left as it was. */
import type { WritesConfig } from "../config.js";
import type { Committed, Principal } from "../context.js";
import { badRequest, fatal, isBadRequest } from "../errors.js";
import { correlated, type Emit } from "../events.js";
import type { CrudTransaction } from "../model.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { apply, type Progress } from "../process/attempt.js";
import { type Call, type Database, shownContext } from "../process/call.js";
import {
  classify,
  inUnit,
  isTriedAgain,
  tellServerValue,
  type Verdict,
} from "../process/classify.js";
import type { Gate } from "../rls/gate.js";
import { type Letter, type LetterStatus, type StoredLetter, waiting } from "../store/letters.js";
import type { Store, Unit } from "../store/store.js";
import type { SchemaTrust } from "../store/tables.js";
import type { Limits } from "../wire/limits.js";
import { normalizeUpload } from "../wire/upload.js";
import type { RowStateReader } from "./row-states.js";
import type { NotFound, NotOpen, RetryOptions, RetryResult } from "./types.js";

export interface RetryParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly pipeline: Pipeline<P, DB>;
  readonly rowStateReader: RowStateReader;
  readonly emit: Emit;
  readonly limits: Limits;
  readonly gate: Gate<P> | undefined;
}

/** Rejects with `badRequest` where `as` is somebody else; every other failure is its result. */
type RetryLetter<P extends Principal> = (
  database: Database,
  id: string,
  options: Pick<RetryOptions<P>, "force" | "as">,
) => Promise<RetryResult>;

type Failed = Extract<RetryResult, { status: "failed" }>;
type Tried = { readonly result: RetryResult; readonly committed?: Committed };

export function createRetryLetter<P extends Principal, DB>(
  parts: RetryParts<P, DB>,
): RetryLetter<P> {
  const { config, pipeline, emit, gate } = parts;

  return async (database, id, { force = false, as }) => {
    const { store } = database;
    const name = { correlationId: crypto.randomUUID() };
    const progress: Progress = { during: "begin", operationIndex: undefined };
    try {
      // Asked before the transaction begins: the answer may come from the same database.
      const letter = await inUnit(store, ({ letters }) => letters.find(id));
      if (!isOpen(letter)) return notOpenAnswer(letter);
      const principal = await letterPrincipal(letter, as, config.deadLetters?.principal);
      if (principal === undefined) return unknownPrincipal;
      const begun = callOf(database, name.correlationId, principal, letter);
      const caller = await gate?.(database, begun);
      const call = { ...begun, ...(caller && { caller }) };
      for (let number = 1; ; number += 1) {
        Object.assign(progress, { during: "begin", operationIndex: undefined });
        const schema: SchemaTrust = { since: call.requestBegan, believed: new Map() };
        try {
          const tried = await tryOnce(parts, id, force, call, { number, progress, schema });
          const { result, committed } = tried;
          if (committed !== undefined) await pipeline.announceCommit?.(committed, call.shown);
          if (result.status === "retried" || result.status === "stale") {
            emit({ type: "dead_letter_handled", ...name, id, outcome: result.status });
          }
          return result;
        } catch (error) {
          const { during, operationIndex } = progress;
          const verdict = classify(error, store, during !== "begin", caller !== undefined);
          const where = operationIndex === undefined ? {} : { operationIndex };
          const { outcome } = verdict;
          emit({ type: "error", ...name, during, error, outcome, ...where });
          if (await isTriedAgain(verdict, number, { ...call, schema })) continue;
          tellServerValue(emit, name, error);
          const failed = failedBy(verdict, operationIndex);
          await count(emit, store, id, failed, name);
          emit({ type: "dead_letter_handled", ...name, id, outcome: "failed" });
          return failed;
        }
      }
    } catch (error) {
      if (isBadRequest(error)) throw error;
      emit({ type: "error", ...name, during: "retry", error, outcome: "retryable" });
      return failedBy(classify(error, store, false), undefined);
    }
  };
}

interface WithStatus {
  readonly status: LetterStatus;
}

/** Whether the letter is there, and waits. */
export function isOpen<L extends WithStatus>(letter: L | undefined): letter is L {
  return letter !== undefined && waiting.includes(letter.status);
}

/** The result for a letter that is not open. */
export function notOpenAnswer(letter: WithStatus | undefined): NotOpen | NotFound {
  return letter === undefined ? { status: "not_found" } : { status: "not_open", is: letter.status };
}

const unknownPrincipal: Failed = {
  status: "failed",
  retryable: false,
  errorCode: "UNAUTHORIZED",
  message:
    "The letter does not keep who sent it: say so by `as`, or by `deadLetters.principal` in the configuration.",
};

/** @throws badRequest where `as` is not the letter's user */
async function letterPrincipal<P extends Principal>(
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

function callOf<P extends Principal>(
  database: Database,
  correlationId: string,
  principal: P,
  { clientId, queueId, lossyNumbers }: StoredLetter,
): Call<P> {
  const { signal } = new AbortController();
  return {
    correlationId,
    signal,
    principal,
    ...database,
    shown: shownContext({ correlationId, signal, principal }, clientId),
    ...(clientId !== undefined && { clientId }),
    ...(queueId !== undefined && { queueId }),
    // What the device has been told stands: the ledger has no part in this.
    ledger: false,
    requestId: correlationId,
    requestBegan: performance.now(),
    clientCanHandle: false,
    lossyNumbers,
  };
}

interface Trying {
  /** From 1. */
  readonly number: number;
  readonly progress: Progress;
  readonly schema: SchemaTrust;
}

/** Rejects with whatever fails; then nothing has been written. */
async function tryOnce<P extends Principal, DB>(
  { pipeline, rowStateReader, limits }: RetryParts<P, DB>,
  id: string,
  force: boolean,
  call: Call<P>,
  { number, progress, schema }: Trying,
): Promise<Tried> {
  const { store } = call;
  return store.unit({ schema }, async (unit: Unit): Promise<Tried> => {
    const { letters } = unit;
    const open = { store, unit };
    const letter = await letters.find(id, true);
    if (!isOpen(letter)) return { result: notOpenAnswer(letter) };
    const { rowStates, payload } = letter;
    if (!force && rowStates !== undefined) {
      const rows = await rowStateReader.changed(open, rowStates);
      if (rows.length > 0) {
        await letters.change([id], { status: "stale" });
        return { result: { status: "stale", rows } };
      }
    }
    const reading = readPayload(payload, limits);
    if ("invalid" in reading) {
      progress.operationIndex = reading.operationIndex;
      throw fatal("INVALID_TRANSACTION", reading.invalid);
    }
    // First, while the connection's own role is at work. It is undone with everything else.
    await letters.change([id], { closed: { status: "retried" } });
    const { transaction } = reading;
    const writes = await apply(pipeline, transaction, call, { open, number, progress });
    return { result: { status: "retried" }, committed: { transaction, writes: writes() } };
  });
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
async function count(
  emit: Emit,
  store: Store,
  id: string,
  { errorCode, message, operationIndex }: Failed,
  name: { readonly correlationId: string },
): Promise<void> {
  const where = operationIndex === undefined ? {} : { operationIndex };
  const error = errorCode === undefined ? {} : { error: { errorCode, message, ...where } };
  try {
    await inUnit(store, ({ letters }) => letters.change([id], { failed: error }));
  } catch (error) {
    emit({ type: "error", ...correlated(name), during: "retry", error, outcome: "ignored" });
  }
}

/** Says what is wrong where it is none. */
type ReadPayload =
  | { readonly transaction: CrudTransaction }
  | { readonly invalid: string; readonly operationIndex?: number };

export function readPayload(payload: unknown, limits: Limits): ReadPayload {
  try {
    const [transaction, ...others] = normalizeUpload(payload, limits).transactions;
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
