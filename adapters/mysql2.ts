/**
 * `guardPool` for `mysql2`: what the library sets on a connection stays set between its transactions, which saves two statements in each of them.
 *
 * MySQL and MariaDB have no settings that end with the transaction, so the library changes the session's before it and restores them after it
 * (`src/sql/mysql/session.ts`). A guarded connection answers the second of these statements itself, and sends it when the connection is next used by
 * anything else, or after a short time. Every command of the driver goes through `addCommand`, so nothing of the application's can run with the library's
 * settings. A driver without it is not guarded.
 */
import { setTimeout } from "node:timers";
import { changeSettings, restoreSettings } from "../src/sql/pool-requests.js";

/** A pool of `mysql2`, or an object that behaves like one. Kysely can't use that of `mysql2/promise`. The pools of a `PoolCluster` are not guarded. */
export interface GuardedPool {
  on(event: "connection" | "acquire", listener: (connection: ConnectionLike) => void): unknown;
}

type Answer = (error: unknown, ...results: unknown[]) => void;

interface ConnectionLike {
  query(...parameters: unknown[]): unknown;
  /** Sends a command once those before it have been answered. */
  addCommand?(command: object): object;
  readonly stream?: { destroy(error: unknown): unknown };
}

// A registered symbol is the same in two copies of the package, which then do not guard a pool twice.
const guarded = Symbol.for("powersync-writes.guarded-pool");

/** In milliseconds. Below the shortest `wait_timeout` that the library sets, which is a second. */
const keptMs = 500;

/** Statements that can't change a session's settings. */
const plainStatement =
  /^\s*(?:select|insert|update|delete|replace|with|commit|rollback|savepoint|release)\b[^;]*$/i;

/**
 * Lets the library keep its settings of a connection from one transaction to the next, which saves two statements in each. Everything else that uses the
 * pool finds the connection's own settings: they are restored in front of its first command.
 *
 * Without `guardPool`, the settings are restored after every transaction.
 *
 * @example
 * const pool = createPool({ uri, timezone: "Z" });
 * const database = new Kysely<Database>({ dialect: new MysqlDialect({ pool: guardPool(pool) }) });
 *
 * @returns the same pool. A second call changes nothing.
 * @throws TypeError for what is no pool, and for a pool of `mysql2/promise`, which Kysely would wait for without end
 */
export function guardPool<Pool extends GuardedPool>(pool: Pool): Pool {
  if (typeof (pool as unknown) !== "object" || pool === null)
    throw new TypeError("guardPool: give it a pool, as in guardPool(createPool({ uri })).");
  if ("pool" in pool)
    throw new TypeError(
      "guardPool and Kysely need a pool of mysql2, not of mysql2/promise. Give them its member: guardPool(pool.pool).",
    );
  if (guarded in pool) return pool;
  Object.defineProperty(pool, guarded, { value: true });
  pool.on("connection", guard);
  // Covers connections that were opened before the call.
  pool.on("acquire", guard);
  return pool;
}

function guard(connection: ConnectionLike): void {
  const { addCommand } = connection;
  if (guarded in connection || addCommand === undefined) return;
  Object.defineProperty(connection, guarded, { value: true });
  const query = connection.query.bind(connection);
  /** The statement by which the library has changed the settings. */
  let changed: string | undefined;
  /** The statement that restores them. Absent while the library's transaction runs. */
  let restoring: string | undefined;
  /** Whether something has been sent since that may have changed settings, too. */
  let isDoubtful = false;
  let isPlain = false;

  /** After a change or a restoration that failed, nothing else must run with these settings. On a fatal error the driver closes the connection itself. */
  const closeAfter = (error: unknown) => {
    if (error && !(error as { fatal?: unknown }).fatal) connection.stream?.destroy(error);
  };
  const restore = () => {
    if (restoring === undefined) return;
    const text = restoring;
    changed = undefined;
    restoring = undefined;
    query(text, closeAfter);
  };
  const timer = setTimeout(restore, keptMs).unref();

  connection.addCommand = (command) => {
    // The settings end with the session, and a closing pool waits for no answer.
    if (command.constructor.name !== "Quit") restore();
    isDoubtful ||= !isPlain;
    return addCommand.call(connection, command);
  };

  connection.query = (...parameters) => {
    const [text] = parameters;
    const answer = parameters.at(-1) as Answer;
    if (typeof text !== "string") return query(...parameters);
    if (text.startsWith(changeSettings)) {
      const isKept = restoring !== undefined && changed === text;
      restoring = undefined;
      if (isKept) return answer(null, { affectedRows: 0, insertId: 0 });
      changed = undefined;
      return query(...parameters.slice(0, -1), (error: unknown, ...results: unknown[]) => {
        if (!error) changed = text;
        isDoubtful = false;
        closeAfter(error);
        answer(error, ...results);
      });
    }
    if (text.startsWith(restoreSettings) && changed !== undefined && !isDoubtful) {
      restoring = text;
      timer.refresh();
      return answer(null, { affectedRows: 0, insertId: 0 });
    }
    if (text.startsWith(restoreSettings)) changed = undefined;
    isPlain = plainStatement.test(text);
    try {
      return query(...parameters);
    } finally {
      isPlain = false;
    }
  };
}
