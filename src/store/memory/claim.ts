/** The ledger's claim in memory: whether a transaction has been answered before, under its own identity, another one, or by content. As `sql/content.ts`. */
import type { FatalResult, TransactionResult } from "../../model.js";
import { typedJson } from "../../wire/serialize.js";
import {
  type Claim,
  type ContentNames,
  namedMarginMs,
  answerOf,
  handlingOf,
  isTriedAnew,
} from "../ledger.js";
import { enterDevice, micros, type OwnRows } from "./own.js";

/** A claim with the hashes of its content. */
export interface Naming extends Claim {
  readonly names: ContentNames;
}

/** What the claim has found. */
export interface Met {
  /** The saved answer: the transaction is a replay, and nothing may be written. */
  readonly earlier?: TransactionResult;
  /** Whether content alone found the answer. */
  readonly byContent?: boolean;
  /** Whether another device was removed to make room. */
  readonly forgotten?: boolean;
}

/**
 * Enters the claim, unless there is an answer already: that answer is then returned.
 *
 * @throws TooManyDevices
 */
export function claim(own: OwnRows, claimed: Naming, now: number): Met {
  const { ledger } = own;
  const { key: identity, queue, request, requestBegan } = claimed;
  if (identity === undefined || queue === undefined) return claimByContent(own, claimed, now);
  const saved = ledger.get(identity);
  const requestAt = now - (performance.now() - requestBegan) * micros;
  if (saved === undefined || isTriedAnew(saved.handling, claimed)) {
    const met =
      saved === undefined ? meet(own, { ...claimed, queue }, now) : nameAgain(own, claimed, now);
    const { earlier } = met;
    const answer = earlier?.status === "fatal_error" ? earlier : claimed.answer;
    ledger.set(identity, {
      queue,
      request,
      requestAt,
      firstRequest: request,
      firstRequestAt: requestAt,
      answer: answer === undefined ? null : typedJson(answer),
      handling: earlier === undefined ? handlingOf(claimed) : null,
      answeredAt: now,
      appliedAt: answer === undefined && earlier === undefined ? now : undefined,
    });
    return met;
  }
  if (saved.request !== request) {
    const later = requestAt > saved.requestAt && { request, requestAt };
    ledger.set(identity, { ...saved, ...later, answeredAt: now });
  }
  return { earlier: answerOf(saved.answer) };
}

/** Handles a device's transaction that has not been answered under its own identity. */
function meet(own: OwnRows, claimed: Naming & { readonly queue: string }, now: number): Met {
  const { queue, names } = claimed;
  const device = own.devices.get(queue);
  const isNew = device === undefined || device.unsettled;
  const other = isNew
    ? names.others
        .map((identity) => own.ledger.get(identity))
        // An answer that a client has to decide about is valid only for its own identity.
        .find((row) => row !== undefined && row.handling === null)
    : undefined;
  const byContent = isNew && other === undefined ? foundByContent(own, claimed, now) : undefined;
  const earlier = other === undefined ? byContent : answerOf(other.answer);
  const unsettled = earlier !== undefined;
  const forgotten = device === undefined && enterDevice(own, claimed, unsettled, now);
  if (device?.unsettled) own.devices.set(queue, { ...device, unsettled });
  if (earlier !== undefined) return { earlier, forgotten, byContent: byContent !== undefined };
  nameAgain(own, claimed, now);
  return { forgotten };
}

/** Enters the rows that the transaction names, also when it is tried again. */
function nameAgain(own: OwnRows, claimed: Naming, now: number): Met {
  enterNames(own, claimed, claimed.content.entered ? toldOf(claimed) : undefined, now);
  return {};
}

/** What finds a repeat of the transaction. `undefined`: it has no id, or the client decides, and its next try must not be taken for a repeat. */
function toldOf({ names: { key }, answer }: Naming): Told | undefined {
  return key === undefined || answer?.requiresClientHandling ? undefined : { key, answer };
}

/** Handles a transaction of an unknown device. Without a key, only the rows that it names are entered. */
function claimByContent(own: OwnRows, claimed: Naming, now: number): Met {
  const { key } = claimed;
  const earlier = key === undefined ? undefined : foundByContent(own, claimed, now);
  if (earlier !== undefined) return { earlier, byContent: true };
  enterNames(own, claimed, toldOf(claimed), now);
  return {};
}

function foundByContent(
  { named }: OwnRows,
  { names: { key, rows, all }, userId, content }: Naming,
  now: number,
): TransactionResult | undefined {
  const told = key === undefined ? undefined : named.get(key);
  if (told === undefined || told.namedAt < now - content.withinMs * micros) return undefined;
  const others =
    rows === undefined
      ? Array.from(named.entries(), ([, row]) => row).filter((row) => row.userId === userId)
      : [...rows, all].map((hash) => named.get(hash));
  if (others.some((row) => row !== undefined && row.position > told.position)) return undefined;
  return answerOf(told.answer);
}

interface Told {
  readonly key: string;
  readonly answer: FatalResult | undefined;
}

function enterNames(
  { accounts, named }: OwnRows,
  { names: { rows, all }, userId, content: { withinMs } }: Naming,
  told: Told | undefined,
  now: number,
): void {
  const account = accounts.get(userId);
  const since = now - (withinMs + namedMarginMs) * micros;
  const telling = account?.toldAt !== undefined && account.toldAt >= since;
  if (!telling && told === undefined) return;
  const position = (account?.position ?? 0) + 1;
  accounts.set(userId, { position, toldAt: told === undefined ? account?.toldAt : now });
  const enter = (hash: string, answer: string | null): void =>
    named.set(hash, { userId, position, answer, namedAt: now });
  for (const hash of rows ?? [all]) enter(hash, null);
  if (told !== undefined) enter(told.key, told.answer ? typedJson(told.answer) : null);
}
