/** What the connector needs of a PowerSync database: the members that the SDKs for web, React Native, Node and Capacitor have in common. */

/** One change in the upload queue, as the SDK reads it. */
export interface QueueEntry {
  /** The entry's id in the queue. */
  readonly clientId: number;
  readonly op: string;
  readonly table: string;
  readonly id: string;
  readonly transactionId?: number | null;
  readonly opData?: Readonly<Record<string, unknown>> | null | undefined;
  readonly previousValues?: Readonly<Record<string, unknown>> | null | undefined;
  readonly metadata?: string | null;
}

/** The entries at the head of the queue. `complete` removes them, and all entries before them. */
export interface QueueBatch {
  readonly crud: readonly QueueEntry[];
  complete(): Promise<void>;
}

export interface SqlExecutor {
  getAll<T>(sql: string, parameters?: unknown[]): Promise<T[]>;
  execute(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** A PowerSync database of any of the JavaScript SDKs. */
export interface UploadDatabase extends SqlExecutor {
  getClientId(): Promise<string>;
  getCrudBatch(limit?: number): Promise<QueueBatch | null>;
  writeTransaction<T>(callback: (tx: SqlExecutor) => Promise<T>): Promise<T>;
}
