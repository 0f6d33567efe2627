/**
 * Watches the statements of one database transaction. One that fails is the whole transaction's failure, whoever catches its error:
 * some databases have undone everything by then and would commit what follows statement by statement.
 * And none is left behind: COMMIT waits for every answer, and what is sent too late is not sent at all.
 */
import type { QueryExecutor, Transaction } from "kysely";
import { ApplicationFailure } from "./errors.js";

export interface Watch {
  /** Statements that the database has answered, for the events. */
  statements: number;
  /** The first statement's failure. */
  failure?: { readonly error: unknown };
  /** Statements whose senders have not been told the outcome. */
  untold: number;
  /** What the connection is asked for, or still busy with. */
  readonly underWay: Set<Promise<unknown>>;
  /** `ending`: no statement is taken any more. `given up`: nor is one sent that was taken before. */
  state: "open" | "ending" | "given up";
}

export function createWatch(): Watch {
  return { statements: 0, untold: 0, underWay: new Set(), state: "open" };
}

/** @throws ApplicationFailure where a statement has failed, and somebody has caught its error and gone on */
export function throwFailure({ failure }: Watch): void {
  if (failure !== undefined) throw new ApplicationFailure(failure.error);
}

/**
 * No statement is taken from here on, and those under way are waited for: what a hook has left unawaited must neither be decided without
 * its answer nor reach the connection's next user.
 *
 * @throws ApplicationFailure where there were any
 */
export async function endStatements(watch: Watch): Promise<void> {
  // A stream, or a statement with a signal, gives the connection back a moment after its last answer.
  if (watch.untold === 0 && watch.underWay.size > 0) await nextTask();
  watch.state = "ending";
  const left = watch.untold + watch.underWay.size > 0;
  while (watch.underWay.size > 0) await Promise.allSettled(watch.underWay);
  if (!left) return throwFailure(watch);
  throw new ApplicationFailure(
    new Error(
      "A hook left a statement unawaited: await everything that is sent through `tx`. The transaction has been undone.",
      { cause: watch.failure?.error },
    ),
  );
}

/** The same transaction; after a statement has failed, or the transaction has ended, it sends no other. */
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
type Execute = QueryExecutor["executeQuery"];

/** Every statement asks its executor for the connection; what is derived from the executor is watched too. */
function watched(executor: QueryExecutor, watch: Watch): QueryExecutor {
  const provide: Provide = executor.provideConnection.bind(executor);
  const provideConnection: Provide = async (consumer, ...options) => {
    if (watch.state !== "open") throw tooLate();
    const provided = provide(
      async (connection) => {
        if (watch.state === "given up") throw tooLate();
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
    watch.underWay.add(provided);
    try {
      return await provided;
    } finally {
      watch.underWay.delete(provided);
    }
  };

  const execute: Execute = executor.executeQuery.bind(executor);
  const executeQuery: Execute = async (...query) => {
    if (watch.state !== "open") throw tooLate();
    watch.untold += 1;
    try {
      return await execute(...query);
    } finally {
      watch.untold -= 1;
    }
  };

  const withPlugin: QueryExecutor["withPlugin"] = executor.withPlugin.bind(executor);
  const withPlugins: QueryExecutor["withPlugins"] = executor.withPlugins.bind(executor);
  const withPluginAtFront: QueryExecutor["withPluginAtFront"] =
    executor.withPluginAtFront.bind(executor);
  const withoutPlugins: QueryExecutor["withoutPlugins"] = executor.withoutPlugins.bind(executor);
  return Object.assign(executor, {
    provideConnection,
    executeQuery,
    withPlugin: (plugin: Parameters<typeof withPlugin>[0]) => watched(withPlugin(plugin), watch),
    withPlugins: (plugins: Parameters<typeof withPlugins>[0]) =>
      watched(withPlugins(plugins), watch),
    withPluginAtFront: (plugin: Parameters<typeof withPluginAtFront>[0]) =>
      watched(withPluginAtFront(plugin), watch),
    withoutPlugins: () => watched(withoutPlugins(), watch),
  });
}

function tooLate(): Error {
  return new Error(
    "The transaction has ended: `tx` takes no more statements. Await everything that is sent through it before the hook returns.",
  );
}

/** Not a promise that is settled already: what follows from an answer takes several of those. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
