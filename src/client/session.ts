/**
 * Keeps the upload queue and the user together: one user's writes are never sent with another user's token, unless the application says so.
 *
 * The queue's owner and its id are stored in PowerSync's own key-value table, `ps_kv`. PowerSync empties that table when it clears the
 * database, and it is copied with the database file.
 */
import type { QueuedTransaction, SqlExecutor, UploadDatabase } from "./transaction.js";
import { uploadError } from "./errors.js";
import type { UploaderOptions } from "./options.js";
import { readClaims, requireToken } from "./token.js";
import { callApplication } from "./abortable.js";

/** The token to send the queue with. */
interface Session {
  readonly token: string;
  readonly subject: string | undefined;
  readonly queue: QueueRecord;
}

export type OpenSession = (
  database: UploadDatabase,
  state: QueueState,
  refresh: boolean,
  abort: AbortSignal | undefined,
) => Promise<Session>;

/** What is stored about a queue. */
export interface QueueRecord {
  /** Random. With the client id and the operations' ids it identifies a transaction that is sent again. */
  readonly id: string;
  /** The largest operation id that was in the queue while its owner was known. */
  readonly seen: number;
  /** The owner. */
  readonly subject?: string | undefined;
  /** How often the application has been asked about the transaction that it keeps at the head of the queue, by its first operation's id. */
  readonly handling?: Readonly<Record<number, number>> | undefined;
}

/** The queue as it is now. */
interface QueueState {
  readonly record: QueueRecord | null;
  /** The number of operations in the queue. */
  readonly pending: number;
  /** The id of the first operation in the queue. */
  readonly first: number;
  /** The id of the last operation that was ever added to the queue. */
  readonly last: number;
  /** The id for a queue that needs a new one. SQLite makes it, since some React Native versions have no `crypto`. */
  readonly randomId: string;
}

/** @throws UploadError SIGNED_OUT, TOKEN_UNAVAILABLE, USER_CHANGED, CALLBACK_FAILED, ABORTED */
export function createOpenSession(options: UploaderOptions): OpenSession {
  let lastSubject: string | undefined;

  const open: OpenSession = async (database, state, refresh, abort) => {
    const token = await tokenFor(database, state, refresh, abort);
    const subject = options.subject?.(token) ?? readClaims(token).subject;
    lastSubject = subject;
    const queue = mayBeSentBy(state, subject)
      ? await remember(database, state, subject)
      : await handOver(database, state, subject as string, abort);
    return { token, subject, queue };
  };

  async function tokenFor(
    database: UploadDatabase,
    state: QueueState,
    refresh: boolean,
    abort: AbortSignal | undefined,
  ): Promise<string> {
    try {
      return await requireToken(options, refresh, abort);
    } catch (error) {
      // Offline, there may be no token. Everything in the queue by now belongs to the last known user, and not to the next one.
      const owner = state.record?.subject;
      if (owner !== undefined && (lastSubject ?? owner) === owner) {
        await remember(database, state, owner);
      }
      throw error;
    }
  }

  async function handOver(
    database: UploadDatabase,
    state: QueueState,
    to: string,
    abort: AbortSignal | undefined,
  ) {
    const { record, pending } = state;
    const from = record?.subject as string;
    const onUserChanged = () => options.onUserChanged?.({ from, to, pending });
    switch (await callApplication("CALLBACK_FAILED", onUserChanged, abort)) {
      case "send":
        return remember(database, state, to);
      case "discard":
        await removeSeen(database, record?.seen ?? 0);
        return remember(database, await readState(database), to);
      default:
        throw uploadError("USER_CHANGED", "The upload queue belongs to another user.");
    }
  }

  return open;
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
  // Never undefined: an aggregate always gives one row.
  const state = row as NonNullable<typeof row>;
  return { ...state, record: JSON.parse(state.record ?? "null") as QueueRecord | null };
}

/**
 * Stores the owner and the last operation id. The queue gets a new id where it has none, as after clearing, and where its operation ids
 * have started again: then an operation id may come a second time with other data.
 */
export async function remember(
  database: SqlExecutor,
  state: QueueState,
  subject: string | undefined,
): Promise<QueueRecord> {
  const { record, last, randomId } = state;
  const same = record !== null && record.seen <= last ? record : { id: randomId };
  const next: QueueRecord = { ...same, seen: last, subject: subject ?? record?.subject };
  const text = JSON.stringify(next);
  if (text !== JSON.stringify(record)) {
    await database.execute("INSERT OR REPLACE INTO ps_kv (key, value) VALUES (?, ?)", [key, text]);
  }
  return next;
}

/** How often the application has been asked about a transaction, and has kept it. */
export function timesAsked({ handling }: QueueRecord, { crud }: QueuedTransaction): number {
  return handling?.[crud[0]?.opId as number] ?? 0;
}

/** Counts that it has been asked once more. What is sent from now on is tried, and copies of what was sent before are not. */
export async function rememberAsked(
  database: SqlExecutor,
  queue: QueueRecord,
  transaction: QueuedTransaction,
): Promise<void> {
  await database.execute(
    "UPDATE ps_kv SET value = json_set(value, '$.handling', json_object(?, ?)) WHERE key = ?",
    [`${transaction.crud[0]?.opId}`, timesAsked(queue, transaction) + 1, key],
  );
}

/** Whether the whole queue may be sent in the subject's name. It may where the owner or the subject is unknown. */
function mayBeSentBy({ record, first, last }: QueueState, subject: string | undefined): boolean {
  const owner = record?.subject;
  if (!record || owner === undefined || subject === undefined || owner === subject) return true;
  // Only operations after the last seen one are the new user's. Where ids have started again, the two users' can't be told apart.
  return first > record.seen && last >= record.seen;
}

/** Removes only the operations that were in the queue while it was the other user's. */
async function removeSeen(database: UploadDatabase, seen: number): Promise<void> {
  const [row] = await database.getAll<{ readonly count: number }>(
    "SELECT count(*) AS count FROM ps_crud WHERE id <= ?",
    [seen],
  );
  const batch = row?.count ? await database.getCrudBatch(row.count) : null;
  await batch?.complete();
}
