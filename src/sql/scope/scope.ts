/**
 * Binds a rule's scope (`owner`, `scope` and `belongsTo`) to a caller, as SQL that can be used in any statement on the table.
 */
import { type Expression, type OperationNode, sql, type SqlBool } from "kysely";
import { keptQueued } from "../../errors.js";
import { membershipsOf } from "../../store/conditions.js";
import { ownerValue } from "../../store/owners.js";
import type { Column, ParentScope, Scope, Table } from "../../store/tables.js";
import type { Dialect } from "../dialect.js";
import { Placeholder } from "../rows/compiled.js";
import type { BoundParent, BoundScope, CompiledOnce, Texts, ValueOf } from "../rows/target.js";
import { enclosed, isExpression } from "../rows/values.js";
import { eb, type SqlTable, type TableOf } from "../table.js";
import {
  bindCondition,
  type BoundOwner,
  conditionGiven,
  mayShowWritten,
  type OwnerColumn,
  ownerWithPlaceholder,
  type PlaceholderFor,
} from "./conditions.js";
import { Qualifier, sameName } from "./qualifier.js";

/**
 * `undefined`: the scope has no condition. Throws ServerValue if an owner's column can't hold the caller's id.
 *
 * @param known the scope's own table, if it has been read
 * @param place called once for each owner: first for the parents, each after its own parents
 */
export async function bindScope(
  { table, owner, condition, expression, parents }: Scope,
  dialect: Dialect,
  tableOf: TableOf,
  known?: Table,
  place?: PlaceholderFor,
): Promise<BoundScope | undefined> {
  const bound: BelongsTo[] = [];
  for (const parent of parents)
    bound.push(await bindParent(table, parent, dialect, tableOf, place));
  const qualifier = new Qualifier(table);
  const qualified = (part: Expression<SqlBool>): Expression<SqlBool> =>
    asExpression(qualifier.transformNode(part.toOperationNode()));
  const filters: Expression<SqlBool>[] = bound.map(({ filter }) => qualified(filter));
  const own: Expression<SqlBool>[] = [];
  const before = bound.flatMap((parent) => parent.before ?? []);
  let owned: BoundOwner | undefined;
  // This filter only reads the row itself, in every dialect.
  if (owner !== undefined) {
    owned = await bindOwner({ table, ...owner, known }, dialect, tableOf);
    const filter = place === undefined ? owned.filter : ownerWithPlaceholder(owned, dialect, place);
    filters.unshift(filter);
    own.push(filter);
  }
  let readsOthers = false;
  if (condition !== undefined) {
    const parts = { table, dialect, tableOf, known, bindOwner };
    const filter = await bindCondition(condition, parts, place);
    if (await mayShowWritten(condition, parts))
      before.push((valueOf) => bindCondition(condition, parts, undefined, valueOf));
    filters.push(filter);
    own.push(filter);
    readsOthers = membershipsOf(condition.holds).length > 0;
    if (readsOthers) qualifier.rowOnly = false;
  }
  if (expression !== undefined) {
    const before = qualifier.rowOnly;
    qualifier.rowOnly = true;
    // `Store.isScope` has checked that it is an expression.
    const more = enclosed(qualified(expression as Expression<SqlBool>));
    filters.push(more);
    own.push(more);
    readsOthers ||= !qualifier.rowOnly;
    qualifier.rowOnly &&= before;
  }
  const [first, ...others] = filters;
  if (first === undefined) return undefined;
  const filter = others.length === 0 ? first : eb.and(filters);
  const { rowOnly } = qualifier;
  const whole = {
    filter: sql<SqlBool>`${filter}`,
    rowOnly,
    ...(before.length > 0 && { before: allOf(before) }),
  };
  if (readsOthers) return whole;
  return {
    ...whole,
    parts: {
      ...(own.length > 0 && { own: eb.and(own) }),
      ...(owner && owned && { owner: { column: owner.column, value: owned.value } }),
      more: (condition ?? expression) !== undefined,
      parents: bound,
    },
  };
}

type Before = NonNullable<BoundScope["before"]>;

function allOf(all: readonly Before[]): Before {
  return async (valueOf) => eb.and(await Promise.all(all.map((each) => each(valueOf))));
}

/** The latest result for each column: operations of one caller arrive together, so it is often needed again. */
const lastOwned = new WeakMap<Column, BoundOwner>();

/** @throws ServerValue if the column can't hold the caller's id; retryable if the column does not exist at the moment */
async function bindOwner(
  { table, column: name, userId, as = table, known }: OwnerColumn,
  dialect: Dialect,
  tableOf: TableOf,
): Promise<BoundOwner> {
  const column = known?.columns.get(name) ?? (await tableOf(table, [name]))?.columns.get(name);
  // An unconverted value could match somebody else's id, because databases differ in what they consider equal.
  if (column === undefined) throw keptQueued("The database is being changed right now.");
  const reference = `${as}.${name}`;
  const last = lastOwned.get(column);
  if (last?.reference === reference && last.userId === userId) return last;
  const { owners } = dialect;
  const kind = owners.kind(column);
  const value = ownerValue(dialect, kind, { table, column, userId });
  let compared: unknown;
  const filter = owners.same(eb.ref(reference), kind, value, (given) => (compared = given));
  const owned = { reference, userId, kind, value, compared, filter };
  lastOwned.set(column, owned);
  return owned;
}

/** The parent's alias if its table is also the child's. */
const parentAlias = "powersync_parent";

interface BelongsTo extends BoundParent {
  readonly filter: Expression<SqlBool>;
  readonly before?: Before;
}

/** A condition that the row to which the column refers is in its own scope. */
async function bindParent(
  child: string,
  { column, table, by, optional, scope: given }: ParentScope,
  dialect: Dialect,
  tableOf: TableOf,
  place: PlaceholderFor | undefined,
): Promise<BelongsTo> {
  const scope = given && (await bindScope(given, dialect, tableOf, undefined, place));
  const exists = (from: string, match: string, reference: string, more?: Expression<SqlBool>) => {
    const row = eb.selectFrom(from).select(eb.lit(1).as("one")).whereRef(match, "=", reference);
    return eb.exists(more === undefined ? row : row.where(more));
  };
  const reference = `${child}.${column}`;
  const its = `${table}.${by}`;
  const theirs = `${parentAlias}.${by}`;
  const found = sameName(child, table)
    ? // Inside, the table's name means the parent, as its scope does; outside, the child. Between them the parent has another.
      exists(
        `${table} as ${parentAlias}`,
        theirs,
        reference,
        exists(table, its, theirs, scope?.filter),
      )
    : exists(table, its, reference, scope?.filter);
  const allows = (value: unknown): Expression<SqlBool> => {
    if (value === null || value === undefined) return sql<SqlBool>`${optional ? 1 : 0} = 1`;
    const row = eb.selectFrom(table).select(eb.lit(1).as("one")).where(sql.ref(its), "=", value);
    return eb.exists(scope === undefined ? row : row.where(scope.filter));
  };
  const filter = optional ? eb.or([eb(reference, "is", null), found]) : found;
  const before = async (valueOf: ValueOf): Promise<Expression<SqlBool>> => {
    const value = valueOf(column);
    const above = eb.exists(
      eb
        .selectFrom(table)
        .select(eb.lit(1).as("one"))
        .where(its, "=", value as Expression<never>)
        .where(scope?.filter ?? sql<SqlBool>`1 = 1`),
    );
    return optional ? eb.or([sql<SqlBool>`${value} is null`, above]) : above;
  };
  return { column, allows, filter, ...(scope?.before && { before }) };
}

function asExpression(node: OperationNode): Expression<SqlBool> {
  return { toOperationNode: () => node, expressionType: undefined };
}

/** A scope for a statement that is compiled once: what its text depends on, and its owners' values in the order of their placeholders. */
interface ScopeGiven {
  readonly shape: string;
  readonly values: readonly unknown[];
}

/** `undefined`: its text may differ each time. Throws as `bindScope` does. */
async function scopeGiven(
  scope: Scope | undefined,
  dialect: Dialect,
  tableOf: TableOf,
  known?: Table,
): Promise<ScopeGiven | undefined> {
  if (scope === undefined) return { shape: "", values: [] };
  const { table, owner, condition, expression, parents } = scope;
  if (expression !== undefined) return undefined;
  const shape: unknown[] = [table];
  const values: unknown[] = [];
  for (const { scope: above, ...parent } of parents) {
    const given = await scopeGiven(above, dialect, tableOf);
    if (given === undefined) return undefined;
    shape.push(parent.column, parent.table, parent.by, parent.optional, given.shape);
    values.push(...given.values);
  }
  if (owner !== undefined) {
    const { kind = null, compared } = await bindOwner({ table, ...owner, known }, dialect, tableOf);
    // On MySQL, bytes are an expression.
    if (typeof compared === "object" && isExpression(compared)) return undefined;
    shape.push(owner.column, kind, typeof compared);
    values.push(compared);
  }
  if (condition !== undefined) {
    const parts = { table, dialect, tableOf, known, bindOwner };
    const given = await conditionGiven(condition, parts);
    // What is asked before a write concerns only that write.
    if (given === undefined || (await mayShowWritten(condition, parts))) return undefined;
    shape.push(given.shape);
    values.push(...given.values);
  }
  return { shape: JSON.stringify(shape), values };
}

/** The latest scope that was bound for each table: operations of one caller arrive together, so it is often needed again. */
const lastBound = new WeakMap<SqlTable, ScopeGiven & { readonly scope: BoundScope | undefined }>();

/** A scope for the statements of one write. */
export interface Bound {
  /** Absent: each statement is compiled again. */
  readonly once?: CompiledOnce;
  readonly scope: BoundScope | undefined;
}

/** The scope for the statements of one write. Throws as `bindScope` does. @param texts absent if no statement is compiled once */
export async function bindOnce(
  texts: Texts | undefined,
  given: Scope | undefined,
  dialect: Dialect,
  tableOf: TableOf,
  table: SqlTable,
): Promise<Bound> {
  const known = texts && (await scopeGiven(given, dialect, tableOf, table));
  const bind = async (place?: (value: unknown) => unknown) =>
    given && bindScope(given, dialect, tableOf, table, place);
  if (texts === undefined || known === undefined) return { scope: await bind() };
  const { shape, values } = known;
  const bindWithPlaceholders = () => {
    let index = 0;
    return bind(() => new Placeholder("scope", String(index++)));
  };
  const once = {
    texts,
    table,
    shape,
    scope: Object.fromEntries(values.entries()),
    bindWithPlaceholders,
  };
  const last = lastBound.get(table);
  if (last?.shape === shape && haveSameValues(last.values, values))
    return { once, scope: last.scope };
  const scope = await bind();
  lastBound.set(table, { shape, values, scope });
  return { once, scope };
}

/** `bindOnce` for many changes: neighboring changes of a table usually have the same scope, which is then bound once. */
export function createBind(texts: Texts | undefined, dialect: Dialect, tableOf: TableOf) {
  const latest = new Map<SqlTable, { readonly given: Scope | undefined; readonly bound: Bound }>();
  return async (given: Scope | undefined, table: SqlTable): Promise<Bound> => {
    const last = latest.get(table);
    if (last !== undefined && last.given === given) return last.bound;
    const bound = await bindOnce(texts, given, dialect, tableOf, table);
    latest.set(table, { given, bound });
    return bound;
  };
}

function haveSameValues(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** Whether two scopes compile to the same text and have the same owners' values. */
export function isSameScope({ scope: one }: CompiledOnce, { scope: other }: CompiledOnce): boolean {
  if (one === other) return true;
  for (const name in one) if (one[name] !== other[name]) return false;
  return true;
}

/** Whether a scope reads the table itself: then the write of one row can change the judgment of the next, and each needs its own statement. */
export function readsTable({ condition, parents }: Scope, table: string): boolean {
  const members = condition === undefined ? [] : membershipsOf(condition.holds);
  return (
    [...members, ...parents].some((each) => sameName(each.table, table)) ||
    parents.some(({ scope }) => scope !== undefined && readsTable(scope, table))
  );
}
