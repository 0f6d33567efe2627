/** Types for removing old rows from the library's own tables, in steps. */

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
