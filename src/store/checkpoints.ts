/** Write checkpoints in a store. */

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
