/**
 * What users' transactions have named lately, and which of these are told apart by their content. All is entered with a position that only goes up;
 * a repeat is one only where none of its rows has been named at a later position.
 *
 * Whoever reads or enters any of it has locked the user's account first, until the transaction ends: of two devices of a user the one waits for the
 * other.
 */
import { type Expression, sql } from "kysely";
import type { FatalResult, TransactionResult } from "../model.js";
import { type ContentNames, namedMarginMs } from "../store/content.js";
import { Contention } from "../store/failures.js";
import type { Batch, Pruned, PruneStep } from "../store/prune.js";
import { answerOf } from "../store/saved-answers.js";
import type { Claim } from "../store/store.js";
import { sha256, typedJson } from "../wire/serialize.js";
import { locking } from "./tables.js";
import { markDevices, type Ours, toldStates } from "./devices.js";
import { removeOfUser, removeOld } from "./own-deletes.js";
import { insertMissing, insertOrChange } from "./own-inserts.js";
import type { Dialect } from "./dialect.js";

const namedTable = { table: "powersync_named", key: "hash" } as const;

/** A user's, locked. */
export interface Account {
  readonly place: string;
  /** The user: hex SHA-256. */
  readonly subject: string;
  /** Of what was named last. */
  readonly position: number;
  /** Some transaction of the user's may still be told apart by its content, so that what others name is of interest. */
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

/** The answer to the transaction with this content, where this is its repeat. */
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

/** Enters what a transaction names; and with a key the transaction itself, which is told apart by its content from now on. */
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
  // Of all rows the same, but for the answer: that of a row is none.
  const changes = (stored: (column: string) => Expression<unknown>) => ({
    position,
    named_at: now,
    answer: sql`case when ${stored("hash")} = ${told?.key ?? ""} then ${answer} else null end`,
  });
  const { mostParameters = Infinity } = dialect;
  // What `changes` brings along is three.
  const rowsAtOnce = Math.floor((mostParameters - 3) / Object.keys(values[0] ?? {}).length);
  const into = { tx, table: "powersync_named", key: ["hash"] } as const;
  for (let first = 0; first < values.length; first += rowsAtOnce)
    await insertOrChange(dialect, into, values.slice(first, first + rowsAtOnce), changes);
}

/** Behind the wait for the account, so that it never goes back while the position goes up. */
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

/** At most `most` rows of a user's; the account, locked first like everywhere, goes when there are none. Positions that begin anew must be the only ones. */
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
