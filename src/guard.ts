/**
 * Watches the statements of one database transaction. One that fails is the whole transaction's failure, whoever catches its error:
 * some databases have undone everything by then and would commit what follows statement by statement.
 */
import type { QueryExecutor, Transaction } from "kysely";
import { ApplicationFailure } from "./errors.js";

export interface Watch {
  /** Statements that the database has answered, for the events. */
  statements: number;
  /** The first statement's failure. */
  failure?: { readonly error: unknown };
}

/** @throws ApplicationFailure where a statement has failed, and somebody has caught its error and gone on */
export function throwFailure({ failure }: Watch): void {
  if (failure !== undefined) throw new ApplicationFailure(failure.error);
}

/** The same transaction; after a statement has failed, it sends no other. */
export function guarded<DB>(tx: Transaction<DB>, watch: Watch): Transaction<DB> {
  // A new object, and with it an executor that is nobody else's.
  const own = tx.withPlugin(unchanging);
  watched(own.getExecutor(), watch);
  return own;
}

const unchanging: Parameters<Transaction<unknown>["withPlugin"]>[0] = {
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => result,
};

type Provide = QueryExecutor["provideConnection"];

/** Every statement asks its executor for the connection; what is derived from the executor is watched too. */
function watched(executor: QueryExecutor, watch: Watch): QueryExecutor {
  const provide: Provide = executor.provideConnection.bind(executor);
  const provideConnection: Provide = (consumer, ...options) =>
    provide(
      async (connection) => {
        throwFailure(watch);
        try {
          const result = await consumer(connection);
          watch.statements += 1;
          return result;
        } catch (error) {
          watch.failure ??= { error };
          throw error;
        }
      },
      ...options,
    );

  const withPlugin: QueryExecutor["withPlugin"] = executor.withPlugin.bind(executor);
  const withPlugins: QueryExecutor["withPlugins"] = executor.withPlugins.bind(executor);
  const withPluginAtFront: QueryExecutor["withPluginAtFront"] =
    executor.withPluginAtFront.bind(executor);
  const withoutPlugins: QueryExecutor["withoutPlugins"] = executor.withoutPlugins.bind(executor);
  return Object.assign(executor, {
    provideConnection,
    withPlugin: (plugin: Parameters<typeof withPlugin>[0]) => watched(withPlugin(plugin), watch),
    withPlugins: (plugins: Parameters<typeof withPlugins>[0]) =>
      watched(withPlugins(plugins), watch),
    withPluginAtFront: (plugin: Parameters<typeof withPluginAtFront>[0]) =>
      watched(withPluginAtFront(plugin), watch),
    withoutPlugins: () => watched(withoutPlugins(), watch),
  });
}
