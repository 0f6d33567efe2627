/** The option `deadLetters`: how fatal failures are handled, and how dead letters are limited, kept and retried. */
import type { DeadLetterContext, FailureContext, Principal } from "../context.js";
import type { DeadLetter, FailedOperation } from "../model.js";
import type { Letter } from "../store/letters.js";

/** The option `deadLetters`: how fatal failures are handled, and how dead letters are limited, kept and retried. */
export interface DeadLettersOptions<P extends Principal, DB> {
  /**
   * Returns `true` for a failure that the client handles itself. Then no letter is recorded, the batch ends, and the device keeps the transaction.
   * The ledger keeps the answer for clients that send `handling`. If the function throws, the answer is retryable. Default: never.
   *
   * @example
   * deadLetters: { requiresClientHandling: ({ errorCode }) => errorCode === "LIST_CLOSED" }
   */
  readonly requiresClientHandling?: (
    failure: FailedOperation,
    context: FailureContext<P>,
  ) => boolean | Promise<boolean>;
  /** Called after a letter has been committed, to pass on a copy. If it fails, no answer changes, and an `error` event has the failure. Default: none. */
  readonly onRecorded?: (letter: DeadLetter) => void | Promise<void>;
  /**
   * A table of your own that syncs back to the device and tells it what was refused. A row is written with each dead letter, in the same database
   * transaction. Default: none.
   */
  readonly rejections?: RejectionOptions<P, DB>;
  /**
   * How many letters of one user may wait at once, and half as many of one device: a whole number above 0, or `Infinity`. A letter and its dependants
   * count as one; the same number of dependants may wait behind one letter. If there is no room, nothing is recorded, and the transaction
   * stays on its device: 429 with Retry-After. Default 1,000.
   */
  readonly open?: number;
  /** How many bytes the payloads of these letters may have, and half as many for one device. The letter that exceeds it is still recorded. Default 64 MiB. */
  readonly openBytes?: number;
  /** Days for which a letter is kept after it was retried or discarded: a number above 0, or `Infinity`. Waiting letters are never removed. Default 90. */
  readonly keepClosedDays?: number;
  /** Whether a letter keeps everything that `authenticate` returned. `false`: the user id only, for what must not be stored; then set `principal`. Default true. */
  readonly keepPrincipal?: boolean;
  /** Returns the principal as whom a letter is retried. Its `userId` must be the letter's. Default: the principal that the letter keeps. */
  readonly principal?: (letter: Letter) => P | Promise<P>;
}

/** The option `deadLetters.rejections`: rows that tell a device what was refused. */
export interface RejectionOptions<P extends Principal, DB> {
  /** The name of the table in the database. */
  readonly table: string;
  /**
   * Returns the row by column, or nothing to write none. Every column must exist; values are converted to the columns' types. If a row with the same
   * `id` exists, it is left as it is. Default: `usual`, with the columns that the table has.
   *
   * @example
   * row: (letter, { principal }, usual) => ({ ...usual, message: translated(letter.errorCode, principal) })
   */
  readonly row?: (
    letter: DeadLetter,
    context: DeadLetterContext<P, DB>,
    usual: RejectionRow,
  ) => RowOrNothing | Promise<RowOrNothing>;
}

type RowOrNothing = Readonly<Record<string, unknown>> | null | undefined;

/** The default row of a rejection. In text from the device, characters that no database stores are replaced by U+FFFD. */
export interface RejectionRow extends Readonly<Record<string, unknown>> {
  /** The dead letter's id. */
  readonly id: string;
  readonly user_id: string | null;
  /** The device; NULL if the client sends none. */
  readonly client_id: string | null;
  readonly error_code: string | null;
  /** The answer's message, safe to show. */
  readonly message: string | null;
  /** The table of the operation that failed, by the client's name. This and the next two are NULL if no single operation failed. */
  readonly table_name: string | null;
  readonly row_id: string | null;
  /** The operation's position in the transaction, from 0. */
  readonly operation_index: number | null;
  /** The letter that this one depends on; NULL if it depends on none. */
  readonly root_id: string | null;
  /** ISO 8601, in UTC. */
  readonly created_at: string;
}
