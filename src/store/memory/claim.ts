/** The ledger's claim in memory: whether a transaction was answered before, under its own identity or another one, or by its content. See `sql/ledger/content.ts`. */
import type { TransactionResult } from "../../model.js";
import { typedJson } from "../../wire/serialize.js";
import {
  answerOf,
  type ClaimWithNames,
  type ContentEntry,
  contentEntry,
  type EarlierCopy,
  handlingOf,
  isTriedAnew,
  namedMarginMs,
} from "../ledger.js";
import { enterDevice, micros, type OwnRows } from "./own.js";

/**
 * Enters the claim, unless there is an answer already: that answer is then returned.
 *
 * @throws TooManyDevices
 */
export function claim(own: OwnRows, claimed: ClaimWithNames, now: number): EarlierCopy {
  const { ledger } = own;
  const { key: identity, queue, request, requestBegan } = claimed;
  if (identity === undefined || queue === undefined) return claimByContent(own, claimed, now);
  const saved = ledger.get(identity);
  const requestAt = now - (performance.now() - requestBegan) * micros;
  if (saved === undefined || isTriedAnew(saved.handling, claimed)) {
    const copy =
      saved === undefined
        ? claimUnanswered(own, { ...claimed, queue }, now)
        : enterContent(own, claimed, now);
    const { earlier } = copy;
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
    return copy;
  }
  if (saved.request !== request) {
    const later = requestAt > saved.requestAt && { request, requestAt };
    ledger.set(identity, { ...saved, ...later, answeredAt: now });
  }
  return { earlier: answerOf(saved.answer) };
}

/** Handles a device's transaction that has not been answered under its own identity. */
function claimUnanswered(
  own: OwnRows,
  claimed: ClaimWithNames & { readonly queue: string },
  now: number,
): EarlierCopy {
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
  enterContent(own, claimed, now);
  return { forgotten };
}

/** Enters the rows that the transaction names, on every try. */
function enterContent(own: OwnRows, claimed: ClaimWithNames, now: number): EarlierCopy {
  const { content, names } = claimed;
  enterNames(own, claimed, content.entered ? contentEntry(names, claimed) : undefined, now);
  return {};
}

/** Handles a transaction of an unknown device. Without a key, only the rows that it names are entered. */
function claimByContent(own: OwnRows, claimed: ClaimWithNames, now: number): EarlierCopy {
  const { key } = claimed;
  const earlier = key === undefined ? undefined : foundByContent(own, claimed, now);
  if (earlier !== undefined) return { earlier, byContent: true };
  enterNames(own, claimed, contentEntry(claimed.names, claimed), now);
  return {};
}

function foundByContent(
  { named }: OwnRows,
  { names: { key, rows, all }, userId, content }: ClaimWithNames,
  now: number,
): TransactionResult | undefined {
  const earlier = key === undefined ? undefined : named.get(key);
  if (earlier === undefined || earlier.namedAt < now - content.withinMs * micros) return undefined;
  const others =
    rows === undefined
      ? Array.from(named.entries(), ([, row]) => row).filter((row) => row.userId === userId)
      : [...rows, all].map((hash) => named.get(hash));
  if (others.some((row) => row !== undefined && row.position > earlier.position)) return undefined;
  return answerOf(earlier.answer);
}

function enterNames(
  { accounts, named }: OwnRows,
  { names: { rows, all }, userId, content: { withinMs } }: ClaimWithNames,
  entry: ContentEntry | undefined,
  now: number,
): void {
  const account = accounts.get(userId);
  const since = now - (withinMs + namedMarginMs) * micros;
  const telling = account?.toldAt !== undefined && account.toldAt >= since;
  if (!telling && entry === undefined) return;
  const position = (account?.position ?? 0) + 1;
  accounts.set(userId, { position, toldAt: entry === undefined ? account?.toldAt : now });
  const enter = (hash: string, answer: string | null): void =>
    named.set(hash, { userId, position, answer, namedAt: now });
  for (const hash of rows ?? [all]) enter(hash, null);
  if (entry !== undefined) enter(entry.key, entry.answer ? typedJson(entry.answer) : null);
}
