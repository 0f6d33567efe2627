/** `guardPool` for `pg`: a lost connection does not end the process and is not used again, and a transaction can be sent as a whole. */
import {
  closeRequest,
  type FlightSent,
  flightRequest,
  clientRequest,
} from "../src/sql/pool-requests.js";
import { fly, type Prepared, type Preparing } from "./pg-flight.js";

/** A `pg.Pool`, or an object that behaves like one. */
export interface GuardedPool {
  readonly totalCount: number;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "connect" | "acquire", listener: (client: PoolClientLike) => void): unknown;
}

export { connectionOf } from "./pg-connection.js";

interface PoolClientLike {
  query(...parameters: unknown[]): unknown;
  end(): unknown;
  /** `pg` sends statements without waiting for answers. In this mode it accepts no queries of another kind. */
  readonly pipeline?: boolean;
  readonly connection?: { readonly stream?: { destroy(): unknown } };
  on(event: "error", listener: (error: Error) => void): unknown;
  // `unknown`, because the listeners are only compared, never called.
  listeners(event: "error"): readonly unknown[];
}

// A registered symbol, so that two copies of the package do not guard the same pool twice.
const guardedPool = Symbol.for("powersync-writes.guarded-pool");

/** Options of `guardPool`. */
export interface GuardOptions {
  /** Called once for every connection error. Nothing needs to be done: the query that was running rejects by itself. */
  readonly onError?: (error: Error) => void;
  /**
   * Whether the statements of transactions that are sent as a whole are prepared by name, up to 100 per connection. Set `false` behind a pooler that
   * gives each transaction another connection and does not keep names, such as PgBouncer before 1.21 in transaction mode. If you leave it `true`
   * there, no write fails: after three lost names, statements are no longer prepared. Default true.
   */
  readonly prepare?: boolean;
  /**
   * Whether a transaction is sent as a whole, in one round trip, if no application code has to run in between. Default true.
   */
  readonly flights?: boolean;
}

/**
 * Keeps a lost connection from ending the process, and from being used again, and lets the library send a transaction in one round trip.
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
 * @returns the same pool. A second call changes nothing, and its options are ignored.
 * @throws TypeError for what is no pool of pg, and for an unknown option
 */
export function guardPool<Pool extends GuardedPool>(pool: Pool, options: GuardOptions = {}): Pool {
  // A client has no such number, and neither has a pool of mysql2 or a dialect of Kysely's.
  if (typeof (pool as Partial<GuardedPool> | null | undefined)?.totalCount !== "number") {
    throw new TypeError(
      "guardPool: give it a pool of pg, as in guardPool(new pg.Pool({ connectionString })). A pool of mysql2 has its own guardPool in powersync-writes/mysql2.",
    );
  }
  const { onError, prepare = true, flights = true, ...unknown } = options;
  const [misspelled] = Object.keys(unknown);
  if (misspelled !== undefined) {
    throw new TypeError(
      `guardPool: ${misspelled} is not known. The known ones are onError, prepare, flights.`,
    );
  }
  if (guardedPool in pool) return pool;
  Object.defineProperty(pool, guardedPool, { value: true });

  // The error of an idle client is emitted twice: on the client and on the pool.
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
  const preparing = flights ? { prepare, lost: 0 } : undefined;
  const guard = (client: PoolClientLike) => {
    if (client.listeners("error").includes(listener)) return;
    client.on("error", listener);
    answerRequests(client, preparing);
  };
  pool.on("error", listener);
  pool.on("connect", guard);
  // Covers clients that were connected before the call.
  pool.on("acquire", guard);
  return pool;
}

/**
 * Answers the library's requests: see `src/sql/pool-requests.ts`. Also ends a connection whose query has timed out: with `query_timeout`, `pg` stops
 * waiting for the result but keeps the connection, so after a BEGIN without a result the pool would give out the same dead connection again and again.
 * Without `query_timeout`, the library itself gives up after `timeouts.transactionMs`, and sends `closeRequest`.
 */
function answerRequests(client: PoolClientLike, preparing: Preparing | undefined): void {
  const query = client.query.bind(client);
  const prepared: Prepared = { names: new Set(), doubtful: new Set() };
  client.query = (...parameters) => {
    const [text, given] = parameters;
    if (text === closeRequest) {
      end(client);
      return Promise.resolve({ rows: [], rowCount: 0 });
    }
    if (text === flightRequest) return answerFlight(given as readonly FlightSent[]);
    if (text === clientRequest) return Promise.resolve({ rows: [{ client }] });
    const result = query(...parameters);
    if (result instanceof Promise) {
      result.catch((error: unknown) => {
        if (error instanceof Error && error.message === "Query read timeout") end(client);
      });
    }
    return result;
  };
  const answerFlight = async ([sent]: readonly FlightSent[]) => {
    const flies = preparing !== undefined && client.pipeline !== true;
    if (sent === undefined || preparing === undefined) return { rows: [{ flies }] };
    const answer = await fly({ query }, sent, prepared, preparing);
    if ("error" in answer && !answer.undone) end(client);
    return { rows: [answer] };
  };
}

/** Destroys the socket as well: with `pipeline`, `end` alone would wait for the outstanding results, which never come. */
function end(client: PoolClientLike): void {
  void client.end();
  client.connection?.stream?.destroy();
}
