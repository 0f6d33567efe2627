/**
 * Transactions that the ledger can't find by their device: the device is unknown, or it is new and may have had another name before. They are
 * distinguished by their content: see `Content`.
 *
 * A known device skips all of this unless its row has the mark `told`. The device rows of a user are therefore marked before the user's first
 * transaction is entered by its content. Marking a row waits for transactions of the device that have not seen the mark: see `enter` in `ledger.ts`.
 *
 * `powersync_named` holds the rows that users' transactions have named recently, and the transactions that are distinguished by their content. Each entry
 * has a position that only increases. A transaction is a repeat only if none of its rows has been named at a later position. The user's account must be
 * locked, until the transaction ends, before any of this is read or entered. Two devices of a user therefore wait for each other.
 */
import { type Expression, sql } from "kysely";
import type { TransactionResult } from "../../model.js";
import type { Batch, Pruned, PruneStep } from "../../store/bookkeeping.js";
import { Contention } from "../../store/failures.js";
import {
  answerOf,
  type Claim,
  type ContentEntry,
  contentEntry,
  type ContentNames,
  type EarlierCopy,
  namedMarginMs,
} from "../../store/ledger.js";
import { sha256, typedJson } from "../../wire/serialize.js";
import type { Dialect } from "../dialect.js";
import { insertOrChange, removeOfUser, removeOld } from "../own-tables/rows.js";
import { forUpdate } from "../select.js";
import {
  enterDevice,
  knownDevice,
  type LedgerTables,
  markDevices,
  settleDevice,
  toldStates,
} from "./devices.js";

const { never, whileTelling, always } = toldStates;

/**
 * Claims a transaction in two cases. The device is new, or has only sent repeats: its transaction may have been answered when the device had another
 * name. Or the user has transactions that are distinguished by their content: then the rows that this one names must be entered.
 */
export async function claimWithAccount(
  ours: LedgerTables,
  dialect: Dialect,
  claimed: Claim & { readonly key: string; readonly queue: string },
): Promise<EarlierCopy> {
  const { key, queue, devices, content } = claimed;
  // Computed before the lock is taken, because the user's other devices wait for the lock.
  const names = await content.read();
  const account = await lockAccount(ours, dialect, claimed);
  const device = await knownDevice(ours, queue);
  const isNew = device === undefined || device.unsettled;
  const told = content.entered ? always : account.telling ? whileTelling : never;
  const other = isNew ? await foundElsewhere(ours, [key, ...names.others]) : undefined;
  const byContent =
    isNew && other === undefined
      ? await foundByContent(ours, dialect, account, names, content.withinMs)
      : undefined;
  const earlier = other ?? byContent;
  let forgotten = false;
  if (device === undefined) {
    const entered = { queue, unsettled: earlier !== undefined, told };
    forgotten = await enterDevice(ours, dialect, account.subject, entered, devices);
  } else if (earlier === undefined && device.unsettled) {
    await settleDevice(ours, queue);
  }
  if (earlier !== undefined) return { earlier, forgotten, byContent: byContent !== undefined };
  const entry = content.entered ? contentEntry(names, claimed) : undefined;
  if (entry !== undefined) {
    await enterNames(ours, dialect, account, names, entry);
  } else if (account.telling) {
    await enterNames(ours, dialect, account, names, undefined);
  } else if (device?.told === whileTelling) {
    await markDevices(ours, account.subject, never);
  }
  return { forgotten };
}

/** Enters the rows of a transaction that is tried again: transactions that are distinguished by their content in the meantime must see them. */
export async function enterNamesAgain(
  ours: LedgerTables,
  dialect: Dialect,
  claimed: Claim,
): Promise<void> {
  const names = await claimed.content.read();
  const account = await lockAccount(ours, dialect, claimed);
  const entry = claimed.content.entered ? contentEntry(names, claimed) : undefined;
  if (account.telling || entry !== undefined) {
    await enterNames(ours, dialect, account, names, entry);
  }
}

/** Claims a transaction whose device is unknown. Without a key, only the rows that it names are entered. */
export async function claimByContent(
  ours: LedgerTables,
  dialect: Dialect,
  claimed: Claim,
): Promise<EarlierCopy> {
  const { key, content } = claimed;
  const made = key === undefined ? undefined : await content.read();
  const account = await lockAccount(ours, dialect, claimed);
  if (key === undefined && !account.telling) return {};
  const names = made ?? (await content.read());
  const earlier =
    key === undefined
      ? undefined
      : await foundByContent(ours, dialect, account, names, content.withinMs);
  if (earlier !== undefined) return { earlier, byContent: true };
  const entry = contentEntry(names, claimed);
  if (account.telling || entry !== undefined) {
    await enterNames(ours, dialect, account, names, entry);
  }
  return {};
}

/** Looks for the transaction by the identities under which it may have been entered. */
async function foundElsewhere(
  { tx }: LedgerTables,
  identities: readonly string[],
): Promise<TransactionResult | undefined> {
  const saved = await tx
    .selectFrom("powersync_ledger")
    .select("answer")
    .where("identity", "in", identities)
    // A client's decision concerns one identity only, so such answers are not found under another one.
    .where("handling", "is", null)
    .executeTakeFirst();
  return saved && answerOf(saved.answer);
}

const namedTable = { table: "powersync_named", key: "hash" } as const;

/** A user's account, locked. */
interface Account {
  readonly place: string;
  /** The user: hex SHA-256. */
  readonly subject: string;
  /** The position of the latest entry. */
  readonly position: number;
  /** Whether a transaction of the user may still be recognized by its content, so that the rows that others name must be entered. */
  readonly telling: boolean;
}

async function lockAccount(
  { tx, place }: Omit<LedgerTables, "own">,
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
    const row = await forUpdate(dialect, asked).executeTakeFirst();
    if (row !== undefined) {
      const { position, telling } = row;
      return { place, subject, position: Number(position), telling: Number(telling) === 1 };
    }
    if (made) throw new Contention("The account's row has just been removed.");
    const into = { tx, table: "powersync_accounts", key: ["place", "subject"] } as const;
    // If another transaction has inserted the row, this locks it for writing. A shared lock, as of an insert that is ignored, could not be raised.
    await insertOrChange(dialect, into, [{ place, subject, position: 0 }], (stored) => ({
      position: stored("position"),
    }));
  }
}

/** The saved answer if the transaction is a repeat of one with this content. */
async function foundByContent(
  { tx }: Pick<LedgerTables, "tx">,
  { types }: Dialect,
  { place, subject, telling }: Account,
  { key, rows, all }: ContentNames,
  withinMs: number,
): Promise<TransactionResult | undefined> {
  if (key === undefined || !telling) return undefined;
  const earlier = await tx
    .selectFrom("powersync_named as earlier")
    .select("earlier.answer")
    .where("earlier.hash", "=", key)
    .where("earlier.named_at", ">=", sql<Date>`${types.ago(withinMs)}`)
    .where((eb) => {
      const since = eb
        .selectFrom("powersync_named as later")
        .select("later.hash")
        .whereRef("later.position", ">", "earlier.position");
      const ofRows =
        rows === undefined
          ? since.where("later.place", "=", place).where("later.subject", "=", subject)
          : since.where("later.hash", "in", [...rows, all]);
      return eb.not(eb.exists(ofRows));
    })
    .executeTakeFirst();
  return earlier && answerOf(earlier.answer);
}

/** Enters the rows that a transaction names. With a key, also the transaction itself, which can be recognized by its content from now on. */
async function enterNames(
  { tx, place }: Omit<LedgerTables, "own">,
  dialect: Dialect,
  { subject, position: last, telling }: Account,
  { rows, all }: ContentNames,
  entry: ContentEntry | undefined,
): Promise<void> {
  const position = last + 1;
  const now = timeOfStatement(dialect);
  if (entry !== undefined && !telling) await markDevices({ tx, place }, subject, whileTelling);
  await tx
    .updateTable("powersync_accounts")
    .set({ position, ...(entry && { told_at: now }) })
    .where("place", "=", place)
    .where("subject", "=", subject)
    .execute();
  const answer = entry?.answer === undefined ? null : typedJson(entry.answer);
  const named = entry === undefined ? (rows ?? [all]) : [...(rows ?? [all]), entry.key];
  const values = named.map((hash) => ({
    hash,
    place,
    subject,
    position,
    answer: hash === entry?.key ? answer : null,
    named_at: now,
  }));
  // The same columns for all entries; only the transaction's own entry has an answer.
  const changes = (stored: (column: string) => Expression<unknown>) => ({
    position,
    named_at: now,
    answer: sql`case when ${stored("hash")} = ${entry?.key ?? ""} then ${answer} else null end`,
  });
  const { mostParameters = Infinity } = dialect;
  // The other parameters are three.
  const rowsAtOnce = Math.floor((mostParameters - 3) / Object.keys(values[0] ?? {}).length);
  const into = { tx, table: "powersync_named", key: ["hash"] } as const;
  for (let first = 0; first < values.length; first += rowsAtOnce)
    await insertOrChange(dialect, into, values.slice(first, first + rowsAtOnce), changes);
}

/** Read after the wait for the account, so that the time increases with the position. */
function timeOfStatement({ types }: Dialect): Expression<unknown> {
  return types.agoByStatement?.(0) ?? types.ago(0);
}

export async function pruneNamed(
  tx: LedgerTables["tx"],
  dialect: Dialect,
  step: PruneStep,
): Promise<Pruned> {
  return removeOld(tx, dialect, { ...namedTable, at: "named_at" }, step);
}

/** Deletes at most `most` of a user's rows, and the account when none is left: its positions may only start again if no row has an old one. */
export async function forgetNamed(
  { tx, place }: Omit<LedgerTables, "own">,
  dialect: Dialect,
  subject: string,
  most: number,
): Promise<Batch> {
  await forUpdate(
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
