/** The upload queue: what is at its head, in whole transactions, and taking off what has been accepted. */
import type { UploadDatabase } from "./options.js";
import { exactEntries, type QueuedTransaction, transactionsOf } from "./transaction.js";

/** How much goes into one request. A single transaction that is larger still goes, alone. */
export interface Bounds {
  readonly transactions: number;
  readonly operations: number;
  readonly bytes: number;
}

/** Whole transactions from the head of the queue. */
export interface Head {
  readonly transactions: readonly QueuedTransaction[];
  /** About what they are in a request's body. */
  readonly bytes: number;
  /** Takes those from `done` to `accepted` off the queue; those before `done` have been taken off. */
  complete(done: number, accepted: number): Promise<void>;
}

interface Measured {
  readonly id: number;
  readonly tx_id: number | null;
  readonly size: number;
}

/** What an entry is in a request beside its values: the names of its members, and its ids. */
const overhead = 120;

/** @returns undefined where the queue is empty */
export async function readHead(
  database: UploadDatabase,
  bounds: Bounds,
): Promise<Head | undefined> {
  // Somebody may clear the queue between the two reads. Then it is measured again.
  for (let attempt = 0; attempt < 10; attempt++) {
    const measured = await measure(database, bounds);
    const last = measured.at(-1);
    if (last === undefined) return undefined;
    const batch = await database.getCrudBatch(measured.length);
    if (batch?.crud.length !== measured.length || batch.crud.at(-1)?.clientId !== last.id) continue;
    const entries = await exactEntries(database, batch.crud);
    const transactions = transactionsOf(entries);
    return {
      transactions,
      bytes: measured.reduce((sum, { size }) => sum + size + overhead, 0),
      complete: (done, accepted) => completeFirst(database, transactions.slice(done, accepted)),
    };
  }
  throw new Error("The upload queue can't be read.");
}

/** Measured before they are read, so that a queue of large values is never in memory whole. */
async function measure(database: UploadDatabase, bounds: Bounds): Promise<readonly Measured[]> {
  for (let limit = bounds.operations + 1; ; limit *= 4) {
    const rows = await database.getAll<Measured>(
      "SELECT id, tx_id, length(CAST(data AS BLOB)) AS size FROM ps_crud ORDER BY id LIMIT ?",
      [limit],
    );
    const count = fitting(rows, bounds, rows.length < limit);
    // None: the first transaction alone is longer than what was read.
    if (count > 0 || rows.length < limit) return rows.slice(0, count);
  }
}

/** How many rows make whole transactions within the bounds, the first in any case. `all`: the last one's transaction ends with it. */
function fitting(rows: readonly Measured[], bounds: Bounds, all: boolean): number {
  let whole = 0;
  let bytes = 0;
  let transactions = 0;
  for (const [index, { tx_id, size }] of rows.entries()) {
    bytes += size + overhead;
    const next = rows[index + 1];
    if (next === undefined ? !all : tx_id !== null && next.tx_id === tx_id) continue;
    transactions++;
    const fits =
      transactions <= bounds.transactions && index < bounds.operations && bytes <= bounds.bytes;
    if (!fits && whole > 0) break;
    whole = index + 1;
    if (!fits) break;
  }
  return whole;
}

/**
 * Without a checkpoint, always: the SDK keeps a custom one only while the queue is not empty.
 * What the SDK's `complete` takes off is everything up to its last entry.
 */
async function completeFirst(
  database: UploadDatabase,
  transactions: readonly QueuedTransaction[],
): Promise<void> {
  const operations = transactions.flatMap(({ crud }) => crud);
  const batch = await database.getCrudBatch(operations.length);
  // Cleared in the meantime: nothing is there to be taken off, and what is there now is something else.
  if (batch?.crud.at(-1)?.clientId === operations.at(-1)?.opId) await batch?.complete();
}
