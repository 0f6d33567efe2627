/** The library's own rows beside the data: ledger, devices, named rows, failed attempts, checkpoints. Times are in microseconds since 1970. */
import type { AttemptStore, CheckpointStore, Batch, Pruned, PruneStep } from "../bookkeeping.js";
import type { VersionRecord } from "../change.js";
import type { Unit } from "../store.js";
import type { Claim } from "../ledger.js";
import type { StoredRecord } from "./letters.js";
import { TooManyDevices } from "../failures.js";
import type { Overlay } from "./rows.js";

export interface LedgerRow {
  readonly queue: string;
  /** The latest request that held the transaction, and when that request began. */
  readonly request: string;
  readonly requestAt: number;
  /** The request in which it was first answered. */
  readonly firstRequest: string;
  readonly firstRequestAt: number;
  /** JSON; `null` for success. */
  readonly answer: string | null;
  /** How often the client had been asked, if it has to decide about the answer. `null`: the answer is final. */
  readonly handling: number | null;
  readonly answeredAt: number;
  readonly appliedAt: number | undefined;
}

/** A device, by its queue. */
export interface DeviceRow {
  readonly userId: string;
  /** Whether the device has sent nothing but repeats so far. */
  readonly unsettled: boolean;
}

/** What is kept for a user. */
export interface AccountRow {
  /** The position of the latest named row. */
  readonly position: number;
  /** When a transaction that is told apart by content was last entered. */
  readonly toldAt: number | undefined;
}

/** A row that a user's transaction has named, or a transaction that is told apart by its content. */
export interface NamedRecord {
  readonly userId: string;
  readonly position: number;
  /** JSON; `null` for success, and for rows. */
  readonly answer: string | null;
  readonly namedAt: number;
}

export interface AttemptsRow {
  readonly attempts: number;
  readonly firstAt: number;
  readonly previousAt: number | undefined;
  readonly lastAt: number;
}

/** The latest versions of a row, by table and key. */
export interface VersionRow extends VersionRecord {
  /** Hex SHA-256 of the user. */
  readonly subject: string;
  readonly writtenAt: number;
}

/** The library's own rows as one unit sees them. */
export interface OwnRows {
  readonly versions: Overlay<string, VersionRow>;
  readonly ledger: Overlay<string, LedgerRow>;
  readonly devices: Overlay<string, DeviceRow>;
  /** By user id. */
  readonly accounts: Overlay<string, AccountRow>;
  /** By hash. */
  readonly named: Overlay<string, NamedRecord>;
  readonly letters: Overlay<string, StoredRecord>;
  readonly attempts: Overlay<string, AttemptsRow>;
  readonly checkpoints: Overlay<string, { readonly checkpoint: bigint }>;
}

export const micros = 1_000;

/** Enters a new device. @returns whether another device was removed to make room */
export function enterDevice(
  { devices, ledger }: OwnRows,
  { queue, userId, devices: bound }: Claim & { readonly queue: string },
  unsettled: boolean,
  now: number,
): boolean {
  const mine = [...devices.entries()].filter(([, device]) => device.userId === userId);
  const full = bound !== undefined && mine.length >= bound.most;
  if (full) {
    const since = now - bound.unseenMs * micros;
    const seen = new Set<string>();
    for (const [, row] of ledger.entries()) if (row.answeredAt >= since) seen.add(row.queue);
    const unseen = mine.find(([each]) => !seen.has(each))?.[0];
    if (unseen === undefined) {
      throw new TooManyDevices(
        `The caller has ${bound.most} devices in the ledger (ledger.devices), and this one is new. Nothing has been written.`,
      );
    }
    for (const identity of ofQueues(ledger, new Set([unseen]))) ledger.delete(identity);
    devices.delete(unseen);
  }
  devices.set(queue, { userId, unsettled });
  return full;
}

function ofQueues(ledger: OwnRows["ledger"], queues: ReadonlySet<string>): readonly string[] {
  return [...ledger.entries()].flatMap(([identity, { queue }]) =>
    queues.has(queue) ? [identity] : [],
  );
}

/** Removes what is kept of a user: letters first, then ledger rows, and devices once their rows are gone. */
export function forget(
  { ledger, devices, accounts, named, versions, letters }: OwnRows,
  userId: string,
  subject: string,
  most: number,
): Batch {
  const written = [...letters.entries()].flatMap(([id, letter]) =>
    letter.userId === userId ? [id] : [],
  );
  // Dependants first, as in SQL, where they refer to their root.
  const behind = written.filter((id) => letters.get(id)?.root !== undefined);
  if (behind.length > 0) return removed(letters, behind.slice(0, most));
  if (written.length > 0) return removed(letters, written.slice(0, most));
  const queues = new Set(
    [...devices.entries()].flatMap(([queue, device]) => (device.userId === userId ? [queue] : [])),
  );
  const rows = ofQueues(ledger, queues);
  if (rows.length > 0) return removed(ledger, rows.slice(0, most));
  for (const queue of queues) devices.delete(queue);
  const names = [...named.entries()].flatMap(([hash, row]) =>
    row.userId === userId ? [hash] : [],
  );
  if (names.length > 0) return removed(named, names.slice(0, most));
  const made = [...versions.entries()].flatMap(([name, row]) =>
    row.subject === subject ? [name] : [],
  );
  if (made.length > 0) return removed(versions, made.slice(0, most));
  accounts.delete(userId);
  return { found: 0, removed: 0 };
}

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

/** The largest signed 64-bit integer, at which a checkpoint stops growing. */
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

/** Removes old rows; from the ledger only those that no queue may send again: see `pruneLedger` in `sql/prune-ledger.ts`. */
export function prune(
  own: OwnRows,
  now: number,
  what: Parameters<Unit["prune"]>[0],
  { olderThanMs, most, from = "" }: PruneStep,
): Pruned {
  const { ledger, named, versions, attempts, letters } = own;
  const before = now - olderThanMs * micros;
  const positions = new Map<string, string>();
  const enter = (key: string, at: number): void => {
    const position = `${at.toFixed(0).padStart(20, "0")} ${key}`;
    if (at < before && position > from) positions.set(position, key);
  };
  const rows = own[what];
  if (what === "attempts") for (const [key, { lastAt }] of attempts.entries()) enter(key, lastAt);
  if (what === "named") for (const [key, { namedAt }] of named.entries()) enter(key, namedAt);
  if (what === "versions")
    for (const [key, { writtenAt }] of versions.entries()) enter(key, writtenAt);
  if (what === "ledger") for (const [key, row] of ledger.entries()) enter(key, row.answeredAt);
  if (what === "letters") {
    for (const [id, { closedAt }] of letters.entries()) {
      if (closedAt !== undefined) enter(id, Date.parse(closedAt) * micros);
    }
  }

  const looked = [...positions.keys()].toSorted().slice(0, most);
  const keys = looked.map((position) => positions.get(position) ?? "");
  const gone = what === "ledger" ? keys.filter(isPassed(own)) : keys;
  for (const key of gone) rows.delete(key);
  const next = looked.length < most ? undefined : looked.at(-1);
  return { removed: gone.length, ...(next !== undefined && { next }) };
}

function removed<V extends object>(rows: Overlay<string, V>, old: readonly string[]): Batch {
  for (const key of old) rows.delete(key);
  return { found: old.length, removed: old.length };
}

/** Whether a transaction's queue has since sent a later request with new transactions, so that it won't send this one again. */
function isPassed({ ledger }: OwnRows): (identity: string) => boolean {
  const queues = Map.groupBy(
    Array.from(ledger.entries(), ([, row]) => row),
    ({ queue }) => queue,
  );
  return (identity) => {
    const row = ledger.get(identity);
    if (row === undefined) return false;
    const { queue, request, requestAt } = row;
    return (queues.get(queue) ?? []).some(
      (later) => later.firstRequestAt > requestAt && later.firstRequest !== request,
    );
  };
}
