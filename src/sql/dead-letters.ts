/** The letters in the database: read, listed, locked and changed. */
import {
  type Expression,
  type ExpressionBuilder,
  type SelectQueryBuilder,
  sql,
  type SqlBool,
  type Transaction,
} from "kysely";
import { sha256 } from "../wire/digest.js";
import { canonicalJson, escapeText, parseJson, unescapeText } from "../wire/json.js";
import type { OwnTables } from "./tables.js";
import { dialectOf } from "./dialects.js";
import type { RowStates } from "./fingerprints.js";
import { type Position, waiting, type Wanted } from "../dead-letters/query.js";
import type { Letter, LetterStatus, LetterSummary } from "../dead-letters/types.js";
import { tableName } from "./letter-insert.js";
import type { OwnTypes } from "./dialect.js";

type Own = Transaction<OwnTables>;

/** A letter, and what it keeps for a retry. */
export interface StoredLetter extends Letter {
  readonly rowStates: RowStates | undefined;
  readonly lossyNumbers: boolean;
}

/** With what puts it into its client's order. */
export interface ListedLetter extends LetterSummary {
  /** The queue that it came from. */
  readonly queue: string;
}

const summary = [
  "id",
  "status",
  "error_code",
  "message",
  "operation_index",
  "user_id",
  "client_id",
  "queue_id",
  "identity",
  "attempts",
  "table_names",
  "reason",
] as const;

const whole = ["payload", "original_payload", "principal", "row_hashes", "lossy_numbers"] as const;

/** No id is longer, or has other characters: nothing else is asked for. */
const possibleId = /^[\w-]{1,36}$/;

export async function find(tx: Own, id: string, locked = false): Promise<StoredLetter | undefined> {
  if (typeof id !== "string" || !possibleId.test(id)) return undefined;
  const query = summaries(tx).select(whole).where("id", "=", id);
  const row = await (locked ? locking(tx, query) : query).executeTakeFirst();
  if (row === undefined) return undefined;
  // The library wrote it.
  const rowStates = row.row_hashes === null ? undefined : (parseJson(row.row_hashes) as RowStates);
  return {
    ...summaryOf(row),
    payload: parseJson(row.payload),
    ...(row.original_payload !== null && { originalPayload: parseJson(row.original_payload) }),
    ...(row.principal !== null && { principal: parseJson(row.principal) }),
    rows: (rowStates?.rows ?? []).map(({ table, id, hash }) => ({
      table,
      id,
      present: hash !== null,
    })),
    unreadRows: rowStates?.unread ?? 0,
    rowStates,
    lossyNumbers: Number(row.lossy_numbers) === 1,
  };
}

interface Page {
  readonly newest: boolean;
  readonly limit: number;
  readonly after?: Position | undefined;
}

export async function list(
  tx: Own,
  wanted: Wanted,
  { newest, limit, after }: Page,
): Promise<readonly ListedLetter[]> {
  const { types } = dialectOf(tx);
  const direction = newest ? "desc" : "asc";
  const rows = await where(summaries(tx), [
    await matching(tx, wanted),
    ...(after === undefined ? [] : [behind(after, newest, types)]),
  ])
    .orderBy("created_at", direction)
    .orderBy("id", direction)
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...summaryOf(row), queue: queueOf(row) }));
}

/** The queues that have a letter at or before this one which still waits. */
export async function waitingQueues(
  tx: Own,
  wanted: Wanted,
  until: Position,
): Promise<readonly string[]> {
  const { types } = dialectOf(tx);
  const rows = await where(
    tx.selectFrom("powersync_dead_letters").select(["user_id", "client_id", "queue_id"]).distinct(),
    [
      await matching(tx, { ...wanted, status: waiting }),
      (eb) => eb.not(behind(until, false, types)(eb)),
    ],
  ).execute();
  return rows.map(queueOf);
}

async function matching(tx: Own, wanted: Wanted): Promise<Condition> {
  const { userId } = wanted;
  const subject = userId === undefined ? undefined : await sha256(userId);
  return matches(wanted, subject, dialectOf(tx).types);
}

function where<O>(
  query: SelectQueryBuilder<OwnTables, "powersync_dead_letters", O>,
  conditions: readonly Condition[],
) {
  return query.where((eb) => eb.and(conditions.map((condition) => condition(eb))));
}

function summaries(tx: Own) {
  const { types } = dialectOf(tx);
  return tx
    .selectFrom("powersync_dead_letters")
    .select(summary)
    .select((eb) => [
      sql<string>`${types.iso(eb.ref("created_at"))}`.as("first_seen"),
      sql<string | null>`${types.iso(eb.ref("last_seen_at"))}`.as("last_seen"),
      sql<string | null>`${types.iso(eb.ref("closed_at"))}`.as("closed"),
      sql<number>`case when ${eb("original_payload", "is", null)} then 0 else 1 end`.as("edited"),
    ]);
}

type SummaryRow = Pick<
  OwnTables["powersync_dead_letters"],
  Exclude<(typeof summary)[number], "status" | "attempts">
> & {
  readonly status: string;
  readonly attempts: number;
  readonly first_seen: string;
  readonly last_seen: string | null;
  readonly closed: string | null;
  readonly edited: number;
};

function summaryOf(row: SummaryRow): LetterSummary {
  const { client_id, queue_id, operation_index, identity, reason, closed } = row;
  return {
    id: row.id,
    status: row.status as LetterStatus,
    userId: unescapeText(row.user_id),
    ...(client_id !== null && { clientId: unescapeText(client_id) }),
    ...(queue_id !== null && { queueId: unescapeText(queue_id) }),
    errorCode: unescapeText(row.error_code),
    message: unescapeText(row.message),
    ...(operation_index !== null && { operationIndex: Number(operation_index) }),
    ...(identity !== null && { identity }),
    tables: (row.table_names ?? "").split(",").filter(Boolean).map(unescapeText),
    attempts: Number(row.attempts),
    firstSeenAt: row.first_seen,
    lastSeenAt: row.last_seen ?? row.first_seen,
    edited: Number(row.edited) === 1,
    ...(reason !== null && { reason: unescapeText(reason) }),
    ...(closed !== null && { closedAt: closed }),
  };
}

function queueOf(row: {
  readonly user_id: string;
  readonly client_id: string | null;
  readonly queue_id: string | null;
}): string {
  return JSON.stringify([row.user_id, row.client_id, row.queue_id]);
}

/** What becomes of a letter. */
interface Change {
  readonly status?: "open" | "stale";
  readonly closed?: { readonly status: "retried" | "discarded"; readonly reason?: string };
  readonly failed?: Failed;
  readonly payload?: {
    readonly text: string;
    readonly tables: string;
    readonly rows: RowStates | undefined;
  };
}

/** Without an error it is only counted. */
interface Failed {
  readonly error?: {
    readonly errorCode: string;
    readonly message: string;
    readonly operationIndex?: number;
  };
}

/** Those of them that still wait; until the transaction ends nobody else changes them. */
export async function lockWaiting(tx: Own, ids: readonly string[]): Promise<readonly string[]> {
  const query = tx
    .selectFrom("powersync_dead_letters")
    .select("id")
    .where("id", "in", ids)
    .where("status", "in", waiting)
    .orderBy("id");
  const rows = await locking(tx, query).execute();
  return rows.map(({ id }) => id);
}

/** Where nobody else can change a letter anyway, there is no such lock. */
function locking<Q extends { modifyEnd(modifier: Expression<unknown>): Q }>(tx: Own, query: Q): Q {
  const { rowLock } = dialectOf(tx);
  return rowLock === undefined ? query : query.modifyEnd(rowLock);
}

/** Only letters that still wait are changed. */
export async function change(
  tx: Own,
  ids: readonly string[],
  { status, closed, failed, payload }: Change,
): Promise<void> {
  const { now } = dialectOf(tx).types;
  await tx
    .updateTable("powersync_dead_letters")
    .$if(status !== undefined, (update) => update.set({ status: status ?? "open" }))
    .$if(closed !== undefined, (update) =>
      update.set({
        status: closed?.status ?? "open",
        closed_at: now,
        open_content: null,
        reason: closed?.reason === undefined ? null : escapeText(closed.reason),
      }),
    )
    .$if(failed !== undefined, (update) =>
      update.set({
        attempts: sql<number>`${sql.ref("attempts")} + 1`,
        last_seen_at: now,
        ...(failed?.error && {
          error_code: escapeText(failed.error.errorCode),
          message: escapeText(failed.error.message),
          operation_index: failed.error.operationIndex ?? null,
        }),
      }),
    )
    .$if(payload !== undefined, (update) =>
      update.set((eb) => ({
        // First: MySQL assigns one after the other, and the later ones see what the former have done.
        original_payload: sql<string>`coalesce(${eb.ref("original_payload")}, ${eb.ref("payload")})`,
        payload: payload?.text ?? "",
        table_names: payload?.tables ?? "",
        row_hashes: payload?.rows === undefined ? null : canonicalJson(payload.rows),
        lossy_numbers: 0,
      })),
    )
    .where("id", "in", ids)
    .where("status", "in", waiting)
    .execute();
}

// A filter, and the beginning of a page, as SQL.
type Letters = ExpressionBuilder<OwnTables, "powersync_dead_letters">;
type Condition = (eb: Letters) => Expression<SqlBool>;

/** @param subject the hash of `userId` */
function matches(wanted: Wanted, subject: string | undefined, types: OwnTypes): Condition {
  const { status, userId, clientId, errorCode, table, since, until } = wanted;
  return (eb) =>
    eb.and([
      ...(status === undefined ? [] : [eb("status", "in", status)]),
      ...(userId === undefined || subject === undefined
        ? []
        : [
            eb.or([
              eb("subject", "=", subject),
              // In letters of the first form.
              eb.and([eb("subject", "is", null), eb("user_id", "=", escapeText(userId))]),
            ]),
          ]),
      ...(clientId === undefined ? [] : [eb("client_id", "=", escapeText(clientId))]),
      ...(errorCode === undefined ? [] : [eb("error_code", "=", escapeText(errorCode))]),
      ...(table === undefined ? [] : [naming(eb, table)]),
      ...(since === undefined ? [] : [eb("created_at", ">=", time(types, since))]),
      ...(until === undefined ? [] : [eb("created_at", "<", time(types, until))]),
    ]);
}

/** In every database's words, and letter by letter: LIKE is not the same everywhere, nor is any function that finds text. */
function naming(eb: Letters, table: string): Expression<SqlBool> {
  const column = eb.ref("table_names");
  return sql<SqlBool>`replace(${column}, ${`,${tableName(table)},`}, '') <> ${column}`;
}

/** Behind a letter, in the order of the page. */
function behind({ at, id }: Position, newest: boolean, types: OwnTypes): Condition {
  const [before, past] = [time(types, at), newest ? ("<" as const) : (">" as const)];
  return (eb) =>
    eb.or([
      eb("created_at", past, before),
      eb.and([eb("created_at", "=", before), eb("id", past, id)]),
    ]);
}

function time(types: OwnTypes, iso: string): Expression<Date> {
  return sql<Date>`${types.at(iso)}`;
}
