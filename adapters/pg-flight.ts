/**
 * Sends a whole transaction over a `pg` connection: all statements, with one Sync after the last. An error anywhere, even in BEGIN, therefore skips
 * everything up to the Sync, and nothing is committed. `pg` itself sends a Sync with each statement: after a failed BEGIN, the others would be committed
 * one by one.
 */
import type { FlightAnswer, FlightSent, FlightStatement } from "../src/sql/pool-requests.js";

/** The part of `pg`'s connection that a query of our own kind uses. */
interface Connection {
  readonly stream: { cork?(): void; uncork?(): void };
  parse(message: { text: string; name: string; types: readonly number[] }): void;
  bind(message: { portal: string; statement: string; values: readonly unknown[] }): void;
  execute(message: { portal: string; rows: number }): void;
  close(message: { type: "S"; name: string }): void;
  sync(): void;
}

export interface FlyingClient {
  query(...parameters: unknown[]): unknown;
}

/** The names of prepared statements on a connection, the least recently used first. */
export interface Prepared {
  readonly names: Set<string>;
  /** Names of which it is not known whether they are prepared, because their transaction failed. */
  readonly doubtful: Set<string>;
}

/** Whether a pool's connections prepare statements. */
export interface Preparing {
  /** Whether statements are prepared by name. */
  prepare: boolean;
  /** How many times the server did not know a name that had been prepared. */
  lost: number;
}

/** The most names on one connection. */
const mostNames = 100;
/** After this many lost names, a pooler must be giving each transaction another connection. */
const mostLost = 3;

/** SQLSTATEs: the prepared statement does not exist, already exists, or has another result type. */
const lostNames: ReadonlySet<unknown> = new Set(["26000", "42P05", "0A000"]);

/**
 * Sends a flight. Never rejects. After a failure, the connection has been rolled back, or must be closed (`undone: false`).
 *
 * @param client a client that `pg` made
 */
export async function fly(
  client: FlyingClient,
  { statements, isPart }: FlightSent,
  prepared: Prepared,
  preparing: Preparing,
): Promise<FlightAnswer> {
  const answer = await submit(client, statements, preparing.prepare ? prepared : undefined);
  if (!("error" in answer)) return answer;
  const { error } = answer;
  if (!answer.undone || !(await isRolledBack(client))) return { error, undone: false };
  if (!preparing.prepare || !lostNames.has(codeOf(error))) return answer;
  // The transaction was undone because of a prepared name, so it can be sent again without names.
  for (const name of prepared.names) prepared.doubtful.add(name);
  prepared.names.clear();
  if (codeOf(error) !== "0A000") preparing.lost += 1;
  if (preparing.lost >= mostLost) preparing.prepare = false;
  // The whole transaction was rolled back, so this part of it can't be sent again alone.
  if (isPart) return answer;
  const again = await submit(client, statements, undefined);
  if (!("error" in again)) return again;
  return { ...again, undone: again.undone && (await isRolledBack(client)) };
}

async function isRolledBack(client: FlyingClient): Promise<boolean> {
  try {
    await client.query("rollback");
    return true;
  } catch {
    return false;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

/** Sends the flight as one query. @returns with `undone: true` if the server answered with an error; the transaction must then be rolled back */
function submit(
  client: FlyingClient,
  statements: readonly FlightStatement[],
  prepared: Prepared | undefined,
): Promise<FlightAnswer> {
  return new Promise((resolve) => client.query(createFlight(statements, prepared, resolve)));
}

/** A query in the form that `pg` accepts: an object that submits itself and handles the server's messages. */
function createFlight(
  statements: readonly FlightStatement[],
  prepared: Prepared | undefined,
  answered: (answer: FlightAnswer) => void,
) {
  const rows: (string | null)[][][] = statements.map(() => []);
  let at = 0;
  /** Names that this flight prepares, or takes back. */
  const touched: string[] = [];
  let sent = false;
  let sendSync = (): void => undefined;
  /** Sends in slices, so that other work of the process is not held up. */
  const goOn = (connection: Connection, from: number): void => {
    if (sent) return;
    connection.stream.cork?.();
    try {
      const next = sendSlice(connection, statements, from, prepared, touched);
      if (next === statements.length) sendSync();
      else setTimeout(() => goOn(connection, next), 0);
    } catch (error) {
      // No Sync was sent, so the connection must be closed.
      sent = true;
      settle({ error, undone: false });
    } finally {
      connection.stream.uncork?.();
    }
  };
  const settle = (answer: FlightAnswer): void => {
    // With `query_timeout`, `pg` sets its own callback here, which stops the timer.
    flight.callback?.();
    answered(answer);
  };
  const flight = {
    callback: undefined as (() => void) | undefined,
    submit: (connection: Connection): null => {
      sendSync = () => {
        if (!sent) connection.sync();
        sent = true;
      };
      goOn(connection, 0);
      return null;
    },
    handleDataRow: ({ fields }: { readonly fields: (string | null)[] }): void => {
      rows[at]?.push(fields);
    },
    handleCommandComplete: (): void => {
      at += 1;
    },
    handleReadyForQuery: (): void => settle({ rows }),
    handleError: (error: unknown): void => {
      // The server skips everything up to the Sync, so the remaining statements need not be sent.
      sendSync();
      for (const name of touched) {
        prepared?.names.delete(name);
        prepared?.doubtful.add(name);
      }
      // A late cancel may arrive after COMMIT was executed. In that case, nothing was undone.
      settle({ error, undone: at < statements.length && isSqlstate(codeOf(error)) });
    },
    handleRowDescription: ignored,
    handleEmptyQuery: ignored,
    handlePortalSuspended: ignored,
    handleCopyInResponse: ignored,
    handleCopyData: ignored,
  };
  return flight;
}

const ignored = (): void => undefined;

/** Whether the code is an SQLSTATE from the server. Node's own codes have other lengths, except EPIPE. */
function isSqlstate(code: unknown): boolean {
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && code !== "EPIPE";
}

const sliceMs = 5;
/** The number of statements between two looks at the clock. */
const statementsOfLook = 32;

/** Sends statements until the time slice is over. @param touched gets the names that this slice prepares, or takes back. @returns the index of the next statement */
function sendSlice(
  connection: Connection,
  statements: readonly FlightStatement[],
  from: number,
  prepared: Prepared | undefined,
  touched: string[],
): number {
  const until = performance.now() + sliceMs;
  if (prepared !== undefined) {
    for (const name of prepared.doubtful) connection.close({ type: "S", name });
    prepared.doubtful.clear();
  }
  for (let at = from; at < statements.length; at += 1) {
    if (at > from && at % statementsOfLook === 0 && performance.now() >= until) return at;
    sendOne(connection, statements[at] as FlightStatement, prepared, touched);
  }
  return statements.length;
}

function sendOne(
  connection: Connection,
  { text, name = "", parameters }: FlightStatement,
  prepared: Prepared | undefined,
  touched: string[],
): void {
  const named = prepared === undefined ? "" : name;
  if (prepared === undefined || named === "") {
    connection.parse({ text, name: "", types: [] });
  } else if (!isKnown(prepared, named, connection, touched)) {
    connection.parse({ text, name: named, types: [] });
    touched.push(named);
  }
  const values = parameters.map((each) =>
    each instanceof Uint8Array ? Buffer.from(each.buffer, each.byteOffset, each.length) : each,
  );
  connection.bind({ portal: "", statement: named, values });
  connection.execute({ portal: "", rows: 0 });
}

/** Whether the name is already prepared. If not, the name is entered, in place of the least recently used one if there is no room. */
function isKnown(
  { names }: Prepared,
  name: string,
  connection: Connection,
  touched: string[],
): boolean {
  if (names.delete(name)) {
    names.add(name);
    return true;
  }
  if (names.size >= mostNames) {
    const [oldest] = names;
    if (oldest !== undefined) {
      connection.close({ type: "S", name: oldest });
      names.delete(oldest);
      // After an error, the server may have skipped this, too.
      touched.push(oldest);
    }
  }
  names.add(name);
  return false;
}
