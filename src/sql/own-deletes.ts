/** Rows of the library's own that go in steps: those that are old, or those of one user. */
import { type Expression, sql, type Transaction } from "kysely";
import type { Batch, Pruned, PruneStep } from "../store/bookkeeping.js";
import { atMost } from "./at-most.js";
import type { Dialect } from "./dialect.js";
import type { OwnTables, OwnTransaction } from "./tables.js";

/** A table whose key is one column of texts. */
interface From {
  readonly table: "powersync_attempts" | "powersync_named" | "powersync_versions";
  readonly key: "content" | "hash";
}

/** The names of columns are the library's own. */
type AnyTables = Record<keyof OwnTables, Record<string, unknown>>;

/**
 * At most `most`, the oldest first.
 *
 * @param from `at` is the column that says how old a row is
 */
export async function removeOld(
  tx: OwnTransaction,
  dialect: Dialect,
  from: From & { readonly at: string },
  { olderThanMs, most }: PruneStep,
): Promise<Pruned> {
  const { table, key, at } = from;
  const before = sql<Date>`${dialect.types.ago(olderThanMs)}`;
  const old = await anyTables(tx)
    .selectFrom(table)
    .select(key)
    .where(at, "<", before)
    .orderBy(at)
    .$call((query) => atMost(dialect, query, most))
    .execute();
  const { removed } = await remove(tx, from, old, { at, before });
  // None of the old ones stays, so the next step begins with the oldest again.
  return { removed, ...(old.length === most && { next: "" }) };
}

/** At most `most` of a user's. */
export async function removeOfUser(
  tx: OwnTransaction,
  dialect: Dialect,
  from: From,
  { place, subject }: { readonly place: string; readonly subject: string },
  most: number,
): Promise<Batch> {
  const { table, key } = from;
  const theirs = await anyTables(tx)
    .selectFrom(table)
    .select(key)
    .where("place", "=", place)
    .where("subject", "=", subject)
    .$call((query) => atMost(dialect, query, most))
    .execute();
  return remove(tx, from, theirs);
}

/** @param still asked again: a row may have become young meanwhile */
async function remove(
  tx: OwnTransaction,
  { table, key }: From,
  rows: readonly Readonly<Record<string, unknown>>[],
  still?: { readonly at: string; readonly before: Expression<Date> },
): Promise<Batch> {
  if (rows.length === 0) return { found: 0, removed: 0 };
  const keys = rows.map((row) => row[key]);
  const removing = anyTables(tx).deleteFrom(table).where(key, "in", keys);
  const { numDeletedRows } = await (
    still === undefined ? removing : removing.where(still.at, "<", still.before)
  ).executeTakeFirst();
  return { found: rows.length, removed: Number(numDeletedRows) };
}

function anyTables(tx: OwnTransaction): Transaction<AnyTables> {
  return tx as unknown as Transaction<AnyTables>;
}
