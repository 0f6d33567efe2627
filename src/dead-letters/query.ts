/** Reads and checks the filters, limits and cursors of the API, and writes letters as JSON. */
import { badRequest } from "../errors.js";
import {
  type LetterQuery,
  type LetterStatus,
  type LetterSummary,
  type Position,
  waiting,
} from "../store/letters.js";
import type { LetterFilter, VersionedLetter } from "./types.js";
import { stringifyJson } from "../wire/serialize.js";

const statuses: readonly LetterStatus[] = ["open", "stale", "retried", "discarded"];

const texts = ["userId", "clientId", "errorCode", "table", "root"] as const;
const times = ["since", "until"] as const;
const queryNames: readonly string[] = ["status", ...texts, ...times];

/** @throws badRequest for an invalid filter, because one with a misspelled member would select every letter */
export function queryOf(filter: LetterFilter): LetterQuery {
  if (typeof filter !== "object" || filter === null) {
    throw badRequest(400, "The filter must be an object.");
  }
  const query: { -readonly [Name in keyof LetterQuery]: LetterQuery[Name] } = {};
  for (const [name, value] of Object.entries(filter)) {
    if (!queryNames.includes(name)) {
      throw badRequest(
        400,
        `The filter has no member ${JSON.stringify(name)}. Its members are ${queryNames.join(", ")}.`,
      );
    }
    if (value === undefined) continue;
    if (name === "status") query.status = statusesOf(value);
  }
  for (const name of texts) {
    const value: unknown = filter[name];
    if (value === undefined) continue;
    if (typeof value !== "string") throw badRequest(400, `The filter's ${name} must be text.`);
    query[name] = value;
  }
  for (const name of times) {
    const value: unknown = filter[name];
    if (value !== undefined) query[name] = timeOf(name, value);
  }
  return query;
}

function statusesOf(value: unknown): readonly LetterStatus[] {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  const known = statuses.filter((status) => given.includes(status));
  if (known.length === 0 || known.length < new Set(given).size) {
    throw badRequest(400, `The filter's status must be one or more of ${statuses.join(", ")}.`);
  }
  return known;
}

function timeOf(name: string, value: unknown): string {
  const time =
    value instanceof Date || (typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value))
      ? new Date(value)
      : undefined;
  if (time === undefined || Number.isNaN(time.getTime())) {
    throw badRequest(
      400,
      `The filter's ${name} must be a date and time, such as 2026-01-31T12:00:00Z.`,
    );
  }
  const iso = time.toISOString();
  if (iso.length !== 24) throw badRequest(400, `The filter's ${name} is out of range.`);
  return iso;
}

export function cursorOf({ at, id }: Position): string {
  return `${at}_${id}`;
}

const cursor = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)_([\w-]{1,36})$/;

/** @throws badRequest for text that is not a cursor */
export function positionOf(text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  const [, at, id] = (typeof text === "string" ? cursor.exec(text) : null) ?? [];
  if (at === undefined || id === undefined || Number.isNaN(Date.parse(at))) {
    throw badRequest(400, "The cursor is not the `next` of an earlier page.");
  }
  return { at, id };
}

/** @throws badRequest if the limit is not a whole number from 1 to `most` */
export function limitOf(limit: number | undefined, most: number, usual: number): number {
  if (limit === undefined) return usual;
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    throw badRequest(400, `The limit must be a whole number from 1 to ${most}.`);
  }
  return limit;
}

/** The query for a filter, limited to letters that still wait. @throws badRequest if the filter's status names only closed letters */
export function waitingQueryOf(filter: LetterFilter): LetterQuery {
  const query = queryOf(filter);
  const status = (query.status ?? waiting).filter((each) => waiting.includes(each));
  if (status.length === 0)
    throw badRequest(400, "Only open and stale letters can be retried or discarded.");
  return { ...query, status };
}

export function wireSummary(letter: LetterSummary): Readonly<Record<string, unknown>> {
  return {
    id: letter.id,
    status: letter.status,
    user_id: letter.userId,
    client_id: letter.clientId,
    queue_id: letter.queueId,
    error_code: letter.errorCode,
    message: letter.message,
    operation_index: letter.operationIndex,
    identity: letter.identity,
    tables: letter.tables,
    attempts: letter.attempts,
    first_seen_at: letter.firstSeenAt,
    last_seen_at: letter.lastSeenAt,
    edited: letter.edited,
    reason: letter.reason,
    closed_at: letter.closedAt,
    root: letter.root,
    dependants: letter.dependants,
  };
}

export function wireLetter(letter: VersionedLetter): Readonly<Record<string, unknown>> {
  return {
    ...wireSummary(letter),
    version: letter.version,
    payload: letter.payload,
    original_payload: letter.originalPayload,
    principal: letter.principal,
    rows: letter.rows,
    unread_rows: letter.unreadRows,
  };
}

/** A letter as one line of JSON, with its line break. Integers keep all their digits. */
export function letterLine(letter: VersionedLetter): string {
  return `${stringifyJson(wireLetter(letter))}\n`;
}
