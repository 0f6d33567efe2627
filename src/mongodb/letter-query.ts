/** What is asked of letters, as filters, and their times, as texts that compare as times do. */
import type { Filter } from "mongodb";
import type { LetterQuery, Position } from "../store/letters.js";
import { escapeText } from "../wire/serialize.js";
import type { LetterDocument } from "./own.js";

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

/** With six digits behind the second, so that texts compare as times do. */
function inMicros(iso: string): string {
  const [, seconds = "", digits = ""] = /^([^.Z]*)(?:\.(\d*))?Z$/.exec(iso) ?? [];
  return `${seconds}.${digits.padEnd(6, "0")}Z`;
}

export function timeText(now: number): string {
  const iso = new Date(Math.floor(now / 1_000)).toISOString();
  return `${iso.slice(0, -1)}${String(now % 1_000).padStart(3, "0")}Z`;
}
