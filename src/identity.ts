/** What makes two transactions the same one. */
import type { CrudTransaction } from "./crud.js";
import { canonicalJson } from "./json.js";

export interface Sender {
  readonly userId: string;
  readonly clientId?: string;
  readonly queueId?: string;
}

export interface Identity {
  /** The transaction: one hex SHA-256. */
  readonly key: string;
  /** The device's queue: one hex SHA-256. */
  readonly client: string;
}

/**
 * Subject, client, queue, the queue's ids and the content together: a restored device begins its ids again, and only an exact match is a replay.
 * Without a client id, or where some entries have no id, there is none, and the transaction is applied at least once.
 */
export async function identify(
  transaction: CrudTransaction,
  { userId, clientId, queueId }: Sender,
): Promise<Identity | undefined> {
  const ids = queueIds(transaction);
  if (clientId === undefined || ids === undefined) return undefined;
  const sender = [userId, clientId, queueId ?? null];
  const content = transaction.crud.map(({ op, table, id, opData }) => [
    op,
    table,
    id,
    opData ?? null,
  ]);
  const [client, key] = await Promise.all([sha256(sender), sha256([sender, ids, content])]);
  return { key, client };
}

/** Each entry's `op_id`; or the transaction's id, where no entry has one. */
function queueIds({ crud, transactionId }: CrudTransaction): readonly number[] | undefined {
  const opIds = crud.flatMap(({ opId }) => (opId === undefined ? [] : [opId]));
  if (opIds.length === crud.length) return opIds;
  // Negative, so that a transaction's id is never taken for an operation's.
  if (opIds.length === 0 && transactionId !== undefined) return [-1 - transactionId];
  return undefined;
}

async function sha256(value: unknown): Promise<string> {
  // Canonical JSON is ASCII: its bytes are its characters.
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(canonicalJson(value)),
  );
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
