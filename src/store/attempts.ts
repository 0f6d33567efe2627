/** Failed attempts, as the port to a database has them: what parking counts. */

/** How often transactions have failed in a way that might have passed. Times are the database's own. */
export interface AttemptStore {
  /** Enters a failure. A count that has seen none for `gapMs` milliseconds begins anew. */
  count(content: string, gapMs: number): Promise<void>;
  /**
   * Whether it has failed so often and for so long, while another transaction has been applied since the failure before the latest.
   *
   * @param appliedAgoMs when this process has last applied one, where it has; for transactions that leave no trace in the ledger
   */
  isExhausted(
    content: string,
    threshold: { readonly attempts: number; readonly afterMs: number },
    appliedAgoMs: number | undefined,
  ): Promise<boolean>;
  forget(content: string): Promise<void>;
}
