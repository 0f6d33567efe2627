/** What makes two transactions the same one, and how identical ones in flight share one execution. */
import type { CrudTransaction, TransactionResult } from "../model.js";
import type { Claim, DeviceBound, Store } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";
import type { Memory } from "./call.js";

/** A device's queue: subject, client and queue id. */
interface Sender {
  readonly principal: { readonly userId: string };
  readonly store: Pick<Store, "place">;
  readonly clientId?: string;
  readonly queueId?: string;
  /** The request that it came with, and when that began. */
  readonly requestId: string;
  readonly requestBegan: number;
  readonly devices?: DeviceBound;
}

/** What the ledger's row says of it, but for the answer. */
export type Identity = Omit<Claim, "answer">;

/**
 * Subject, client, queue, the queue's ids and the content together: a restored device begins its ids again, and only an exact match is a replay.
 * Without a client id, or where some entries have no id, there is none, and the transaction is applied at least once.
 */
export async function identityOf(
  {
    principal: { userId },
    clientId,
    queueId,
    requestId,
    requestBegan,
    devices,
    store: { place },
  }: Sender,
  transaction: CrudTransaction,
): Promise<Identity | undefined> {
  const ids = clientId === undefined ? undefined : queueIds(transaction);
  if (ids === undefined) return undefined;
  const sender = [userId, clientId, queueId ?? null];
  if (place !== "") sender.push(place);
  const content = transaction.crud.map(({ op, table, id, opData }) => [
    op,
    table,
    id,
    opData ?? null,
  ]);
  const [key, queue] = await Promise.all([sha256([sender, ids, content]), sha256(sender)]);
  const request = { request: requestId, requestBegan };
  return { key, queue, ...request, userId, ...(devices && { devices }) };
}

/** Each entry's `op_id`; or the transaction's id, where no entry has one. The one is never taken for the other. */
function queueIds({ crud, transactionId }: CrudTransaction): unknown {
  const opIds = crud.flatMap(({ opId }) => (opId === undefined ? [] : [opId]));
  if (opIds.length === crud.length) return opIds;
  return opIds.length === 0 && transactionId !== undefined ? { transactionId } : undefined;
}

/**
 * Runs `execute`, or waits for the run under way for the same key in the same database: in different databases the same identity is not the
 * same transaction.
 */
export async function joinFlight(
  { inFlight }: Pick<Memory, "inFlight">,
  key: string,
  execute: () => Promise<TransactionResult>,
): Promise<{ readonly result: TransactionResult; readonly shared: boolean }> {
  const same = inFlight.get(key);
  if (same !== undefined) return { result: await same, shared: true };
  const run = execute();
  inFlight.set(key, run);
  try {
    return { result: await run, shared: false };
  } finally {
    inFlight.delete(key);
  }
}
