/** `writes.deadLetters`: what is asked of the letters, one at a time or many at once, each in a transaction of its own. */
import type { Principal } from "../context.js";
import { badRequest } from "../errors.js";
import type { DeadLetterHandledEvent } from "../events.js";
import type { Database, Databases } from "../process/call.js";
import type { Load } from "../process/load.js";
import { toWireTransaction } from "../wire/answer.js";
import { holdsRounded, namedRows, tableNames } from "./payload.js";
import { cursorOf, letterLine, limitOf, positionOf, queryOf, waitingQueryOf } from "./query.js";
import { createRetryLetter, isOpen, notOpenAnswer, type RetryParts, readPayload } from "./retry.js";
import { inUnit } from "../process/classify.js";
import type {
  BulkDiscardReport,
  BulkRetryReport,
  BulkRetryResult,
  DeadLetters,
  LetterFilter,
  RetryResult,
} from "./types.js";
import type { LetterQuery, ListedLetter, Position } from "../store/letters.js";
import type { Store } from "../store/store.js";

interface DeadLettersParts<P extends Principal, DB> extends RetryParts<P, DB> {
  readonly load: Load;
  readonly databases: Databases<P>;
}

const mostReason = 2_000;

export function createDeadLetters<P extends Principal, DB>(
  parts: DeadLettersParts<P, DB>,
): DeadLetters<P> {
  const { rowStateReader, emit, limits, load, databases } = parts;
  const retryLetter = createRetryLetter(parts);

  const handled = (id: string, outcome: DeadLetterHandledEvent["outcome"]): void =>
    emit({ type: "dead_letter_handled", correlationId: crypto.randomUUID(), id, outcome });

  const retry = async (
    database: Database,
    id: string,
    options: Parameters<typeof retryLetter>[2],
  ): Promise<RetryResult> => (load.draining() ? stopping : retryLetter(database, id, options));

  return {
    list: ({ principal, limit, cursor, order = "newest", ...filter } = {}) =>
      load.during(async () => {
        const query = queryOf(filter);
        const size = limitOf(limit, 500, 50);
        const after = positionOf(cursor);
        if (order !== "newest" && order !== "oldest") {
          throw badRequest(400, "The order must be newest or oldest.");
        }
        const page = { newest: order === "newest", limit: size + 1, after };
        const found = await inUnit((await databases.sure(principal)).store, (unit) =>
          unit.letters.list(query, page),
        );
        const letters = found.slice(0, size).map(({ queue: _queue, ...letter }) => letter);
        const last = letters.at(-1);
        return found.length > size && last !== undefined
          ? { letters, next: cursorOf({ at: last.firstSeenAt, id: last.id }) }
          : { letters };
      }),

    get: (id, { principal } = {}) =>
      load.during(async () => {
        const letter = await inUnit((await databases.sure(principal)).store, ({ letters }) =>
          letters.find(id),
        );
        if (letter === undefined) return undefined;
        const { rowStates: _rowStates, lossyNumbers: _lossyNumbers, ...shown } = letter;
        return shown;
      }),

    edit: (id, payload, { principal } = {}) =>
      load.during(async () => {
        if (holdsRounded(payload)) return rounded;
        const reading = readPayload(payload, limits);
        if ("invalid" in reading) return { status: "invalid", message: reading.invalid };
        const written = toWireTransaction(reading.transaction);
        const { store } = await databases.sure(principal);
        const result = await inUnit(store, async (unit) => {
          const { letters } = unit;
          const letter = await letters.find(id, true);
          if (!isOpen(letter)) return notOpenAnswer(letter);
          const rowStates = await rowStateReader.read({ store, unit }, namedRows(written));
          const tables = tableNames(written);
          await letters.change([id], {
            status: "open",
            payload: { value: written, tables, rowStates },
          });
          return { status: "edited" } as const;
        });
        if (result.status === "edited") handled(id, "edited");
        return result;
      }),

    retry: (id, { principal, ...options } = {}) =>
      load.during(async () => retry(await databases.sure(principal), id, options)),

    discard: (id, reason, { principal } = {}) =>
      load.during(async () => {
        checkReason(reason);
        const { store } = await databases.sure(principal);
        const result = await inUnit(store, async ({ letters }) => {
          const letter = await letters.find(id, true);
          if (!isOpen(letter)) return notOpenAnswer(letter);
          await letters.change([id], { closed: { status: "discarded", reason } });
          return { status: "discarded" } as const;
        });
        if (result.status === "discarded") handled(id, "discarded");
        return result;
      }),

    retryAll: (filter, { principal, ...options } = {}) =>
      load.during(async () => {
        const { force = false } = options;
        const database = await databases.sure(principal);
        return retryEach(walkThrough(database.store), filter, options, (id) =>
          retry(database, id, { force }),
        );
      }),

    discardAll: (filter, reason, { principal, ...options } = {}) =>
      load.during(async () => {
        checkReason(reason);
        const { store } = await databases.sure(principal);
        const report = await discardEach(walkThrough(store), filter, options, reason);
        for (const id of report.ids) handled(id, "discarded");
        return report;
      }),

    export: async function* (filter = {}, { principal } = {}) {
      const query = queryOf(filter);
      const { store } = await databases.sure(principal);
      for await (const { id } of walkThrough(store).letters(query)) {
        const letter = await inUnit(store, ({ letters }) => letters.find(id));
        if (letter !== undefined) yield letterLine(letter);
      }
    },
  };
}

const stopping: RetryResult = {
  status: "failed",
  retryable: true,
  message: "The server is being stopped.",
};

const rounded = {
  status: "invalid",
  message:
    "An integer beyond 2^53 is a number here, which can't hold it exactly: use a bigint, or text.",
} as const;

/** @throws badRequest */
function checkReason(reason: string): void {
  if (typeof reason !== "string" || reason.trim() === "" || reason.length > mostReason) {
    throw badRequest(400, `Say why, in at most ${mostReason} characters: "reason".`);
  }
}

interface BulkBounds {
  readonly limit?: number;
  readonly cursor?: string;
}

const most = 100_000;
const defaultLimit = 1_000;
const lettersAtOnce = 100;

/** Never stops half way for one that fails: only that client's others stay where they are. */
export async function retryEach(
  walk: Walk,
  filter: LetterFilter,
  { limit, cursor }: BulkBounds,
  retry: (id: string) => Promise<RetryResult>,
): Promise<BulkRetryReport> {
  const query = waitingQueryOf(filter);
  const size = limitOf(limit, most, defaultLimit);
  const after = positionOf(cursor);
  // What has been left behind before still stands in front.
  const stopped = new Set(after === undefined ? [] : await walk.waitingQueues(query, after));
  const results: BulkRetryResult[] = [];
  const counts = { retried: 0, stale: 0, failed: 0, skipped: 0 };
  let last: ListedLetter | undefined;
  for await (const letter of walk.letters(query, after)) {
    if (results.length === size) {
      return { ...counts, results, ...(last && { next: cursorAt(last) }) };
    }
    const { id, userId, queue } = letter;
    const result = stopped.has(queue) ? ({ status: "skipped" } as const) : await retry(id);
    results.push({ id, userId, result });
    if (result.status in counts) counts[result.status as keyof typeof counts] += 1;
    if (result.status === "stale" || result.status === "failed") stopped.add(queue);
    last = letter;
  }
  return { ...counts, results };
}

export async function discardEach(
  walk: Walk,
  filter: LetterFilter,
  { limit, cursor }: BulkBounds,
  reason: string,
): Promise<BulkDiscardReport> {
  const query = waitingQueryOf(filter);
  const size = limitOf(limit, most, defaultLimit);
  const ids: string[] = [];
  let open: ListedLetter[] = [];
  let seen = 0;
  let next: string | undefined;
  const discard = async (): Promise<void> => {
    if (open.length > 0)
      ids.push(
        ...(await walk.discard(
          open.map(({ id }) => id),
          reason,
        )),
      );
    open = [];
  };
  for await (const letter of walk.letters(query, positionOf(cursor))) {
    const before = open.at(-1);
    if (seen === size && before !== undefined) {
      next = cursorAt(before);
      break;
    }
    if (open.length === lettersAtOnce) await discard();
    open.push(letter);
    seen += 1;
  }
  await discard();
  return { discarded: ids.length, ids, ...(next !== undefined && { next }) };
}

const pageSize = 100;

/** Letters one after the other, read in small pages: however many there are, few are held, and no connection while one is dealt with. */
interface Walk {
  letters(query: LetterQuery, after?: Position): AsyncGenerator<ListedLetter, void, undefined>;
  waitingQueues(query: LetterQuery, until: Position): Promise<readonly string[]>;
  /** Gives those that still waited. */
  discard(ids: readonly string[], reason: string): Promise<readonly string[]>;
}

export function walkThrough(store: Store): Walk {
  return {
    letters: async function* (query, after) {
      for (let position = after; ;) {
        const page = { newest: false, limit: pageSize, after: position };
        const found = await inUnit(store, ({ letters }) => letters.list(query, page));
        yield* found;
        const last = found.at(-1);
        if (last === undefined || found.length < pageSize) return;
        position = { at: last.firstSeenAt, id: last.id };
      }
    },
    waitingQueues: (query, until) =>
      inUnit(store, ({ letters }) => letters.waitingQueues(query, until)),
    discard: (ids, reason) =>
      inUnit(store, async ({ letters }) => {
        const still = await letters.lockWaiting(ids);
        if (still.length > 0) {
          await letters.change(still, { closed: { status: "discarded", reason } });
        }
        return still;
      }),
  };
}

function cursorAt({ firstSeenAt, id }: ListedLetter): string {
  return cursorOf({ at: firstSeenAt, id });
}
