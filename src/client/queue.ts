/** The head of the upload queue: read in whole transactions, and removed once they have been accepted. */
import {
  exactEntries,
  type QueuedTransaction,
  transactionsOf,
  type UploadDatabase,
} from "./transaction.js";
import type { Bounds } from "./options.js";

/** Whole transactions from the head of the queue. */
export interface Head {
  readonly transactions: readonly QueuedTransaction[];
  /** The approximate size of the transactions in a request's body. */
  readonly bytes: number;
  /** Removes the transactions from index `completed` up to `accepted`, exclusive; those before `completed` have been removed already. */
  complete(completed: number, accepted: number): Promise<void>;
}

interface MeasuredTransaction {
  readonly id: number;
  readonly tx_id: number | null;
  readonly size: number;
}

/** The approximate size of an entry in a request beside its values: its members' names, and its ids. */
const overhead = 120;

/** @returns undefined if the queue is empty */
export async function readHead(
  database: UploadDatabase,
  bounds: Bounds,
): Promise<Head | undefined> {
  // The application may clear the queue between the two reads. Then it is measured again.
  for (let attempt = 0; attempt < 10; attempt++) {
    const measured = await measureQueue(database, bounds);
    const last = measured.at(-1);
    if (last === undefined) return undefined;
    const batch = await database.getCrudBatch(measured.length);
    if (batch?.crud.length !== measured.length || batch.crud.at(-1)?.clientId !== last.id) continue;
    const entries = await exactEntries(database, batch.crud);
    const transactions = transactionsOf(entries);
    return {
      transactions,
      bytes: measured.reduce((sum, { size }) => sum + size + overhead, 0),
      complete: (completed, accepted) =>
        removeFirst(database, transactions.slice(completed, accepted)),
    };
  }
  throw new Error("The upload queue can't be read.");
}

/** Measures entries before they are read, so that a queue of large values is never in memory as a whole. */
async function measureQueue(
  database: UploadDatabase,
  bounds: Bounds,
): Promise<readonly MeasuredTransaction[]> {
  for (let limit = bounds.operations + 1; ; limit *= 4) {
    const rows = await database.getAll<MeasuredTransaction>(
      "SELECT id, tx_id, length(CAST(data AS BLOB)) AS size FROM ps_crud ORDER BY id LIMIT ?",
      [limit],
    );
    const count = countFitting(rows, bounds, rows.length < limit);
    // Nothing fits if the first transaction has more rows than were read.
    if (count > 0 || rows.length < limit) return rows.slice(0, count);
  }
}

/**
 * Counts the rows that make whole transactions within the bounds. The first transaction counts even if it exceeds them.
 *
 * @param all `rows` is the whole queue, so the last transaction ends with the last row
 */
function countFitting(rows: readonly MeasuredTransaction[], bounds: Bounds, all: boolean): number {
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
 * Calls the SDK's `complete`, which removes everything up to the batch's last entry. No write checkpoint is passed: the SDK keeps a custom
 * one only while the queue is not empty.
 */
async function removeFirst(
  database: UploadDatabase,
  transactions: readonly QueuedTransaction[],
): Promise<void> {
  const operations = transactions.flatMap(({ crud }) => crud);
  const batch = await database.getCrudBatch(operations.length);
  // If the ids differ, the queue has been cleared in the meantime, and holds other entries now.
  if (batch?.crud.at(-1)?.clientId === operations.at(-1)?.opId) await batch?.complete();
}
