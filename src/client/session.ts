/** Who uploads: a token, and a queue that belongs to whom it speaks for. */
import type { ConnectorOptions, SqlExecutor, UploadDatabase } from "./options.js";
import { ask, uploadError } from "./errors.js";

interface Session {
  readonly token: string;
  readonly subject: string | undefined;
  readonly queueId: string;
}

export type OpenSession = (
  database: UploadDatabase,
  state: QueueState,
  refresh: boolean,
) => Promise<Session>;

/** @throws UploadError SIGNED_OUT, TOKEN_UNAVAILABLE, USER_CHANGED, CALLBACK_FAILED */
export function createOpenSession(options: ConnectorOptions): OpenSession {
  let lastSubject: string | undefined;

  async function open(
    database: UploadDatabase,
    state: QueueState,
    refresh: boolean,
  ): Promise<Session> {
    const token = await tokenFor(database, state, refresh);
    const subject = options.subject?.(token) ?? readToken(token).subject;
    lastSubject = subject;
    const { id: queueId } = belongsTo(state, subject)
      ? await remember(database, state, subject)
      : await takeOver(database, state, subject as string);
    return { token, subject, queueId };
  }

  async function tokenFor(
    database: UploadDatabase,
    state: QueueState,
    refresh: boolean,
  ): Promise<string> {
    try {
      return await requireToken(options, refresh);
    } catch (error) {
      // Offline, there may be no token. What is in the queue by now is still that of the user who was last known, and not of the next.
      const owner = state.record?.subject;
      if (owner !== undefined && (lastSubject ?? owner) === owner) {
        await remember(database, state, owner);
      }
      throw error;
    }
  }

  async function takeOver(database: UploadDatabase, state: QueueState, to: string) {
    const { record, pending } = state;
    const from = record?.subject as string;
    switch (await ask("CALLBACK_FAILED", () => options.onUserChanged?.({ from, to, pending }))) {
      case "send":
        return remember(database, state, to);
      case "discard":
        await dropSeen(database, record?.seen ?? 0);
        return remember(database, await readState(database), to);
      default:
        throw uploadError("USER_CHANGED", "The upload queue belongs to another user.");
    }
  }

  return open;
}

/** Only what was in the queue while it was the other user's. */
async function dropSeen(database: UploadDatabase, seen: number): Promise<void> {
  const [row] = await database.getAll<{ readonly count: number }>(
    "SELECT count(*) AS count FROM ps_crud WHERE id <= ?",
    [seen],
  );
  const batch = row?.count ? await database.getCrudBatch(row.count) : null;
  await batch?.complete();
}

/*
 * Whose queue it is, and which: kept beside the queue, in PowerSync's own key-value table, which goes when the database is cleared
 * and is copied with the file.
 */
/** What is remembered of a queue. */
interface QueueRecord {
  /** Random. With the client id and the operations' ids it makes a transaction recognizable when it is sent again. */
  readonly id: string;
  /** The largest operation id that was in the queue while it was known whose it is. */
  readonly seen: number;
  readonly subject?: string | undefined;
}

/** The queue as it is now. */
interface QueueState {
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
function belongsTo(
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

// What a JWT says of itself. It is not verified here: that is the server's part.

interface TokenClaims {
  readonly subject?: string;
  readonly expiresAt?: Date;
}

/** Nothing, where the token is no JWT. */
function readToken(token: string): TokenClaims {
  try {
    const payload = JSON.parse(decodeBase64Url(token.split(".")[1] ?? "")) as Record<
      string,
      unknown
    > | null;
    return {
      ...(typeof payload?.["sub"] === "string" && { subject: payload["sub"] }),
      ...(typeof payload?.["exp"] === "number" && { expiresAt: new Date(payload["exp"] * 1000) }),
    };
  } catch {
    return {};
  }
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Not every React Native has `atob` and `TextDecoder`. */
function decodeBase64Url(text: string): string {
  let bits = 0;
  let held = 0;
  let escaped = "";
  for (const character of text) {
    held = (held << 6) | alphabet.indexOf(character);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    escaped += `%${(256 + ((held >> bits) & 255)).toString(16).slice(1)}`;
  }
  return decodeURIComponent(escaped);
}

// Tokens: from the application, for PowerSync and for the endpoint.
/** What PowerSync's `fetchCredentials` returns. */
export interface Credentials {
  readonly endpoint: string;
  readonly token: string;
  expiresAt?: Date;
}

async function findToken(options: ConnectorOptions, refresh: boolean): Promise<string | null> {
  // Empty: nobody is signed in.
  return (await ask("TOKEN_UNAVAILABLE", () => options.getToken({ refresh }))) || null;
}

/** @throws UploadError TOKEN_UNAVAILABLE, SIGNED_OUT */
export async function requireToken(options: ConnectorOptions, refresh: boolean): Promise<string> {
  const token = await findToken(options, refresh);
  if (token === null) throw uploadError("SIGNED_OUT", "Nobody is signed in.");
  return token;
}

/** PowerSync asks again when it has been refused: a token that has expired, or that it has had already, is not given twice. */
export function createFetchCredentials(
  options: ConnectorOptions,
): () => Promise<Credentials | null> {
  let last: string | null = null;
  return async () => {
    let token = await findToken(options, false);
    const { expiresAt } = readToken(token ?? "");
    if (token !== null && (token === last || (expiresAt && expiresAt.getTime() < Date.now()))) {
      token = await findToken(options, true);
    }
    last = token;
    if (token === null) return null;
    const { subject: _, ...expiry } = readToken(token);
    return { endpoint: options.powersyncUrl, token, ...expiry };
  };
}
