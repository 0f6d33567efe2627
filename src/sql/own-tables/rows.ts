/** Inserts rows into the library's own tables, in the syntax of each database, and deletes old ones or those of a user. */
import {
  type Expression,
  type InsertQueryBuilder,
  type InsertResult,
  type RawBuilder,
  sql,
  type Transaction,
} from "kysely";
import type { Batch, Pruned, PruneStep } from "../../store/bookkeeping.js";
import type { Dialect } from "../dialect.js";
import { atMost, besideTarget } from "../select.js";
import type { OwnTables, OwnTransaction } from "./tables.js";

type Row = Readonly<Record<string, unknown>>;
type Changes = Readonly<Record<string, unknown>>;
/** A column of the stored row, or of the row that was sent. */
type ColumnOf = (column: string) => Expression<unknown>;

/** What is inserted: rows, or a SELECT with the names of its columns. */
type Inserted =
  | { readonly rows: readonly Row[] }
  | { readonly columns: readonly string[]; readonly select: RawBuilder<unknown> };

interface Into {
  readonly tx: Transaction<OwnTables>;
  readonly table: keyof OwnTables;
  /** The columns of the unique key by which an existing row is found. */
  readonly key: readonly string[];
}

/** @returns how many rows have been inserted */
export async function insertMissing(
  { inserts, types }: Pick<Dialect, "inserts" | "types">,
  into: Into,
  inserted: Inserted,
): Promise<bigint> {
  if (inserts === "merge") return merge(types, into, inserted);
  const insert = insertInto(into, inserted);
  const statement =
    inserts === "duplicate key"
      ? insert.ignore()
      : insert.onConflict((conflict) => conflict.columns([...into.key]).doNothing());
  const { numInsertedOrUpdatedRows = 0n } = await statement.executeTakeFirst();
  return numInsertedOrUpdatedRows;
}

/** @param changes how an existing row changes. The order matters: MySQL assigns one column after the other, and later expressions see earlier values */
export async function insertOrChange(
  { inserts, types }: Pick<Dialect, "inserts" | "types">,
  into: Into,
  rows: readonly Row[],
  changes: (stored: ColumnOf, sent: ColumnOf) => Changes,
): Promise<void> {
  const { table, key } = into;
  const named = (name: string) => (column: string) => sql`${sql.ref(`${name}.${column}`)}`;
  const stored = named(table);
  if (inserts === "merge") {
    await merge(types, into, { rows }, changes(stored, named("sent")));
    return;
  }
  const insert = insertInto(into, { rows });
  const sent = (column: string) => sql`values(${sql.ref(column)})`;
  await (
    inserts === "duplicate key"
      ? insert.onDuplicateKeyUpdate(changes((column) => sql`${sql.ref(column)}`, sent))
      : insert.onConflict((conflict) =>
          conflict.columns([...key]).doUpdateSet(changes(stored, named("excluded"))),
        )
  ).execute();
}

/** Not typed, because column names are the library's own. */
type AnyInsert = InsertQueryBuilder<Record<string, Record<string, unknown>>, string, InsertResult>;

function insertInto({ tx, table }: Omit<Into, "key">, inserted: Inserted): AnyInsert {
  const insert = tx.insertInto(table) as unknown as AnyInsert;
  return "rows" in inserted
    ? insert.values([...inserted.rows])
    : insert.columns([...inserted.columns]).expression(sql<never>`${inserted.select}`);
}

/**
 * Locks the key's range, because otherwise two transactions that insert the same row at once would both find none.
 *
 * @returns how many rows were inserted or changed
 */
async function merge(
  { mergeKey = (text) => text }: Dialect["types"],
  { tx, table, key }: Into,
  inserted: Inserted,
  changes?: Changes,
): Promise<bigint> {
  const columns = "rows" in inserted ? Object.keys(inserted.rows[0] ?? {}) : inserted.columns;
  const source =
    "rows" in inserted
      ? sql`values ${sql.join(inserted.rows.map((row) => sql`(${sql.join(columns.map((column) => row[column]))})`))}`
      : inserted.select;
  const names = sql.join(columns.map((column) => sql.id(column)));
  const sent = sql<Row>`(${source})`.as<"sent">(sql`${sql.id("sent")} (${names})`);
  const into = tx
    .withPlugin(besideTarget(sql`with (holdlock)`))
    .mergeInto(table)
    .using(sent, (join) =>
      key.reduce(
        (all, column) =>
          all.on(
            sql<boolean>`${sql.ref(`${table}.${column}`)} = ${mergeKey(sql.ref(`sent.${column}`))}`,
          ),
        join,
      ),
    );
  const met =
    changes === undefined
      ? into
      : (into.whenMatched().thenUpdateSet(changes as never) as unknown as typeof into);
  const values = Object.fromEntries(columns.map((column) => [column, sql.ref(`sent.${column}`)]));
  const { numChangedRows = 0n } = await met
    .whenNotMatched()
    .thenInsertValues(values as never)
    .executeTakeFirstOrThrow();
  return numChangedRows;
}

/** A table whose key is one column of text. */
interface From {
  readonly table: "powersync_attempts" | "powersync_named" | "powersync_versions";
  readonly key: "content" | "hash";
}

/** Not typed, because column names are the library's own. */
type AnyTables = Record<keyof OwnTables, Record<string, unknown>>;

/**
 * Deletes at most `most` old rows, the oldest first.
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
  // All old rows are deleted, so the next step starts from the oldest again.
  return { removed, ...(old.length === most && { next: "" }) };
}

/** Deletes at most `most` rows of a user. */
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

/** @param still a condition that is repeated, because a row may have been renewed in the meantime */
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
