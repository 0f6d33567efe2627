/** Bounds on what callers may ask and on how long things may take: their defaults, and what the application says, checked. */

/** Bounds on what callers may ask. */
export interface Limits {
  /** Of the body, and of the body once decompressed. Beyond it 413. Default 16 MiB. */
  readonly bodyBytes: number;
  /** In one request. Beyond it 400. Default 100. */
  readonly transactions: number;
  /** In one transaction. Beyond it, and the next four, that transaction is INVALID_TRANSACTION. Default 10,000. */
  readonly operations: number;
  /** Levels of nesting in one operation's members, `op_data` itself being the first. Default 64. */
  readonly depth: number;
  /** Object keys in one transaction's values: those of `op_data`, `previous_values` and the objects inside them; in one object a fifth of these, or 50,000. Default 250,000. */
  readonly keys: number;
  /**
   * JSON values in one transaction: objects, lists, texts, numbers, `true`, `false`, `null`. They are counted before the body is parsed. A body may have
   * twice as many in all its transactions; beyond that 413. Default 500,000.
   */
  readonly values: number;
  /** UTF-16 code units of one text. Default 4 Mi. */
  readonly stringLength: number;
  /** Of one caller, under way in one process. Beyond it 429 with Retry-After. Default 8. */
  readonly concurrentRequests: number;
  /**
   * Of all callers, under way in one process: being authenticated, waiting for their bodies, and being processed, as many of each. Beyond it 503 with
   * Retry-After. Default 1,000.
   */
  readonly requests: number;
  /**
   * Bytes that bodies and their values may take in one process, as the library estimates them: those that are being processed, and half as much of
   * those on their way. Beyond it 503 with Retry-After; 429 for a caller who has a quarter of it. One large body is let in however large it is. Default 160 MiB.
   */
  readonly memoryBytes: number;
  /**
   * Database transactions of all callers, under way in one process on one database; others wait for their turn. No more than the pool has
   * connections. Default 10, as pools have by default.
   */
  readonly concurrentTransactions: number;
  /** Of one caller. Default Infinity: all but a fifth, which is kept for callers who have none under way. */
  readonly callerTransactions: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 16 * 1024 * 1024,
  transactions: 100,
  operations: 10_000,
  depth: 64,
  keys: 250_000,
  values: 500_000,
  stringLength: 4 * 1024 * 1024,
  concurrentRequests: 8,
  requests: 1_000,
  memoryBytes: 160 * 1024 * 1024,
  concurrentTransactions: 10,
  callerTransactions: Infinity,
};

/** Keys that any object may have, whatever the limits are. */
export const fewKeys = 50_000;

/** Keys that one object may have: the engine takes long for one that has very many. */
export function keysOfObject({ keys }: Limits): number {
  return Math.max(fewKeys, Math.floor(keys / 5));
}

/** How long anything may take, in milliseconds. Beyond it the answer is retryable. */
export interface Timeouts {
  /** The wait for a lock that another transaction holds. Default 5,000. */
  readonly lockMs: number;
  /** One statement, and on Postgres the time between two, hooks included. Default 15,000. */
  readonly statementMs: number;
  /** One database transaction: the wait for a connection, hooks, and COMMIT included. Kept in the process, also where the network goes silent. Default 60,000. */
  readonly transactionMs: number;
  /** One request's transactions: after it no other is begun, and the client sends the rest again. Default 60,000. */
  readonly requestMs: number;
  /** The arrival of a request's body. Default 60,000. */
  readonly bodyMs: number;
  /** The arrival of the body's next KiB, or of its end. Default 10,000. */
  readonly bodyPauseMs: number;
}

export const defaultTimeouts: Timeouts = {
  lockMs: 5_000,
  statementMs: 15_000,
  transactionMs: 60_000,
  requestMs: 60_000,
  bodyMs: 60_000,
  bodyPauseMs: 10_000,
};

// Beyond this, a timer fires at once, and Postgres takes no such setting.
const longestMs = 2 ** 31 - 1;

/** The databases keep these themselves, and know no Infinity. */
const ofDatabase: ReadonlySet<string> = new Set([
  "lockMs",
  "statementMs",
] satisfies (keyof Timeouts)[]);

/** @throws TypeError for what is no limit */
export function limitsOf(given: Partial<Limits> = {}): Limits {
  return withDefaults("limits", defaultLimits, given, (name, value) =>
    checkLimit(`limits.${name}`, value),
  );
}

/** @throws TypeError for what is no limit */
export function checkLimit(option: string, value: number): void {
  if (value === Infinity || (Number.isSafeInteger(value) && value > 0)) return;
  throw new TypeError(`${option} must be a whole number above 0; or Infinity, for none.`);
}

/** @throws TypeError for what is no time */
export function timeoutsOf(given: Partial<Timeouts> = {}): Timeouts {
  return withDefaults("timeouts", defaultTimeouts, given, (name, value) => {
    if (Number.isInteger(value) && value > 0 && value <= longestMs) return;
    if (ofDatabase.has(name)) {
      throw new TypeError(
        `timeouts.${name} must be a whole number of milliseconds, from 1 to ${longestMs}.`,
      );
    }
    if (value === Infinity) return;
    throw new TypeError(
      `timeouts.${name} must be a whole number of milliseconds, from 1 to ${longestMs}; or Infinity, for none.`,
    );
  });
}

/** What is undefined is not given: it must not stand in for the default and turn a bound off. */
function withDefaults<Bounds extends object>(
  group: string,
  defaults: Bounds,
  given: Partial<Bounds>,
  check: (name: string, value: number) => void,
): Bounds {
  const wanted = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of wanted) {
    if (!Object.hasOwn(defaults, name)) {
      throw new TypeError(
        `${group}.${name} is not known. The known ones are ${Object.keys(defaults).join(", ")}.`,
      );
    }
    check(name, value as number);
  }
  return { ...defaults, ...Object.fromEntries(wanted) };
}
