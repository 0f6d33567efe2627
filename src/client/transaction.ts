/** A transaction of the upload queue: how an application sees it, and how it travels. */
import type { ConnectorOptions, QueueEntry, SqlExecutor, UploadDatabase } from "./options.js";
import type { FatalFailure, Result } from "./http.js";
import { ask, uploadError } from "./errors.js";
import type { Head } from "./queue.js";
import { keepRejected } from "./rejected.js";

/** One change of one row. Integers that JavaScript can't hold exactly are text. */
export interface QueuedOperation {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  /** The entry's id in the upload queue. */
  readonly opId?: number;
  readonly opData?: Readonly<Record<string, unknown>> | null | undefined;
  /** Where the client's schema tracks them. */
  readonly previousValues?: Readonly<Record<string, unknown>> | null | undefined;
  readonly metadata?: string | null | undefined;
}

/** The changes of one local transaction. They are applied together, or not at all. */
export interface QueuedTransaction {
  readonly transactionId?: number;
  readonly crud: readonly QueuedOperation[];
}

/** Entries with the same transaction id, one behind the other. An entry without one is a transaction of its own. */
export function transactionsOf(operations: readonly QueueEntry[]): QueuedTransaction[] {
  const transactions: { transactionId?: number; crud: QueuedOperation[] }[] = [];
  for (const entry of operations) {
    const last = transactions.at(-1);
    const { transactionId } = entry;
    if (transactionId == null) transactions.push({ crud: [operationOf(entry)] });
    else if (last?.transactionId === transactionId) last.crud.push(operationOf(entry));
    else transactions.push({ transactionId, crud: [operationOf(entry)] });
  }
  return transactions;
}

function operationOf(entry: QueueEntry): QueuedOperation {
  const { clientId: opId, op, table, id, opData, previousValues, metadata } = entry;
  // Members that are undefined are left out of JSON.
  return { op: op as QueuedOperation["op"], table, id, opId, opData, previousValues, metadata };
}

/** In the words of `POST {url}`. */
export function wireTransaction({ transactionId, crud }: QueuedTransaction): object {
  return {
    transaction_id: transactionId,
    crud: crud.map(({ op, table, id, opId, opData, previousValues, metadata }) => ({
      op,
      table,
      id,
      op_id: opId,
      op_data: opData,
      previous_values: previousValues,
      metadata,
    })),
  };
}

/**
 * The SDK reads the queue with `JSON.parse`, which rounds integers beyond ±(2^53 - 1), and JSON has no infinity.
 * SQLite still has every digit: such values are read again, as text.
 */
export async function exactEntries(
  database: SqlExecutor,
  entries: readonly QueueEntry[],
): Promise<readonly QueueEntry[]> {
  const inexact = entries.filter(
    ({ opData, previousValues }) => hasInexact(opData) || hasInexact(previousValues),
  );
  if (inexact.length === 0) return entries;
  const ids = JSON.stringify(inexact.map(({ clientId }) => clientId));
  const rows = await database.getAll<ExactValue>(
    "SELECT c.id, m.value AS member, j.key, CAST(j.value AS TEXT) AS value " +
      `FROM ps_crud c, json_each('["data","old"]') m, json_each(c.data, '$.' || m.value) j ` +
      "WHERE c.id IN (SELECT value FROM json_each(?)) AND j.type = 'integer'",
    [ids],
  );
  const exact = new Map(
    rows.map(({ id, member, key, value }) => [`${id} ${member} ${key}`, value]),
  );
  return entries.map((entry) => ({
    ...entry,
    opData: replaced(entry.opData, `${entry.clientId} data `, exact),
    previousValues: replaced(entry.previousValues, `${entry.clientId} old `, exact),
  }));
}

interface ExactValue {
  readonly id: number;
  readonly member: "data" | "old";
  readonly key: string;
  readonly value: string;
}

type Values = QueueEntry["opData"];

function isInexact(value: unknown): value is number {
  return typeof value === "number" && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER);
}

function hasInexact(values: Values): boolean {
  return values != null && Object.values(values).some(isInexact);
}

function replaced(values: Values, prefix: string, exact: ReadonlyMap<string, string>): Values {
  if (values == null) return values;
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      // A large number that is no integer is what JavaScript says it is; but JSON would make null of infinity.
      isInexact(value)
        ? (exact.get(prefix + key) ?? (Number.isFinite(value) ? value : String(value)))
        : value,
    ]),
  );
}

// What becomes of each transaction, once the server has answered: it leaves the queue, or the upload ends here.
export interface Settling {
  readonly options: ConnectorOptions;
  readonly database: UploadDatabase;
  readonly queueId: string;
  readonly head: Head;
  readonly onRejected: () => Promise<void>;
}

/**
 * Takes the accepted ones off the queue, up to the first that is not. They are taken off before anybody is asked about a rejected one.
 *
 * @throws UploadError RETRYABLE, RETAINED, CALLBACK_FAILED
 */
export async function settle(settling: Settling, results: readonly Result[]): Promise<void> {
  const { head, onRejected } = settling;
  let done = 0;
  let accepted = 0;
  const complete = async () => {
    if (accepted > done) await head.complete(done, accepted);
    done = accepted;
  };
  for (const [index, result] of results.entries()) {
    if (result.status === "not_attempted") break;
    if (result.status === "retryable_error") {
      await complete();
      const { message = "The server will take it later.", retryAfterMs } = result;
      throw uploadError("RETRYABLE", message, { retryAfterMs });
    }
    if (result.status === "fatal_error") {
      await complete();
      await decide(settling, result.failure, head.transactions[index] as QueuedTransaction);
      await onRejected();
    }
    accepted = index + 1;
  }
  await complete();
  if (accepted === 0) throw uploadError("RETRYABLE", "The server has attempted nothing.");
}

/**
 * Returns where the transaction may leave the queue.
 *
 * @throws UploadError RETAINED, CALLBACK_FAILED
 */
export async function decide(
  { options, database, queueId }: Settling,
  failure: FatalFailure,
  transaction: QueuedTransaction,
): Promise<void> {
  const { deadLetters, onFatalTransaction } = options;
  // What nobody else has does not go, unless somebody says so.
  let decision =
    failure.requiresClientHandling && deadLetters === undefined ? "retain" : "complete";
  if (onFatalTransaction !== undefined) {
    decision = await ask("CALLBACK_FAILED", () => onFatalTransaction(failure, transaction));
  }
  if (decision !== "complete") {
    const { code, message = "It was rejected." } = failure;
    throw uploadError("RETAINED", `A transaction is kept in the queue: ${message}`, {
      rejectedWith: code,
    });
  }
  if (deadLetters !== undefined) {
    await keepRejected(database, deadLetters.table, queueId, transaction, failure);
  }
}
