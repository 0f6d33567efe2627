/** Deletes what need not be kept: old rows of the ledger, letters that were closed long ago, and everything about a user who is to be forgotten. */
import { type Expression, sql, type Transaction } from "kysely";
import type { Batch, Pruned, PruneStep } from "../../store/bookkeeping.js";
import { sha256 } from "../../wire/serialize.js";
import { type Letters, removeCreatedRows } from "../dead-letters/dependants.js";
import type { Dialect } from "../dialect.js";
import type { OwnTables, OwnTransaction } from "../own-tables/tables.js";
import { atMost, forUpdate } from "../select.js";
import { forgetNamed } from "./content.js";
import type { LedgerTables } from "./devices.js";
import { forgetVersions } from "./versions.js";

/**
 * Looks at the oldest rows, at most `most`, and deletes those that their queue has passed: a later request than the last one with this row has brought a
 * transaction that was not a replay. A request that only has replays does not count, because the device may still lack the other answers.
 */
export async function pruneLedger(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  { olderThanMs, most, from }: PruneStep,
): Promise<Pruned> {
  const { types } = dialect;
  const before = sql<Date>`${types.ago(olderThanMs)}`;
  const old = tx
    .selectFrom("powersync_ledger as old")
    .select(["old.identity"])
    .select(({ ref }) => sql<string>`${types.iso(ref("old.answered_at"))}`.as("at"))
    .select(({ and, eb, ref, selectFrom }) => {
      // Descending, by all columns of the index: otherwise MySQL scans all rows of a busy queue.
      const latest = selectFrom("powersync_ledger as later")
        .whereRef("later.queue", "=", "old.queue")
        .orderBy("later.queue", "desc")
        .orderBy("later.first_request_at", "desc")
        .$call((query) => atMost(dialect, query, 1));
      const passed = and([
        eb(latest.select("later.first_request_at"), ">", ref("old.request_at")),
        eb(latest.select("later.first_request"), "!=", ref("old.request")),
      ]);
      return sql<number>`case when ${passed} then 1 else 0 end`.as("passed");
    })
    .where("old.answered_at", "<", before);

  // Two plain conditions, because not every database uses the index for a comparison of two columns at once.
  const position = prunedUpTo(from);
  const looked =
    position === undefined
      ? []
      : await old
          .where("old.answered_at", "=", sql<Date>`${types.at(position.at)}`)
          .where("old.identity", ">", position.identity)
          .orderBy("old.identity")
          .$call((query) => atMost(dialect, query, most))
          .execute();
  if (looked.length < most) {
    const later =
      position === undefined
        ? old
        : old.where("old.answered_at", ">", sql<Date>`${types.at(position.at)}`);
    const rows = await later
      .orderBy("old.answered_at")
      .orderBy("old.identity")
      .$call((query) => atMost(dialect, query, most - looked.length))
      .execute();
    looked.push(...rows);
  }

  const passed = looked.filter((row) => Number(row.passed) === 1);
  const removed = await removePassed(
    tx,
    passed.map(({ identity }) => identity),
    before,
  );
  const end = looked.length < most ? undefined : looked.at(-1);
  return { removed, ...(end !== undefined && { next: `${end.at} ${end.identity}` }) };
}

/** The position at which the next step continues. */
function prunedUpTo(from: string | undefined): { at: string; identity: string } | undefined {
  const [at, identity] = from?.split(" ") ?? [];
  return at === undefined || identity === undefined ? undefined : { at, identity };
}

async function removePassed(
  tx: Transaction<OwnTables>,
  identities: readonly string[],
  before: Expression<Date>,
): Promise<number> {
  if (identities.length === 0) return 0;
  const { numDeletedRows } = await tx
    .deleteFrom("powersync_ledger")
    .where("identity", "in", identities)
    // The condition is repeated, because a replay may have renewed one of the rows in the meantime.
    .where("answered_at", "<", before)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

/** Deletes at most `most` letters that were closed this long ago. */
export async function pruneLetters(
  tx: OwnTransaction,
  dialect: Dialect,
  { olderThanMs, most }: PruneStep,
): Promise<Pruned> {
  const old = await tx
    .selectFrom("powersync_dead_letters")
    .select("id")
    .where("closed_at", "<", sql<Date>`${dialect.types.ago(olderThanMs)}`)
    .$call((query) => atMost(dialect, query, most))
    .execute();
  const { removed } = await removeLetters(tx, old);
  // All old rows are deleted, so the next step starts from the oldest again.
  return { removed, ...(old.length === most && { next: "" }) };
}

const queuesAtOnce = 100;

/** Deletes at most `most` rows of a user's letters and ledger. Queues are deleted with the last of their rows. */
export async function forgetUser(
  { tx, place }: Omit<LedgerTables, "own">,
  dialect: Dialect,
  userId: string,
  most: number,
): Promise<Batch> {
  const subject = await sha256(userId);
  const letters = await forgetLetters({ tx, dialect, place }, subject, most);
  if (letters.found > 0) return letters;
  // Locked first: transactions of these devices that are in progress end before, and their rows are deleted, too.
  const devices = await forUpdate(
    dialect,
    tx
      .selectFrom("powersync_devices")
      .select("queue")
      .where("place", "=", place)
      .where("subject", "=", subject)
      .orderBy("queue")
      .$call((query) => atMost(dialect, query, Math.min(queuesAtOnce, most))),
  ).execute();
  if (devices.length === 0) {
    const versions = await forgetVersions({ tx, place }, dialect, subject, most);
    if (versions.found > 0) return versions;
    return forgetNamed({ tx, place }, dialect, subject, most);
  }
  const queues = devices.map(({ queue }) => queue);
  const rows = await tx
    .selectFrom("powersync_ledger")
    .select("identity")
    .where("queue", "in", queues)
    .$call((query) => atMost(dialect, query, most))
    .execute();
  if (rows.length > 0) {
    const { numDeletedRows } = await tx
      .deleteFrom("powersync_ledger")
      .where(
        "identity",
        "in",
        rows.map(({ identity }) => identity),
      )
      .executeTakeFirst();
    return { found: rows.length, removed: Number(numDeletedRows) };
  }
  await tx.deleteFrom("powersync_devices").where("queue", "in", queues).execute();
  return { found: devices.length, removed: 0 };
}

/**
 * Deletes about `most` of a user's letters: dependants first, so that no letter waits behind a deleted one. A root is deleted with the dependants that
 * were recorded in the meantime. A transaction that comes later finds that the root no longer waits.
 */
async function forgetLetters(
  { tx, dialect, place }: Letters,
  subject: string,
  most: number,
): Promise<Batch> {
  const some = () =>
    tx
      .selectFrom("powersync_dead_letters")
      .select("id")
      .where("place", "=", place)
      .where("subject", "=", subject)
      .$call((query) => atMost(dialect, query, most));
  const behind = await some().where("root", "is not", null).execute();
  if (behind.length > 0) return removeLetters(tx, behind);
  const roots = await some().execute();
  if (roots.length === 0) return { found: 0, removed: 0 };
  const ids = roots.map(({ id }) => id);
  const letters = () => tx.selectFrom("powersync_dead_letters").select("id");
  await forUpdate(dialect, letters().where("id", "in", ids).orderBy("id")).execute();
  const since = await forUpdate(dialect, letters().where("root", "in", ids)).execute();
  return removeLetters(tx, [...since, ...roots]);
}

async function removeLetters(
  tx: OwnTransaction,
  found: readonly { readonly id: string }[],
): Promise<Batch> {
  if (found.length === 0) return { found: 0, removed: 0 };
  const ids = found.map(({ id }) => id);
  await removeCreatedRows(tx, ids);
  // Not left to the foreign key: SQLite ignores foreign keys unless the connection enables them.
  await tx.deleteFrom("powersync_letter_parts").where("letter", "in", ids).execute();
  const { numDeletedRows } = await tx
    .deleteFrom("powersync_dead_letters")
    .where("id", "in", ids)
    .executeTakeFirst();
  return { found: found.length, removed: Number(numDeletedRows) };
}
