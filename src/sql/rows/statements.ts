/**
 * Statements that change and judge one row, for databases with ON CONFLICT and RETURNING, and pieces of statements that all databases share. Names of
 * tables and columns come only from rules and from the schema.
 */
import {
  type Compilable,
  type CompiledQuery,
  type Expression,
  type QueryResult,
  sql,
  type SqlBool,
} from "kysely";
import type { Effect, Values } from "../../store/store.js";
import { asNumber, keyFilter, selectInScope } from "../select.js";
import type { SqlDatabase, SqlTransaction, Traits, Verb } from "../table.js";
import { keepCompiled, Placeholder, placeholders } from "./compiled.js";
import { beginInsert, beginUpdate } from "./or-abort.js";
import type {
  BoundParent,
  BoundScope,
  CompiledOnce,
  Put,
  RowStatements,
  Target,
} from "./target.js";
import { retryLocked, rowAppeared, throwIfRefused, withConditions } from "./unchanged.js";
import { literalNulls } from "./values.js";

/**
 * Sends a statement, compiled once for what it depends on.
 *
 * @param what the statement's name, and what its text depends on besides the target and the columns
 */
export async function sendCompiled(
  tx: SqlTransaction,
  target: Target,
  what: string,
  columns: Values,
  build: (target: Target, columns: Values) => Compilable,
): Promise<QueryResult<unknown>> {
  const { once } = target;
  const query =
    once === undefined
      ? build(target, columns).compile()
      : await compileOnce(target, once, what, columns, build);
  return tx.executeQuery(query);
}

/** The statement with its values. Its text is compiled once for all statements of the same form. */
export async function compileOnce(
  target: Target,
  { texts, table, shape, scope, bindWithPlaceholders }: CompiledOnce,
  what: string,
  columns: Values,
  build: (target: Target, columns: Values) => Compilable,
): Promise<CompiledQuery> {
  const { key, fixed } = target;
  const names = JSON.stringify([
    what,
    shape,
    Object.keys(key),
    Object.keys(columns),
    ...(fixed ? [Object.keys(fixed.values)] : []),
  ]);
  let text = texts.get(table)?.get(names);
  if (text === undefined) {
    const at = {
      ...target,
      key: placeholders("key", key),
      scope: await bindWithPlaceholders(),
      ...(fixed && { fixed: { ...fixed, values: placeholders("fixed", fixed.values) } }),
    };
    text = keepCompiled(texts, table, names, build(at, placeholders("values", columns)));
  }
  const filling = { key, scope, values: columns, ...(fixed && { fixed: fixed.values }) };
  return { ...text, parameters: parametersOf(text, filling) };
}

/** The statement's parameters, with values for the placeholders. */
export function parametersOf({ parameters }: CompiledQuery, filling: Filling): readonly unknown[] {
  return parameters.map((each) =>
    each instanceof Placeholder ? filling[each.of]?.[each.name] : each,
  );
}

type Filling = Readonly<Partial<Record<Placeholder["of"], Values>>>;

/** Where the row is now: in its scope (`written`), outside it, or nowhere. */
export async function probe(tx: SqlTransaction, target: Target): Promise<Effect> {
  const { rows } = await sendCompiled(tx, target, "probe", {}, (placed) =>
    selectInScope(tx, placed),
  );
  const found = rows as readonly Pick<VerdictRow, "ok">[];
  if (found.length === 0) return "absent";
  // If nothing makes the key unique, several rows may have it.
  return target.scope === undefined || found.every(({ ok }) => isTrue(ok)) ? "written" : "foreign";
}

/** Drivers return a boolean as such, as a number, as a bigint or as text. */
export function isTrue(ok: unknown): boolean {
  return ok === true || ok === 1 || ok === 1n || ok === "1";
}

/** An UPDATE must set something. Setting the key to itself changes nothing, but locks and judges the row. */
export function nonEmpty(key: Values, values: Values): Values {
  if (Object.keys(values).length > 0) return values;
  return Object.fromEntries(Object.keys(key).map((column) => [column, sql`${sql.id(column)}`]));
}

/** One statement for each change. What it can't decide is decided when the transaction is run again, with the row locked first. */
export const returningRows: RowStatements = {
  put: async (tx, target, put) => {
    // The database refuses an INSERT for a missing value before it checks whether the row exists, so an incomplete PUT tries an UPDATE first.
    const first =
      put.incomplete && !put.seenAbsent ? await update(tx, target, put.changes) : "absent";
    return first === "absent" ? upsert(tx, target, put) : first;
  },
  patch: update,
  softDelete: async (tx, target, values) => {
    const { numAffectedRows = 0n } = await sendCompiled(
      tx,
      target,
      "softDelete",
      values,
      (placed, columns) => scoped(updating(tx, placed, columns), placed),
    );
    return numAffectedRows > 0n ? "written" : untouched(tx, target, "update");
  },
  remove: async (tx, target) => {
    const { numAffectedRows = 0n } = await sendCompiled(tx, target, "delete", {}, (placed) =>
      scoped(withConditions(tx.deleteFrom(placed.table).where(keyFilter(placed)), placed), placed),
    );
    return numAffectedRows > 0n ? "written" : untouched(tx, target, "delete");
  },
};

async function upsert(tx: SqlTransaction, target: Target, put: Put): Promise<Effect> {
  const { values, changes, seenAbsent } = put;
  const what = `upsert${seenAbsent ? "Absent" : JSON.stringify(Object.keys(changes))}`;
  const result = await sendCompiled(tx, target, what, values, (placed, columns) => {
    const statement = upserting(tx, placed, columns, seenAbsent ? undefined : changes);
    return placed.scope === undefined
      ? statement
      : statement.returning(verdict(placed.scope, placed.traits));
  });
  if (target.scope === undefined)
    return (result.numAffectedRows ?? 0n) > 0n ? "written" : judgeUntouched(tx, target, put);
  const [row] = result.rows as readonly VerdictRow[];
  return row === undefined ? judgeUntouched(tx, target, put) : judged(tx, target, row);
}

/** @param changes the columns that change if the row exists. `undefined`: an existing row is not changed */
export function upserting(
  db: SqlDatabase,
  target: Target,
  values: Values,
  changes: Values | undefined,
) {
  const { key } = target;
  return beginInsert(db, target)
    .values({ ...values, ...key })
    .onConflict((conflict) => {
      const onKey = conflict.columns(Object.keys(key));
      return changes === undefined
        ? onKey.doNothing()
        : withConditions(scoped(onKey.doUpdateSet(proposed(target, changes)), target), target);
    });
}

/** A PUT that changed nothing. */
async function judgeUntouched(tx: SqlTransaction, target: Target, put: Put): Promise<Effect> {
  const { seenAbsent } = put;
  if (seenAbsent && (await probe(tx, { ...target, scope: undefined })) !== "absent")
    throw rowAppeared();
  if (mayDecline(target, "insert") || mayDecline(target, "update")) throw retryLocked(target);
  // The row has appeared, but a policy hides it. Another upsert gets the database's own error.
  if (seenAbsent) return upsert(tx, target, { ...put, seenAbsent: false });
  // If the stored row is not in the scope, it is not changed, and no row is returned. Otherwise a new trigger may be the reason.
  if (target.scope !== undefined && (await probe(tx, target)) === "foreign") return "foreign";
  await throwIfRefused(tx, target);
  throw retryLocked(target);
}

async function update(tx: SqlTransaction, target: Target, values: Values): Promise<Effect> {
  const { scope } = target;
  const result = await sendCompiled(tx, target, "update", values, (placed, columns) => {
    const statement = updating(tx, placed, columns);
    return placed.scope === undefined
      ? statement
      : scoped(statement, placed).returning(verdict(placed.scope, placed.traits));
  });
  if (scope === undefined)
    return (result.numAffectedRows ?? 0n) > 0n ? "written" : untouched(tx, target, "update");
  const [row] = result.rows as readonly VerdictRow[];
  return row === undefined ? untouched(tx, target, "update") : judged(tx, target, row);
}

export function updating(tx: SqlDatabase, target: Target, values: Values) {
  const { key } = target;
  const set = merged(literalNulls(nonEmpty(key, values)), target);
  return withConditions(beginUpdate(tx, target).set(set).where(keyFilter(target)), target);
}

export function scoped<Q extends { where(filter: Expression<SqlBool>): Q }>(
  statement: Q,
  { scope }: Target,
): Q {
  return scope === undefined ? statement : statement.where(scope.filter);
}

/**
 * A statement that changed nothing. The row does not exist, or it is not in the caller's scope. If it is neither, or if a trigger may have caused it, for
 * example by moving the row out of its view, the reason is not known. The statement is not sent again, because it may have had an effect.
 */
async function untouched(tx: SqlTransaction, target: Target, verb: Verb): Promise<Effect> {
  const now = await probe(tx, target);
  if (!mayDecline(target, verb)) {
    if (now !== "written") return now;
    await throwIfRefused(tx, target);
  } else if (now === "absent" && target.traits?.view !== true) {
    return now;
  }
  throw retryLocked(target);
}

function mayDecline({ traits }: Target, verb: Verb): boolean {
  return traits?.declining.has(verb) === true;
}

interface VerdictRow {
  readonly ok: number | null;
  readonly [parent: `p${number}`]: unknown;
}

/** What a statement returns to judge the row. A scope that reads other tables sees them as they were before the statement, so it is asked again after it. */
export function verdict({ filter, rowOnly, parts }: BoundScope, traits: Traits | undefined) {
  // If the write has taken the row out of its view, nothing about it can be asked afterward.
  const whole = rowOnly || (parts === undefined && traits?.view === true);
  const own = whole ? filter : parts?.own;
  const ok: Expression<number | null> = own === undefined ? sql<null>`null` : asNumber(own);
  const parents = parts?.parents ?? [];
  return [sql<number | null>`${ok}`.as("ok"), ...parents.map(parentValue)];
}

/** As text, because drivers may round numbers. */
export function parentValue({ column }: BoundParent, index: number) {
  return sql<unknown>`cast(${sql.id(column)} as text)`.as(`p${index}`);
}

/** Whether the row that has just been written is in its scope. */
export async function judged(tx: SqlTransaction, target: Target, row: VerdictRow): Promise<Effect> {
  const { scope } = target;
  if (scope === undefined) return "written";
  if (scope.rowOnly) return isTrue(row.ok) ? "written" : "left";
  const now = await probe(tx, target);
  if (now !== "absent") return now === "written" ? now : "left";
  // The write has made the row invisible: it left its view, or a trigger moved it.
  const { parts } = scope;
  const own = parts === undefined ? target.traits?.view === true : parts.own !== undefined;
  if (own ? !isTrue(row.ok) : parts === undefined) return "left";
  if (parts === undefined) return "written";
  return allowed(
    tx,
    parts.parents.map((parent, index) => parent.allows(row[`p${index}`])),
  );
}

/** Whether all filters on the row's parents hold. */
export async function allowed(
  tx: SqlTransaction,
  filters: readonly Expression<SqlBool>[],
): Promise<Effect> {
  const all = sql<SqlBool>`${sql.join([...filters, sql`1 = 1`], sql` and `)}`;
  const [row] = await tx.selectNoFrom([asNumber(all).as("ok")]).execute();
  return isTrue(row?.ok) ? "written" : "left";
}

export function proposed(
  target: Pick<Target, "key" | "computed">,
  values: Values,
): Record<string, Expression<unknown>> {
  const columns = Object.keys(nonEmpty(target.key, values));
  const set = columns.map((column) => [column, sql`${sql.id("excluded", column)}`] as const);
  return merged(Object.fromEntries<Expression<unknown>>(set), target);
}

/** Replaces sent values by computed expressions. These come last and in order, because some databases assign one column after the other. */
function merged<Set extends Values>(set: Set, { computed }: Pick<Target, "computed">): Set {
  if (computed === undefined) return set;
  const plain = Object.entries(set).filter(([name]) => !computed.has(name));
  const made = [...computed].filter(([name]) => Object.hasOwn(set, name));
  return Object.fromEntries([...plain, ...made]) as Set;
}
