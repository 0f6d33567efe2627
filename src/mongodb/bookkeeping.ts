/** Failed attempts and checkpoints; and how old documents of the library's own are removed, in small steps, and everything that is kept of a user. */
import { type Collection, type Filter, Long } from "mongodb";
import type {
  Batch,
  Prunable,
  Pruned,
  PruneStep,
  AttemptStore,
  CheckpointStore,
} from "../store/bookkeeping.js";
import { escapeText, sha256 } from "../wire/serialize.js";
import { removeTexts } from "./letter-documents.js";
import type { LedgerDocument } from "./own-collections.js";
import { dateOf, micros, type Sending } from "./commands.js";

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

/** Of the ledger, only rows that no queue can send again are removed: those that a later request of the queue has left behind. */
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
  // Made by `positionOf`.
  const [at, id] = JSON.parse(position) as [number | string, string];
  const time = typeof at === "number" ? new Date(at) : at;
  return { $or: [{ [field]: { $gt: time } }, { [field]: time, _id: { $gt: id } }] };
}

/** The rows whose queue has since sent a request that did not contain them. */
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

/** Removes at most `most` of a user's letters and ledger rows. Queues are removed once they have no more rows. */
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
  // Dependants go first, because they refer to their root.
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

export function openAttempts({ own, on, send, now }: Sending): AttemptStore {
  const { attempts, ledger } = own;
  const ago = (ms: number): Date => dateOf(now - ms * micros);
  return {
    count: async (content, gapMs) => {
      const known = await send(() => attempts.findOne({ _id: content }, on));
      const goesOn = known !== null && known.lastAt >= ago(gapMs);
      const row = {
        attempts: goesOn ? known.attempts + 1 : 1,
        firstAt: goesOn ? known.firstAt : dateOf(now),
        previousAt: known?.lastAt ?? null,
        lastAt: dateOf(now),
      };
      await send(() => attempts.replaceOne({ _id: content }, row, { ...on, upsert: true }));
    },
    isExhausted: async (content, threshold, appliedAgoMs) => {
      const failed = await send(() => attempts.findOne({ _id: content }, on));
      const since = failed?.previousAt ?? null;
      if (failed === null || since === null) return false;
      if (failed.attempts < threshold.attempts || failed.firstAt > ago(threshold.afterMs))
        return false;
      if (appliedAgoMs !== undefined && since < ago(appliedAgoMs)) return true;
      return (await send(() => ledger.findOne({ appliedAt: { $gt: since } }, on))) !== null;
    },
    forget: async (content) => {
      await send(() => attempts.deleteOne({ _id: content }, on));
    },
  };
}

/** The largest signed 64-bit integer. A checkpoint that has reached it no longer grows. */
const largestCheckpoint = 2n ** 63n - 1n;

export function openCheckpoints({ own: { checkpoints }, on, send }: Sending): CheckpointStore {
  const change = async (
    { id: _id, userId, clientId }: Parameters<CheckpointStore["next"]>[0],
    next: (stored: bigint | undefined) => bigint,
  ): Promise<string> => {
    const known = await send(() => checkpoints.findOne({ _id }, on));
    const checkpoint = next(known === null ? undefined : BigInt(known.checkpoint.toString()));
    // Written even if it stays the same, so that a concurrent change conflicts, and is run again.
    const row = {
      userId: escapeText(userId),
      clientId: escapeText(clientId),
      checkpoint: Long.fromBigInt(checkpoint),
    };
    await send(() => checkpoints.replaceOne({ _id }, row, { ...on, upsert: true }));
    return checkpoint.toString();
  };
  return {
    next: (key) => change(key, (last = 0n) => (last < largestCheckpoint ? last + 1n : last)),
    raise: (key, checkpoint) =>
      change(key, (last) => {
        const sent = BigInt(checkpoint);
        return last === undefined || sent > last ? sent : last;
      }),
  };
}
