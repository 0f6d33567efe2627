/** Records failures as dead letters. A fatal answer is given only after the letter and the ledger's row have been committed together. */
import type { WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import { contentHash, createNextId, eachRowOnce, namedRows } from "../dead-letters/payload.js";
import {
  ChainFull,
  type LetterQuota,
  TooManyLetters,
  tooManyLetters,
} from "../dead-letters/quota.js";
import type { RowStateReader } from "../dead-letters/row-states.js";
import { type Emit, correlated } from "../events/emit.js";
import {
  type DeadLetter,
  type FatalResult,
  retryableResult,
  type TransactionResult,
} from "../model.js";
import { type OpenUnit, type Targets, withUnit } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Call } from "./call.js";
import type { SchemaTrust } from "../store/tables.js";
import { type About, classify, isTriedAgain } from "./classify.js";
import type { Identity } from "./identity.js";
import { withRemedy } from "./explain.js";

interface RecorderParts<P extends Principal, DB> {
  readonly pipeline: Pipeline<P, DB>;
  readonly rowStateReader: RowStateReader;
  readonly emit: Emit;
  readonly onRecorded: OnRecorded<P, DB> | undefined;
  readonly quota: LetterQuota;
}

type OnRecorded<P extends Principal, DB> = NonNullable<
  WritesConfig<P, DB>["deadLetters"]
>["onRecorded"];

/**
 * Never rejects. Resolves to the given answer, to the answer of another attempt that was first, or to a retryable one if nothing could be recorded.
 *
 * @param more `root`: the letter that the transaction depends on. If that letter no longer waits, nothing is recorded, and the result is `undefined`
 */
export type RecordFailure<P extends Principal> = (
  answer: FatalResult,
  payload: unknown,
  call: Call<P>,
  identity: Identity | undefined,
  more: { readonly root?: string; readonly about?: About; readonly targets?: Targets },
) => Promise<TransactionResult | undefined>;

export function createRecord<P extends Principal, DB>({
  pipeline,
  rowStateReader,
  emit,
  onRecorded,
  quota,
}: RecorderParts<P, DB>): RecordFailure<P> {
  const nextId = createNextId();
  return async (answer, payload, call, identity, { root, about, targets }) => {
    const letter = letterOf(answer, payload, call, identity, {
      id: nextId(),
      ...(root !== undefined && { root }),
    });
    const reading: RowReading = { rowStateReader, wanted: true, underWay: false };
    const parts = { pipeline, quota, reading };
    let outcome: Outcome | undefined;
    for (let attempt = 1; outcome === undefined; attempt += 1) {
      const schema: SchemaTrust = { since: call.requestBegan, believed: new Map() };
      try {
        const storing = { ...parts, schema, targets };
        outcome = await storeLetter(storing, answer, letter, call, identity);
      } catch (error) {
        if (error instanceof RootClosed) return undefined;
        const { underWay: unread } = reading;
        const during = unread ? "rowStates" : "deadLetter";
        const outcome = unread ? "ignored" : "retryable";
        const remedy = withRemedy(error, during, call.store);
        emit({ type: "error", ...correlated(call), during, error, outcome, ...remedy });
        if (error instanceof ChainFull) return chainFull(letter, error.root, call, emit);
        if (error instanceof TooManyLetters) return tooManyLetters();
        // The state of the rows is useful, but a letter without it is better than no letter.
        if (unread) reading.wanted = false;
        const verdict = classify(error, call.store, false);
        const tried = { ...call, schema };
        if (unread || (await isTriedAgain(verdict, attempt, tried).catch(() => false))) continue;
        return retryableResult("The failure can't be recorded right now.");
      }
    }
    if ("earlier" in outcome) return outcome.earlier;
    // The letter has been committed, so the answer stands, whatever fails from here on.
    await announce(outcome.stored, about, call, emit, onRecorded);
    return answer;
  };
}

const chainPauseMs = 30_000;

type Outcome = { readonly earlier: TransactionResult } | { readonly stored: DeadLetter };

class RootClosed extends Error {}

/** The reading of the state of the rows that the letter names. */
interface RowReading {
  readonly rowStateReader: RowStateReader;
  wanted: boolean;
  /** Whether the rows are being read, so that a failure can be told from others. */
  underWay: boolean;
}

interface Storing<P extends Principal, DB> extends Pick<
  RecorderParts<P, DB>,
  "pipeline" | "quota"
> {
  readonly reading: RowReading;
  readonly schema: SchemaTrust;
  readonly targets: Targets | undefined;
}

/** Stores the letter, unless another attempt was first: then that attempt's answer stands, and nothing is stored. */
async function storeLetter<P extends Principal, DB>(
  { pipeline, quota, reading, schema, targets }: Storing<P, DB>,
  answer: FatalResult,
  letter: DeadLetter,
  call: Call<P>,
  identity: Identity | undefined,
): Promise<Outcome> {
  reading.underWay = false;
  const { store, memory } = call;
  const { userId } = letter;
  return memory.places.unit(
    { userId, operations: 1 },
    store,
    { schema, ...(identity && { claim: { ...identity, answer } }) },
    async (unit): Promise<Outcome> => {
      if (unit.earlier !== undefined) return { earlier: unit.earlier };
      const open = { store, unit, ...(targets && { targets }) };
      const { root } = letter;
      const repeats = async () => unit.letters.repeats(await contentHash(letter), root);
      if (root !== undefined) {
        const chain = await unit.letters.lockRoot(root);
        // The error also rolls back the ledger's row.
        if (chain === undefined) throw new RootClosed();
        await quota.checkChain(chain, root, repeats);
      }
      await quota.check(unit, memory, letter, repeats);
      const whole = await withRowStates(letter, open, reading, call.principal);
      const context = withUnit<P, DB>(call.shown, open);
      return { stored: await pipeline.deadLetter(whole, context) };
    },
  );
}

async function withRowStates(
  letter: DeadLetter,
  open: OpenUnit,
  reading: RowReading,
  principal: Principal,
): Promise<DeadLetter> {
  if (!reading.wanted) return letter;
  reading.underWay = true;
  const named = await namedRows(letter.payload);
  const mapped = open.targets?.flatMap(({ target }) => target ?? []) ?? [];
  const rows = mapped.length === 0 ? named : eachRowOnce([...named, ...mapped]);
  const rowStates = await reading.rowStateReader.read(open, rows, principal);
  reading.underWay = false;
  return { ...letter, rowStates };
}

function letterOf<P extends Principal>(
  { failedOperation, message }: FatalResult,
  payload: unknown,
  { principal, clientId, queueId, lossyNumbers }: Call<P>,
  identity: Identity | undefined,
  named: Pick<DeadLetter, "id" | "root">,
): DeadLetter {
  const { errorCode, operationIndex } = failedOperation;
  return {
    ...named,
    userId: principal.userId,
    ...(clientId !== undefined && { clientId }),
    ...(queueId !== undefined && { queueId }),
    errorCode,
    message,
    ...(operationIndex !== undefined && { operationIndex }),
    ...(identity?.key !== undefined && { identity: identity.key }),
    payload,
    ...(lossyNumbers && { lossyNumbers }),
    attempts: 1,
  };
}

/** Answers a queue whose chain is full: it waits, and the user's other queues go on. */
function chainFull<P extends Principal>(
  { userId, clientId }: DeadLetter,
  root: string,
  call: Call<P>,
  emit: Emit,
): TransactionResult {
  const device = clientId === undefined ? {} : { clientId };
  emit({ type: "chain_full", ...correlated(call), id: root, userId, ...device });
  const message = "Too many of your changes are waiting behind one that could not be made.";
  return retryableResult(message, chainPauseMs);
}

async function announce<P extends Principal, DB>(
  letter: DeadLetter,
  about: About | undefined,
  call: Call<P>,
  emit: Emit,
  onRecorded: OnRecorded<P, DB> | undefined,
): Promise<void> {
  try {
    const { id, userId, errorCode, message, operationIndex, attempts, root } = letter;
    emit({
      type: "dead_letter",
      ...correlated(call),
      id,
      userId,
      errorCode,
      message,
      ...(operationIndex !== undefined && { operationIndex }),
      ...(about && { about }),
      ...(root !== undefined && { root }),
      repeat: attempts > 1,
    });
    await onRecorded?.(letter);
  } catch (error) {
    emit({ type: "error", ...correlated(call), during: "onRecorded", error, outcome: "ignored" });
  }
}
