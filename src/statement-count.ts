/** Counts the statements that a database answers, for the events. */
import type { KyselyPlugin, Transaction } from "kysely";

export interface StatementCount {
  statements: number;
}

export function counted<DB>(tx: Transaction<DB>, count: StatementCount): Transaction<DB> {
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      count.statements += 1;
      return result;
    },
  };
  return tx.withPlugin(plugin);
}
