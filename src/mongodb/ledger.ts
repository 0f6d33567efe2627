/** The ledger: whether a transaction has been answered before (under its own identity, another one, or by its content), and the devices that it knows. */
import type { TransactionResult } from "../model.js";
import {
  answerOf,
  type Claim,
  type ClaimWithNames,
  type ContentEntry,
  contentEntry,
  type DeviceBound,
  type EarlierCopy,
  handlingOf,
  isTriedAnew,
  namedMarginMs,
} from "../store/ledger.js";
import { typedJson } from "../wire/serialize.js";
import type { LedgerDocument, NamedDocument } from "./own-collections.js";
import { dateOf, micros, type Sending } from "./commands.js";
import type { AnyBulkWriteOperation } from "mongodb";
import { TooManyDevices } from "../store/failures.js";

/**
 * Enters the claim, unless an answer is saved already, which is then returned.
 *
 * @throws TooManyDevices
 */
export async function claim(sending: Sending, claimed: Claim): Promise<EarlierCopy> {
  const { key: _id, queue, request, requestBegan } = claimed;
  const naming = { ...claimed, names: await claimed.content.read() };
  if (_id === undefined || queue === undefined) return claimByContent(sending, naming);
  const { own, on, send, now } = sending;
  const saved = await send(() => own.ledger.findOne({ _id }, on));
  const requestAt = dateOf(now - (performance.now() - requestBegan) * micros);
  if (saved === null || isTriedAnew(saved.handling, claimed)) {
    const copy = await (saved === null
      ? claimUnanswered(sending, { ...naming, queue })
      : enterContent(sending, naming));
    const { earlier } = copy;
    const answer = earlier?.status === "fatal_error" ? earlier : claimed.answer;
    const row: Omit<LedgerDocument, "_id"> = {
      queue,
      request,
      requestAt,
      firstRequest: request,
      firstRequestAt: requestAt,
      answer: answer === undefined ? null : typedJson(answer),
      handling: earlier === undefined ? handlingOf(claimed) : null,
      answeredAt: dateOf(now),
      appliedAt: answer === undefined && earlier === undefined ? dateOf(now) : null,
    };
    // A concurrent claim of the same transaction conflicts on this document, and is run again.
    await send<unknown>(() =>
      saved === null
        ? own.ledger.insertOne({ _id, ...row }, on)
        : own.ledger.replaceOne({ _id }, row, on),
    );
    return copy;
  }
  if (saved.request !== request) {
    const later = requestAt > saved.requestAt && { request, requestAt };
    const $set = { ...later, answeredAt: dateOf(now) };
    await send(() => own.ledger.updateOne({ _id }, { $set }, on));
  }
  return { earlier: answerOf(saved.answer) };
}

/** Claims a transaction of a known device that has not been answered under its own identity. */
async function claimUnanswered(
  sending: Sending,
  claimed: ClaimWithNames & { readonly queue: string },
): Promise<EarlierCopy> {
  const { own, on, send } = sending;
  const { queue, names } = claimed;
  const device = await send(() => own.devices.findOne({ _id: queue }, on));
  const isNew = device === null || device.unsettled;
  const other =
    isNew && names.others.length > 0
      ? // An answer that leaves the decision to the client is valid for its own identity only.
        await send(() =>
          own.ledger.findOne({ _id: { $in: [...names.others] }, handling: null }, on),
        )
      : null;
  const byContent = isNew && other === null ? await answerByContent(sending, claimed) : undefined;
  const earlier = other === null ? byContent : answerOf(other.answer);
  const unsettled = earlier !== undefined;
  const forgotten = device === null && (await enterDevice(sending, claimed, unsettled));
  if (device?.unsettled === true && !unsettled)
    await send(() => own.devices.updateOne({ _id: queue }, { $set: { unsettled } }, on));
  if (earlier !== undefined) return { earlier, forgotten, byContent: byContent !== undefined };
  await enterContent(sending, claimed);
  return { forgotten };
}

/** Enters the rows that the transaction names, on every try. */
async function enterContent(sending: Sending, claimed: ClaimWithNames): Promise<EarlierCopy> {
  const { content, names } = claimed;
  await enterNames(sending, claimed, content.entered ? contentEntry(names, claimed) : undefined);
  return {};
}

/** Claims a transaction of an unknown device. Without a key, only the rows that it names are entered. */
async function claimByContent(sending: Sending, claimed: ClaimWithNames): Promise<EarlierCopy> {
  const earlier = claimed.key === undefined ? undefined : await answerByContent(sending, claimed);
  if (earlier !== undefined) return { earlier, byContent: true };
  await enterNames(sending, claimed, contentEntry(claimed.names, claimed));
  return {};
}

/** The answer to the same content, unless another transaction has named one of its rows since. */
async function answerByContent(
  { own, on, send, now }: Sending,
  { names: { key, rows, all }, subject, content }: ClaimWithNames,
): Promise<TransactionResult | undefined> {
  if (key === undefined) return undefined;
  const earlier = await send(() => own.named.findOne({ _id: key }, on));
  if (earlier === null || earlier.namedAt < dateOf(now - content.withinMs * micros))
    return undefined;
  const others = rows === undefined ? { subject } : { _id: { $in: [...rows, all] } };
  const since = { ...others, position: { $gt: earlier.position } };
  const named = await send(() => own.named.findOne(since, on));
  return named === null ? answerOf(earlier.answer) : undefined;
}

/** Enters the rows that a transaction names. Concurrent transactions of the same user conflict on the account's document. */
async function enterNames(
  { own, on, send, now }: Sending,
  { names: { rows, all }, subject, content: { withinMs } }: ClaimWithNames,
  entry: ContentEntry | undefined,
): Promise<void> {
  const account = await send(() => own.accounts.findOne({ _id: subject }, on));
  const since = dateOf(now - (withinMs + namedMarginMs) * micros);
  const toldAt = account?.toldAt ?? null;
  if (entry === undefined && (toldAt === null || toldAt < since)) return;
  const position = (account?.position ?? 0) + 1;
  const namedAt = dateOf(now);
  const $set = { position, toldAt: entry === undefined ? toldAt : namedAt };
  const $setOnInsert = { entered: 0 };
  await send(() =>
    own.accounts.updateOne({ _id: subject }, { $set, $setOnInsert }, { ...on, upsert: true }),
  );
  const enter = (_id: string, answer: string | null): AnyBulkWriteOperation<NamedDocument> => ({
    replaceOne: {
      filter: { _id },
      replacement: { subject, position, answer, namedAt },
      upsert: true,
    },
  });
  const entries = [...new Set(rows ?? [all])].map((hash) => enter(hash, null));
  if (entry !== undefined)
    entries.push(enter(entry.key, entry.answer ? typedJson(entry.answer) : null));
  await send(() => own.named.bulkWrite(entries, on));
}

/**
 * Enters a new queue. This also writes the user's account, so that concurrent transactions that enter another queue conflict, and are run again.
 *
 * @returns whether another queue was removed to make room
 * @throws TooManyDevices
 */
async function enterDevice(
  sending: Sending,
  { queue: _id, subject, devices: bound }: Claim & { readonly queue: string },
  unsettled: boolean,
): Promise<boolean> {
  const { own, on, send } = sending;
  if (bound !== undefined) await countEntered(sending, subject);
  const known =
    bound === undefined
      ? []
      : await send(() =>
          own.devices
            .find(
              { subject },
              { ...on, projection: { _id: 1 }, limit: Math.min(bound.most, mostDevices) },
            )
            .toArray(),
        );
  const full = bound !== undefined && known.length >= bound.most;
  if (full) await forgetUnseen(sending, known, bound);
  await send(() => own.devices.insertOne({ _id, subject, unsettled }, on));
  return full;
}

const mostDevices = 100_000;

async function countEntered({ own, on, send }: Sending, subject: string): Promise<void> {
  const update = { $inc: { entered: 1 }, $setOnInsert: { position: 0, toldAt: null } };
  await send(() => own.accounts.updateOne({ _id: subject }, update, { ...on, upsert: true }));
}

/** Removes one queue that has received no answer for the given time. @throws TooManyDevices if there is none */
async function forgetUnseen(
  { own, on, send, now }: Sending,
  known: readonly { readonly _id: string }[],
  { most, unseenMs }: DeviceBound,
): Promise<void> {
  const since = dateOf(now - unseenMs * micros);
  for (const { _id } of known) {
    const seen = { queue: _id, answeredAt: { $gte: since } };
    if ((await send(() => own.ledger.findOne(seen, on))) !== null) continue;
    await send(() => own.ledger.deleteMany({ queue: _id }, on));
    await send(() => own.devices.deleteOne({ _id }, on));
    return;
  }
  throw new TooManyDevices(
    `The caller has ${most} devices in the ledger (ledger.devices), and this one is new. Nothing has been written.`,
  );
}
