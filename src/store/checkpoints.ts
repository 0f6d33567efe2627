/** Write checkpoints, as a store keeps them. */

/** Whose a checkpoint is. */
export interface CheckpointKey {
  /** Of user and client: hex SHA-256. */
  readonly id: string;
  readonly userId: string;
  readonly clientId: string;
}

/** Write checkpoints, up to 2^63 - 1. All are given as digits. */
export interface CheckpointStore {
  /** Counts up. Whoever counts at the same time waits, and gets another number. */
  next(key: CheckpointKey): Promise<string>;
  /** Raises it to the number, unless it is as high already. Gives what is stored then. */
  raise(key: CheckpointKey, checkpoint: string): Promise<string>;
}
