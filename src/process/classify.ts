/** Decides what an error means for its transaction, and whether the server tries again. An error is fatal only if it is known to be. */
import { ApplicationFailure, isFatal, isRetryable } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import type { Correlated } from "../events/events.js";
import { ServerValue, TooManyDevices } from "../store/failures.js";
import { canonicalJson, stringifyJson } from "../wire/serialize.js";
import type { Principal } from "../context.js";
import type { ErrorCode, FatalResult } from "../model.js";
import type { Places } from "./places.js";
import type { DatabaseCaller, Store, Unit, UnitOptions } from "../store/store.js";
import type { Blamed, FatalMeaning, RetryableMeaning } from "../store/failures.js";
import type { SchemaTrust, Table } from "../store/tables.js";

/** What the database refused, by the source database's names. */
export interface About extends Blamed {
  readonly table: string;
}

export type Verdict =
  | {
      readonly outcome: "fatal";
      readonly errorCode: ErrorCode;
      readonly message: string;
      readonly details?: unknown;
      /** For the operator, in the database's own names. See `explain.ts`. */
      readonly about?: About;
      /** Worth trying again in the server if the schema turns out to have changed. */
      readonly again?: "schema";
    }
  | {
      readonly outcome: "retryable";
      readonly message: string;
      readonly retryAfterMs?: number;
      /** See `RetryableResult`. */
      readonly tooManyDevices?: true;
      /** Worth trying again in the server: others held the rows, or the cached schema was out of date. */
      readonly again?: "contention" | "schema";
      /** The cause is not the transaction's own, so the failure does not count for parking: an outage, contention, or a mistake of the server's. */
      readonly passes?: true;
    };

const refusedMessage = "The database's rules do not allow this change.";
const fatalMessages: Readonly<Record<FatalMeaning, string>> = {
  NOT_NULL_VIOLATION: "A required value is missing.",
  UNIQUE_VIOLATION: "Another row already has a value that must be unique.",
  FOREIGN_KEY_VIOLATION:
    "A row that this one refers to does not exist, or this one is still referred to.",
  CHECK_VIOLATION: "A value is not allowed by the database's rules.",
  CONSTRAINT_VIOLATION: refusedMessage,
  INVALID_DATA: "A value can't be stored in its column.",
};

const unauthorized: Verdict = {
  outcome: "fatal",
  errorCode: "UNAUTHORIZED",
  message: "The caller may not write this row.",
};

const notSetUp = "The server is not set up for this change right now.";
const tooManyDevices: Verdict = {
  outcome: "retryable",
  message: "Too many devices have sent changes in your name.",
  retryAfterMs: 60_000,
  tooManyDevices: true,
  passes: true,
};

const retryableMessages: Readonly<Record<RetryableMeaning, string>> = {
  contention: "Others are changing the same rows right now.",
  busy: "Others are changing the same rows right now.",
  schema: "The database is being changed right now.",
  generated: "The database is being changed right now.",
  permission: notSetUp,
  exhausted: "The change can't be made right now.",
  outage: "The database can't be reached right now.",
  other: "The change can't be made right now.",
};

const passing: readonly RetryableMeaning[] = ["outage", "busy", "contention", "exhausted"];

/**
 * A driver's own text is never part of a verdict.
 *
 * @param ofData whether the statements that write the data threw the error; an error of any other statement is never fatal
 * @param rls whether these statements were sent as a role of the caller's: a lack of permission is then the database's decision about the caller, and not
 *   a forgotten grant
 */
export function classify(error: unknown, store: Store, ofData: boolean, rls = false): Verdict {
  if (error instanceof ApplicationFailure)
    return classify(
      error.statement === undefined ? error.cause : error.statement.error,
      store,
      false,
    );
  if (error instanceof TooManyDevices) return tooManyDevices;
  if (isFatal(error)) {
    const details = plainDetails(error.details);
    return {
      outcome: "fatal",
      errorCode: error.code,
      message: error.message.slice(0, mostOfMessage),
      ...(details !== undefined && { details }),
      ...(error.ofSchema && { again: "schema" }),
    };
  }
  if (isRetryable(error)) {
    return {
      outcome: "retryable",
      message: error.message,
      ...(error.staysQueued && { passes: true }),
      ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    };
  }
  if (error instanceof ServerValue) {
    // The value may have been converted for a type that the column no longer has.
    return { outcome: "retryable", message: notSetUp, passes: true, again: "schema" };
  }
  const meaning = store.meaning(error);
  const word = ofData ? store.applicationWord?.(error) : undefined;
  if (word === "retryable") return { outcome: "retryable", message: retryableMessages.other };
  if (word !== undefined) {
    const message = isFatalMeaning(word) ? fatalMessages[word] : refusedMessage;
    return { outcome: "fatal", errorCode: word, message };
  }
  if (isFatalMeaning(meaning)) {
    if (!ofData) return { outcome: "retryable", message: retryableMessages.other };
    const message = fatalMessages[meaning];
    // The value may have been converted for a type that the column no longer has.
    const again = meaning === "INVALID_DATA" && ({ again: "schema" } as const);
    return { outcome: "fatal", errorCode: meaning, message, ...again };
  }
  if (meaning === "permission" && ofData && rls) return unauthorized;
  return {
    outcome: "retryable",
    message: retryableMessages[meaning],
    ...(passing.includes(meaning) && { passes: true }),
    ...(meaning === "contention" && { again: meaning }),
    ...((meaning === "schema" || meaning === "generated") && { again: "schema" }),
  };
}

/** Reports a value that the configuration set and its column can't hold, once trying again has not helped. */
export function tellServerValue(emit: Emit, name: Correlated, error: unknown): void {
  if (!(error instanceof ServerValue)) return;
  const { table, column, why } = error;
  emit({ type: "server_value", ...correlated(name), table, column, why });
}

function isFatalMeaning(meaning: string): meaning is FatalMeaning {
  return Object.hasOwn(fatalMessages, meaning);
}

/** UTF-16 code units. An answer must always be storable, and an application may copy what the client sent into it. */
const mostOfMessage = 10_000;
const mostOfDetails = 100_000;

/** The details as JSON carries them. `undefined` if JSON can't carry them, or if they are too large. */
function plainDetails(details: unknown): unknown {
  try {
    const text = details === undefined ? undefined : stringifyJson(details);
    return text === undefined || text.length > mostOfDetails ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The answer for a fatal verdict. */
export function fatalResult(
  { errorCode, message, details }: Extract<Verdict, { outcome: "fatal" }>,
  operationIndex: number | undefined,
): FatalResult {
  return {
    status: "fatal_error",
    requiresClientHandling: false,
    message,
    failedOperation: {
      errorCode,
      message,
      ...(details !== undefined && { details }),
      ...(operationIndex !== undefined && { operationIndex }),
    },
  };
}

const attempts = 5;
const firstDelayMs = 10;

/** The transaction that failed. */
interface FailedCall {
  readonly store: Store;
  /** The caller, among whose transactions a look-up waits for its place. Absent: the look-up takes no place. */
  readonly principal?: Principal;
  readonly memory?: { readonly places: Places };
  readonly signal?: AbortSignal;
  readonly caller?: DatabaseCaller;
  /** The schema that the transaction relied on. */
  readonly schema: SchemaTrust;
}

/**
 * Whether to try again; if so, it resolves after a pause. The number of attempts is bounded, and none is made after the caller has left. Rejects if
 * the schema can't be read again: it is then unknown whether the verdict holds.
 */
export async function isTriedAgain(
  verdict: Verdict,
  attempt: number,
  tried: FailedCall,
): Promise<boolean> {
  const { signal, schema } = tried;
  if (attempt >= attempts || signal?.aborted) return false;
  switch (verdict.again) {
    case "contention":
      await sleep(firstDelayMs * 2 ** attempt * (0.5 + Math.random()));
      return signal?.aborted !== true;
    case "schema": {
      if (schema.believed === undefined || schema.believed.size === 0) return false;
      const changed = await hasChanged(tried, schema.believed);
      // A fatal verdict stands if the tables have not changed. A retryable one may have had another cause that has passed.
      return changed || verdict.outcome === "retryable";
    }
    default:
      return false;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Whether the tables have changed. Reads them again, which also refreshes the cache for the next attempt. */
async function hasChanged(
  { store, principal, memory, caller, schema: { since } }: FailedCall,
  believed: ReadonlyMap<string, Table>,
): Promise<boolean> {
  const options: UnitOptions = { readOnly: true, schema: { since, anew: true } };
  const compare = async (unit: Unit): Promise<boolean> => {
    if (caller !== undefined) await unit.become(caller);
    let changed = false;
    for (const [name, before] of believed) {
      const now = await unit.table(name);
      changed ||= now === undefined || formOf(now) !== formOf(before);
    }
    return changed;
  };
  return principal === undefined || memory === undefined
    ? store.unit(options, compare)
    : memory.places.unit({ userId: principal.userId, operations: 1 }, store, options, compare);
}

function formOf({ columns }: Table): string {
  return canonicalJson([...columns.values()]);
}

/** Runs one of the library's own database transactions, again after contention. Rejects with the database's errors, and with what `work` throws. */
export async function inUnit<T>(
  store: Store,
  work: (unit: Unit) => Promise<T>,
  options: UnitOptions = {},
): Promise<T> {
  const since = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    const schema: SchemaTrust = { since, believed: new Map() };
    try {
      return await store.unit({ schema, ...options }, work);
    } catch (error) {
      const verdict = classify(error, store, false);
      const { signal } = options;
      if (!(await isTriedAgain(verdict, attempt, { store, schema, ...(signal && { signal }) })))
        throw error;
    }
  }
}
