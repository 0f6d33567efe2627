/** The statement that enters a transaction in the ledger if it may be applied, and says in the same round trip whether letters of the user wait. */
import { type Expression, type Kysely, type QueryResult, sql, type SqlBool } from "kysely";
import { waiting } from "../../store/letters.js";
import type { Dialect } from "../dialect.js";
import type { OwnTables } from "../own-tables/tables.js";
import { type Parameter, Placeholder } from "../rows/compiled.js";
import { lockClauses, noLockClauses } from "../select.js";
import type { LedgerTables } from "./devices.js";

/** A user of one of the databases that share the tables. */
export interface Subject {
  readonly place: string;
  /** Hex SHA-256. */
  readonly subject: string;
}

/** The library's tables, inside a transaction or not. */
interface EntryTables extends Pick<LedgerTables, "own"> {
  readonly tx: Kysely<OwnTables>;
}

/** What the text of the statement depends on. */
export interface EntryForm {
  /** Whether the transaction is being applied, and not only answered. */
  readonly isApplied: boolean;
  /** Nobody has looked for an earlier copy, so the queue must be one that needs no look. */
  readonly isFirst: boolean;
  readonly letters: boolean;
  readonly limits: Expression<unknown> | undefined;
}

type EntryValue = "key" | "queue" | "answer" | "handling" | "request" | "ms" | keyof Subject;

/** @param at the value, or what stands for it */
export function entryOf(
  { tx, own }: EntryTables,
  dialect: Dialect,
  { isApplied, isFirst, letters, limits }: EntryForm,
  at: (name: EntryValue) => unknown,
) {
  const since = timeBefore(dialect, at("ms") as Parameter<number>);
  const queue = at("queue") as string;
  const row = {
    identity: at("key"),
    queue:
      letters && dialect.inserts === "duplicate key"
        ? withInsertId(
            queue,
            hasLetters(tx, { place: at("place"), subject: at("subject") } as Subject),
          )
        : queue,
    answer: at("answer"),
    handling: at("handling"),
    request: at("request"),
    request_at: since,
    first_request: at("request"),
    first_request_at: since,
    applied_at: isApplied ? dialect.types.now : null,
  };
  const plain = sql`and device.unsettled = 0 and device.told = 0`;
  const lock = isFirst ? dialect.shareLock?.("device") : undefined;
  const { beside, behind } = lock === undefined ? noLockClauses : lockClauses(lock);
  const from = limits === undefined ? sql`` : sql`(${limits}) as bounds, `;
  return {
    columns: Object.keys(row) as (keyof typeof row)[],
    select: sql`select ${sql.join(Object.values(row))} from ${from}${own.table("powersync_devices")} as device ${beside} where device.queue = ${queue} ${isFirst ? plain : sql``} ${behind}`,
  };
}

/** The statement, with placeholders for its values. */
export function entering(ours: EntryTables, dialect: Dialect, form: EntryForm) {
  const at = (name: EntryValue) => new Placeholder("claim", name) as never;
  const { columns, select } = entryOf(ours, dialect, form, at);
  const insert = ours.tx
    .insertInto("powersync_ledger")
    .columns(columns)
    .expression(sql<never>`${select}`);
  if (dialect.inserts === "duplicate key") return insert.ignore();
  const letters = form.letters
    ? hasLetters(ours.tx, { place: at("place"), subject: at("subject") })
    : sql`1 = 0`;
  return insert
    .onConflict((conflict) => conflict.column("identity").doNothing())
    .returning(sql<unknown>`case when ${letters} then 1 else 0 end`.as("letters"));
}

/** What the statement's answer says. `undefined`: the row exists, or the queue is unknown or unsettled. */
export function entered(
  { inserts }: Pick<Dialect, "inserts">,
  { rows, numAffectedRows, insertId }: QueryResult<unknown>,
): { readonly hasLetters: boolean } | undefined {
  // If the driver does not say, assume that letters wait.
  if (inserts === "duplicate key")
    return numAffectedRows === 1n ? { hasLetters: insertId !== 1n } : undefined;
  const [found] = rows as readonly { readonly letters: unknown }[];
  return found && { hasLetters: Number(found.letters) === 1 };
}

export function timeBefore({ types }: Dialect, ms: Parameter<number>): Expression<unknown> {
  return types.agoByStatement?.(ms) ?? types.ago(ms);
}

/** The unchanged value. As a side effect, the INSERT's "insert id" reports the condition, because there is no RETURNING: 2 if it holds, otherwise 1. */
function withInsertId(value: string, condition: Expression<SqlBool>): Expression<string> {
  return sql<string>`if(last_insert_id(if(${condition}, 2, 1)) > 0, ${value}, ${value})`;
}

/** Whether letters of the user wait, as a part of another statement. */
export function hasLetters(
  tx: Kysely<OwnTables>,
  { place, subject }: Subject,
): Expression<SqlBool> {
  const open = tx
    .selectFrom("powersync_dead_letters as open")
    .select(sql.lit(1).as("one"))
    .where("open.place", "=", place)
    .where("open.subject", "=", subject)
    .where("open.status", "in", waiting);
  return sql<SqlBool>`exists ${open}`;
}
