/** A scope's condition as SQL: `isOwner`, `isMember`, and `anyOf` of them. */
import { type Expression, sql, type SqlBool } from "kysely";
import { type Condition, mayBeSame, type Membership, type NewMember } from "../store/conditions.js";
import type { Scope, Table } from "../store/tables.js";
import type { Dialect } from "./dialect.js";
import {
  any,
  type Owned,
  type OwnedColumn,
  placedOwner,
  type PlaceOwner,
  type TableOf,
} from "./owned.js";

/** The members' table goes by this name, for it may be the very table whose row is judged. */
const alias = "powersync_member";

interface ConditionParts {
  /** Whose row is judged. */
  readonly table: string;
  readonly dialect: Dialect;
  readonly tableOf: TableOf;
  /** That table, where it has been read. */
  readonly known: Table | undefined;
  /** See `scope.ts`. */
  owns(column: OwnedColumn, dialect: Dialect, tableOf: TableOf): Promise<Owned>;
}

type Given = NonNullable<Scope["condition"]>;

/**
 * In parentheses. Throws as `owns` does.
 *
 * @param place is called once for each owner and each member, in their order; for a member's id before the key of the row that is left out
 */
export async function bindCondition(
  given: Given,
  parts: ConditionParts,
  place: PlaceOwner | undefined,
): Promise<Expression<SqlBool>> {
  const { holds } = given;
  if ("anyOf" in holds) {
    const filters: Expression<SqlBool>[] = [];
    for (const each of holds.anyOf)
      filters.push(await bindCondition({ ...given, holds: each }, parts, place));
    return sql<SqlBool>`(${sql.join(filters, sql` or `)})`;
  }
  const { owned, leftOut } = await comparedOf(holds, given, parts);
  const filter = place === undefined ? owned.filter : placedOwner(owned, parts.dialect, place);
  if ("isOwner" in holds) return sql<SqlBool>`(${filter})`;
  const { table, row, by } = holds.isMember;
  const member = any
    .selectFrom(`${table} as ${alias}`)
    .select(any.lit(1).as("one"))
    .whereRef(`${alias}.${row}`, "=", `${parts.table}.${by}`)
    .where(filter);
  if (leftOut === undefined) return sql<SqlBool>`(${any.exists(member)})`;
  const isLeftOut = Object.entries(leftOut).map(
    ([column, value]) =>
      sql<SqlBool>`${sql.ref(`${alias}.${column}`)} = ${place === undefined ? value : place(value)}`,
  );
  return sql<SqlBool>`(${any.exists(member.where(any.not(any.and(isLeftOut))))})`;
}

/**
 * What its text depends on, and the values in the order of their places. `undefined`: a value is an expression, whose text may be another each time.
 * Throws as `owns` does.
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
  const { owned, leftOut = {} } = await comparedOf(holds, given, parts);
  const values = [owned.compared, ...Object.values(leftOut)];
  // On MySQL bytes are one.
  if (values.some((value) => typeof value === "object" && value !== null)) return undefined;
  const types = values.map((value) => typeof value);
  return { shape: [holds, owned.kind ?? null, types, Object.keys(leftOut)], values };
}

interface Compared {
  readonly owned: Owned;
  /** The key of the row that makes nobody a member. */
  readonly leftOut?: NewMember["key"];
}

async function comparedOf(
  holds: Exclude<Condition, { readonly anyOf: unknown }>,
  { userId, without }: Given,
  { table, dialect, tableOf, known, owns }: ConditionParts,
): Promise<Compared> {
  if ("isOwner" in holds)
    return { owned: await owns({ table, column: holds.isOwner, userId, known }, dialect, tableOf) };
  const { table: members, user, row }: Membership = holds.isMember;
  const found = await tableOf(members, [user, row]);
  const of = { table: members, column: user, userId, as: alias, known: found };
  const owned = await owns(of, dialect, tableOf);
  if (without === undefined || !mayBeSame(members, without.table)) return { owned };
  // A table of that name in another schema may have another key.
  const isOther =
    members !== without.table &&
    !Object.keys(without.key).every((column) => found?.columns.has(column));
  return isOther ? { owned } : { owned, leftOut: without.key };
}
