/** The dead letters of a memory store. */
import { parseJson } from "../../wire/parse-json.js";
import { canonicalJson, typedJson } from "../../wire/serialize.js";
import {
  type LetterChange,
  type LetterQuery,
  type LetterStatus,
  type LetterStore,
  type LetterSummary,
  type ListedLetter,
  type NewLetter,
  type Position,
  rowStatesOf,
  type StoredLetter,
  waiting,
  type WaitingLetters,
} from "../letters.js";
import {
  chainOf,
  type ChainRecord,
  isWaiting,
  nextInChain,
  sameInChain,
  openChains,
} from "./dependants.js";
import type { Overlay } from "./rows.js";

/** A letter as it is kept. JSON is kept as text, so that code that holds a parsed value can't change the letter. */
export interface StoredRecord extends ChainRecord, Omit<NewLetter, "payload" | "rowStates"> {
  readonly status: LetterStatus;
  readonly attempts: number;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly closedAt?: string;
  readonly reason?: string;
  readonly payload: string;
  readonly originalPayload?: string;
  readonly rowStates?: string;
}

/**
 * @param now microseconds since 1970
 * @param statement runs each call, or refuses it
 */
export function openLetters(
  letters: Overlay<string, StoredRecord>,
  now: number,
  statement: <T>(run: () => T) => T,
): LetterStore {
  const at = microsText(now);
  const all = () => Array.from(letters.entries(), ([, letter]) => letter);
  const sameLetter = (content: string) =>
    all().find((each) => each.content === content && !each.unique && isWaiting(each));
  const dependantsOf = ({ id }: StoredRecord) => chainOf(letters, id).filter(isWaiting).length;
  return {
    record: async (letter) =>
      statement(() => {
        const { id, root, content, errorCode, message, operationIndex, rowStates } = letter;
        const payload = typedJson(letter.payload);
        const place =
          root === undefined ? undefined : nextInChain(letters, root, content, payload.length);
        const same = place === undefined ? sameLetter(content) : place.same;
        if (same !== undefined) {
          const { operationIndex: _, ...kept } = same;
          const attempts = same.attempts + 1;
          const failure = withIndex({ errorCode, message }, operationIndex);
          const creates = [...new Set([...same.creates, ...letter.creates])];
          letters.set(same.id, { ...kept, ...failure, creates, attempts, lastSeenAt: at });
          return { id: same.id, attempts };
        }
        const { payload: _1, rowStates: _2, ...kept } = letter;
        letters.set(id, {
          ...kept,
          payload,
          ...(rowStates && { rowStates: canonicalJson(rowStates) }),
          ...(place && { position: place.position }),
          last: 0,
          bytes: 0,
          overtaken: false,
          unique: root !== undefined,
          status: "open",
          attempts: 1,
          firstSeenAt: at,
          lastSeenAt: at,
        });
        return { id, attempts: 1 };
      }),
    repeats: async (content, root) =>
      statement(
        () =>
          (root === undefined ? sameLetter(content) : sameInChain(letters, root, content)) !==
          undefined,
      ),
    countWaiting: async (subject, clientId, most) =>
      statement(() => {
        // A chain counts as one letter.
        const ofUser = all()
          .filter((each) => each.subject === subject && each.root === undefined && isWaiting(each))
          .slice(0, most);
        const ofClient = ofUser.filter((each) => each.clientId === clientId);
        return { ofUser: counted(ofUser), ofClient: counted(ofClient) };
      }),
    countByCode: async () =>
      statement(() => {
        const counts: Record<string, number> = {};
        for (const each of all().filter(isWaiting))
          counts[each.errorCode] = (counts[each.errorCode] ?? 0) + 1;
        return counts;
      }),
    find: async (id) =>
      statement(() => {
        const letter = letters.get(id);
        return letter && wholeLetter(letter, dependantsOf(letter));
      }),
    list: async (query, { newest, limit, after }) =>
      statement(() => {
        const direction = newest ? -1 : 1;
        return all()
          .filter((each) => matches(each, query))
          .filter(
            (each) => after === undefined || compare(letterPosition(each), after) * direction > 0,
          )
          .toSorted((a, b) => compare(letterPosition(a), letterPosition(b)) * direction)
          .slice(0, limit)
          .map((each): ListedLetter => ({
            ...summaryOf(each, dependantsOf(each)),
            queue: queueOf(each),
          }));
      }),
    waitingQueues: async (query, until) =>
      statement(() => {
        const wanted = { ...query, status: waiting };
        const found = all().filter(
          (each) => matches(each, wanted) && compare(letterPosition(each), until) <= 0,
        );
        return [...new Set(found.map(queueOf))];
      }),
    lockWaiting: async (ids) =>
      statement(() => [...new Set(ids)].filter((id) => isWaiting(letters.get(id))).toSorted()),
    change: async (ids, change) =>
      statement(() => {
        for (const id of new Set(ids)) {
          const letter = letters.get(id);
          if (letter !== undefined && isWaiting(letter)) {
            letters.set(id, changed(letter, change, at));
          }
        }
      }),
    ...openChains(letters, statement),
  };
}

function counted(letters: readonly StoredRecord[]): WaitingLetters {
  const bytes = letters.map(
    ({ payload, originalPayload = "", bytes: behind }) =>
      payload.length + originalPayload.length + behind,
  );
  return { letters: letters.length, bytes: bytes.reduce((sum, each) => sum + each, 0) };
}

function withIndex<T extends object>(failure: T, operationIndex: number | undefined) {
  return operationIndex === undefined ? failure : { ...failure, operationIndex };
}

function changed(
  letter: StoredRecord,
  { status, closed, failed, payload, rowStates }: LetterChange,
  at: string,
): StoredRecord {
  let after = letter;
  if (status !== undefined) after = { ...after, status };
  if (closed !== undefined) {
    const { reason } = closed;
    const closing = { status: closed.status, closedAt: at, creates: [] };
    after = { ...after, ...closing, ...(reason !== undefined && { reason }) };
  }
  if (failed !== undefined) {
    after = { ...after, attempts: after.attempts + 1, lastSeenAt: at };
    if (failed.error !== undefined) {
      const { operationIndex: _, ...kept } = after;
      after = { ...kept, ...failed.error };
    }
  }
  if (payload !== undefined) {
    const { value, tables, creates, rowStates: states } = payload;
    const { rowStates: _, ...kept } = after;
    after = {
      ...kept,
      originalPayload: after.originalPayload ?? after.payload,
      payload: typedJson(value),
      tables,
      creates,
      ...(states && { rowStates: canonicalJson(states) }),
      lossyNumbers: false,
      overtaken: false,
    };
  }
  if (rowStates !== undefined) after = { ...after, rowStates: canonicalJson(rowStates) };
  return after;
}

function matches(letter: StoredRecord, query: LetterQuery): boolean {
  const { status, userId, clientId, errorCode, table, root, since, until } = query;
  return (
    (root === undefined || letter.root === root) &&
    (status === undefined || status.includes(letter.status)) &&
    (userId === undefined || letter.userId === userId) &&
    (clientId === undefined || letter.clientId === clientId) &&
    (errorCode === undefined || letter.errorCode === errorCode) &&
    (table === undefined || letter.tables.includes(table)) &&
    (since === undefined || letter.firstSeenAt >= inMicros(since)) &&
    (until === undefined || letter.firstSeenAt < inMicros(until))
  );
}

function letterPosition({ firstSeenAt: at, id }: StoredRecord): Position {
  return { at, id };
}

function compare(one: Position, other: Position): number {
  const [a, b] = [inMicros(one.at), inMicros(other.at)];
  if (a !== b) return a < b ? -1 : 1;
  return one.id === other.id ? 0 : one.id < other.id ? -1 : 1;
}

/** Pads the fraction to six digits, so that texts compare in the same order as times. */
function inMicros(iso: string): string {
  const [, seconds = "", digits = ""] = /^([^.Z]*)(?:\.(\d*))?Z$/.exec(iso) ?? [];
  return `${seconds}.${digits.padEnd(6, "0")}Z`;
}

function microsText(micros: number): string {
  const iso = new Date(Math.floor(micros / 1_000)).toISOString();
  return `${iso.slice(0, -1)}${String(micros % 1_000).padStart(3, "0")}Z`;
}

function queueOf({ userId, clientId, queueId }: StoredRecord): string {
  return JSON.stringify([userId, clientId ?? null, queueId ?? null]);
}

function summaryOf(letter: StoredRecord, dependants: number): LetterSummary {
  const { payload: _1, originalPayload, principal: _2, rowStates: _3, ...kept } = letter;
  const { subject: _4, content: _5, lossyNumbers: _6, creates: _7, ...rest } = kept;
  const { position: _8, last: _9, bytes: _10, overtaken: _11, unique: _12, ...summary } = rest;
  return { ...summary, edited: originalPayload !== undefined, dependants };
}

/** Makes a new object on every call, so that a caller can't change the stored letter. */
function wholeLetter(letter: StoredRecord, dependants: number): StoredLetter {
  const { payload, originalPayload, principal, lossyNumbers, overtaken } = letter;
  return {
    ...summaryOf(letter, dependants),
    payload: parseJson(payload),
    ...(originalPayload !== undefined && { originalPayload: parseJson(originalPayload) }),
    ...(principal !== undefined && { principal: parseJson(principal) }),
    ...rowStatesOf(letter.rowStates),
    lossyNumbers,
    overtaken,
  };
}

/** All letters, in the order in which they were recorded. */
export function inOrder(letters: Iterable<StoredRecord>): readonly StoredLetter[] {
  const all = [...letters];
  const waitingOf = (id: string) =>
    all.filter((each) => each.root === id && isWaiting(each)).length;
  return all
    .toSorted((a, b) => compare(letterPosition(a), letterPosition(b)))
    .map((each) => wholeLetter(each, waitingOf(each.id)));
}
