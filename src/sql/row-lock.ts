/** Locks of the rows that a SELECT finds, until the transaction ends. In some databases they follow the SELECT, in others the table's name. */
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

/** Locks the rows of the first table that the SELECT names. */
export function locked<Q extends Lockable<Q>>(query: Q, lock: RowLock | undefined): Q {
  if (lock === undefined) return query;
  return "behind" in lock
    ? query.modifyEnd(lock.behind)
    : query.withPlugin(besideTable(lock.beside));
}

/** The same for raw SQL. */
export function lockWords(
  lock: RowLock | undefined,
): Record<"beside" | "behind", Expression<unknown>> {
  return { ...unlocked, ...lock };
}

export const unlocked = { beside: sql``, behind: sql`` };

/** Runs after all other plugins, so that it sees the name that the statement has in the end. */
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
