/**
 * A transaction of the upload queue: made of the queue's entries, with every digit of its integers, and written for the wire. And the PowerSync
 * database that it is read from: the members that the SDKs for web, React Native, Node and Capacitor have in common.
 */

import type { components } from "../wire/generated/types.js";

/** One change of one row. Integers beyond ±(2^53 - 1), which JavaScript can't hold exactly, are strings. */
export interface QueuedOperation {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  /** The entry's id in the upload queue. */
  readonly opId?: number;
  readonly opData?: Readonly<Record<string, unknown>> | null | undefined;
  /** Present if the client's schema tracks previous values. */
  readonly previousValues?: Readonly<Record<string, unknown>> | null | undefined;
  readonly metadata?: string | null | undefined;
}

/** The changes of one local transaction. The server applies all of them or none. */
export interface QueuedTransaction {
  readonly transactionId?: number;
  readonly crud: readonly QueuedOperation[];
}

/** Groups successive entries with the same transaction id. An entry without one is a transaction of its own. */
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
  // JSON leaves out members that are undefined.
  return { op: op as QueuedOperation["op"], table, id, opId, opData, previousValues, metadata };
}

type Schemas = components["schemas"];
/** JSON leaves out members that are undefined. */
type Sent<T> = T extends object ? { readonly [Name in keyof T]: Sent<T[Name]> | undefined } : T;

/** The transaction as the endpoint's wire format has it. */
export function queuedToWire(
  { transactionId, crud }: QueuedTransaction,
  handling: number,
): Sent<Schemas["Transaction"]> {
  return {
    transaction_id: transactionId,
    handling,
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
 * Restores values that the SDK could not read exactly. It reads the queue with `JSON.parse`, which rounds integers beyond ±(2^53 - 1) and
 * makes infinity of numbers that are too large. SQLite still has every digit, so such values are read again, as strings.
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
    opData: withExact(entry.opData, `${entry.clientId} data `, exact),
    previousValues: withExact(entry.previousValues, `${entry.clientId} old `, exact),
  }));
}

interface ExactValue {
  readonly id: number;
  readonly member: "data" | "old";
  readonly key: string;
  readonly value: string;
}

type EntryValues = QueueEntry["opData"];

function isInexact(value: unknown): value is number {
  return typeof value === "number" && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER);
}

function hasInexact(values: EntryValues): boolean {
  return values != null && Object.values(values).some(isInexact);
}

function withExact(
  values: EntryValues,
  prefix: string,
  exact: ReadonlyMap<string, string>,
): EntryValues {
  if (values == null) return values;
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      // A large number that SQLite has not as an integer is exact already. Infinity becomes a string, since JSON would make it null.
      isInexact(value)
        ? (exact.get(prefix + key) ?? (Number.isFinite(value) ? value : String(value)))
        : value,
    ]),
  );
}

/** One change in the upload queue, as the SDK reads it. */
export interface QueueEntry {
  /** The entry's id in the queue. */
  readonly clientId: number;
  readonly op: string;
  readonly table: string;
  readonly id: string;
  readonly transactionId?: number | null;
  readonly opData?: Readonly<Record<string, unknown>> | null | undefined;
  readonly previousValues?: Readonly<Record<string, unknown>> | null | undefined;
  readonly metadata?: string | null;
}

/** The entries at the head of the queue. `complete` removes them, and all entries before them. */
export interface QueueBatch {
  readonly crud: readonly QueueEntry[];
  complete(): Promise<void>;
}

/** What runs SQL on the device: a PowerSync database, or a transaction of one. */
export interface SqlExecutor {
  getAll<T>(sql: string, parameters?: unknown[]): Promise<T[]>;
  execute(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** A PowerSync database of any of the JavaScript SDKs. */
export interface UploadDatabase extends SqlExecutor {
  getClientId(): Promise<string>;
  getCrudBatch(limit?: number): Promise<QueueBatch | null>;
  writeTransaction<T>(callback: (tx: SqlExecutor) => Promise<T>): Promise<T>;
}
