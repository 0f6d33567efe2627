/** The options `limits` and `timeouts`: their defaults, and the checks of what the application gives. */

/** The option `limits`: what callers may send, and how much of it at once. Each is a whole number above 0, or `Infinity` for no limit. */
export interface Limits {
  /** Bytes of one body, as sent and as decompressed. Beyond it: 413. Default 16 MiB. */
  readonly bodyBytes: number;
  /** Transactions in one request. Beyond it: 400. Default 100. */
  readonly transactions: number;
  /** Operations in one transaction. Beyond this and the next four limits, the transaction is `INVALID_TRANSACTION`. Default 10,000. */
  readonly operations: number;
  /** Levels of nesting in one operation's members; `op_data` itself is the first. Default 64. */
  readonly depth: number;
  /**
   * Object keys in one transaction's values: in `op_data`, `previous_values` and the objects inside them. One object may have a fifth of this, or 50,000
   * if that is more. Default 250,000.
   */
  readonly keys: number;
  /**
   * JSON values in one transaction: objects, lists, texts, numbers, `true`, `false`, `null`. They are counted before the body is parsed. All
   * transactions of a body may have twice as many together. Beyond that: 413. Default 500,000.
   */
  readonly values: number;
  /** UTF-16 code units of one text. Default 4 Mi (4,194,304). */
  readonly stringLength: number;
  /** One caller's requests in progress in one process. Beyond it: 429 with Retry-After. Default 8. */
  readonly concurrentRequests: number;
  /**
   * All callers' requests in progress in one process: as many may be authenticated, wait for their bodies, and be processed. Beyond it: 503 with
   * Retry-After. Default 1,000.
   */
  readonly requests: number;
  /**
   * Bytes that bodies and their values may take in one process, as the library estimates them: this much for those in progress, and half as much for
   * those that are arriving. Beyond it: 503 with Retry-After, or 429 for a caller who holds a quarter of it. One large body is let in, however large it
   * is. Default 160 MiB.
   */
  readonly memoryBytes: number;
  /**
   * All callers' database transactions in progress in one process on one database; others wait for their turn. Set it to the number of connections in
   * the pool. Default 10, the default of `pg` and `mysql2`.
   */
  readonly concurrentTransactions: number;
  /** One caller's share of these. Default `Infinity`: all but a fifth, which is kept for callers who have none in progress. */
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

/** The option `timeouts`: how long each step may take, in milliseconds. After that time, the answer is retryable. */
export interface Timeouts {
  /** One wait for a lock that another transaction holds. Default 5,000. */
  readonly lockMs: number;
  /** One statement; on Postgres, MariaDB and MySQL also the time between two, including hooks. Default 15,000. */
  readonly statementMs: number;
  /** One database transaction, including the wait for a connection, hooks, and COMMIT. The process enforces it, even if the network goes silent. Default 60,000. */
  readonly transactionMs: number;
  /** All transactions of one request: after it, no other one begins, and the client sends the rest again. Default 60,000. */
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

// With a longer time, a timer fires at once, and Postgres refuses the setting.
const longestMs = 2 ** 31 - 1;

/** These are enforced by the databases, which have no setting for Infinity. */
const ofDatabase: ReadonlySet<string> = new Set([
  "lockMs",
  "statementMs",
] satisfies (keyof Timeouts)[]);

/** @throws TypeError for an invalid limit */
export function limitsOf(given: Partial<Limits> = {}): Limits {
  return withDefaults("limits", defaultLimits, given, (name, value) =>
    checkLimit(`limits.${name}`, value),
  );
}

/** @throws TypeError for an invalid limit */
export function checkLimit(option: string, value: number): void {
  if (value === Infinity || (Number.isSafeInteger(value) && value > 0)) return;
  throw new TypeError(`${option} must be a whole number above 0, or Infinity for no limit.`);
}

/** @throws TypeError for an invalid time */
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

/** Removes members that are `undefined`: they would replace the default, and turn the bound off. */
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
