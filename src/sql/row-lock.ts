/** What keeps others from changing the rows that a SELECT finds until the transaction ends: some databases say it behind the SELECT, others beside the table's name. */
import {
  AliasNode,
  type Expression,
  type KyselyPlugin,
  type OperationNode,
  RawNode,
  SelectQueryNode,
  sql,
  TableNode,
} from "kysely";

export type RowLock =
  | { readonly behind: Expression<unknown> }
  | { readonly beside: Expression<unknown> };

export interface Lockable<Q> {
  modifyEnd(modifier: Expression<unknown>): Q;
  withPlugin(plugin: KyselyPlugin): Q;
}

/** Of the first table that the SELECT names. */
export function locked<Q extends Lockable<Q>>(query: Q, lock: RowLock | undefined): Q {
  if (lock === undefined) return query;
  return "behind" in lock
    ? query.modifyEnd(lock.behind)
    : query.withPlugin(besideTable(lock.beside));
}

/** The same for SQL of one's own. */
export function lockWords(
  lock: RowLock | undefined,
): Record<"beside" | "behind", Expression<unknown>> {
  return { ...unlocked, ...lock };
}

export const unlocked = { beside: sql``, behind: sql`` };

/** Behind all others, so that the name is the one that the statement has. */
function besideTable(words: Expression<unknown>): KyselyPlugin {
  return {
    transformQuery: ({ node }) => {
      const [table, ...others] = SelectQueryNode.is(node) ? (node.from?.froms ?? []) : [];
      if (!SelectQueryNode.is(node) || table === undefined || !isTable(table)) return node;
      return { ...node, from: { kind: "FromNode", froms: [hinted(table, words), ...others] } };
    },
    transformResult: async ({ result }) => result,
  };
}

export function hinted(table: OperationNode, words: Expression<unknown>): RawNode {
  return RawNode.create(["", " ", ""], [table, words.toOperationNode()]);
}

function isTable(node: OperationNode): boolean {
  return TableNode.is(node) || (AliasNode.is(node) && TableNode.is(node.node));
}
