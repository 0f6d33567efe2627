/** Keeps rejected transactions in a local-only table on the device, so that the application can show, edit and resend them. */
import type {
  QueuedOperation,
  QueuedTransaction,
  SqlExecutor,
  UploadDatabase,
} from "./transaction.js";
import { uploadError } from "./errors.js";
import type { FatalFailure } from "./http.js";

/** A transaction that was not applied, and has left the queue. */
export interface RejectedWrite extends QueuedTransaction {
  readonly id: string;
  readonly failure: FatalFailure;
  /** When, in ISO 8601. */
  readonly rejectedAt: string;
}

interface RejectedRow {
  readonly id: string;
  readonly failure: string;
  readonly crud: string;
  readonly rejected_at: string;
}

/**
 * Stores a rejected transaction, before it leaves the queue. The row's id is made of the queue's id and the first operation's: if the
 * process ends between the two steps, the repetition writes the same row.
 */
export async function keepRejected(
  database: SqlExecutor,
  table: string,
  queueId: string,
  { crud }: QueuedTransaction,
  failure: FatalFailure,
): Promise<void> {
  await database.execute(
    `INSERT OR REPLACE INTO ${quotedName(table)} (id, failure, crud, rejected_at) VALUES (?, ?, ?, ?)`,
    [
      `${queueId}:${crud[0]?.opId}`,
      JSON.stringify(failure),
      JSON.stringify(crud),
      new Date().toISOString(),
    ],
  );
}

/**
 * Deletes rows whose transaction is still in the queue because the process ended before it could leave. It will be sent again, and the
 * server may accept it this time.
 */
export async function forgetQueued(
  database: SqlExecutor,
  table: string,
  queueId: string,
): Promise<void> {
  const where = `WHERE id IN (SELECT ? || ':' || id FROM ps_crud)`;
  const rows = await database.getAll(`SELECT id FROM ${quotedName(table)} ${where}`, [queueId]);
  if (rows.length > 0)
    await database.execute(`DELETE FROM ${quotedName(table)} ${where}`, [queueId]);
}

export async function countRejected(database: SqlExecutor, table: string): Promise<number> {
  const [row] = await database.getAll<{ readonly count: number }>(
    `SELECT count(*) AS count FROM ${quotedName(table)}`,
  );
  return row?.count ?? 0;
}

/** Lists them in the order in which they were rejected. */
export async function listRejected(
  database: SqlExecutor,
  table: string,
  id?: string,
): Promise<readonly RejectedWrite[]> {
  const rows = await database.getAll<RejectedRow>(
    `SELECT id, failure, crud, rejected_at FROM ${quotedName(table)} WHERE id = coalesce(?, id) ORDER BY rejected_at, id`,
    [id ?? null],
  );
  return rows.map(({ id, failure, crud, rejected_at }) => ({
    id,
    failure: JSON.parse(failure) as FatalFailure,
    crud: JSON.parse(crud) as readonly QueuedOperation[],
    rejectedAt: rejected_at,
  }));
}

export async function discardRejected(
  database: SqlExecutor,
  table: string,
  id: string,
): Promise<void> {
  await database.execute(`DELETE FROM ${quotedName(table)} WHERE id = ?`, [id]);
}

/**
 * Adds a rejected transaction to the end of the queue, as it was or edited, and deletes it from the table, in one local transaction.
 *
 * @throws UploadError UNKNOWN_REJECTED_WRITE
 */
export function resendRejected(
  database: UploadDatabase,
  table: string,
  id: string,
  edited?: readonly QueuedOperation[],
): Promise<void> {
  return database.writeTransaction(async (tx) => {
    const [rejected] = await listRejected(tx, table, id);
    if (rejected === undefined) {
      throw uploadError("UNKNOWN_REJECTED_WRITE", `There is no rejected write "${id}".`);
    }
    const crud = edited ?? rejected.crud;
    const [queue] = await tx.getAll<{ readonly last: number | null }>(
      "SELECT max(id) AS last FROM ps_crud",
    );
    for (const operation of crud) await showLocally(tx, operation);
    // The views' triggers have queued only the difference from the rows that are there now, which is nothing where the rejected values
    // are still there. The transaction itself must be sent, so it replaces what they queued.
    await tx.execute("DELETE FROM ps_crud WHERE id > ?", [queue?.last ?? 0]);
    for (const { op, table, id, opData, previousValues, metadata } of crud) {
      await tx.execute(
        "INSERT INTO powersync_crud (op, id, type, data, old_values, metadata) VALUES (?, ?, ?, ?, ?, ?)",
        [op, id, table, json(opData), json(previousValues), metadata ?? null],
      );
    }
    await discardRejected(tx, table, id);
  });
}

/** Applies the change to the local row, so that the user sees it at once. If that fails, as in an insert-only table, the change is still sent. */
async function showLocally(
  tx: SqlExecutor,
  { op, table, id, opData }: QueuedOperation,
): Promise<void> {
  const values = opData ?? {};
  const columns = Object.keys(values).map(quotedName);
  const parameters = [...Object.values(values).map(sqlValue), id];
  const sql =
    op === "PUT"
      ? `INSERT OR REPLACE INTO ${quotedName(table)} (${[...columns, "id"].join()}) VALUES (${parameters.map(() => "?").join()})`
      : op === "PATCH"
        ? `UPDATE ${quotedName(table)} SET ${columns.map((column) => `${column} = ?`).join()} WHERE id = ?`
        : `DELETE FROM ${quotedName(table)} WHERE id = ?`;
  try {
    await tx.execute(sql, parameters);
  } catch {
    // The change is sent without being shown.
  }
}

function sqlValue(value: unknown): unknown {
  return typeof value === "boolean"
    ? Number(value)
    : typeof value === "object"
      ? json(value)
      : value;
}

function json(value: unknown): string | null {
  return value == null ? null : JSON.stringify(value);
}

/** Quotes a name for SQL. */
function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
