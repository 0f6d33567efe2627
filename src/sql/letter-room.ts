/** Counts waiting letters, and deletes letters that were closed long ago or whose user is to be forgotten. */
import { type Expression, sql } from "kysely";
import { type LetterStore, waiting } from "../store/letters.js";
import type { Batch, Pruned, PruneStep } from "../store/bookkeeping.js";
import { escapeText } from "../wire/serialize.js";
import { atMost } from "./at-most.js";
import { type Letters, removeRows } from "./dependants.js";
import type { Dialect } from "./dialect.js";
import { locking, type OwnTransaction } from "./tables.js";

/** A chain counts as one letter, with all its bytes. Counts up to `most`, so that the time is limited however many letters there are. */
export async function countWaiting(
  { tx, dialect, place }: Letters,
  subject: string,
  clientId: string | undefined,
  most: number,
): ReturnType<LetterStore["countWaiting"]> {
  const open = tx
    .selectFrom("powersync_dead_letters")
    .select(["client_id", sql<number>`${sql.ref("bytes")} + ${sql.ref("chain_bytes")}`.as("bytes")])
    .where("place", "=", place)
    .where("subject", "=", subject)
    .where("status", "in", waiting)
    .where("root", "is", null)
    .$if(most !== Infinity, (query) => atMost(dialect, query, most));
  const client = clientId === undefined ? null : escapeText(clientId);
  const row = await tx
    .selectFrom(open.as("open"))
    .select((eb) => {
      const { sum } = eb.fn;
      const ofClient = (value: Expression<number>) =>
        sql<number>`case when ${eb("client_id", "=", client)} then ${value} else 0 end`;
      return [
        sum<Counted>(sql<number>`1`).as("letters"),
        sum<Counted>("bytes").as("bytes"),
        sum<Counted>(ofClient(sql`1`)).as("client_letters"),
        sum<Counted>(ofClient(eb.ref("bytes"))).as("client_bytes"),
      ];
    })
    .executeTakeFirstOrThrow();
  return {
    ofUser: { letters: Number(row.letters), bytes: Number(row.bytes) },
    ofClient: { letters: Number(row.client_letters), bytes: Number(row.client_bytes) },
  };
}

/** In the form that the driver returns; NULL if there is none. */
type Counted = string | number | bigint | null;

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

/**
 * Deletes about `most` of a user's letters: dependants first, so that no letter waits behind a deleted one. A root is deleted with the dependants that
 * were recorded in the meantime. A transaction that comes later finds that the root no longer waits.
 */
export async function forgetLetters(
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
  await locking(dialect, letters().where("id", "in", ids).orderBy("id")).execute();
  const since = await locking(dialect, letters().where("root", "in", ids)).execute();
  return removeLetters(tx, [...since, ...roots]);
}

async function removeLetters(
  tx: OwnTransaction,
  found: readonly { readonly id: string }[],
): Promise<Batch> {
  if (found.length === 0) return { found: 0, removed: 0 };
  const ids = found.map(({ id }) => id);
  await removeRows(tx, ids);
  // Not left to the foreign key: SQLite ignores foreign keys unless the connection enables them.
  await tx.deleteFrom("powersync_letter_parts").where("letter", "in", ids).execute();
  const { numDeletedRows } = await tx
    .deleteFrom("powersync_dead_letters")
    .where("id", "in", ids)
    .executeTakeFirst();
  return { found: found.length, removed: Number(numDeletedRows) };
}
