/** Pieces of SELECTs: the filter that finds a row, judging it by a scope, locks until the transaction ends, and the limit on rows. */
import {
  AliasNode,
  type Expression,
  type KyselyPlugin,
  MergeQueryNode,
  type OperationNode,
  RawNode,
  SelectQueryNode,
  sql,
  type SqlBool,
  TableNode,
} from "kysely";
import type { Change, Values } from "../store/change.js";
import type { Dialect, RowLock } from "./dialect.js";
import type { BoundScope, Target, ValueOf } from "./rows/target.js";
import { enclosed, isExpression } from "./rows/values.js";
import type { SqlDatabase, SqlTable, SqlTransaction } from "./table.js";

/** Selects whether the row exists and is in its scope. */
export function selectInScope(tx: SqlDatabase, target: Target) {
  const { table, scope } = target;
  const ok = scope === undefined ? sql<number>`1` : asNumber(scope.filter);
  return tx
    .selectFrom(table)
    .select([ok.as("ok")])
    .where(keyFilter(target));
}

/** The filter as 1 or 0. A filter that is only a parameter would be returned in whatever form the driver gives it. */
export function asNumber(filter: Expression<SqlBool>) {
  return sql<number>`case when ${filter} then 1 else 0 end`;
}

/** The filter that finds the row. */
export function keyFilter({ key }: Pick<Target, "key">): Expression<SqlBool> {
  const parts = Object.entries(key).map(([column, value]) => sql`${sql.id(column)} = ${value}`);
  return sql<SqlBool>`${sql.join(parts, sql` and `)}`;
}

/** Whether the row will be in the scope, asked before the write, while all other rows are as they are. @throws the database's errors */
export async function isInScopeBefore(
  tx: SqlTransaction,
  dialect: Dialect,
  target: Pick<Target, "key">,
  change: Change,
  before: NonNullable<BoundScope["before"]>,
): Promise<boolean> {
  if (change.op === "DELETE") return true;
  const filter = await before(valuesOf(dialect, target, change));
  const [row] = await tx.selectNoFrom([asNumber(filter).as("ok")]).execute();
  return Number(row?.ok) === 1;
}

/** What each column will hold. The defaults of a new row are not known: a column that the change leaves out counts as NULL. */
function valuesOf(
  { merging }: Dialect,
  { key }: Pick<Target, "key">,
  { table: found, op, values, insertOnly = [] }: Change,
): ValueOf {
  // The port's type hides it, but every table of this store is a `SqlTable`.
  const { name: table, columns } = found as SqlTable;
  const stored = (column: string) =>
    sql`(select ${sql.ref(`${table}.${column}`)} from ${sql.table(table)} where ${keyFilter({ key })})`;
  const given = (of: Values, name: string) => {
    const value = of[name];
    if (value === null || value === undefined) return sql`null`;
    if (isExpression(value)) return enclosed(value);
    const column = columns.get(name);
    return column === undefined ? sql`${value}` : merging.typed(column, value);
  };
  return (name) => {
    if (Object.hasOwn(key, name)) return given(key, name);
    if (!Object.hasOwn(values, name)) return stored(name);
    if (op !== "PUT" || !insertOnly.includes(name)) return given(values, name);
    return sql`(case when exists (select 1 from ${sql.table(table)} where ${keyFilter({ key })}) then ${stored(name)} else ${given(values, name)} end)`;
  };
}

interface Lockable<Q> {
  modifyEnd(modifier: Expression<unknown>): Q;
  withPlugin(plugin: KyselyPlugin): Q;
}

/** Locks the rows of the first table that the SELECT names. */
export function withLock<Q extends Lockable<Q>>(query: Q, lock: RowLock | undefined): Q {
  if (lock === undefined) return query;
  return "behind" in lock
    ? query.modifyEnd(lock.behind)
    : query.withPlugin(besideTable(lock.beside));
}

/** The same for raw SQL. */
export function lockClauses(
  lock: RowLock | undefined,
): Record<"beside" | "behind", Expression<unknown>> {
  return { ...noLockClauses, ...lock };
}

export const noLockClauses = { beside: sql``, behind: sql`` };

/** Runs after all other plugins, so that it sees the name that the statement has in the end. */
function besideTable(words: Expression<unknown>): KyselyPlugin {
  return {
    transformQuery: ({ node }) => {
      const [table, ...others] = SelectQueryNode.is(node) ? (node.from?.froms ?? []) : [];
      if (!SelectQueryNode.is(node) || table === undefined || !isTable(table)) return node;
      return {
        ...node,
        from: { kind: "FromNode", froms: [withTableHint(table, words), ...others] },
      };
    },
    transformResult: async ({ result }) => result,
  };
}

/** Puts a hint beside the table that a MERGE writes to. The plugin must be the last one, so that it sees the name that the statement has in the end. */
export function besideTarget(words: Expression<unknown>): KyselyPlugin {
  return {
    transformQuery: ({ node }) =>
      MergeQueryNode.is(node) ? { ...node, into: withTableHint(node.into, words) as never } : node,
    transformResult: async ({ result }) => result,
  };
}

function withTableHint(table: OperationNode, words: Expression<unknown>): RawNode {
  return RawNode.create(["", " ", ""], [table, words.toOperationNode()]);
}

function isTable(node: OperationNode): boolean {
  return TableNode.is(node) || (AliasNode.is(node) && TableNode.is(node.node));
}

/** Locks the rows that the query finds until the transaction ends, on databases where others could change them. */
export function forUpdate<Q extends Lockable<Q>>(
  { rowLock }: Pick<Dialect, "rowLock">,
  query: Q,
): Q {
  return withLock(query, rowLock);
}

interface Bounded<Q> {
  limit(rows: number): Q;
  top(rows: number): Q;
}

/** Limits the rows of a SELECT: at its end, or on some databases at its beginning. */
export function atMost<Q extends Bounded<Q>>(
  { top }: Pick<Dialect, "top">,
  query: Q,
  most: number,
): Q {
  return top === true ? query.top(most) : query.limit(most);
}
