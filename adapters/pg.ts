/** `guardPool` for `pg`: a lost connection neither ends the process nor is used again. */
import { abandonment } from "../src/sql/abandonment.js";

/** A `pg.Pool`, or an object that behaves like one. */
export interface GuardedPool {
  readonly totalCount: number;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "connect" | "acquire", listener: (client: PoolClientLike) => void): unknown;
}

interface PoolClientLike {
  query(...parameters: unknown[]): unknown;
  end(): unknown;
  readonly connection?: { readonly stream?: { destroy(): unknown } };
  on(event: "error", listener: (error: Error) => void): unknown;
  // `unknown`, since the listeners are only compared, never called.
  listeners(event: "error"): readonly unknown[];
}

// A registered symbol is the same in two copies of the package, which then do not guard a pool twice.
const guardedPool = Symbol.for("powersync-writes.guarded-pool");

/**
 * Keeps a lost connection from ending the process, and from being used again.
 *
 * A client that is checked out of the pool emits `error` on itself when its connection is killed. Without a listener, Node ends the process.
 * `guardPool` adds that listener to every client.
 *
 * Give the pool a `query_timeout` above `timeouts.statementMs`. Without one, a network that drops a connection silently leaves a request
 * waiting until the operating system gives up. A connection that does not answer in time is ended.
 *
 * Call `guardPool` before the pool is used: a client that is checked out at that moment is covered only from its next checkout on.
 *
 * @example
 * const pool = new Pool({ connectionString, keepAlive: true, query_timeout: 30_000 });
 * const database = new Kysely<Database>({ dialect: new PostgresDialect({ pool: guardPool(pool) }) });
 *
 * @param onError called once for every connection error. Nothing needs to be done: the query that was running rejects by itself.
 * @returns the same pool. A second call changes nothing, and its `onError` is ignored.
 */
export function guardPool<Pool extends GuardedPool>(
  pool: Pool,
  onError?: (error: Error) => void,
): Pool {
  if (guardedPool in pool) return pool;
  Object.defineProperty(pool, guardedPool, { value: true });

  // An idle client's error is emitted twice, on the client and on the pool.
  const reported = new WeakSet<Error>();
  const listener = (error: Error) => {
    if (reported.has(error)) return;
    reported.add(error);
    try {
      onError?.(error);
    } catch {
      // An error that a listener throws would end the process.
    }
  };
  const guard = (client: PoolClientLike) => {
    if (client.listeners("error").includes(listener)) return;
    client.on("error", listener);
    endOnTimeout(client);
  };
  pool.on("error", listener);
  pool.on("connect", guard);
  // Covers clients that were connected before the call.
  pool.on("acquire", guard);
  return pool;
}

/**
 * With `query_timeout`, `pg` stops waiting for the result but keeps the connection: after a BEGIN that got no result, the pool would give
 * out the same dead connection again and again. Without `query_timeout`, the library itself gives up after `timeouts.transactionMs`, and
 * then sends `abandonment` through `query`.
 */
function endOnTimeout(client: PoolClientLike): void {
  const query = client.query.bind(client);
  client.query = (...parameters) => {
    if (parameters[0] === abandonment) {
      end(client);
      return Promise.resolve({ rows: [], rowCount: 0 });
    }
    const result = query(...parameters);
    if (result instanceof Promise) {
      result.catch((error: unknown) => {
        if (error instanceof Error && error.message === "Query read timeout") end(client);
      });
    }
    return result;
  };
}

/** Destroys the socket as well: with `pipeline`, `end` alone would wait for the outstanding results, which never come. */
function end(client: PoolClientLike): void {
  void client.end();
  client.connection?.stream?.destroy();
}
