/** Who uploads: a token, and a queue that belongs to whom it speaks for. */
import { requireToken } from "./credentials.js";
import type { UploadDatabase } from "./database.js";
import { ask, uploadError } from "./errors.js";
import type { ConnectorOptions } from "./options.js";
import { belongsTo, type QueueState, readState, remember } from "./owner.js";
import { readToken } from "./token.js";

export interface Session {
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
