/** Many letters at once, oldest first: each in a transaction of its own, a client's in their order. */
import type { LetterQuery, ListedLetter, Position } from "../store/letters.js";
import type { Store } from "../store/store.js";
import { cursorOf, limitOf, positionOf, waitingQueryOf } from "./query.js";
import { inUnit } from "../process/classify.js";
import type {
  BulkDiscardReport,
  BulkRetryReport,
  BulkRetryResult,
  LetterFilter,
  RetryResult,
} from "./types.js";

interface Bounds {
  readonly limit?: number;
  readonly cursor?: string;
}

const most = 100_000;
const usual = 1_000;
const batch = 100;

/** Never stops half way for one that fails: only that client's others stay where they are. */
export async function retryEach(
  walk: Walk,
  filter: LetterFilter,
  { limit, cursor }: Bounds,
  retry: (id: string) => Promise<RetryResult>,
): Promise<BulkRetryReport> {
  const query = waitingQueryOf(filter);
  const size = limitOf(limit, most, usual);
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
  { limit, cursor }: Bounds,
  reason: string,
): Promise<BulkDiscardReport> {
  const query = waitingQueryOf(filter);
  const size = limitOf(limit, most, usual);
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
    if (open.length === batch) await discard();
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
