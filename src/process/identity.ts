/** What makes two transactions the same one. */
import type { Identifiable } from "../model.js";
import type { Content } from "../store/content.js";
import type { Claim, DeviceBound, Store } from "../store/store.js";
import { sha256, sha256OfAll } from "../wire/serialize.js";
import { isSliceOver, nextSlice, stepsOfLook } from "../wire/slices.js";
import { namedRowHashes } from "./named-rows.js";

/** A device's queue: subject, client and queue id. */
interface Sender {
  readonly principal: { readonly userId: string };
  readonly store: Pick<Store, "place">;
  readonly clientId?: string;
  /** Where the client does not say which it is: what the configuration says. */
  readonly device?: string;
  readonly queueId?: string;
  /** The request that it came with, and when that began. */
  readonly requestId: string;
  readonly requestBegan: number;
  readonly devices?: DeviceBound;
  readonly content: Pick<Content, "withinMs" | "decided">;
}

/** What the ledger's row says of it, but for the answer. */
export type Identity = Omit<Claim, "answer">;

/**
 * Subject, client, queue, the queue's ids and the content together: a restored device begins its ids again, and only an exact match is a replay.
 * Where nobody says which device it is, the transaction's id and content: see `Content`. Without these, or where some entries of a device have
 * no id, it has no key, and is applied at least once.
 */
export async function identityOf(
  {
    principal: { userId },
    clientId,
    device,
    queueId,
    requestId,
    requestBegan,
    devices,
    content,
    store: { place },
  }: Sender,
  transaction: Identifiable,
): Promise<Identity> {
  const { transactionId } = transaction;
  // Whatever a client calls itself, it is none that the configuration has named.
  const client = clientId ?? (device === undefined ? undefined : { device });
  const ids = client === undefined ? undefined : await queueIds(transaction);
  const sender = [userId, client, queueId ?? null];
  if (place !== "") sender.push(place);
  const contentKey = () =>
    transactionId === undefined
      ? undefined
      : sha256OfAll(contentOf(["content", userId, place, transactionId], transaction));
  /** From before the queue had an id, with what ids it may have been sent. */
  const others = (): readonly Promise<string>[] => {
    if (ids === undefined || queueId === undefined) return [];
    const earlier = sender.with(2, null);
    const sent =
      Array.isArray(ids) && transactionId !== undefined ? [ids, { transactionId }] : [ids];
    return sent.map((each) => sha256OfAll(contentOf([earlier, each], transaction)));
  };
  const [key, queue, subject] = await Promise.all([
    ids !== undefined
      ? sha256OfAll(contentOf([sender, ids], transaction))
      : client === undefined && contentKey(),
    ids !== undefined && sha256(sender),
    sha256(userId),
  ]);
  // How often the client has been asked makes no other transaction of it.
  const { handling } = transaction;
  return {
    ...(key && { key }),
    ...(queue && { queue }),
    request: requestId,
    requestBegan,
    ...(handling !== undefined && { handling }),
    userId,
    subject,
    ...(devices && { devices }),
    content: {
      ...content,
      entered: clientId === undefined,
      read: async () => {
        const made = client === undefined ? key : await contentKey();
        return {
          ...(made && { key: made }),
          others: await Promise.all(others()),
          ...(await namedRowHashes([userId, place], transaction)),
        };
      },
    },
  };
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
