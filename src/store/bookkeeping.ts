/** What a store keeps beside rows, ledger and dead letters: counts of failed attempts and write checkpoints; and how old rows of the library's own tables are removed. */

/** Counts how often transactions have failed with retryable errors. Times are by the database's clock. */
export interface AttemptStore {
  /** Counts a failure. The count begins anew if the last failure is more than `gapMs` milliseconds old. */
  count(content: string, gapMs: number): Promise<void>;
  /**
   * Whether a transaction has reached the threshold, and another transaction has been applied since the last failure but one.
   *
   * @param appliedAgoMs how long ago this process last applied a transaction; covers transactions that leave no trace in the ledger
   */
  isExhausted(
    content: string,
    threshold: { readonly attempts: number; readonly afterMs: number },
    appliedAgoMs: number | undefined,
  ): Promise<boolean>;
  forget(content: string): Promise<void>;
}

/** The owner of a checkpoint. */
export interface CheckpointKey {
  /** Hex SHA-256 of user and client. */
  readonly id: string;
  readonly userId: string;
  readonly clientId: string;
}

/** Write checkpoints, from 0 to 2^63 - 1, as decimal digits. */
export interface CheckpointStore {
  /** Increments the checkpoint and returns it. Concurrent calls wait for each other, and each gets a different number. */
  next(key: CheckpointKey): Promise<string>;
  /** Raises the checkpoint to the number, unless it is already as high. Returns what is then stored. */
  raise(key: CheckpointKey, checkpoint: string): Promise<string>;
}

export type Prunable = "ledger" | "named" | "versions" | "attempts" | "letters";

export interface Batch {
  readonly found: number;
  readonly removed: number;
}

export interface PruneStep {
  readonly olderThanMs: number;
  readonly most: number;
  /** The `next` of the previous step. Absent: the step begins at the oldest row. */
  readonly from?: string | undefined;
}

export interface Pruned {
  /** The number of rows removed. */
  readonly removed: number;
  /** Where the next step continues. Absent: there are no more old rows. */
  readonly next?: string;
}
