/** How old documents of the library's own go, in small steps, and how all that is kept of a user goes. */
import type { Collection, Filter } from "mongodb";
import type { Batch, Prunable, Pruned, PruneStep } from "../store/prune.js";
import { sha256 } from "../wire/serialize.js";
import { removeTexts } from "./letter-texts.js";
import type { LedgerDocument } from "./own.js";
import { dateOf, micros, type Sending } from "./sending.js";

const timeFields: Readonly<Record<Prunable, string>> = {
  ledger: "answeredAt",
  named: "namedAt",
  versions: "writtenAt",
  attempts: "lastAt",
  letters: "closedAt",
};

interface Aged {
  readonly _id: string;
}

/** Of the ledger those alone that no queue may send again: it has gone past them. */
export async function prune(
  sending: Sending,
  what: Prunable,
  { olderThanMs, most, from }: PruneStep,
): Promise<Pruned> {
  const { own, on, send, now } = sending;
  const field = timeFields[what];
  const collection = own[what] as unknown as Collection<Aged>;
  const before = dateOf(now - olderThanMs * micros);
  const old = { [field]: what === "letters" ? { $lt: before.toISOString() } : { $lt: before } };
  const filter = from === undefined ? old : { $and: [old, behind(field, from)] };
  const options = { ...on, sort: { [field]: 1, _id: 1 } as const, limit: most };
  const found = await send(() =>
    collection.find(filter as Filter<Aged>, { ...options, projection: { [field]: 1 } }).toArray(),
  );
  const ids = found.map(({ _id }) => _id);
  const gone = what === "ledger" ? await passed(sending, ids) : ids;
  if (gone.length > 0) {
    if (what === "letters") await removeTexts(sending, gone);
    await send(() => collection.deleteMany({ _id: { $in: [...gone] } }, on));
  }
  const last = found.at(-1);
  const next = found.length < most || last === undefined ? undefined : positionOf(last, field);
  return { removed: gone.length, ...(next !== undefined && { next }) };
}

function positionOf(document: Aged, field: string): string {
  const at = (document as unknown as Readonly<Record<string, unknown>>)[field];
  return JSON.stringify([at instanceof Date ? at.getTime() : at, document._id]);
}

function behind(field: string, position: string): object {
  // The library made it.
  const [at, id] = JSON.parse(position) as [number | string, string];
  const time = typeof at === "number" ? new Date(at) : at;
  return { $or: [{ [field]: { $gt: time } }, { [field]: time, _id: { $gt: id } }] };
}

/** Those that a later request of their queue's has left behind, which did not hold them. */
async function passed(
  { own: { ledger }, on, send }: Sending,
  ids: readonly string[],
): Promise<readonly string[]> {
  const rows = await send(() => ledger.find({ _id: { $in: [...ids] } }, on).toArray());
  const gone: string[] = [];
  for (const { _id, queue, request, requestAt } of rows) {
    const later: Filter<LedgerDocument> = {
      queue,
      firstRequestAt: { $gt: requestAt },
      firstRequest: { $ne: request },
    };
    const found = await send(() => ledger.findOne(later, { ...on, projection: { _id: 1 } }));
    if (found !== null) gone.push(_id);
  }
  return gone;
}

/** At most `most` of a user's letters and ledger; the queues go with the last of their rows. */
export async function forget(sending: Sending, userId: string, most: number): Promise<Batch> {
  const { own, on, send } = sending;
  const subject = await sha256(userId);
  const some = { ...on, projection: { _id: 1 } as const, limit: most };
  const remove = async <D extends Aged>(
    collection: Collection<D>,
    filter: Filter<D>,
  ): Promise<Batch | undefined> => {
    const found = await send(() => collection.find(filter, some).toArray());
    if (found.length === 0) return undefined;
    const ids = found.map(({ _id }) => String(_id));
    if (collection.collectionName === own.letters.collectionName) await removeTexts(sending, ids);
    const { deletedCount } = await send(() =>
      collection.deleteMany({ _id: { $in: ids } } as unknown as Filter<D>, on),
    );
    return { found: found.length, removed: deletedCount };
  };
  // Dependants first: a root stays while others wait for it.
  const letters =
    (await remove(own.letters, { subject, root: { $ne: null } })) ??
    (await remove(own.letters, { subject }));
  if (letters !== undefined) return letters;
  const devices = await send(() => own.devices.find({ subject }, some).toArray());
  const queues = devices.map(({ _id }) => _id);
  const rows = await remove(own.ledger, { queue: { $in: queues } });
  if (rows !== undefined) return rows;
  if (queues.length > 0) {
    await send(() => own.devices.deleteMany({ _id: { $in: queues } }, on));
    return { found: queues.length, removed: 0 };
  }
  const left = (await remove(own.named, { subject })) ?? (await remove(own.versions, { subject }));
  if (left !== undefined) return left;
  await send(() => own.accounts.deleteOne({ _id: subject }, on));
  return { found: 0, removed: 0 };
}
