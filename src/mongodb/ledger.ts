/** The ledger's claim: whether a transaction has been answered before, under its own identity, another one, or by its content. */
import type { TransactionResult } from "../model.js";
import { answerOf, handlingOf, isTriedAnew } from "../store/saved-answers.js";
import type { Claim } from "../store/store.js";
import { typedJson } from "../wire/serialize.js";
import { answerByContent, enterNames, type Naming, toldOf } from "./named.js";
import { enterDevice } from "./devices.js";
import type { LedgerDocument } from "./own.js";
import { dateOf, micros, type Sending } from "./sending.js";

/** What a look at a transaction, its device and its user has found. */
export interface Met {
  /** The saved answer: a replay, and nothing may be written. */
  readonly earlier?: TransactionResult;
  /** It was found by its content alone. */
  readonly byContent?: boolean;
  /** Another device's rows had to go. */
  readonly forgotten?: boolean;
}

/**
 * Enters the claim, unless there is an answer already: that one comes back.
 *
 * @throws TooManyDevices
 */
export async function claim(sending: Sending, claimed: Claim): Promise<Met> {
  const { key: _id, queue, request, requestBegan } = claimed;
  const naming = { ...claimed, names: await claimed.content.read() };
  if (_id === undefined || queue === undefined) return claimByContent(sending, naming);
  const { own, on, send, now } = sending;
  const saved = await send(() => own.ledger.findOne({ _id }, on));
  const requestAt = dateOf(now - (performance.now() - requestBegan) * micros);
  if (saved === null || isTriedAnew(saved.handling, claimed)) {
    const met =
      saved === null ? await meet(sending, { ...naming, queue }) : await nameAgain(sending, naming);
    const { earlier } = met;
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
    // Whoever claims the same meanwhile meets this document, and begins again.
    await send<unknown>(() =>
      saved === null
        ? own.ledger.insertOne({ _id, ...row }, on)
        : own.ledger.replaceOne({ _id }, row, on),
    );
    return met;
  }
  if (saved.request !== request) {
    const later = requestAt > saved.requestAt && { request, requestAt };
    const $set = { ...later, answeredAt: dateOf(now) };
    await send(() => own.ledger.updateOne({ _id }, { $set }, on));
  }
  return { earlier: answerOf(saved.answer) };
}

/** A device's transaction that has not been answered under its own identity. */
async function meet(sending: Sending, claimed: Naming & { readonly queue: string }): Promise<Met> {
  const { own, on, send } = sending;
  const { queue, names } = claimed;
  const device = await send(() => own.devices.findOne({ _id: queue }, on));
  const isNew = device === null || device.unsettled;
  const other =
    isNew && names.others.length > 0
      ? // An answer that a client has to decide about holds for its own identity alone.
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
  await nameAgain(sending, claimed);
  return { forgotten };
}

/** What it names. Tried once more, it names it once more. */
async function nameAgain(sending: Sending, claimed: Naming): Promise<Met> {
  await enterNames(sending, claimed, claimed.content.entered ? toldOf(claimed) : undefined);
  return {};
}

/** Where nobody says which device it is. Without a key, only what it names is entered. */
async function claimByContent(sending: Sending, claimed: Naming): Promise<Met> {
  const earlier = claimed.key === undefined ? undefined : await answerByContent(sending, claimed);
  if (earlier !== undefined) return { earlier, byContent: true };
  await enterNames(sending, claimed, toldOf(claimed));
  return {};
}
