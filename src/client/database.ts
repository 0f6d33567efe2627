/** What the connector needs of a PowerSync database: its own words for what the SDKs for web, React Native, Node and Capacitor all have. */

/** One change of the upload queue, as the SDK reads it. */
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

/** The entries at the head of the queue. `complete` takes them, and whatever is in front of them, off it. */
export interface QueueBatch {
  readonly crud: readonly QueueEntry[];
  complete(): Promise<void>;
}

export interface SqlExecutor {
  getAll<T>(sql: string, parameters?: unknown[]): Promise<T[]>;
  execute(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** A PowerSync database, whichever SDK it comes from. */
export interface UploadDatabase extends SqlExecutor {
  getClientId(): Promise<string>;
  getCrudBatch(limit?: number): Promise<QueueBatch | null>;
  writeTransaction<T>(callback: (tx: SqlExecutor) => Promise<T>): Promise<T>;
}

/** A name in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
