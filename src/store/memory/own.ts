/** What the library keeps beside the data: the ledger, failed attempts and checkpoints. Times are microseconds since 1970. */
import { type FatalResult, success, type TransactionResult } from "../../model.js";
import { parseJson } from "../../wire/parse-json.js";
import { typedJson } from "../../wire/serialize.js";
import type { AttemptStore, Batch, CheckpointStore, Claim, Unit } from "../store.js";
import type { StoredRecord } from "./letters.js";
import type { Overlay } from "./rows.js";

export interface LedgerRow {
  readonly queue: string;
  readonly request: string;
  /** JSON; `null` for success. */
  readonly answer: string | null;
  readonly answeredAt: number;
  readonly appliedAt: number | undefined;
}

export interface AttemptsRow {
  readonly attempts: number;
  readonly firstAt: number;
  readonly previousAt: number | undefined;
  readonly lastAt: number;
}

/** As one unit sees it. */
export interface OwnRows {
  readonly ledger: Overlay<string, LedgerRow>;
  readonly letters: Overlay<string, StoredRecord>;
  readonly attempts: Overlay<string, AttemptsRow>;
  readonly checkpoints: Overlay<string, { readonly checkpoint: bigint }>;
}

/** Enters the claim, unless there is an answer already: that one comes back. */
export function claim(
  { ledger }: OwnRows,
  { key: identity, queue, request, answer }: Claim,
  now: number,
): TransactionResult | undefined {
  const saved = ledger.get(identity);
  if (saved === undefined) {
    ledger.set(identity, {
      queue,
      request,
      answer: answer === undefined ? null : typedJson(answer),
      answeredAt: now,
      appliedAt: answer === undefined ? now : undefined,
    });
    return undefined;
  }
  if (saved.request !== request) ledger.set(identity, { ...saved, request, answeredAt: now });
  // The library wrote it: it is a fatal result.
  return saved.answer === null ? success : (parseJson(saved.answer) as FatalResult);
}

const micros = 1_000;

/** @param statement runs each call, or refuses it */
export function openAttempts(
  { attempts, ledger }: OwnRows,
  now: number,
  statement: <T>(run: () => T) => T,
): AttemptStore {
  const ago = (ms: number) => now - ms * micros;
  return {
    count: async (content, gapMs) =>
      statement(() => {
        const known = attempts.get(content);
        const goesOn = known !== undefined && known.lastAt >= ago(gapMs);
        attempts.set(content, {
          attempts: goesOn ? known.attempts + 1 : 1,
          firstAt: goesOn ? known.firstAt : now,
          previousAt: known?.lastAt,
          lastAt: now,
        });
      }),
    isExhausted: async (content, threshold, appliedAgoMs) =>
      statement(() => {
        const failed = attempts.get(content);
        const since = failed?.previousAt;
        if (failed === undefined || since === undefined) return false;
        if (failed.attempts < threshold.attempts || failed.firstAt > ago(threshold.afterMs)) {
          return false;
        }
        if (appliedAgoMs !== undefined && since < ago(appliedAgoMs)) return true;
        for (const [, { appliedAt }] of ledger.entries()) {
          if (appliedAt !== undefined && appliedAt > since) return true;
        }
        return false;
      }),
    forget: async (content) => statement(() => attempts.delete(content)),
  };
}

/** The largest integer of 64 bits: what is there, stays. */
const largestCheckpoint = 2n ** 63n - 1n;

export function openCheckpoints(
  { checkpoints }: OwnRows,
  statement: <T>(run: () => T) => T,
): CheckpointStore {
  const put = (id: string, checkpoint: bigint): string => {
    checkpoints.set(id, { checkpoint });
    return checkpoint.toString();
  };
  const stored = (id: string): bigint | undefined => checkpoints.get(id)?.checkpoint;
  return {
    next: async ({ id }) =>
      statement(() => {
        const last = stored(id) ?? 0n;
        return put(id, last < largestCheckpoint ? last + 1n : last);
      }),
    raise: async ({ id }, checkpoint) =>
      statement(() => {
        const [last, sent] = [stored(id), BigInt(checkpoint)];
        return put(id, last === undefined || sent > last ? sent : last);
      }),
  };
}

/** Old rows, but of the ledger never what a queue sent last. */
export function prune(
  { ledger, attempts }: OwnRows,
  now: number,
  [what, olderThanMs, most]: Parameters<Unit["prune"]>,
): Batch {
  const before = now - olderThanMs * micros;
  const old: string[] = [];
  if (what === "attempts") {
    for (const [content, { lastAt }] of attempts.entries()) if (lastAt < before) old.push(content);
    return removed(attempts, old.slice(0, most));
  }
  const newest = new Map<string, LedgerRow>();
  for (const [, row] of ledger.entries()) {
    const known = newest.get(row.queue);
    if (known === undefined || row.answeredAt > known.answeredAt) newest.set(row.queue, row);
  }
  for (const [identity, { queue, request, answeredAt }] of ledger.entries()) {
    if (answeredAt < before && newest.get(queue)?.request !== request) old.push(identity);
  }
  return removed(ledger, old.slice(0, most));
}

function removed<V extends object>(rows: Overlay<string, V>, old: readonly string[]): Batch {
  for (const key of old) rows.delete(key);
  return { found: old.length, removed: old.length };
}
