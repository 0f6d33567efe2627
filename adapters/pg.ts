/** For `pg`: a connection that is lost, with a word or without one, must not end the process, and must not be used again. */
import { abandonment } from "../src/sql/abandonment.js";

/** A `pg.Pool`, or what behaves like one. */
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
  // The events emitter's own: whichever functions they are, only their identity matters.
  listeners(event: "error"): readonly unknown[];
}

// Registered, so that two copies of the package do not guard a pool twice.
const guarded = Symbol.for("powersync-writes.guarded-pool");

/**
 * A client that is checked out of the pool emits `error` on itself when its connection is killed, and without a listener that ends the process.
 * Gives the same pool back; a second call changes nothing, and its `onError` is ignored.
 *
 *     const pool = new Pool({ connectionString, keepAlive: true, query_timeout: 30_000 });
 *     new PostgresDialect({ pool: guardPool(pool) })
 *
 * Give the pool a `query_timeout` above `timeouts.statementMs`: without one, a network that drops a connection without a word
 * leaves a request waiting for as long as the operating system does. A connection that did not answer in time is ended.
 * Call it before the pool is used: a client that is checked out just then is covered only from its next checkout on.
 *
 * @param onError told of every error once; the query that was running fails by itself, so there is nothing to be done
 */
export function guardPool<Pool extends GuardedPool>(
  pool: Pool,
  onError?: (error: Error) => void,
): Pool {
  if (guarded in pool) return pool;
  Object.defineProperty(pool, guarded, { value: true });

  // An idle client's error is heard twice, on the client and on the pool.
  const told = new WeakSet<Error>();
  const listener = (error: Error) => {
    if (told.has(error)) return;
    told.add(error);
    try {
      onError?.(error);
    } catch {
      // Thrown out of an emitter, it would end the process after all.
    }
  };
  const guard = (client: PoolClientLike) => {
    if (client.listeners("error").includes(listener)) return;
    client.on("error", listener);
    endWhenSilent(client);
  };
  pool.on("error", listener);
  pool.on("connect", guard);
  // For clients that were connected before the call.
  pool.on("acquire", guard);
  return pool;
}

/**
 * With `query_timeout`, `pg` gives up waiting for an answer and keeps the connection as if nothing had happened:
 * after a BEGIN that nobody answers, the pool would hand out the same dead connection again and again.
 * Without one, it is the library that gives up, after `timeouts.transactionMs`, and says so here.
 */
function endWhenSilent(client: PoolClientLike): void {
  const query = client.query.bind(client);
  client.query = (...parameters) => {
    if (parameters[0] === abandonment) {
      end(client);
      return Promise.resolve({ rows: [], rowCount: 0 });
    }
    const answer = query(...parameters);
    if (answer instanceof Promise) {
      answer.catch((error: unknown) => {
        if (error instanceof Error && error.message === "Query read timeout") end(client);
      });
    }
    return answer;
  };
}

/** At once: with `pipeline`, `pg` itself would first wait for the answers that don't come. */
function end(client: PoolClientLike): void {
  void client.end();
  client.connection?.stream?.destroy();
}
