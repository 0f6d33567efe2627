/** The identity of a transaction: two transactions with the same identity are the same one. */
import type { Identifiable } from "../model.js";
import type { Store } from "../store/store.js";
import type { Claim, DeviceBound, Content, ContentNames } from "../store/ledger.js";
import { canonicalJson, sha256, sha256OfAll } from "../wire/serialize.js";
import { isSliceOver, nextSlice, stepsOfLook } from "../wire/slices.js";

/** The queue that a transaction comes from, and the request that carries it. */
interface Sender {
  readonly principal: { readonly userId: string };
  readonly store: Pick<Store, "place">;
  readonly clientId?: string;
  /** The device that the configuration names, if the client sends no id. */
  readonly device?: string;
  readonly queueId?: string;
  /** The request, and when it began. */
  readonly requestId: string;
  readonly requestBegan: number;
  readonly devices?: DeviceBound;
  readonly content: Pick<Content, "withinMs" | "decided">;
}

/** What the ledger stores of a transaction, except the answer. */
export type Identity = Omit<Claim, "answer">;

/**
 * The key covers subject, client, queue, the queue's ids and the content together: a restored device begins its ids again, so only an exact match is
 * a replay. If the device is unknown, the key covers the transaction's id and content: see `Content`. If there is no transaction id either, or only
 * some of a device's entries have an id, there is no key, and the transaction is applied at least once.
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
  // An object, so that no client id can equal a device that the configuration names.
  const client = clientId ?? (device === undefined ? undefined : { device });
  const ids = client === undefined ? undefined : await queueIds(transaction);
  const sender = [userId, client, queueId ?? null];
  if (place !== "") sender.push(place);
  const contentKey = () =>
    transactionId === undefined
      ? undefined
      : sha256OfAll(contentOf(["content", userId, place, transactionId], transaction));
  /** The keys that the transaction may have been entered under before its queue had an id. */
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
  // Not part of the key: a transaction that the client has been asked about is still the same one.
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

/** The `op_id` of every entry, or the transaction's id if no entry has one. The two differ in form, so neither is taken for the other. */
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

/** The values to hash. Entries that are not in a list are produced one at a time, because there may be very many. */
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

/** A transaction that names more rows counts as naming all of its user's rows. */
const mostRows = 1_000;

/** @param owner the user, and the database, because several databases may share the library's tables */
async function namedRowHashes(
  owner: readonly [userId: string, place: string],
  { crud }: Identifiable,
): Promise<Pick<ContentNames, "rows" | "all">> {
  const all = sha256(["all rows", ...owner]);
  const rows = new Set<string>();
  let entries = 0;
  for (const { table, id } of crud) {
    entries += 1;
    if (entries % stepsOfLook === 0 && isSliceOver()) await nextSlice();
    rows.add(canonicalJson([table ?? null, id ?? null]));
    if (rows.size > mostRows) return { all: await all };
  }
  const hashes = Array.from(rows, (row) => sha256(["row", ...owner, row]));
  return { rows: await Promise.all(hashes), all: await all };
}
