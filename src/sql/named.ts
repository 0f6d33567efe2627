/**
 * The rows that users' transactions have named recently, and the transactions that are distinguished by their content. Each entry has a position that
 * only increases. A transaction is a repeat only if none of its rows has been named at a later position.
 *
 * The user's account must be locked, until the transaction ends, before any of this is read or entered. Two devices of a user therefore wait for each
 * other.
 */
import { type Expression, sql } from "kysely";
import type { FatalResult, TransactionResult } from "../model.js";
import { Contention } from "../store/failures.js";
import type { Batch, Pruned, PruneStep } from "../store/bookkeeping.js";
import { type Claim, type ContentNames, namedMarginMs, answerOf } from "../store/ledger.js";
import { typedJson, sha256 } from "../wire/serialize.js";
import { locking } from "./tables.js";
import { markDevices, type Ours, toldStates } from "./devices.js";
import { removeOfUser, removeOld } from "./own-deletes.js";
import { insertMissing, insertOrChange } from "./own-inserts.js";
import type { Dialect } from "./dialect.js";

const namedTable = { table: "powersync_named", key: "hash" } as const;

/** A user's account, locked. */
export interface Account {
  readonly place: string;
  /** The user: hex SHA-256. */
  readonly subject: string;
  /** The position of the latest entry. */
  readonly position: number;
  /** Whether a transaction of the user may still be recognized by its content, so that the rows that others name must be entered. */
  readonly telling: boolean;
}

export async function lockAccount(
  { tx, place }: Omit<Ours, "devices">,
  dialect: Dialect,
  { userId, content }: Pick<Claim, "userId" | "content">,
): Promise<Account> {
  const { types } = dialect;
  const subject = await sha256(userId);
  for (let made = false; ; made = true) {
    const asked = tx
      .selectFrom("powersync_accounts")
      .select("position")
      .select(
        sql<unknown>`case when told_at >= ${types.ago(content.withinMs + namedMarginMs)} then 1 else 0 end`.as(
          "telling",
        ),
      )
      .where("place", "=", place)
      .where("subject", "=", subject);
    const row = await locking(dialect, asked).executeTakeFirst();
    if (row !== undefined) {
      const { position, telling } = row;
      return { place, subject, position: Number(position), telling: Number(telling) === 1 };
    }
    if (made) throw new Contention("The account's row has just been removed.");
    const into = { tx, table: "powersync_accounts", key: ["place", "subject"] } as const;
    await insertMissing(dialect, into, { rows: [{ place, subject, position: 0 }] });
  }
}

/** The saved answer if the transaction is a repeat of one with this content. */
export async function foundByContent(
  { tx }: Pick<Ours, "tx">,
  { types }: Dialect,
  { place, subject, telling }: Account,
  { key, rows, all }: ContentNames,
  withinMs: number,
): Promise<TransactionResult | undefined> {
  if (key === undefined || !telling) return undefined;
  const told = await tx
    .selectFrom("powersync_named as told")
    .select("told.answer")
    .where("told.hash", "=", key)
    .where("told.named_at", ">=", sql<Date>`${types.ago(withinMs)}`)
    .where((eb) => {
      const since = eb
        .selectFrom("powersync_named as later")
        .select("later.hash")
        .whereRef("later.position", ">", "told.position");
      const ofRows =
        rows === undefined
          ? since.where("later.place", "=", place).where("later.subject", "=", subject)
          : since.where("later.hash", "in", [...rows, all]);
      return eb.not(eb.exists(ofRows));
    })
    .executeTakeFirst();
  return told && answerOf(told.answer);
}

interface Told {
  readonly key: string;
  readonly answer: FatalResult | undefined;
}

/** Enters the rows that a transaction names. With a key, also the transaction itself, which can be recognized by its content from now on. */
export async function enterNames(
  { tx, place }: Omit<Ours, "devices">,
  dialect: Dialect,
  { subject, position: last, telling }: Account,
  { rows, all }: ContentNames,
  told: Told | undefined,
): Promise<void> {
  const position = last + 1;
  const now = byStatement(dialect);
  if (told !== undefined && !telling)
    await markDevices({ tx, place }, subject, toldStates.whileTelling);
  await tx
    .updateTable("powersync_accounts")
    .set({ position, ...(told && { told_at: now }) })
    .where("place", "=", place)
    .where("subject", "=", subject)
    .execute();
  const answer = told?.answer === undefined ? null : typedJson(told.answer);
  const named = told === undefined ? (rows ?? [all]) : [...(rows ?? [all]), told.key];
  const values = named.map((hash) => ({
    hash,
    place,
    subject,
    position,
    answer: hash === told?.key ? answer : null,
    named_at: now,
  }));
  // The same columns for all entries; only the transaction's own entry has an answer.
  const changes = (stored: (column: string) => Expression<unknown>) => ({
    position,
    named_at: now,
    answer: sql`case when ${stored("hash")} = ${told?.key ?? ""} then ${answer} else null end`,
  });
  const { mostParameters = Infinity } = dialect;
  // The other parameters are three.
  const rowsAtOnce = Math.floor((mostParameters - 3) / Object.keys(values[0] ?? {}).length);
  const into = { tx, table: "powersync_named", key: ["hash"] } as const;
  for (let first = 0; first < values.length; first += rowsAtOnce)
    await insertOrChange(dialect, into, values.slice(first, first + rowsAtOnce), changes);
}

/** Read after the wait for the account, so that the time increases with the position. */
function byStatement({ types }: Dialect): Expression<unknown> {
  return types.agoByStatement?.(0) ?? types.ago(0);
}

export async function pruneNamed(
  tx: Ours["tx"],
  dialect: Dialect,
  step: PruneStep,
): Promise<Pruned> {
  return removeOld(tx, dialect, { ...namedTable, at: "named_at" }, step);
}

/** Deletes at most `most` of a user's rows, and the account when none is left: its positions may only start again if no row has an old one. */
export async function forgetNamed(
  { tx, place }: Omit<Ours, "devices">,
  dialect: Dialect,
  subject: string,
  most: number,
): Promise<Batch> {
  await locking(
    dialect,
    tx
      .selectFrom("powersync_accounts")
      .select("position")
      .where("place", "=", place)
      .where("subject", "=", subject),
  ).execute();
  const removed = await removeOfUser(tx, dialect, namedTable, { place, subject }, most);
  if (removed.found > 0) return removed;
  await tx
    .deleteFrom("powersync_accounts")
    .where("place", "=", place)
    .where("subject", "=", subject)
    .execute();
  return removed;
}
