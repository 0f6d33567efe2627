/**
 * Row statements that lock and judge the row before they change it. They are for databases on which an upsert applies to any unique key, or statements
 * can't return rows; for tables that accept no upsert; and for writes of which one statement could not tell why it changed nothing. They are made for
 * READ COMMITTED, where locking a missing row locks no gap.
 */
import { sql, type SqlBool } from "kysely";
import { RowTaken } from "../../store/failures.js";
import type { Effect, Values } from "../../store/store.js";
import { sourceTable } from "../schema.js";
import { asNumber, keyFilter, selectInScope } from "../select.js";
import type { SqlTransaction } from "../table.js";
import { type LockingDialect, lockRow, rowLockOf, whyUnchanged } from "./lock-row.js";
import { allowed, isTrue, judged, probe, scoped, updating, verdict } from "./statements.js";
import type { Put, RowStatements, Target } from "./target.js";
import { retryLocked, rowAppeared, throwIfRefused, withConditions } from "./unchanged.js";
import { isComputed, isExpression, literalNulls } from "./values.js";

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
      if (mayWriteBlindly(target, locking)) return blindUpdate(tx, target, values);
      const found = await lockRow(tx, target, locking, "update");
      if (found.effect !== "written") return found.effect;
      await throwIfRefused(tx, target, rowLockOf(target, locking));
      return update(tx, target, values, locking, found.parents);
    },
    softDelete: async (tx, target, values) => {
      if (mayWriteBlindly(target, locking)) return blindUpdate(tx, target, values);
      const { effect } = await lockRow(tx, target, locking, "update");
      if (effect !== "written") return effect;
      await throwIfRefused(tx, target, rowLockOf(target, locking));
      return update(tx, { ...target, scope: undefined }, values, locking);
    },
    remove: async (tx, target) => {
      const { version } = locking;
      if (target.traits?.rowSecurity && version !== undefined)
        return removeUnderPolicies(tx, target, version, locking);
      if (mayWriteBlindly(target, locking))
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
      // A row that could not be locked may have changed since.
      await throwIfRefused(tx, target);
      return whyUnchanged(tx, target, "delete");
    },
  };
}

/** Whether nothing has to be checked before the write, and no trigger can skip it. */
function mayWriteBlindly(
  { scope, fixed, guards = [] }: Target,
  { returning, uncounted }: LockingDialect,
): boolean {
  if (returning || uncounted) return false;
  return scope === undefined && fixed === undefined && guards.length === 0;
}

async function blindUpdate(tx: SqlTransaction, target: Target, values: Values): Promise<Effect> {
  const { numUpdatedRows } = await updating(tx, target, values).executeTakeFirst();
  // A driver may count only rows whose values changed (mysql2 without its flag FOUND_ROWS).
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
  // A row that could not be locked is judged again.
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

/** Whether the written row is in its scope, if the statement did not return that. */
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
  // The write has made the row invisible. The row contains its earlier values and the written ones.
  const { parts } = scope;
  if (parts === undefined || parts.more) return "left";
  const { owner, parents } = parts;
  const values: Values = { ...before, ...written };
  const isOwners =
    owner === undefined ||
    (Object.hasOwn(written, owner.column)
      ? isSameText(written[owner.column], owner.value)
      : before !== undefined);
  return isOwners
    ? allowed(
        tx,
        parents.map((parent) => parent.allows(values[parent.column])),
      )
    : "left";
}

/** Two expressions have no text form to compare. */
function isSameText(one: unknown, other: unknown): boolean {
  return !isExpression(one) && !isExpression(other) && String(one) === String(other);
}

/**
 * Asks before the write of a view's row whether it would be in its scope, with a row that is constructed from the values. `undefined`: what
 * `judgedAfter` finds is enough, or the scope contains the view's schema, which a constructed row does not have.
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
  // The first half returns no row, but gives the columns their types.
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

/** Inserts the row, but never changes an existing one: for rules that say so, and for roles without the right to. */
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

/** @returns whether a row was deleted */
async function deleteRow(
  tx: SqlTransaction,
  target: Target,
  { returning }: LockingDialect,
): Promise<boolean> {
  const statement = withConditions(tx.deleteFrom(target.table).where(keyFilter(target)), target);
  const { traits } = target;
  const judging = traits?.lockable === false || traits?.rowSecurity;
  const deleting = judging ? scoped(statement, target) : statement;
  // Some databases do not count a view's rows.
  if (returning && !traits?.rewritten.has("delete"))
    return (await deleting.returning([one]).execute()).length > 0;
  const { numDeletedRows } = await deleting.executeTakeFirst();
  return numDeletedRows > 0n;
}

/**
 * DELETE has other policies than FOR UPDATE. If they hide the row, it stays unchanged. If a trigger has skipped the DELETE, there may be a new version of
 * the row.
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
      // Only another version than the given one can be the transaction's own.
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
