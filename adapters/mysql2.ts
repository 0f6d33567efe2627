/**
 * `guardPool` for `mysql2`: what the library sets on a connection stays set between its transactions, which saves two statements in each of them, and the
 * statements of a transaction are sent together.
 *
 * MySQL and MariaDB have no settings that end with the transaction, so the library changes the session's before it and restores them after it
 * (`src/sql/mysql/session.ts`). A guarded connection answers the second of these statements itself, and sends it when the connection is next used by
 * anything else, or after a short time. Every command of the driver goes through `addCommand`, so nothing of the application's can run with the library's
 * settings. A driver without it is not guarded.
 */
import { setTimeout } from "node:timers";
import {
  changeSettings,
  flightRequest,
  restoreSettings,
  type SentStatement,
} from "../src/sql/pool-requests.js";
import { collect, createTogether, inTurn, isPipelined } from "./mysql2-together.js";

/** A pool of `mysql2`, or an object that behaves like one. Kysely can't use that of `mysql2/promise`. The pools of a `PoolCluster` are not guarded. */
export interface GuardedPool {
  on(event: "connection" | "acquire", listener: (connection: ConnectionLike) => void): unknown;
}

type Answer = (error: unknown, ...results: unknown[]) => void;

interface ConnectionLike {
  query(...parameters: unknown[]): unknown;
  /** Sends a command once those before it have been answered. */
  addCommand?(command: object): object;
  destroy?(): unknown;
  readonly stream?: { destroy(error: unknown): unknown };
}

/** Options of `guardPool`. */
export interface GuardOptions {
  /**
   * Whether the statements of a transaction are sent together, and only then waited for, if no application code has to run in between. Set `false` if a
   * proxy between the pool and the server expects each answer to be read before the next statement. If you leave it `true` there, a transaction fails,
   * stays queued, and for ten minutes the pool sends one statement after the other. Default true.
   */
  readonly flights?: boolean;
}

/** What a pool's connections have shown. Times are by `performance.now()`. */
interface Sending {
  readonly flights: boolean;
  /** Until when no statements are sent together. */
  apartUntil: number;
  /** Whether statements that were sent together have all been answered since the latest loss. */
  isShown: boolean;
  /** When the latest connection was lost that had not answered all of them. */
  lostAt: number;
}

/**
 * Called when a connection is lost while statements that were sent together are not all answered. A proxy that expects one statement at a time loses them
 * every time. A transaction that takes too long, or a server that is stopped, is lost between others that are answered, and must not slow them down.
 */
function noteLoss(sending: Sending, sentAt: number): void {
  // Several connections may be lost at once, for one reason.
  if (sentAt < sending.lostAt) return;
  sending.lostAt = performance.now();
  if (!sending.isShown) sending.apartUntil = sending.lostAt + apartMs;
  sending.isShown = false;
}

/** In milliseconds. */
const apartMs = 600_000;

// A registered symbol is the same in two copies of the package, which then do not guard a pool twice.
const guarded = Symbol.for("powersync-writes.guarded-pool");

/** In milliseconds. Below the shortest `wait_timeout` that the library sets, which is a second. */
const keptMs = 500;

/** Statements that can't change a session's settings. */
const plainStatement =
  /^\s*(?:select|insert|update|delete|replace|with|commit|rollback|savepoint|release)\b[^;]*$/i;

/**
 * Lets the library keep its settings of a connection from one transaction to the next, which saves two statements in each. Everything else that uses the
 * pool finds the connection's own settings: they are restored in front of its first command. The statements of a transaction are sent together if no
 * application code has to run in between; COMMIT follows once all have been answered.
 *
 * Without `guardPool`, the settings are restored after every transaction, and each statement waits for the one before it.
 *
 * @example
 * const pool = createPool({ uri, timezone: "Z" });
 * const database = new Kysely<Database>({ dialect: new MysqlDialect({ pool: guardPool(pool) }) });
 *
 * @returns the same pool. A second call changes nothing, and its options are ignored.
 * @throws TypeError for what is no pool, for a pool of `mysql2/promise`, which Kysely would wait for without end, and for an unknown option
 */
export function guardPool<Pool extends GuardedPool>(pool: Pool, options: GuardOptions = {}): Pool {
  // A single connection and a pool of pg have `connect`.
  const { on } = ((pool as Pool | undefined) ?? {}) as Partial<GuardedPool>;
  if (typeof on !== "function" || "connect" in pool)
    throw new TypeError(
      "guardPool: give it a pool of mysql2, as in guardPool(createPool({ uri })). A pool of pg has its own guardPool in powersync-writes/pg.",
    );
  if ("pool" in pool)
    throw new TypeError(
      "guardPool and Kysely need a pool of mysql2, not of mysql2/promise. Give them its member: guardPool(pool.pool).",
    );
  const { flights = true, ...unknown } = options;
  const [misspelled] = Object.keys(unknown);
  if (misspelled !== undefined)
    throw new TypeError(`guardPool: ${misspelled} is not known. The only option is flights.`);
  if (guarded in pool) return pool;
  Object.defineProperty(pool, guarded, { value: true });
  const sending: Sending = { flights, apartUntil: 0, isShown: false, lostAt: 0 };
  const guarding = (connection: ConnectionLike) => guard(connection, sending);
  pool.on("connection", guarding);
  // Covers connections that were opened before the call.
  pool.on("acquire", guarding);
  return pool;
}

function guard(connection: ConnectionLike, sending: Sending): void {
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
  /** Receives commands instead of the driver. */
  let held: object[] | undefined;
  /** By `performance.now()`: when statements were sent together that have not all been answered. */
  let openSince: number | undefined;
  const lose = () => {
    if (openSince !== undefined) noteLoss(sending, openSince);
    openSince = undefined;
  };
  const destroy = connection.destroy?.bind(connection);
  // Nothing is answered any more, not even by an error.
  if (destroy !== undefined)
    connection.destroy = () => {
      lose();
      return destroy();
    };

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
    if (held !== undefined) {
      held.push(command);
      return command;
    }
    // The settings end with the session, and a closing pool waits for no answer.
    if (command.constructor.name !== "Quit") restore();
    isDoubtful ||= !isPlain;
    return addCommand.call(connection, command);
  };

  const send = (...parameters: readonly [text: string, ...unknown[]]) => {
    isPlain = plainStatement.test(parameters[0]);
    try {
      return query(...parameters);
    } finally {
      isPlain = false;
    }
  };

  /** The others would be executed for nothing, and each may wait for a lock as long as the one that has failed. */
  const giveUp = () => {
    openSince = undefined;
    connection.stream?.destroy(new Error("A statement failed, and those behind it took too long."));
  };

  /** In one write, if there is more than one. A statement behind one that fails is executed all the same, so COMMIT must not be among them. */
  const together = (statements: readonly SentStatement[], answer: Answer) => {
    const isApart = statements.length < 2 || !isPipelined(connection);
    if (isApart || performance.now() < sending.apartUntil) return inTurn(statements, send, answer);
    const commands: object[] = [];
    const collecting: typeof query = (text, parameters, answered: Answer) =>
      query(text, parameters, (error: { fatal?: unknown } | null, ...results: unknown[]) => {
        if (error?.fatal) lose();
        answered(error, ...results);
      });
    const end: Answer = (...answered) => {
      if (openSince !== undefined) sending.isShown = true;
      openSince = undefined;
      answer(...answered);
    };
    held = commands;
    try {
      collect(statements, collecting, { end, giveUp });
    } finally {
      held = undefined;
    }
    // A closed connection has refused them all.
    if (commands.length === 0) return;
    openSince = performance.now();
    isPlain = statements.every(({ text }) => plainStatement.test(text));
    try {
      connection.addCommand?.(createTogether(commands));
    } finally {
      isPlain = false;
    }
  };

  connection.query = (...parameters) => {
    const [text] = parameters;
    const answer = parameters.at(-1) as Answer;
    if (typeof text !== "string") return query(...parameters);
    if (text === flightRequest) {
      const [sent] = parameters[1] as readonly [{ statements: readonly SentStatement[] }?];
      if (sent === undefined) return answer(null, [{ flies: sending.flights }], []);
      return together(sent.statements, answer);
    }
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
    return send(text, ...parameters.slice(1));
  };
}
