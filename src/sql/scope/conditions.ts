/** A scope's condition as SQL: `isOwner`, `isMember`, and `anyOf` of them; and filters that compare a column with the caller's id. */
import { type Expression, sql, type SqlBool } from "kysely";
import { keptQueued } from "../../errors.js";
import {
  type Condition,
  type Held,
  mayBeSame,
  memberColumns,
  type Membership,
  membershipsOf,
  type NewMember,
} from "../../store/conditions.js";
import { heldValue } from "../../store/owners.js";
import type { Column, OwnerKind, Scope, Table } from "../../store/tables.js";
import type { Dialect } from "../dialect.js";
import type { ValueOf } from "../rows/target.js";
import { eb, mayShareRows, type TableOf } from "../table.js";

/** The placeholder for an owner's value in a statement that is compiled once. */
export type PlaceholderFor = (value: unknown) => unknown;

/** A column that holds the caller's id, and the filter that says so. */
export interface BoundOwner {
  /** The column's name, qualified with a table. */
  readonly reference: string;
  readonly userId: string;
  readonly kind: OwnerKind | undefined;
  readonly value: unknown;
  /** The value that the filter compares with. */
  readonly compared: unknown;
  readonly filter: Expression<SqlBool>;
}

export interface OwnerColumn {
  readonly table: string;
  readonly column: string;
  readonly userId: string;
  /** The table's alias in the statement. Default: its name. */
  readonly as?: string;
  /** The table's form, if it has been read. */
  readonly known?: Table | undefined;
}

/** The filter with a placeholder for the value. */
export function ownerWithPlaceholder(
  { reference, kind, value }: BoundOwner,
  { owners }: Dialect,
  place: PlaceholderFor,
): Expression<SqlBool> {
  return owners.same(eb.ref(reference), kind, value, place);
}

/** The alias of the members' table. It needs one, because it may be the table whose row is judged. */
const alias = "powersync_member";

interface ConditionParts {
  /** The table whose row is judged. */
  readonly table: string;
  readonly dialect: Dialect;
  readonly tableOf: TableOf;
  /** That table's form, if it has been read. */
  readonly known: Table | undefined;
  /** See `scope.ts`. */
  bindOwner(column: OwnerColumn, dialect: Dialect, tableOf: TableOf): Promise<BoundOwner>;
}

type Given = NonNullable<Scope["condition"]>;

/**
 * In parentheses. Throws as `bindOwner` does.
 *
 * @param place called once for each owner and each member, in order; for a member's id before the key of the row that is left out
 * @param valueOf the judged row's values, if they are not those in its table
 */
export async function bindCondition(
  given: Given,
  parts: ConditionParts,
  place?: PlaceholderFor,
  valueOf: ValueOf = (column) => eb.ref(`${parts.table}.${column}`),
): Promise<Expression<SqlBool>> {
  const { holds } = given;
  if ("anyOf" in holds) {
    const filters: Expression<SqlBool>[] = [];
    for (const each of holds.anyOf)
      filters.push(await bindCondition({ ...given, holds: each }, parts, place, valueOf));
    return sql<SqlBool>`(${sql.join(filters, sql` or `)})`;
  }
  const { owned, held, leftOut } = await comparedOf(holds, given, parts);
  if ("isOwner" in holds) {
    const { kind, value } = owned;
    const { owners } = parts.dialect;
    const filter = owners.same(valueOf(holds.isOwner), kind, value, place ?? itself);
    return sql<SqlBool>`(${filter})`;
  }
  const filter =
    place === undefined ? owned.filter : ownerWithPlaceholder(owned, parts.dialect, place);
  const { table, row, by } = holds.isMember;
  const member = held.reduce(
    (all, each) => all.where(each.filter),
    eb
      .selectFrom(`${table} as ${alias}`)
      .select(eb.lit(1).as("one"))
      .where(`${alias}.${row}`, "=", valueOf(by) as Expression<never>)
      .where(filter),
  );
  if (leftOut === undefined) return sql<SqlBool>`(${eb.exists(member)})`;
  const isLeftOut = Object.entries(leftOut).map(
    ([column, value]) =>
      sql<SqlBool>`${sql.ref(`${alias}.${column}`)} = ${place === undefined ? value : place(value)}`,
  );
  return sql<SqlBool>`(${eb.exists(member.where(eb.not(eb.and(isLeftOut))))})`;
}

function itself(value: unknown): unknown {
  return value;
}

/** Whether one of its members' tables may show the written row under another name. */
export async function mayShowWritten(
  { holds, writes }: Given,
  { tableOf }: Pick<ConditionParts, "tableOf">,
): Promise<boolean> {
  if (writes === undefined) return false;
  for (const membership of membershipsOf(holds)) {
    if (mayBeSame(membership.table, writes)) continue;
    const written = await tableOf(writes);
    const found = await tableOf(membership.table, memberColumns(membership));
    if (mayShareRows(written?.traits, found?.traits)) return true;
  }
  return false;
}

/**
 * What the condition's text depends on, and the values in the order of their placeholders. `undefined`: a value is an expression, whose text may differ
 * each time.
 * Throws as `bindOwner` does.
 */
export async function conditionGiven(
  given: Given,
  parts: ConditionParts,
): Promise<{ readonly shape: unknown; readonly values: readonly unknown[] } | undefined> {
  const { holds } = given;
  if ("anyOf" in holds) {
    const shape: unknown[] = [];
    const values: unknown[] = [];
    for (const each of holds.anyOf) {
      const one = await conditionGiven({ ...given, holds: each }, parts);
      if (one === undefined) return undefined;
      shape.push(one.shape);
      values.push(...one.values);
    }
    return { shape, values };
  }
  const { owned, held, leftOut = {} } = await comparedOf(holds, given, parts);
  const values = [owned.compared, ...Object.values(leftOut)];
  // On MySQL, bytes are an expression.
  if (![...values, ...held.flatMap((each) => each.values)].every(isPlain)) return undefined;
  const about =
    "isOwner" in holds
      ? holds
      : { ...holds.isMember, where: held.map(spelled), without: Object.keys(leftOut) };
  return { shape: [about, owned.kind ?? null, values.map((value) => typeof value)], values };
}

function isPlain(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

/** As text, because JSON has no bigint. */
function spelled({ column: { name, type }, values }: HeldColumn): readonly unknown[] {
  return [name, type, ...values.map((value) => [typeof value, String(value)])];
}

interface Compared {
  readonly owned: BoundOwner;
  /** They come from the configuration and are literals in the text. */
  readonly held: readonly HeldColumn[];
  /** The key of the row that does not count as a membership. */
  readonly leftOut?: NewMember["key"];
}

async function comparedOf(
  holds: Exclude<Condition, { readonly anyOf: unknown }>,
  { userId, without }: Given,
  { table, dialect, tableOf, known, bindOwner }: ConditionParts,
): Promise<Compared> {
  if ("isOwner" in holds)
    return {
      owned: await bindOwner({ table, column: holds.isOwner, userId, known }, dialect, tableOf),
      held: [],
    };
  const { table: members, user, where }: Membership = holds.isMember;
  const found = await tableOf(members, memberColumns(holds.isMember));
  const of = { table: members, column: user, userId, as: alias, known: found };
  const owned = await bindOwner(of, dialect, tableOf);
  const held = where.map((each) => heldColumn(each, members, found, dialect));
  if (without === undefined || !mayBeSame(members, without.table)) return { owned, held };
  // A table of that name in another schema may have another key.
  const isOther =
    members !== without.table &&
    !Object.keys(without.key).every((column) => found?.columns.has(column));
  return isOther ? { owned, held } : { owned, held, leftOut: without.key };
}

interface HeldColumn {
  readonly column: Column;
  /** As the column stores them. */
  readonly values: readonly unknown[];
  readonly filter: Expression<SqlBool>;
}

/** The latest result for each entry of the configuration. */
const lastHeld = new WeakMap<Held, HeldColumn>();

/** @throws ServerValue if the column can't hold one of the values; retryable if the column does not exist at the moment */
function heldColumn(
  held: Held,
  table: string,
  known: Table | undefined,
  dialect: Dialect,
): HeldColumn {
  const column = known?.columns.get(held.column);
  if (column === undefined) throw keptQueued("The database is being changed right now.");
  const last = lastHeld.get(held);
  if (last?.column === column) return last;
  const { owners } = dialect;
  const kind = owners.kind(column);
  const reference = eb.ref(`${alias}.${held.column}`);
  const values = held.oneOf.map((value) =>
    value === null ? null : heldValue(dialect, kind, { table, column, value }),
  );
  const filters = values.map((value) => {
    if (value === null) return sql<SqlBool>`${reference} is null`;
    // Compared like an owner's id if possible, because then no collation applies, and no number is rounded.
    const isName =
      kind === "number"
        ? /^-?\d{1,38}$/.test(String(value))
        : kind === "uuid" || (kind === "text" && typeof value === "string");
    return isName
      ? owners.same(reference, kind, value, (given) => given)
      : dialect.same(reference, column, value);
  });
  const made = { column, values, filter: sql<SqlBool>`(${sql.join(filters, sql` or `)})` };
  lastHeld.set(held, made);
  return made;
}
