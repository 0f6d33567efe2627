/** Chains of dead letters: the rows that each letter would create, and the letters that wait behind it. */
import { sql } from "kysely";
import { type Chain, type Dependant, waiting } from "../../store/letters.js";
import type { Dialect } from "../dialect.js";
import { insertMissing } from "../own-tables/rows.js";
import type { OwnTransaction } from "../own-tables/tables.js";
import { atMost, forUpdate } from "../select.js";

/** The letters of one of the databases that share the table. */
export interface Letters {
  readonly tx: OwnTransaction;
  readonly dialect: Dialect;
  readonly place: string;
}

/** How many hashes one statement may contain. */
const itemsAtOnce = 500;

export async function lockRoot(
  { tx, dialect, place }: Letters,
  id: string,
): Promise<Chain | undefined> {
  const query = tx
    .selectFrom("powersync_dead_letters")
    .select(["chain_last", "chain_bytes"])
    .where("place", "=", place)
    .where("id", "=", id)
    .where("root", "is", null)
    .where("status", "in", waiting);
  const row = await forUpdate(dialect, query).executeTakeFirst();
  return row && { length: Number(row.chain_last), bytes: Number(row.chain_bytes) };
}

/** The place of a new dependant in its chain. */
interface Link {
  readonly root: string;
  readonly chain_position: number;
}

/**
 * The next place in the chain of a locked root. If the last letter of the chain has the same content, its own place. The reads lock, too: on MySQL, at
 * a stricter isolation level, a plain read would show the data from before the wait for the root.
 *
 * @param bytes of the payload
 */
export async function nextInChain(
  tx: OwnTransaction,
  dialect: Dialect,
  root: string,
  content: string,
  bytes: number,
): Promise<Link | { readonly same: string }> {
  const last = await lastInChain(tx, dialect, root);
  if (last !== undefined && repeatsLast(last, content)) return { same: last.id };
  const { chain_last, ...first } = await forUpdate(
    dialect,
    tx
      .selectFrom("powersync_dead_letters")
      .select(["chain_last", "content"])
      .where("id", "=", root),
  ).executeTakeFirstOrThrow();
  const position = Number(chain_last) + 1;
  await tx
    .updateTable("powersync_dead_letters")
    .set({
      chain_last: position,
      chain_bytes: sql<number>`${sql.ref("chain_bytes")} + ${bytes}`,
      // From now on, the same content is not a repetition: it would come after the dependants.
      open_content: uniqueContent(first.content, root),
    })
    .where("id", "=", root)
    .execute();
  return { root, chain_position: position };
}

/** The dependant that was recorded last. */
export async function lastInChain(
  tx: OwnTransaction,
  dialect: Dialect,
  root: string,
): Promise<Last | undefined> {
  return forUpdate(
    dialect,
    tx
      .selectFrom("powersync_dead_letters")
      .select(["id", "content", "status"])
      .where("root", "=", root)
      .orderBy("chain_position", "desc")
      .$call((query) => atMost(dialect, query, 1)),
  ).executeTakeFirst();
}

interface Last {
  readonly id: string;
  readonly content: string;
  readonly status: string;
}

/** Whether the content repeats the last dependant. Behind another dependant it is not a repetition: it must keep its order. */
export function repeatsLast(last: Last | undefined, content: string): boolean {
  return last?.content === content && waiting.some((each) => each === last.status);
}

/** Replaces the fingerprint by which two letters count as the same one. */
export function uniqueContent(content: string, id: string): string {
  return content + id;
}

export async function dependants(
  { tx, dialect }: Letters,
  roots: readonly string[],
  lock = false,
): Promise<readonly Dependant[]> {
  const found: Dependant[] = [];
  for (const some of inParts(roots)) {
    const query = tx
      .selectFrom("powersync_dead_letters")
      .select(["id", "root"])
      .where("root", "in", some)
      .where("status", "in", waiting)
      .orderBy("root")
      .orderBy("chain_position");
    const rows = await (lock ? forUpdate(dialect, query) : query).execute();
    for (const { id, root } of rows) found.push({ id, root: root ?? "" });
  }
  return found;
}

/** The waiting letters that would create one of these rows, with their roots. */
function creating({ tx, place }: Letters, hashes: readonly string[], except: string | undefined) {
  const root = sql<string>`coalesce(${sql.ref("waits.root")}, ${sql.ref("waits.id")})`;
  const found = tx
    .selectFrom("powersync_letter_rows as made")
    .innerJoin("powersync_dead_letters as waits", "waits.id", "made.letter")
    .where("made.hash", "in", hashes)
    .where("waits.place", "=", place)
    .where("waits.status", "in", waiting)
    .$if(except !== undefined, (query) => query.where(root, "!=", except ?? ""));
  return { found, root };
}

export async function creators(
  from: Letters,
  hashes: readonly string[],
  except?: string,
): Promise<ReadonlyMap<string, string>> {
  const roots = new Map<string, string>();
  for (const some of inParts(hashes)) {
    const { found, root } = creating(from, some, except);
    const rows = await found
      // Ids sort by time.
      .select(["made.hash", sql<string>`min(${root})`.as("oldest")])
      .groupBy("made.hash")
      .execute();
    for (const { hash, oldest } of rows) roots.set(hash, oldest);
  }
  return roots;
}

export async function overtake(
  from: Letters,
  hashes: readonly string[],
  except?: string,
): Promise<void> {
  const { tx, dialect } = from;
  const made: { readonly hash: string; readonly letter: string; readonly root: string }[] = [];
  for (const some of inParts(hashes)) {
    const { found, root } = creating(from, some, except);
    made.push(...(await found.select(["made.hash", "made.letter", root.as("root")]).execute()));
  }
  const roots = new Set(made.map(({ root }) => root));
  // Roots first and in a fixed order, like a retry and a new dependant, so that no deadlock arises.
  for (const some of inParts([...roots].toSorted())) {
    await forUpdate(
      dialect,
      tx.selectFrom("powersync_dead_letters").select("id").where("id", "in", some).orderBy("id"),
    ).execute();
  }
  for (const some of inParts([...roots, ...made.map(({ letter }) => letter)])) {
    await tx
      .updateTable("powersync_dead_letters")
      .set({ status: "stale", overtaken: 1 })
      .where("id", "in", some)
      .where("status", "in", waiting)
      .execute();
  }
  for (const some of inParts(made.map(({ hash }) => hash))) {
    const of = new Set(some);
    const letters = made.flatMap(({ hash, letter }) => (of.has(hash) ? [letter] : []));
    for (const each of inParts(letters)) {
      await tx
        .deleteFrom("powersync_letter_rows")
        .where("hash", "in", some)
        .where("letter", "in", each)
        .execute();
    }
  }
}

/** Moves the letters of a chain and keeps their distances to the first one. */
export async function follow(
  { tx }: Letters,
  ids: readonly string[],
  bytes: number,
): Promise<void> {
  const [first, ...others] = ids;
  if (first === undefined) return;
  const letters = () => tx.updateTable("powersync_dead_letters");
  const { at } = await tx
    .selectFrom("powersync_dead_letters")
    .select("chain_position as at")
    .where("id", "=", first)
    .executeTakeFirstOrThrow();
  const position = sql<number>`${sql.ref("chain_position")} - ${Number(at)}`;
  for (const some of inParts(others)) {
    await letters()
      .set({ root: first, chain_position: position })
      .where("id", "in", some)
      .execute();
  }
  const last = await tx
    .selectFrom("powersync_dead_letters")
    .select((eb) => eb.fn.max("chain_position").as("at"))
    .where("root", "=", first)
    .executeTakeFirst();
  await letters()
    .set({
      root: null,
      chain_position: null,
      chain_last: Number(last?.at ?? 0),
      chain_bytes: bytes,
    })
    .where("id", "=", first)
    .execute();
}

export async function enterCreatedRows(
  tx: OwnTransaction,
  dialect: Dialect,
  letter: string,
  hashes: readonly string[],
): Promise<void> {
  for (const some of inParts(hashes)) {
    const into = { tx, table: "powersync_letter_rows", key: ["hash", "letter"] } as const;
    await insertMissing(dialect, into, { rows: some.map((hash) => ({ hash, letter })) });
  }
}

export async function removeCreatedRows(
  tx: OwnTransaction,
  letters: readonly string[],
): Promise<void> {
  for (const some of inParts(letters)) {
    await tx.deleteFrom("powersync_letter_rows").where("letter", "in", some).execute();
  }
}

function inParts<T>(items: readonly T[]): readonly (readonly T[])[] {
  const unique = [...new Set(items)];
  return Array.from({ length: Math.ceil(unique.length / itemsAtOnce) }, (_, index) =>
    unique.slice(index * itemsAtOnce, (index + 1) * itemsAtOnce),
  );
}

/** Locks those of the letters that still wait, until the transaction ends. */
export async function lockWaiting(
  { tx, dialect, place }: Letters,
  ids: readonly string[],
): Promise<readonly string[]> {
  const query = tx
    .selectFrom("powersync_dead_letters")
    .select("id")
    .where("place", "=", place)
    .where("id", "in", ids)
    .where("status", "in", waiting)
    .orderBy("id");
  const rows = await forUpdate(dialect, query).execute();
  return rows.map(({ id }) => id);
}
