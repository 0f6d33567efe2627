/** A rule's scope, bound to a caller and made fit to stand in any statement on its table: whose row it is, and whose rows it belongs to. */
import {
  type Expression,
  expressionBuilder,
  type ExpressionBuilder,
  type OperationNode,
  OperationNodeTransformer,
  type ReferenceNode,
  type SelectQueryNode,
  sql,
  type SqlBool,
  TableNode,
} from "kysely";
import type { OperationContext, Principal } from "../pipeline/layers.js";
import type { ParentRule, Rule } from "../pipeline/rules.js";
import type { AnyDatabase, Column, Connection } from "./dialect.js";
import { dialectOf } from "./dialects.js";
import type { TableSchema } from "./schema.js";

export interface BoundScope {
  readonly filter: Expression<SqlBool>;
  /** It reads nothing but the row itself, so a statement can judge the row that it has just written. */
  readonly rowOnly: boolean;
}

/** What the database says of a table, where it is there. */
export type SchemaOf = (table: string) => Promise<TableSchema | undefined>;

export function bindScope<P extends Principal, DB>(
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  schemaOf: SchemaOf,
): Promise<BoundScope | undefined> {
  return bind(rule, rule.parents, context, schemaOf);
}

async function bind<P extends Principal, DB>(
  rule: Rule<P, DB>,
  parents: readonly ParentRule<P, DB>[],
  context: OperationContext<P, DB>,
  schemaOf: SchemaOf,
): Promise<BoundScope | undefined> {
  const parts: Expression<SqlBool>[] = [];
  if (rule.owner !== undefined) parts.push(await owns(rule, rule.owner, context, schemaOf));
  const given = rule.scope?.(expressionBuilder<DB, keyof DB>(), context);
  if (given !== undefined) parts.push(given);
  for (const parent of parents) parts.push(await belongs(rule, parent, context, schemaOf));
  const [first, ...others] = parts;
  if (first === undefined) return undefined;
  const all = others.length === 0 ? first : any.and(parts);
  const qualifier = new Qualifier(rule.table);
  const node = qualifier.transformNode(all.toOperationNode());
  return { filter: sql<SqlBool>`${asExpression(node)}`, rowOnly: qualifier.rowOnly };
}

// Columns are named by configuration and checked by the database; their types can't be known here.
const any = expressionBuilder<AnyDatabase, string>() as unknown as ExpressionBuilder<
  Record<string, Record<string, never>>,
  string
>;

async function owns<P extends Principal, DB>(
  { table }: Rule<P, DB>,
  owner: string,
  { principal, tx }: OperationContext<P, DB>,
  schemaOf: SchemaOf,
): Promise<Expression<SqlBool>> {
  const same = any(owner, "=", principal.userId as never);
  const { sameText } = dialectOf(tx);
  const column = sameText && (await schemaOf(table))?.columns.get(owner);
  const exactly = column && sameText?.(any.ref(owner), principal.userId, column);
  return exactly === undefined ? same : any.and([same, exactly]);
}

/** Whether `owner` compares the column letter by letter though the database's `=` may not. */
export function comparedExactly(tx: Connection, column: Column): boolean {
  return dialectOf(tx).sameText?.(sql.id(column.name), "", column) !== undefined;
}

/** The parent goes by this name where its table is the child's. */
const alias = "powersync_parent";

/** Whether the row that the column refers to is one that its own rule lets the caller write. */
async function belongs<P extends Principal, DB>(
  rule: Rule<P, DB>,
  parent: ParentRule<P, DB>,
  context: OperationContext<P, DB>,
  schemaOf: SchemaOf,
): Promise<Expression<SqlBool>> {
  const { table, parents } = parent.rule;
  // A table that refers to itself is asked one level up, for the chain has no end that a statement could know.
  const further = parent.rule === rule ? parents.filter((each) => each.rule !== rule) : parents;
  const scope = await bind(parent.rule, further, context, schemaOf);
  const exists = (from: string, by: string, reference: string, more?: Expression<SqlBool>) => {
    const row = any.selectFrom(from).select(any.lit(1).as("one")).whereRef(by, "=", reference);
    return any.exists(more === undefined ? row : row.where(more));
  };
  const reference = `${rule.table}.${parent.column}`;
  const its = `${table}.${parent.by}`;
  const theirs = `${alias}.${parent.by}`;
  const found = sameName(rule.table, table)
    ? // Inside, the table's name means the parent, as its scope does; outside, the child. Between them the parent has another.
      exists(`${table} as ${alias}`, theirs, reference, exists(table, its, theirs, scope?.filter))
    : exists(table, its, reference, scope?.filter);
  return parent.optional ? any.or([any(reference, "is", null), found]) : found;
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

// Tries a rule's scope on no row at all, for `check()`: whether it is a statement that the database takes.
/** Rejects with what the scope or the database throws. */
export async function tryScope<P extends Principal, DB>(
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  schemaOf: SchemaOf,
): Promise<void> {
  const scope = await bindScope(rule, context, schemaOf);
  if (scope === undefined) return;
  const tx = context.tx as unknown as Connection;
  await tx
    .selectFrom(rule.table)
    .select([sql<number>`1`.as("one")])
    .where(scope.filter)
    .limit(0)
    .execute();
}
