/** Statements that change and judge one row, for databases with ON CONFLICT and RETURNING; and the pieces that other databases' share. Names come from rules and schema alone. */
import {
  type Compilable,
  type CompiledQuery,
  type Expression,
  type QueryResult,
  sql,
  type SqlBool,
} from "kysely";
import type { Effect, Values } from "../../store/store.js";
import { keyFilter, asNumber, selectInScope } from "../select.js";
import type { SqlDatabase, SqlTransaction, Traits, Verb } from "../table.js";
import { keepCompiled, Placeholder, placeholders } from "./compiled.js";
import type {
  BoundParent,
  BoundScope,
  CompiledOnce,
  Put,
  RowStatements,
  Target,
} from "./target.js";
import { rowAppeared, throwIfRefused, withConditions, retryLocked } from "./unchanged.js";
import { literalNulls } from "./values.js";

/**
 * Sends a statement, compiled once for what it depends on.
 *
 * @param what names the statement, and what its text depends on beside the target and the columns
 */
export async function send(
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

/** The statement as it has been compiled for its like, with its own values. */
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

/** The statement's parameters, with values in their places. */
export function parametersOf({ parameters }: CompiledQuery, filling: Filling): readonly unknown[] {
  return parameters.map((each) =>
    each instanceof Placeholder ? filling[each.of]?.[each.name] : each,
  );
}

type Filling = Readonly<Partial<Record<Placeholder["of"], Values>>>;

/** Where the row stands now: in scope (`written`), outside it, or nowhere. */
export async function probe(tx: SqlTransaction, target: Target): Promise<Effect> {
  const { rows } = await send(tx, target, "probe", {}, (placed) => selectInScope(tx, placed));
  const [row] = rows as readonly Pick<VerdictRow, "ok">[];
  if (row === undefined) return "absent";
  return target.scope === undefined || isTrue(row.ok) ? "written" : "foreign";
}

/** Drivers give a boolean as such, as a number, as a bigint or as its digits. */
export function isTrue(ok: unknown): boolean {
  return ok === true || ok === 1 || ok === 1n || ok === "1";
}

/** An UPDATE must set something: the key to itself changes nothing, and still locks and judges the row. */
export function nonEmpty(key: Values, values: Values): Values {
  if (Object.keys(values).length > 0) return values;
  return Object.fromEntries(Object.keys(key).map((column) => [column, sql`${sql.id(column)}`]));
}

/** One statement a change. What it alone can't decide is decided when the transaction begins again, with the row locked first. */
export const returningRows: RowStatements = {
  put: async (tx, target, put) => {
    // An INSERT is refused for a missing value before the database looks whether the row exists; so such a PUT tries the row first.
    const first =
      put.incomplete && !put.seenAbsent ? await update(tx, target, put.changes) : "absent";
    return first === "absent" ? upsert(tx, target, put) : first;
  },
  patch: update,
  softDelete: async (tx, target, values) => {
    const { numAffectedRows = 0n } = await send(
      tx,
      target,
      "softDelete",
      values,
      (placed, columns) => scoped(updating(tx, placed, columns), placed),
    );
    return numAffectedRows > 0n ? "written" : untouched(tx, target, "update");
  },
  remove: async (tx, target) => {
    const { numAffectedRows = 0n } = await send(tx, target, "delete", {}, (placed) =>
      scoped(withConditions(tx.deleteFrom(placed.table).where(keyFilter(placed)), placed), placed),
    );
    return numAffectedRows > 0n ? "written" : untouched(tx, target, "delete");
  },
};

async function upsert(tx: SqlTransaction, target: Target, put: Put): Promise<Effect> {
  const { values, changes, seenAbsent } = put;
  const what = `upsert${seenAbsent ? "Absent" : JSON.stringify(Object.keys(changes))}`;
  const result = await send(tx, target, what, values, (placed, columns) => {
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

/** @param changes the columns in which a row changes that is there already; `undefined`: it is left alone */
export function upserting(
  db: SqlDatabase,
  target: Target,
  values: Values,
  changes: Values | undefined,
) {
  const { table, key } = target;
  return db
    .insertInto(table)
    .values({ ...values, ...key })
    .onConflict((conflict) => {
      const onKey = conflict.columns(Object.keys(key));
      return changes === undefined
        ? onKey.doNothing()
        : withConditions(scoped(onKey.doUpdateSet(proposed(target, changes)), target), target);
    });
}

/** Nothing came of a PUT. */
async function judgeUntouched(tx: SqlTransaction, target: Target, put: Put): Promise<Effect> {
  const { seenAbsent } = put;
  if (seenAbsent && (await probe(tx, { ...target, scope: undefined })) !== "absent")
    throw rowAppeared();
  if (mayDecline(target, "insert") || mayDecline(target, "update")) throw retryLocked(target);
  // There is a row where there was none, and it can't be seen: a policy of the database's hides it, and is to refuse it in its own words.
  if (seenAbsent) return upsert(tx, target, { ...put, seenAbsent: false });
  // No row comes back where the stored one did not satisfy the scope: it was left as it was. Or there is a trigger that nobody has read of yet.
  if (target.scope !== undefined && (await probe(tx, target)) === "foreign") return "foreign";
  await throwIfRefused(tx, target);
  throw retryLocked(target);
}

async function update(tx: SqlTransaction, target: Target, values: Values): Promise<Effect> {
  const { scope } = target;
  const result = await send(tx, target, "update", values, (placed, columns) => {
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
  const { table, key } = target;
  const set = merged(literalNulls(nonEmpty(key, values)), target);
  return withConditions(tx.updateTable(table).set(set).where(keyFilter(target)), target);
}

export function scoped<Q extends { where(filter: Expression<SqlBool>): Q }>(
  statement: Q,
  { scope }: Target,
): Q {
  return scope === undefined ? statement : statement.where(scope.filter);
}

/**
 * Nothing was changed: because there is no such row, or because it is foreign. Where it is neither, or a trigger may have made it so (have taken it out
 * of its view, for one), it can't be told what happened; and what may have had an effect is not sent again.
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

/** A scope that reads other tables sees them as they were before the statement, so it is asked again after it. */
export function verdict({ filter, rowOnly, parts }: BoundScope, traits: Traits | undefined) {
  // Behind a write by which the row has left its view nothing can be asked of it.
  const whole = rowOnly || (parts === undefined && traits?.view === true);
  const own = whole ? filter : parts?.own;
  const ok: Expression<number | null> = own === undefined ? sql<null>`null` : asNumber(own);
  const parents = parts?.parents ?? [];
  return [sql<number | null>`${ok}`.as("ok"), ...parents.map(parentValue)];
}

/** As text, which no driver rounds. */
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
  // It has gone from sight by the very write: out of its view, or by a trigger to elsewhere.
  const { parts } = scope;
  const own = parts === undefined ? target.traits?.view === true : parts.own !== undefined;
  if (own ? !isTrue(row.ok) : parts === undefined) return "left";
  if (parts === undefined) return "written";
  return allowed(
    tx,
    parts.parents.map((parent, index) => parent.allows(row[`p${index}`])),
  );
}

/** Whether a row may refer to what it does. */
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

/** Of the columns that are set, some are made of what the row holds. They stand in that order: some databases set one after the other. */
function merged<Set extends Values>(set: Set, { computed }: Pick<Target, "computed">): Set {
  if (computed === undefined) return set;
  const plain = Object.entries(set).filter(([name]) => !computed.has(name));
  const made = [...computed].filter(([name]) => Object.hasOwn(set, name));
  return Object.fromEntries([...plain, ...made]) as Set;
}
