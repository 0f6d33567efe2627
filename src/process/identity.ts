/** What makes two transactions the same one. */
import type { CrudTransaction } from "../model.js";
import { sha256 } from "../wire/serialize.js";

/** A device's queue: subject, client and queue id. */
export interface Sender {
  readonly userId: string;
  readonly clientId?: string;
  readonly queueId?: string;
}

export interface Identity {
  /** The transaction: one hex SHA-256. */
  readonly key: string;
  /** The queue it came from: one hex SHA-256. */
  readonly queue: string;
}

/** One queue's transactions. */
export type Identify = (transaction: CrudTransaction) => Promise<Identity | undefined>;

/**
 * Subject, client, queue, the queue's ids and the content together: a restored device begins its ids again, and only an exact match is a replay.
 * Without a client id, or where some entries have no id, there is none, and the transaction is applied at least once.
 */
export function createIdentify({ userId, clientId, queueId }: Sender): Identify {
  if (clientId === undefined) return async () => undefined;
  const sender = [userId, clientId, queueId ?? null];
  let queue: Promise<string> | undefined;
  return async (transaction) => {
    const ids = queueIds(transaction);
    if (ids === undefined) return undefined;
    const content = transaction.crud.map(({ op, table, id, opData }) => [
      op,
      table,
      id,
      opData ?? null,
    ]);
    queue ??= sha256(sender);
    return { key: await sha256([sender, ids, content]), queue: await queue };
  };
}

/** Each entry's `op_id`; or the transaction's id, where no entry has one. The one is never taken for the other. */
function queueIds({ crud, transactionId }: CrudTransaction): unknown {
  const opIds = crud.flatMap(({ opId }) => (opId === undefined ? [] : [opId]));
  if (opIds.length === crud.length) return opIds;
  return opIds.length === 0 && transactionId !== undefined ? { transactionId } : undefined;
}
