/** Many letters at once: each in a transaction of its own, a client's in their order. */
import { badRequest } from "../errors.js";
import {
  change,
  list,
  type ListedLetter,
  lockWaiting,
  waitingQueues,
} from "../sql/dead-letters.js";
import {
  cursorOf,
  limitOf,
  type Position,
  positionOf,
  waiting,
  type Wanted,
  wantedOf,
} from "./query.js";
import type {
  BulkDiscardReport,
  BulkRetryReport,
  BulkRetryResult,
  LetterFilter,
  RetryResult,
} from "./types.js";
import type { Kysely } from "kysely";
import type { Own } from "../sql/tables.js";
import type { InTransaction } from "./api.js";

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
  const wanted = waitingOnes(filter);
  const size = limitOf(limit, most, usual);
  const after = positionOf(cursor);
  // What has been left behind before still stands in front.
  const stopped = new Set(after === undefined ? [] : await walk.waitingQueues(wanted, after));
  const results: BulkRetryResult[] = [];
  const counts = { retried: 0, stale: 0, failed: 0, skipped: 0 };
  let last: ListedLetter | undefined;
  for await (const letter of walk.letters(wanted, after)) {
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
  const wanted = waitingOnes(filter);
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
  for await (const letter of walk.letters(wanted, positionOf(cursor))) {
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

/** @throws badRequest where nothing that waits can be meant */
function waitingOnes(filter: LetterFilter): Wanted {
  const wanted = wantedOf(filter);
  const status = (wanted.status ?? waiting).filter((each) => waiting.includes(each));
  if (status.length === 0) throw badRequest(400, "Only open and stale letters can be dealt with.");
  return { ...wanted, status };
}

// Letters one after the other, oldest first, read in small pages: however many there are, few are held, and no connection while one is dealt with.
const pageSize = 100;

interface Walk {
  letters(wanted: Wanted, after?: Position): AsyncGenerator<ListedLetter, void, undefined>;
  waitingQueues(wanted: Wanted, until: Position): Promise<readonly string[]>;
  /** Gives those that still waited. */
  discard(ids: readonly string[], reason: string): Promise<readonly string[]>;
}

export function createWalk(inTransaction: InTransaction, own: Own) {
  return <DB>(database: Kysely<DB>): Walk => ({
    letters: async function* (wanted, after) {
      for (let position = after; ;) {
        const page = { newest: false, limit: pageSize, after: position };
        const found = await inTransaction(database, (tx) => list(own.on(tx), wanted, page));
        yield* found;
        const last = found.at(-1);
        if (last === undefined || found.length < pageSize) return;
        position = positionAt(last);
      }
    },
    waitingQueues: (wanted, until) =>
      inTransaction(database, (tx) => waitingQueues(own.on(tx), wanted, until)),
    discard: (ids, reason) =>
      inTransaction(database, async (tx) => {
        const still = await lockWaiting(own.on(tx), ids);
        if (still.length > 0) {
          await change(own.on(tx), still, { closed: { status: "discarded", reason } });
        }
        return still;
      }),
  });
}

function positionAt({ firstSeenAt, id }: ListedLetter): Position {
  return { at: firstSeenAt, id };
}

function cursorAt(letter: ListedLetter): string {
  return cursorOf(positionAt(letter));
}
