/**
 * A rule's scope, bound to a caller and made fit to stand in any statement on its table: whose row it is, and whose rows it belongs to.
 * And other expressions of the application's own, as they stand in a statement of the library's.
 */
import {
  type Expression,
  expressionBuilder,
  type ExpressionBuilder,
  type OperationNode,
  OperationNodeTransformer,
  OperatorNode,
  type ReferenceNode,
  type SelectQueryNode,
  sql,
  type SqlBool,
  TableNode,
  ValueNode,
} from "kysely";
import { keptQueued, misconfigured } from "../errors.js";
import { ownerValue } from "../store/owners.js";
import type { Column, ParentScope, Scope, Table } from "../store/tables.js";
import type { AnyDatabase, BoundParent, BoundScope, Dialect, SqlTable } from "./dialect.js";
import type { Values } from "../store/store.js";

/** A table that a rule names, where it is there. */
export type TableOf = (table: string, columns?: readonly string[]) => Promise<SqlTable | undefined>;

/** The first argument of a rule's `scope`. */
export const scopeBuilder = expressionBuilder<AnyDatabase, string>();

/**
 * `undefined`: the scope asks nothing. Throws ServerValue where an owner's column can't hold the caller's id.
 *
 * @param known the scope's own table, where it has been read
 */
export async function bindScope(
  { table, owner, expression, parents }: Scope,
  dialect: Dialect,
  tableOf: TableOf,
  known?: Table,
): Promise<BoundScope | undefined> {
  const bound: BelongsTo[] = [];
  for (const parent of parents) bound.push(await belongs(table, parent, dialect, tableOf));
  const qualifier = new Qualifier(table);
  const qualified = (part: Expression<SqlBool>): Expression<SqlBool> =>
    asExpression(qualifier.transformNode(part.toOperationNode()));
  const filters: Expression<SqlBool>[] = bound.map(({ filter }) => qualified(filter));
  const own: Expression<SqlBool>[] = [];
  let owned: Owned | undefined;
  // It reads nothing but the row, whatever a dialect has to say it by.
  if (owner !== undefined) {
    const column =
      known?.columns.get(owner.column) ??
      (await tableOf(table, [owner.column]))?.columns.get(owner.column);
    owned = owns(table, owner, column, dialect);
    filters.unshift(owned.filter);
    own.push(owned.filter);
  }
  let readsOthers = false;
  if (expression !== undefined) {
    const before = qualifier.rowOnly;
    qualifier.rowOnly = true;
    // The store has said that it is one: see `Store.isScope`.
    const more = enclosed(qualified(expression as Expression<SqlBool>));
    filters.push(more);
    own.push(more);
    readsOthers = !qualifier.rowOnly;
    qualifier.rowOnly &&= before;
  }
  const [first, ...others] = filters;
  if (first === undefined) return undefined;
  const filter = others.length === 0 ? first : any.and(filters);
  const { rowOnly } = qualifier;
  const whole = { filter: sql<SqlBool>`${filter}`, rowOnly };
  if (readsOthers) return whole;
  return {
    ...whole,
    parts: {
      ...(own.length > 0 && { own: any.and(own) }),
      ...(owner && owned && { owner: { column: owner.column, value: owned.value } }),
      more: expression !== undefined,
      parents: bound,
    },
  };
}

// Columns are named by configuration and checked by the database; their types can't be known here.
const any = scopeBuilder as unknown as ExpressionBuilder<
  Record<string, Record<string, never>>,
  string
>;

interface Owned {
  readonly table: string;
  readonly userId: string;
  readonly value: unknown;
  readonly filter: Expression<SqlBool>;
}

/** The last one made of each column: one caller's operations come together. */
const lastOwned = new WeakMap<Column, Owned>();

function owns(
  table: string,
  { column: name, userId }: NonNullable<Scope["owner"]>,
  column: Column | undefined,
  dialect: Dialect,
): Owned {
  // Compared as it is, it could be anybody's: databases differ in what they take for equal.
  if (column === undefined) throw keptQueued("The database is being changed just now.");
  const last = lastOwned.get(column);
  if (last?.table === table && last.userId === userId) return last;
  const owned = newlyOwned(dialect, any.ref(`${table}.${name}`), column, { table, userId });
  lastOwned.set(column, owned);
  return owned;
}

/** @throws ServerValue where the column can't hold the id */
function newlyOwned(
  dialect: Dialect,
  reference: Expression<unknown>,
  column: Column,
  { table, userId }: Pick<Owned, "table" | "userId">,
): Owned {
  const { owners } = dialect;
  const kind = owners.kind(column);
  const value = ownerValue(dialect, kind, { table, column, userId });
  return { table, userId, value, filter: owners.same(reference, kind, value) };
}

/** The parent goes by this name where its table is the child's. */
const alias = "powersync_parent";

interface BelongsTo extends BoundParent {
  readonly filter: Expression<SqlBool>;
}

/** Whether the row that the column refers to is in its own scope. */
async function belongs(
  child: string,
  { column, table, by, optional, scope: given }: ParentScope,
  dialect: Dialect,
  tableOf: TableOf,
): Promise<BelongsTo> {
  const scope = given && (await bindScope(given, dialect, tableOf));
  const exists = (from: string, match: string, reference: string, more?: Expression<SqlBool>) => {
    const row = any.selectFrom(from).select(any.lit(1).as("one")).whereRef(match, "=", reference);
    return any.exists(more === undefined ? row : row.where(more));
  };
  const reference = `${child}.${column}`;
  const its = `${table}.${by}`;
  const theirs = `${alias}.${by}`;
  const found = sameName(child, table)
    ? // Inside, the table's name means the parent, as its scope does; outside, the child. Between them the parent has another.
      exists(`${table} as ${alias}`, theirs, reference, exists(table, its, theirs, scope?.filter))
    : exists(table, its, reference, scope?.filter);
  const allows = (value: unknown): Expression<SqlBool> => {
    if (value === null || value === undefined) return sql<SqlBool>`${optional ? 1 : 0} = 1`;
    const row = any.selectFrom(table).select(any.lit(1).as("one")).where(sql.ref(its), "=", value);
    return any.exists(scope === undefined ? row : row.where(scope.filter));
  };
  const filter = optional ? any.or([any(reference, "is", null), found]) : found;
  return { column, allows, filter };
}

/** Whether one could be taken for the other. Databases differ in what case means, and plugins may write `aB` as `a_b`; to be wrong here costs a look-up. */
function sameName(one: string, other: string): boolean {
  const [a, b] = [one, other].map((table) =>
    table
      .slice(table.lastIndexOf(".") + 1)
      .replaceAll("_", "")
      .toLowerCase(),
  );
  return a === b;
}

function asExpression(node: OperationNode): Expression<SqlBool> {
  return { toOperationNode: () => node, expressionType: undefined };
}

/**
 * Puts the table's name before bare column names: behind ON CONFLICT they would be ambiguous with the row that was proposed.
 * Those inside a subquery are left alone; there they mean the subquery's own tables.
 */
class Qualifier extends OperationNodeTransformer {
  readonly #table: TableNode;
  #depth = 0;
  rowOnly = true;

  constructor(table: string) {
    super();
    const [first = table, second] = table.split(".");
    this.#table =
      second === undefined ? TableNode.create(first) : TableNode.createWithSchema(first, second);
  }

  override transformReference(
    ...args: Parameters<OperationNodeTransformer["transformReference"]>
  ): ReferenceNode {
    const reference = super.transformReference(...args);
    return this.#depth > 0 || reference.table !== undefined
      ? reference
      : { ...reference, table: this.#table };
  }

  /** Kysely's AND of nothing. */
  override transformBinaryOperation(
    ...args: Parameters<OperationNodeTransformer["transformBinaryOperation"]>
  ) {
    const [{ leftOperand, operator, rightOperand }] = args;
    if (isOne(leftOperand) && isOne(rightOperand) && isEquals(operator)) {
      const { identifier } = this.#table.table;
      throw misconfigured(
        `The scope of ${identifier.name} holds a filter that lets every row through: \`eb.and([])\` is one, and so is \`eb.and({ … })\` whose values are all undefined. Return an expression that filters; or true, for no restriction.`,
      );
    }
    return super.transformBinaryOperation(...args);
  }

  override transformSelectQuery(
    ...args: Parameters<OperationNodeTransformer["transformSelectQuery"]>
  ): SelectQueryNode {
    this.rowOnly = false;
    this.#depth += 1;
    try {
      return super.transformSelectQuery(...args);
    } finally {
      this.#depth -= 1;
    }
  }

  override transformFunction(...args: Parameters<OperationNodeTransformer["transformFunction"]>) {
    // The database's own functions may read tables, this one among them.
    this.rowOnly = false;
    return super.transformFunction(...args);
  }

  override transformRaw(...args: Parameters<OperationNodeTransformer["transformRaw"]>) {
    // Raw SQL may hold a subquery.
    this.rowOnly = false;
    return super.transformRaw(...args);
  }
}

function isOne(node: OperationNode): boolean {
  return ValueNode.is(node) && node.immediate === true && node.value === 1;
}

function isEquals(node: OperationNode): boolean {
  return OperatorNode.is(node) && node.operator === "=";
}

/** JSON can't hold a function, so nothing that a client sends is one. */
export function isExpression(value: unknown): value is Expression<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "toOperationNode" in value &&
    typeof value.toOperationNode === "function"
  );
}

/**
 * In parentheses, for raw SQL may have an OR at its top; and on lines of its own, for it may end with a comment, which would swallow what
 * follows: the condition that names the row, for one.
 */
export function enclosed<T>(expression: Expression<T>): Expression<T> {
  return sql<T>`(
${expression}
)`;
}

/** Values of which some are computed by the database. */
export function enclosedValues(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      isExpression(value) && !isDefault(value) ? enclosed(value) : value,
    ]),
  );
}

/** The word alone, which stands for the column's default and is no expression. */
function isDefault(value: Expression<unknown>): boolean {
  const node = value.toOperationNode();
  if (node.kind !== "RawNode" || !("sqlFragments" in node)) return false;
  return /^\s*default\s*$/i.test((node.sqlFragments as readonly string[]).join(" ? "));
}
