/** How old rows of the library's own go, in steps. */

export type Prunable = "ledger" | "named" | "versions" | "attempts" | "letters";

export interface Batch {
  readonly found: number;
  readonly removed: number;
}

export interface PruneStep {
  readonly olderThanMs: number;
  readonly most: number;
  /** Where the step before has ended. Absent: at the oldest row. */
  readonly from?: string | undefined;
}

export interface Pruned {
  /** Rows. */
  readonly removed: number;
  /** Where the next step goes on. Absent: no old row is left behind this place. */
  readonly next?: string;
}
