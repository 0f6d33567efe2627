/**
 * Row statements that look before they write: the row is locked and judged, then changed. For databases where an upsert fires on any unique key, or
 * nothing can be returned; for tables that take no upsert; and where one statement could not tell why it changed nothing.
 * Meant for READ COMMITTED, where the lock on a row that is not there locks no gap.
 */
import { sql, type SqlBool } from "kysely";
import { RowTaken } from "../../store/failures.js";
import type { Effect, Values } from "../../store/store.js";
import { sourceTable } from "../schema.js";
import { keyFilter, asNumber, selectInScope } from "../select.js";
import type { SqlTransaction } from "../table.js";
import { whyUnchanged, type LockingDialect, rowLockOf, lockRow } from "./lock-row.js";
import { allowed, isTrue, judged, probe, scoped, updating, verdict } from "./statements.js";
import type { Put, RowStatements, Target } from "./target.js";
import { rowAppeared, throwIfRefused, withConditions, retryLocked } from "./unchanged.js";
import { isComputed, literalNulls } from "./values.js";

export function lockingRows(locking: LockingDialect): RowStatements {
  return {
    put: async (tx, target, put) => {
      await locking.reserve?.(tx, target);
      if (put.neverChanges) return insertOnly(tx, target, put, locking);
      const found = await lockRow(tx, target, locking, "update");
      if (put.seenAbsent && found.effect !== "absent") throw rowAppeared();
      if (found.effect === "written") {
        await throwIfRefused(tx, target, rowLockOf(target, locking));
        return update(tx, target, put.changes, locking, found.parents);
      }
      return found.effect === "absent" ? insert(tx, target, put, locking) : found.effect;
    },
    patch: async (tx, target, values) => {
      if (isPlain(target, locking)) return blindUpdate(tx, target, values);
      const found = await lockRow(tx, target, locking, "update");
      if (found.effect !== "written") return found.effect;
      await throwIfRefused(tx, target, rowLockOf(target, locking));
      return update(tx, target, values, locking, found.parents);
    },
    softDelete: async (tx, target, values) => {
      if (isPlain(target, locking)) return blindUpdate(tx, target, values);
      const { effect } = await lockRow(tx, target, locking, "update");
      if (effect !== "written") return effect;
      await throwIfRefused(tx, target, rowLockOf(target, locking));
      return update(tx, { ...target, scope: undefined }, values, locking);
    },
    remove: async (tx, target) => {
      const { version } = locking;
      if (target.traits?.rowSecurity && version !== undefined)
        return removeUnderPolicies(tx, target, version, locking);
      if (isPlain(target, locking))
        return (await deleteRow(tx, target, locking)) ? "written" : "absent";
      const { effect } = await lockRow(tx, target, locking, "delete");
      if (effect !== "written") return effect;
      await throwIfRefused(tx, target, rowLockOf(target, locking));
      if (await deleteRow(tx, target, locking)) {
        const { traits } = target;
        const mayStay = locking.uncounted && (traits?.view || traits?.declining.has("delete"));
        const stays = mayStay && (await probe(tx, { ...target, scope: undefined })) !== "absent";
        return stays ? whyUnchanged(tx, target, "delete") : "written";
      }
      // What could not be locked may have changed since.
      await throwIfRefused(tx, target);
      return whyUnchanged(tx, target, "delete");
    },
  };
}

/** Nothing has to be asked, and nothing can be passed over. */
function isPlain(
  { scope, fixed, guards = [] }: Target,
  { returning, uncounted }: LockingDialect,
): boolean {
  if (returning || uncounted) return false;
  return scope === undefined && fixed === undefined && guards.length === 0;
}

async function blindUpdate(tx: SqlTransaction, target: Target, values: Values): Promise<Effect> {
  const { numUpdatedRows } = await updating(tx, target, values).executeTakeFirst();
  // A driver may count only the rows that are other than before (mysql2 without its flag FOUND_ROWS).
  return numUpdatedRows > 0n ? "written" : probe(tx, target);
}

async function update(
  tx: SqlTransaction,
  target: Target,
  values: Values,
  { returning }: LockingDialect,
  before: Values = {},
): Promise<Effect> {
  const { traits, scope } = target;
  // What could not be locked is judged again.
  const statement =
    traits?.lockable === false
      ? scoped(updating(tx, target, values), target)
      : updating(tx, target, values);
  if (returning && !traits?.rewritten.has("update")) {
    const [row] = await statement
      .returning(scope === undefined ? [one] : verdict(scope, traits))
      .execute();
    if (row !== undefined) return judged(tx, target, row);
    await throwIfRefused(tx, target);
    return whyUnchanged(tx, target, "update");
  }
  const foreseen = returning ? undefined : await wouldBeInScope(tx, target, values, true);
  const { numUpdatedRows } = await statement.executeTakeFirst();
  if (numUpdatedRows === 0n && returning) return whyUnchanged(tx, target, "update");
  return judgedAfter(tx, target, values, before, foreseen);
}

const one = sql<number>`1`.as("ok");

/** Whether the row that has been written is in its scope, where the statement has not told. */
async function judgedAfter(
  tx: SqlTransaction,
  target: Target,
  written: Values,
  before: Values | undefined,
  foreseen: boolean | undefined,
): Promise<Effect> {
  const { scope } = target;
  if (scope === undefined) return "written";
  const now = await probe(tx, target);
  if (now !== "absent") return now === "written" ? now : "left";
  if (foreseen !== undefined) return foreseen ? "written" : "left";
  // It has gone from sight by the very write. What it holds is what it held and what was written.
  const { parts } = scope;
  if (parts === undefined || parts.more) return "left";
  const { owner, parents } = parts;
  const values: Values = { ...before, ...written };
  const isOwners =
    owner === undefined ||
    (Object.hasOwn(written, owner.column)
      ? String(written[owner.column]) === String(owner.value)
      : before !== undefined);
  return isOwners
    ? allowed(
        tx,
        parents.map((parent) => parent.allows(values[parent.column])),
      )
    : "left";
}

/**
 * Whether the row would be in its scope, were it in its view: asked before the write, of a row that is made up. `undefined`: what `after` knows is
 * enough, or the scope names the view by its schema, which nothing that is made up has.
 */
async function wouldBeInScope(
  tx: SqlTransaction,
  target: Target,
  values: Values,
  isThere: boolean,
): Promise<boolean | undefined> {
  const { scope, traits, table, columns } = target;
  if (scope === undefined || traits?.view !== true || scope.parts?.more === false) return undefined;
  if (sourceTable(tx, table).schema !== undefined) return undefined;
  const names = [...columns.keys()];
  const given = literalNulls(values);
  const own = sql.join(names.map((name) => sql.id(name)));
  const written = names.map((name) => {
    if (Object.hasOwn(given, name)) return sql`${given[name]}`;
    return isThere ? sql`${sql.id(name)}` : sql`null`;
  });
  const found = isThere ? sql` from ${sql.id(table)} where ${keyFilter(target)}` : sql``;
  // Of the first half, which gives no row, the columns have their types.
  const { rows } = await sql<{ readonly ok: unknown }>`
    select ${asNumber(scope.filter)} as ok
    from (select ${own} from ${sql.id(table)} where 1 = 0 union all select ${sql.join(written)}${found}) as ${sql.id(table)}
  `.execute(tx);
  return isTrue(rows[0]?.ok);
}

async function insert(
  tx: SqlTransaction,
  target: Target,
  put: Put,
  locking: LockingDialect,
): Promise<Effect> {
  const values = { ...put.values, ...target.key };
  const foreseen = locking.returning ? undefined : await wouldBeInScope(tx, target, values, false);
  const inserted = await locking.insert(tx, target, put);
  if (inserted === "hidden") {
    if (put.neverChanges) throw new RowTaken();
    return "refused";
  }
  const { count, row } = inserted;
  if (count === 0n) return whyUnchanged(tx, target, "insert");
  return row === undefined
    ? judgedAfter(tx, target, values, undefined, foreseen)
    : judged(tx, target, row);
}

/** Changes no row that is there: for rules that say so, and for a role that may not. */
async function insertOnly(
  tx: SqlTransaction,
  target: Target,
  put: Put,
  locking: LockingDialect,
): Promise<Effect> {
  const { scope, key, traits } = target;
  const sent = Object.entries(put.changes).filter(([, value]) => !isComputed(value));
  const { owner, parents = [] } = scope?.parts ?? {};
  const asked = [...Object.keys(key), ...sent.map(([name]) => name)];
  const judging = [...(owner ? [owner.column] : []), ...parents.map(({ column }) => column)];
  const { readable } = traits ?? {};
  if (readable === undefined || [...asked, ...judging].every((name) => readable.has(name))) {
    const same = sent.flatMap(([name, value]) => {
      const column = target.columns.get(name);
      return column === undefined ? [] : [locking.same(sql.id(name), column, value)];
    });
    const all = sql<SqlBool>`${sql.join([...same, sql`1 = 1`], sql` and `)}`;
    const row = await selectInScope(tx, target)
      .select([asNumber(all).as("same")])
      .executeTakeFirst();
    if (row !== undefined) {
      if (put.seenAbsent) throw rowAppeared();
      if (scope !== undefined && !isTrue(row.ok)) return "foreign";
      if (!isTrue(row.same)) throw new RowTaken();
      return "written";
    }
  }
  return insert(tx, target, put, locking);
}

/** @returns whether there was one */
async function deleteRow(
  tx: SqlTransaction,
  target: Target,
  { returning }: LockingDialect,
): Promise<boolean> {
  const statement = withConditions(tx.deleteFrom(target.table).where(keyFilter(target)), target);
  const { traits } = target;
  const judging = traits?.lockable === false || traits?.rowSecurity;
  const deleting = judging ? scoped(statement, target) : statement;
  // A view's rows are not counted everywhere.
  if (returning && !traits?.rewritten.has("delete"))
    return (await deleting.returning([one]).execute()).length > 0;
  const { numDeletedRows } = await deleting.executeTakeFirst();
  return numDeletedRows > 0n;
}

/**
 * The policies for DELETE are others than those that FOR UPDATE asks. Where they hide the row it stays what it was: a trigger has declined only
 * where it has made another version of it.
 */
async function removeUnderPolicies(
  tx: SqlTransaction,
  target: Target,
  version: NonNullable<LockingDialect["version"]>,
  locking: LockingDialect,
): Promise<Effect> {
  const versioned = target.traits?.versioned === true;
  const looking = (than: string | null) =>
    selectInScope(tx, target).select([
      sql<string | null>`${versioned ? version.of : sql`null`}`.as("version"),
      // Of another version than that alone.
      sql<number>`${versioned && than !== null ? asNumber(sql<SqlBool>`case when ${version.of} = ${than} then false else ${version.ours} end`) : sql`0`}`.as(
        "ours",
      ),
    ]);
  const before = await looking(null).executeTakeFirst();
  if (before === undefined) return "absent";
  if (target.scope !== undefined && !isTrue(before.ok)) return "foreign";
  await throwIfRefused(tx, target);
  if (await deleteRow(tx, target, locking)) return "written";
  const now = await looking(before.version).executeTakeFirst();
  if (now === undefined) return "absent";
  if (now.version === before.version) return "refused";
  if (!isTrue(now.ours)) throw retryLocked(target);
  return whyUnchanged(tx, target, "delete");
}
