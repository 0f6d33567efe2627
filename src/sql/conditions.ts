/** A scope's condition as SQL: `isOwner`, `isMember`, and `anyOf` of them. */
import { type Expression, sql, type SqlBool } from "kysely";
import type { Condition, Membership } from "../store/conditions.js";
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
  owns(column: OwnedColumn, dialect: Dialect, tableOf: TableOf): Promise<Owned>;
}

type Given = NonNullable<Scope["condition"]>;

/** In parentheses. Throws as `owns` does. @param place is called once for each owner and each member, in their order */
export async function bindCondition(
  { holds, userId }: Given,
  parts: ConditionParts,
  place: PlaceOwner | undefined,
): Promise<Expression<SqlBool>> {
  if ("anyOf" in holds) {
    const filters: Expression<SqlBool>[] = [];
    for (const each of holds.anyOf)
      filters.push(await bindCondition({ holds: each, userId }, parts, place));
    return sql<SqlBool>`(${sql.join(filters, sql` or `)})`;
  }
  const owned = await ownedOf(holds, userId, parts);
  const filter = place === undefined ? owned.filter : placedOwner(owned, parts.dialect, place);
  if ("isOwner" in holds) return sql<SqlBool>`(${filter})`;
  const { table, row, by } = holds.isMember;
  const member = any
    .selectFrom(`${table} as ${alias}`)
    .select(any.lit(1).as("one"))
    .whereRef(`${alias}.${row}`, "=", `${parts.table}.${by}`)
    .where(filter);
  return sql<SqlBool>`(${any.exists(member)})`;
}

/**
 * What the condition's text depends on, and the values in the order of their placeholders. `undefined`: a value is an expression, whose text may differ
 * each time.
 * Throws as `owns` does.
 */
export async function conditionGiven(
  { holds, userId }: Given,
  parts: ConditionParts,
): Promise<{ readonly shape: unknown; readonly values: readonly unknown[] } | undefined> {
  if ("anyOf" in holds) {
    const shape: unknown[] = [];
    const values: unknown[] = [];
    for (const each of holds.anyOf) {
      const given = await conditionGiven({ holds: each, userId }, parts);
      if (given === undefined) return undefined;
      shape.push(given.shape);
      values.push(...given.values);
    }
    return { shape, values };
  }
  const { kind = null, compared } = await ownedOf(holds, userId, parts);
  // On MySQL bytes are one.
  if (typeof compared === "object" && compared !== null) return undefined;
  return { shape: [holds, kind, typeof compared], values: [compared] };
}

async function ownedOf(
  holds: Exclude<Condition, { readonly anyOf: unknown }>,
  userId: string,
  { table, dialect, tableOf, known, owns }: ConditionParts,
): Promise<Owned> {
  if ("isOwner" in holds)
    return owns({ table, column: holds.isOwner, userId, known }, dialect, tableOf);
  const { table: members, user, row }: Membership = holds.isMember;
  const found = await tableOf(members, [user, row]);
  return owns({ table: members, column: user, userId, as: alias, known: found }, dialect, tableOf);
}
