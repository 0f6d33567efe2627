/** Dead letters as documents: filters for queries, long texts in parts, and the conversion of a document to a letter. */
import type { Filter } from "mongodb";
import {
  type LetterQuery,
  type Position,
  type LetterSummary,
  rowStatesOf,
  type StoredLetter,
  waiting,
} from "../store/letters.js";
import { escapeText, unescapeText } from "../wire/serialize.js";
import type { LetterDocument, LetterPartDocument, LetterText } from "./own-collections.js";
import type { Sending } from "./commands.js";
import { parseJson } from "../wire/parse-json.js";

/** A filter for letters that wait. */
export const stillWaits = { status: { $in: [...waiting] } };

export function matching(query: LetterQuery): Filter<LetterDocument> {
  const { status, userId, clientId, errorCode, table, root, since, until } = query;
  const seen = {
    ...(since !== undefined && { $gte: inMicros(since) }),
    ...(until !== undefined && { $lt: inMicros(until) }),
  };
  return {
    ...(root !== undefined && { root }),
    ...(status !== undefined && { status: { $in: [...status] } }),
    ...(userId !== undefined && { userId: escapeText(userId) }),
    ...(clientId !== undefined && { clientId: escapeText(clientId) }),
    ...(errorCode !== undefined && { errorCode: escapeText(errorCode) }),
    ...(table !== undefined && { tables: escapeText(table) }),
    ...(Object.keys(seen).length > 0 && { firstSeenAt: seen }),
  };
}

export const later = ({ at, id }: Position): Filter<LetterDocument> => ({
  $or: [{ firstSeenAt: { $gt: inMicros(at) } }, { firstSeenAt: inMicros(at), _id: { $gt: id } }],
});

export const before = ({ at, id }: Position): Filter<LetterDocument> => ({
  $or: [{ firstSeenAt: { $lt: inMicros(at) } }, { firstSeenAt: inMicros(at), _id: { $lt: id } }],
});

export const notBehind = ({ at, id }: Position): Filter<LetterDocument> => ({
  $or: [{ firstSeenAt: { $lt: inMicros(at) } }, { firstSeenAt: inMicros(at), _id: { $lte: id } }],
});

/** With six decimals of a second, so that comparing the texts compares the times. */
function inMicros(iso: string): string {
  const [, seconds = "", digits = ""] = /^([^.Z]*)(?:\.(\d*))?Z$/.exec(iso) ?? [];
  return `${seconds}.${digits.padEnd(6, "0")}Z`;
}

export function timeText(now: number): string {
  const iso = new Date(Math.floor(now / 1_000)).toISOString();
  return `${iso.slice(0, -1)}${String(now % 1_000).padStart(3, "0")}Z`;
}

/** UTF-16 code units, of at most three bytes each: a document holds at most 16 MiB. */
const partLength = 4 * 1024 * 1024;

/** Inserts a letter's texts in parts. @param texts `undefined` for a text that does not exist */
export async function insertTexts(
  { own: { parts }, on, send }: Sending,
  letter: string,
  texts: Readonly<Partial<Record<LetterText, string | undefined>>>,
): Promise<void> {
  for (const [kind, text] of Object.entries(texts) as [LetterText, string | undefined][]) {
    for (const [nr, part] of cut(text).entries()) {
      const _id = `${letter} ${kind} ${nr}`;
      await send(() => parts.insertOne({ _id, letter, kind, nr, text: part }, on));
    }
  }
}

function cut(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  const parts: string[] = [];
  for (let at = 0; at < text.length;) {
    // A part must not end within a surrogate pair: the driver would replace both halves.
    const end = Math.min(text.length, at + partLength);
    const whole = end < text.length && /[\uD800-\uDBFF]/.test(text.charAt(end - 1)) ? end - 1 : end;
    parts.push(text.slice(at, whole));
    at = whole;
  }
  return parts;
}

async function textsOf(
  { own: { parts }, on, send }: Sending,
  letter: string,
): Promise<Readonly<Partial<Record<LetterText, string>>>> {
  const found = await send(() =>
    parts.find({ letter }, { ...on, sort: { kind: 1, nr: 1 } }).toArray(),
  );
  const texts: Partial<Record<LetterText, string>> = {};
  for (const { kind, text } of found) texts[kind] = (texts[kind] ?? "") + text;
  return texts;
}

/** Removes the payload and the row states to make room for edited ones. At the first edit, the recorded payload is kept as the original. */
export async function setAside(sending: Sending, letter: string, isFirst: boolean): Promise<void> {
  const { own, on, send } = sending;
  if (isFirst) {
    const recorded = (await textsOf(sending, letter)).payload;
    await insertTexts(sending, letter, { original: recorded });
  }
  await removeTexts({ own, on, send }, [letter], ["payload", "rowStates"]);
}

export async function removeTexts(
  { own: { parts }, on, send }: Pick<Sending, "own" | "on" | "send">,
  letters: readonly string[],
  kinds?: readonly LetterPartDocument["kind"][],
): Promise<void> {
  const of = { letter: { $in: [...letters] }, ...(kinds && { kind: { $in: [...kinds] } }) };
  await send(() => parts.deleteMany(of, on));
}

type Sender = Pick<LetterDocument, "userId" | "clientId" | "queueId">;

export function queueOf({ userId, clientId, queueId }: Sender): string {
  return JSON.stringify([userId, clientId, queueId]);
}

export function summaryOf(letter: LetterDocument, dependants: number): LetterSummary {
  const { clientId, queueId, identity, operationIndex, closedAt, reason, root } = letter;
  return {
    id: letter._id,
    status: letter.status,
    userId: unescapeText(letter.userId),
    ...(clientId !== null && { clientId: unescapeText(clientId) }),
    ...(queueId !== null && { queueId: unescapeText(queueId) }),
    errorCode: unescapeText(letter.errorCode),
    message: unescapeText(letter.message),
    ...(operationIndex !== null && { operationIndex }),
    ...(identity !== null && { identity }),
    tables: letter.tables.map(unescapeText),
    attempts: letter.attempts,
    firstSeenAt: letter.firstSeenAt,
    lastSeenAt: letter.lastSeenAt,
    ...(closedAt !== null && { closedAt }),
    edited: letter.edited,
    ...(reason !== null && { reason: unescapeText(reason) }),
    ...(root !== null && { root }),
    dependants,
  };
}

export async function wholeLetter(sending: Sending, letter: LetterDocument): Promise<StoredLetter> {
  const { own, on, send } = sending;
  const behind = { root: letter._id, ...stillWaits };
  const { length } = await send(() =>
    own.letters.find(behind, { ...on, projection: { _id: 1 } }).toArray(),
  );
  const { payload = "null", original, principal, rowStates } = await textsOf(sending, letter._id);
  return {
    ...summaryOf(letter, length),
    payload: parseJson(payload),
    ...(original !== undefined && { originalPayload: parseJson(original) }),
    ...(principal !== undefined && { principal: parseJson(principal) }),
    ...rowStatesOf(rowStates),
    lossyNumbers: letter.lossyNumbers,
    overtaken: letter.overtaken,
  };
}
