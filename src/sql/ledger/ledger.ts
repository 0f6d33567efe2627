/** The ledger: what has been answered. Its row commits together with the data, so that a transaction that is sent twice is applied once. */
import { type Expression, type Kysely, sql, type SqlBool, type Transaction } from "kysely";
import type { TransactionResult } from "../../model.js";
import { Contention } from "../../store/failures.js";
import { waiting } from "../../store/letters.js";
import { answerOf, handlingOf, isTriedAnew } from "../../store/ledger.js";
import type { Claim } from "../../store/ledger.js";
import { typedJson } from "../../wire/serialize.js";
import type { Dialect } from "../dialect.js";
import { insertMissing } from "../own-tables/rows.js";
import type { OwnTables } from "../own-tables/tables.js";
import { forUpdate, lockClauses, noLockClauses } from "../select.js";
import { claimByContent, claimWithAccount, type EarlierCopy, enterNamesAgain } from "./content.js";
import type { LedgerTables } from "./devices.js";

interface Claiming {
  /** Sets the transaction's time limits: as a SELECT inside the first statement, or as statements of their own. */
  readonly limits: { readonly select: Expression<unknown>; send(): Promise<void> } | undefined;
  /** The user whose waiting letters are looked for. Absent: none are looked for. */
  readonly lettersOf: Subject | undefined;
}

/** A user of one of the databases that share the tables. */
export interface Subject {
  readonly place: string;
  /** Hex SHA-256. */
  readonly subject: string;
}

/** A claim by a device that is known, or that will be entered. */
type DeviceClaim = Claim & { readonly key: string; readonly queue: string };

function isOfDevice(claimed: Claim): claimed is DeviceClaim {
  return claimed.key !== undefined && claimed.queue !== undefined;
}

/**
 * Enters a transaction's answer unless there is one already, and says whether letters of the user wait.
 * Waits for an identical transaction that has not been committed yet. Takes one statement; up to three on a replay; and a few more for a queue's first
 * transaction, and if the user has transactions that are distinguished by their content.
 *
 * @throws TooManyDevices
 */
export async function claim(
  ours: LedgerTables,
  dialect: Dialect,
  claimed: Claim,
  claiming: Claiming,
): Promise<Claimed> {
  const { limits, lettersOf } = claiming;
  if (!isOfDevice(claimed)) return claimByContent(ours, dialect, claimed);
  const { key: identity, request, known = false } = claimed;
  const { tx } = ours;
  const asked = { select: limits?.select, lettersOf };
  const first = known ? undefined : await enter(ours, dialect, claimed, asked);
  if (first !== undefined) return first;
  let met: EarlierCopy = {};
  for (let entered = known; ; entered = true) {
    // Locked, because on MySQL, at a stricter isolation level, a plain read would fix the snapshot before the wait for the user's account.
    const saved = await forUpdate(
      dialect,
      tx
        .selectFrom("powersync_ledger")
        .select(["answer", "request", "handling"])
        .where("identity", "=", identity),
    ).executeTakeFirst();
    if (saved !== undefined) {
      // Some drivers return a bigint.
      const handling = saved.handling === null ? null : Number(saved.handling);
      if (isTriedAnew(handling, claimed)) {
        await enterNamesAgain(ours, dialect, claimed);
        await enterAnew(tx, dialect, claimed, handling);
        return { hasLetters: lettersOf !== undefined && (await askForLetters(tx, lettersOf)) };
      }
      if (saved.request !== request) await replay(tx, dialect, claimed);
      return { earlier: answerOf(saved.answer), hasLetters: false };
    }
    // The row was pruned after the INSERT had found it. The next attempt will find none.
    if (entered) throw new Contention("The ledger's row has just been removed.");
    // Without a device nothing was selected, so the time limits may not be set yet.
    await limits?.send();
    met = await claimWithAccount(ours, dialect, claimed);
    const again = await enter(ours, dialect, claimed, { select: undefined, lettersOf, met });
    if (again !== undefined) return { ...again, ...met };
  }
}

export interface Claimed extends EarlierCopy {
  /** Absent: nobody has looked for letters. */
  readonly hasLetters?: boolean;
}

/**
 * When the request began, in the database's time, so that all processes agree on the order of requests. It is computed from the time of the statement,
 * after the process's clock was read. A request therefore never seems to have begun too early, before the answer to the previous one.
 */
function begun(dialect: Dialect, { requestBegan }: Claim): Expression<unknown> {
  return timeBefore(dialect, performance.now() - requestBegan);
}

export function timeBefore({ types }: Dialect, ms: number): Expression<unknown> {
  return types.agoByStatement?.(ms) ?? types.ago(ms);
}

interface ClaimAsked extends Pick<Claiming, "lettersOf"> {
  readonly select: Expression<unknown> | undefined;
  /** Absent: nobody has looked for an earlier copy. */
  readonly met?: EarlierCopy;
}

/**
 * Inserts the row in one statement. `undefined`: the row exists, or the queue is unknown or unsettled. Until the transaction ends, nobody can begin to
 * distinguish the user's transactions by their content.
 */
async function enter(
  { tx, devices }: LedgerTables,
  dialect: Dialect,
  claimed: DeviceClaim,
  { select: limits, lettersOf, met }: ClaimAsked,
): Promise<Claimed | undefined> {
  const { key, queue } = claimed;
  const letters = lettersOf && hasLetters(tx, lettersOf);
  const row = {
    identity: key,
    queue: letters && dialect.inserts === "duplicate key" ? withInsertId(queue, letters) : queue,
    ...answered(dialect, claimed, met?.earlier),
  };
  const plain = sql`and device.unsettled = 0 and device.told = 0`;
  const lock = met === undefined ? dialect.shareLock?.("device") : undefined;
  const { beside, behind } = lock === undefined ? noLockClauses : lockClauses(lock);
  const from = limits === undefined ? sql`` : sql`(${limits}) as bounds, `;
  const inserted = {
    columns: Object.keys(row) as (keyof typeof row)[],
    select: sql`select ${sql.join(Object.values(row))} from ${from}${devices} as device ${beside} where device.queue = ${queue} ${met === undefined ? plain : sql``} ${behind}`,
  };
  const insert = () =>
    tx
      .insertInto("powersync_ledger")
      .columns(inserted.columns)
      .expression(sql<never>`${inserted.select}`);
  switch (dialect.inserts) {
    case "merge": {
      const into = { tx, table: "powersync_ledger", key: ["identity"] } as const;
      if ((await insertMissing(dialect, into, inserted)) !== 1n) return undefined;
      return { hasLetters: lettersOf !== undefined && (await askForLetters(tx, lettersOf)) };
    }
    case "duplicate key": {
      const { numInsertedOrUpdatedRows, insertId } = await insert().ignore().executeTakeFirst();
      // If the driver does not say, assume that letters wait.
      return numInsertedOrUpdatedRows === 1n ? { hasLetters: insertId !== 1n } : undefined;
    }
    default: {
      const found = await insert()
        .onConflict((conflict) => conflict.column("identity").doNothing())
        .returning(sql<unknown>`case when ${letters ?? sql`1 = 0`} then 1 else 0 end`.as("letters"))
        .executeTakeFirst();
      return found && { hasLetters: Number(found.letters) === 1 };
    }
  }
}

/**
 * The columns of a row for the answer, and for the request in which it was first given.
 *
 * @param earlier the answer that the transaction has had under another identity
 */
function answered(dialect: Dialect, claimed: Claim, earlier?: TransactionResult) {
  const { request } = claimed;
  const answer = earlier?.status === "fatal_error" ? earlier : claimed.answer;
  const requestAt = begun(dialect, claimed);
  return {
    answer: answer ? typedJson(answer) : null,
    handling: claimed.answer && !earlier ? handlingOf(claimed) : null,
    request,
    request_at: requestAt,
    first_request: request,
    first_request_at: requestAt,
    applied_at: answer || earlier ? null : dialect.types.now,
  };
}

/** Replaces an answer after the client's decision. If a copy does the same at the same time, it is waited for, and its answer counts. */
async function enterAnew(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  claimed: DeviceClaim,
  handling: number,
): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable("powersync_ledger")
    .set({ ...answered(dialect, claimed), answered_at: dialect.types.now })
    .where("identity", "=", claimed.key)
    .where("handling", "=", handling)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw new Contention("The transaction has just been answered.");
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

/** Whether letters of the user wait, as a separate statement. */
export async function askForLetters(
  tx: Transaction<OwnTables>,
  lettersOf: Subject,
): Promise<boolean> {
  const { rows } = await sql<{ answer: unknown }>`
    select case when ${hasLetters(tx, lettersOf)} then 1 else 0 end as answer
  `.execute(tx);
  return Number(rows[0]?.answer) === 1;
}

/** Assigns the row to the later of the two requests. */
async function replay(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  claimed: DeviceClaim,
): Promise<void> {
  const requestAt = begun(dialect, claimed);
  await tx
    .updateTable("powersync_ledger")
    .set(({ ref }) => {
      const ifLater = (later: unknown, column: "request" | "request_at") =>
        sql<never>`case when ${ref("request_at")} < ${requestAt} then ${later} else ${ref(column)} end`;
      // The order matters: MySQL assigns one after the other, and later expressions see earlier values.
      return {
        request: ifLater(claimed.request, "request"),
        request_at: ifLater(requestAt, "request_at"),
        answered_at: dialect.types.now,
      };
    })
    .where("identity", "=", claimed.key)
    .execute();
}
