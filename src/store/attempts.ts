/** Counts of failed attempts in the database, which parking goes by. */

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
