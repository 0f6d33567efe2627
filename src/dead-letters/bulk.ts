/** Retries or discards the letters that a filter selects, in many small database transactions. */
import { inUnit } from "../process/classify.js";
import type { LetterQuery, ListedLetter, Position } from "../store/letters.js";
import type { Store } from "../store/store.js";
import { type Discarded, discardSome, type WithDependants } from "./state.js";
import { cursorOf, limitOf, positionOf, waitingQueryOf } from "./query.js";
import type {
  BulkDiscardReport,
  BulkRetryReport,
  BulkRetryResult,
  LetterFilter,
  RetryResult,
} from "./types.js";

interface BulkBounds {
  readonly limit?: number;
  readonly cursor?: string;
}

const most = 100_000;
const defaultLimit = 1_000;
const lettersAtOnce = 100;

/**
 * Retries letters one after the other. A letter that fails or is stale stops only its own queue: the queue's later letters are skipped. A letter's
 * dependants are retried with it, whichever queue they come from.
 */
export async function retryEach(
  walk: Walk,
  filter: LetterFilter,
  { limit, cursor }: BulkBounds,
  retry: (id: string) => Promise<RetryResult>,
): Promise<BulkRetryReport> {
  const query = waitingQueryOf(filter);
  const size = limitOf(limit, most, defaultLimit);
  const after = positionOf(cursor);
  // A queue that has a letter waiting before the cursor was stopped on an earlier page.
  const stopped = new Set(after === undefined ? [] : await walk.waitingQueues(query, after));
  const results: BulkRetryResult[] = [];
  const counts = { retried: 0, stale: 0, failed: 0, skipped: 0 };
  /** Letters that the retry of another letter of their chain has applied. */
  const applied = new Set<string>();
  /** Roots of the chains that have been retried. */
  const tried = new Set<string>();
  let last: ListedLetter | undefined;
  for await (const letter of walk.letters(query, after)) {
    if (results.length === size) {
      return { ...counts, results, ...(last && { next: cursorAt(last) }) };
    }
    const { id, userId, queue, root } = letter;
    const withIts = root !== undefined && tried.has(root);
    const result: BulkRetryResult["result"] = applied.has(id)
      ? { status: "retried" }
      : withIts || stopped.has(queue)
        ? { status: "skipped" }
        : await retry(id);
    tried.add(root ?? id);
    for (const each of "dependants" in result ? (result.dependants?.retried ?? []) : []) {
      applied.add(each);
    }
    results.push({ id, userId, result });
    if (result.status in counts) counts[result.status as keyof typeof counts] += 1;
    if (result.status === "stale" || result.status === "failed") stopped.add(queue);
    last = letter;
  }
  return { ...counts, results };
}

/** Discards letters in batches. Without a choice for dependants, a root is refused unless the filter discards all of its dependants as well. */
export async function discardEach(
  walk: Walk,
  filter: LetterFilter,
  { limit, cursor }: BulkBounds,
  reason: string,
  dependants: WithDependants | undefined,
): Promise<BulkDiscardReport> {
  const query = waitingQueryOf(filter);
  const size = limitOf(limit, most, defaultLimit);
  const ids: string[] = [];
  let refused: string[] = [];
  let open: string[] = [];
  let last: ListedLetter | undefined;
  let seen = 0;
  let next: string | undefined;
  const discard = async (some: readonly string[]): Promise<void> => {
    const done =
      some.length === 0
        ? { discarded: [], refused: [] }
        : await walk.discard(some, reason, dependants);
    ids.push(...done.discarded);
    refused.push(...done.refused);
  };
  for await (const letter of walk.letters(query, positionOf(cursor))) {
    if (seen === size && last !== undefined) {
      next = cursorAt(last);
      break;
    }
    if (open.length === lettersAtOnce) {
      await discard(open);
      open = [];
    }
    open.push(letter.id);
    last = letter;
    seen += 1;
  }
  await discard(open);
  // The dependants of a refused root may have been discarded in a later batch.
  const again = refused;
  refused = [];
  for (let at = 0; at < again.length; at += lettersAtOnce) {
    await discard(again.slice(at, at + lettersAtOnce));
  }
  return {
    discarded: ids.length,
    ids,
    ...(refused.length > 0 && { refused }),
    ...(next !== undefined && { next }),
  };
}

const pageSize = 100;

/** Reads letters in small pages, so that few are in memory at a time, and no connection is held while a letter is handled. */
interface Walk {
  letters(query: LetterQuery, after?: Position): AsyncGenerator<ListedLetter, void, undefined>;
  waitingQueues(query: LetterQuery, until: Position): Promise<readonly string[]>;
  discard(
    ids: readonly string[],
    reason: string,
    dependants: WithDependants | undefined,
  ): Promise<Discarded>;
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
    discard: (ids, reason, dependants) =>
      inUnit(store, (unit) => discardSome(unit, ids, reason, dependants)),
  };
}

function cursorAt({ firstSeenAt, id }: ListedLetter): string {
  return cursorOf({ at: firstSeenAt, id });
}
