/** A fatal answer is given only when the dead letter and the ledger's row have been committed together. */
import type { Transaction } from "kysely";
import { begin, type TransactionSettings } from "../sql/transaction.js";
import { type Call, publicContext } from "./call.js";
import type { WritesConfig } from "../config.js";
import { correlated, type Emit } from "../events.js";
import type { Identity } from "./identity.js";
import type { Principal } from "../pipeline/layers.js";
import { claim } from "../sql/ledger.js";
import { type LetterBound, TooManyLetters } from "../dead-letters/quota.js";
import { createNextId, namedRows, type NextId } from "../dead-letters/payload.js";
import { classify } from "./classify.js";
import type { Connection } from "../sql/dialect.js";
import { dialectOf } from "../sql/dialects.js";
import type { RowStateReader } from "../sql/fingerprints.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import {
  type DeadLetter,
  type FatalResult,
  retryableResult,
  type TransactionResult,
} from "../model.js";
import type { Again } from "./retry.js";

interface RecorderParts<P extends Principal, DB> {
  readonly pipeline: Pipeline<P, DB>;
  readonly rowStateReader: RowStateReader;
  readonly again: Again;
  readonly emit: Emit;
  readonly onDeadLetter: WritesConfig<P, DB>["onDeadLetter"];
  readonly settings: TransactionSettings;
  readonly letters: LetterBound;
}

/** Never rejects. Gives the answer itself, the answer of another attempt that was first, or, where nothing could be recorded, a retryable one. */
type RecordFailure<P extends Principal, DB> = (
  answer: FatalResult,
  payload: unknown,
  call: Call<P, DB>,
  identity: Identity | undefined,
) => Promise<TransactionResult>;

export function createRecord<P extends Principal, DB>({
  pipeline,
  rowStateReader,
  again,
  emit,
  onDeadLetter,
  settings,
  letters,
}: RecorderParts<P, DB>): RecordFailure<P, DB> {
  const nextId = createNextId();
  return async (answer, payload, call, identity) => {
    const letter = letterOf(answer, payload, call, identity, nextId);
    const reading: Reading = { rowStateReader, wanted: true, underWay: false };
    const parts = { pipeline, settings, letters, reading };
    let outcome: Outcome | undefined;
    for (let attempt = 1; outcome === undefined; attempt += 1) {
      try {
        outcome = await store(parts, answer, letter, call, identity);
      } catch (error) {
        const { underWay: unread } = reading;
        const during = unread ? "rowStates" : "deadLetter";
        const outcome = unread ? "ignored" : "retryable";
        emit({ type: "error", ...correlated(call), during, error, outcome });
        if (error instanceof TooManyLetters) {
          const refusal = letters.refusal(call.database, letter.userId);
          if (refusal !== undefined) return refusal;
        }
        // What the rows are like is good to know. A letter without it is better than none.
        if (unread) reading.wanted = false;
        if (unread || (await again(classify(error, call.database, false), attempt, call))) continue;
        return retryableResult("The failure can't be recorded just now.");
      }
    }
    if ("earlier" in outcome) return outcome.earlier;
    // It has been committed, and that is the answer, whatever goes wrong from here on.
    await announce(outcome.stored, call, emit, onDeadLetter);
    return answer;
  };
}

type Outcome = { readonly earlier: TransactionResult } | { readonly stored: DeadLetter };

/** Of the rows that the letter names. */
interface Reading {
  readonly rowStateReader: RowStateReader;
  wanted: boolean;
  /** So that a failure can say whether it was this. */
  underWay: boolean;
}

interface Storing<P extends Principal, DB> extends Pick<
  RecorderParts<P, DB>,
  "pipeline" | "settings" | "letters"
> {
  readonly reading: Reading;
}

/** Stores the letter, unless another attempt was first: then its answer holds, and nothing is stored. */
async function store<P extends Principal, DB>(
  { pipeline, settings, letters, reading }: Storing<P, DB>,
  answer: FatalResult,
  letter: DeadLetter,
  call: Call<P, DB>,
  identity: Identity | undefined,
): Promise<Outcome> {
  reading.underWay = false;
  const bounds = identity && dialectOf(call.database).bounds?.(settings.timeouts);
  const run = async (tx: Transaction<DB>): Promise<Outcome> => {
    const own = settings.own.on(tx);
    const request = call.requestId;
    const earlier =
      identity && (await claim(own, { identity, request, bounds, fatalAnswer: answer }));
    if (earlier !== undefined) return { earlier };
    await letters.check(tx, letter.userId);
    const whole = await withRowStates(letter, tx as unknown as Connection, reading);
    const stored: unknown = await pipeline.deadLetter(whole, { ...publicContext(call), tx });
    // One of the application's own may give nothing back, whatever its type says.
    return { stored: (stored as DeadLetter | undefined) ?? whole };
  };
  return begin(call.database, settings, run, { boundsItself: bounds !== undefined });
}

async function withRowStates(
  letter: DeadLetter,
  tx: Connection,
  reading: Reading,
): Promise<DeadLetter> {
  if (!reading.wanted) return letter;
  reading.underWay = true;
  const rowStates = await reading.rowStateReader.read(tx, namedRows(letter.payload));
  reading.underWay = false;
  return { ...letter, rowStates };
}

function letterOf<P extends Principal, DB>(
  { failedOperation, message }: FatalResult,
  payload: unknown,
  { principal, clientId, queueId, lossyNumbers }: Call<P, DB>,
  identity: Identity | undefined,
  nextId: NextId,
): DeadLetter {
  const { errorCode, operationIndex } = failedOperation;
  return {
    id: nextId(),
    userId: principal.userId,
    ...(clientId !== undefined && { clientId }),
    ...(queueId !== undefined && { queueId }),
    errorCode,
    message,
    ...(operationIndex !== undefined && { operationIndex }),
    ...(identity && { identity: identity.key }),
    payload,
    ...(lossyNumbers && { lossyNumbers }),
    attempts: 1,
  };
}

async function announce<P extends Principal, DB>(
  letter: DeadLetter,
  call: Call<P, DB>,
  emit: Emit,
  onDeadLetter: WritesConfig<P, DB>["onDeadLetter"],
): Promise<void> {
  try {
    const { id, userId, errorCode, attempts } = letter;
    emit({
      type: "dead_letter",
      ...correlated(call),
      id,
      userId,
      errorCode,
      repeat: attempts > 1,
    });
    await onDeadLetter?.(letter);
  } catch (error) {
    emit({ type: "error", ...correlated(call), during: "onDeadLetter", error, outcome: "ignored" });
  }
}
