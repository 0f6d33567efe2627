/** What makes two transactions the same one. */
import type { Identifiable } from "../model.js";
import type { Claim, DeviceBound, Store } from "../store/store.js";
import { sha256, sha256OfAll } from "../wire/serialize.js";
import { isSliceOver, nextSlice, stepsOfLook } from "../wire/slices.js";

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
  transaction: Identifiable,
): Promise<Identity | undefined> {
  const ids = clientId === undefined ? undefined : await queueIds(transaction);
  if (ids === undefined) return undefined;
  const sender = [userId, clientId, queueId ?? null];
  if (place !== "") sender.push(place);
  const [key, queue, subject] = await Promise.all([
    sha256OfAll(contentOf([sender, ids], transaction)),
    sha256(sender),
    sha256(userId),
  ]);
  const request = { request: requestId, requestBegan };
  // How often the client has been asked makes no other transaction of it.
  const { handling } = transaction;
  const asked = handling !== undefined && { handling };
  return { key, queue, ...request, ...asked, userId, subject, ...(devices && { devices }) };
}

/** Each entry's `op_id`; or the transaction's id, where no entry has one. The one is never taken for the other. */
async function queueIds({ crud, transactionId }: Identifiable): Promise<unknown> {
  const opIds: number[] = [];
  let entries = 0;
  for (const { opId } of crud) {
    entries += 1;
    if (entries % stepsOfLook === 0 && isSliceOver()) await nextSlice();
    if (opId !== undefined) opIds.push(opId);
  }
  if (opIds.length === entries) return opIds;
  return opIds.length === 0 && transactionId !== undefined ? { transactionId } : undefined;
}

type Entry = Identifiable["crud"] extends Iterable<infer Each> ? Each : never;

/** What is hashed. Where there may be very many entries, one at a time. */
function contentOf(head: unknown, { crud }: Identifiable): Iterable<unknown> {
  return Array.isArray(crud) ? [head, ...crud.map(lineOf)] : lines(head, crud);
}

function* lines(head: unknown, crud: Identifiable["crud"]): Generator<unknown> {
  yield head;
  for (const entry of crud) yield lineOf(entry);
}

function lineOf({ op, table, id, opData }: Entry): unknown {
  return [op ?? null, table ?? null, id ?? null, opData ?? null];
}
