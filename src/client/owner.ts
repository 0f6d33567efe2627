/**
 * Whose queue it is, and which: kept beside the queue, in PowerSync's own key-value table, which goes when the database is cleared
 * and is copied with the file.
 */
import type { SqlExecutor } from "./database.js";

/** What is remembered of a queue. */
export interface QueueRecord {
  /** Random. With the client id and the operations' ids it makes a transaction recognizable when it is sent again. */
  readonly id: string;
  /** The largest operation id that was in the queue while it was known whose it is. */
  readonly seen: number;
  readonly subject?: string | undefined;
}

/** The queue as it is now. */
export interface QueueState {
  readonly record: QueueRecord | null;
  /** Operations. */
  readonly pending: number;
  /** The ids of the first in the queue, and of the last that ever was. */
  readonly first: number;
  readonly last: number;
  /** For a queue that needs a new one. From SQLite: not every React Native has a `crypto`. */
  readonly randomId: string;
}

const key = "powersync_writes_queue";

export async function readState(database: SqlExecutor): Promise<QueueState> {
  const [row] = await database.getAll<
    { readonly [K in "pending" | "first" | "last"]: number } & {
      readonly record: string | null;
      readonly randomId: string;
    }
  >(
    "SELECT (SELECT value FROM ps_kv WHERE key = ?) AS record, count(*) AS pending, coalesce(min(id), 0) AS first, " +
      "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'ps_crud'), 0) AS last, " +
      "lower(hex(randomblob(16))) AS randomId FROM ps_crud",
    [key],
  );
  // An aggregate has one row, always.
  const state = row as NonNullable<typeof row>;
  return { ...state, record: JSON.parse(state.record ?? "null") as QueueRecord | null };
}

/** Whether all that is in the queue may be sent in the subject's name. Where nothing is known of one of the two, it may. */
export function belongsTo(
  { record, first, last }: QueueState,
  subject: string | undefined,
): boolean {
  const owner = record?.subject;
  if (!record || owner === undefined || subject === undefined || owner === subject) return true;
  // Only what came after the last that was seen is the new user's. Where ids have begun again, nothing can be told apart.
  return first > record.seen && last >= record.seen;
}

/**
 * What to remember from now on. There is a new id where there was none, as after clearing, and where the queue's ids have gone back:
 * then the same operation id may come again with something else.
 */
export async function remember(
  database: SqlExecutor,
  state: QueueState,
  subject: string | undefined,
): Promise<QueueRecord> {
  const { record, last, randomId } = state;
  const next: QueueRecord = {
    id: record !== null && record.seen <= last ? record.id : randomId,
    seen: last,
    subject: subject ?? record?.subject,
  };
  const text = JSON.stringify(next);
  if (text !== JSON.stringify(record)) {
    await database.execute("INSERT OR REPLACE INTO ps_kv (key, value) VALUES (?, ?)", [key, text]);
  }
  return next;
}
