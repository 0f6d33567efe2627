/**
 * A transaction that is sent as a whole over a `pg` connection: all statements in one write, with one Sync behind the last. So an error anywhere, of BEGIN
 * too, skips everything up to the Sync, and nothing of it is committed. `pg` itself sends a Sync with each statement: behind a BEGIN that has failed,
 * the others would be committed one by one.
 */
import type { FlightSent, FlightStatement, Landing } from "../src/sql/flight-word.js";

/** What `pg` gives to whoever submits a query of its own kind. */
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

/** What is prepared on a connection by name, the least used first. */
export interface Prepared {
  readonly names: Set<string>;
  /** These may be there or not. */
  readonly doubtful: Set<string>;
}

/** Of a pool. */
export interface Preparing {
  /** Whether statements are prepared by name. */
  prepare: boolean;
  /** How often the server has not known a name that it should have known. */
  lost: number;
}

/** On one connection. */
const mostNames = 100;
/** Then a pooler is between, which gives each transaction another connection. */
const mostLost = 3;

/** No such prepared statement; there is one already; it gives something else now. */
const lostNames: ReadonlySet<unknown> = new Set(["26000", "42P05", "0A000"]);

/**
 * Never rejects. Where it has failed, the connection has been rolled back, or is to be ended.
 *
 * @param client as `pg` made it
 */
export async function fly(
  client: FlyingClient,
  { statements, isPart }: FlightSent,
  prepared: Prepared,
  preparing: Preparing,
): Promise<Landing> {
  const landing = await submit(client, statements, preparing.prepare ? prepared : undefined);
  if (!("error" in landing)) return landing;
  const { error } = landing;
  if (!landing.undone || !(await isRolledBack(client))) return { error, undone: false };
  if (!preparing.prepare || !lostNames.has(codeOf(error))) return landing;
  // It has been undone, and nobody has decided anything: it is sent once more, without names.
  for (const name of prepared.names) prepared.doubtful.add(name);
  prepared.names.clear();
  if (codeOf(error) !== "0A000") preparing.lost += 1;
  if (preparing.lost >= mostLost) preparing.prepare = false;
  // What it is a part of has been rolled back.
  if (isPart) return landing;
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

/** @returns `undone` where the server has answered with an error: then the transaction is to be rolled back */
function submit(
  client: FlyingClient,
  statements: readonly FlightStatement[],
  prepared: Prepared | undefined,
): Promise<Landing> {
  return new Promise((resolve) => client.query(createFlight(statements, prepared, resolve)));
}

/** A query of `pg`'s own kind: an object that submits itself, and is told what comes of it. */
function createFlight(
  statements: readonly FlightStatement[],
  prepared: Prepared | undefined,
  landed: (landing: Landing) => void,
) {
  const rows: (string | null)[][][] = statements.map(() => []);
  let at = 0;
  const parsed: string[] = [];
  let sent = false;
  let endAtOnce = (): void => undefined;
  /** In slices, so that others have their turns. */
  const goOn = (connection: Connection, from: number): void => {
    if (sent) return;
    connection.stream.cork?.();
    try {
      const next = sendSlice(connection, statements, from, prepared, parsed);
      if (next === statements.length) endAtOnce();
      else setTimeout(() => goOn(connection, next), 0);
    } catch (error) {
      // No Sync has been sent, and the connection is to be ended.
      sent = true;
      settle({ error, undone: false });
    } finally {
      connection.stream.uncork?.();
    }
  };
  const settle = (landing: Landing): void => {
    // With `query_timeout`, `pg` puts its own here, which ends the timer.
    flight.callback?.();
    landed(landing);
  };
  const flight = {
    callback: undefined as (() => void) | undefined,
    submit: (connection: Connection): null => {
      endAtOnce = () => {
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
      // What has not been sent yet would be skipped, up to the Sync.
      endAtOnce();
      for (const name of parsed) {
        prepared?.names.delete(name);
        prepared?.doubtful.add(name);
      }
      // A late cancel may come behind COMMIT, which has been heeded then.
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

/** Node's own codes are longer; but for EPIPE. */
function isSqlstate(code: unknown): boolean {
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && code !== "EPIPE";
}

const sliceMs = 5;
/** The clock is looked at once in so many. */
const statementsOfLook = 32;

/** @param parsed is told which names have been prepared by this. @returns where to go on */
function sendSlice(
  connection: Connection,
  statements: readonly FlightStatement[],
  from: number,
  prepared: Prepared | undefined,
  parsed: string[],
): number {
  const until = performance.now() + sliceMs;
  if (prepared !== undefined) {
    for (const name of prepared.doubtful) connection.close({ type: "S", name });
    prepared.doubtful.clear();
  }
  for (let at = from; at < statements.length; at += 1) {
    if (at > from && at % statementsOfLook === 0 && performance.now() >= until) return at;
    sendOne(connection, statements[at] as FlightStatement, prepared, parsed);
  }
  return statements.length;
}

function sendOne(
  connection: Connection,
  { text, name = "", parameters }: FlightStatement,
  prepared: Prepared | undefined,
  parsed: string[],
): void {
  const named = prepared === undefined ? "" : name;
  if (prepared === undefined || named === "") {
    connection.parse({ text, name: "", types: [] });
  } else if (!isKnown(prepared, named, connection)) {
    connection.parse({ text, name: named, types: [] });
    parsed.push(named);
  }
  const values = parameters.map((each) =>
    each instanceof Uint8Array ? Buffer.from(each.buffer, each.byteOffset, each.length) : each,
  );
  connection.bind({ portal: "", statement: named, values });
  connection.execute({ portal: "", rows: 0 });
}

/** Whether the name is prepared already. From here on it is; the one that has not been used for longest makes room. */
function isKnown({ names }: Prepared, name: string, connection: Connection): boolean {
  if (names.delete(name)) {
    names.add(name);
    return true;
  }
  if (names.size >= mostNames) {
    const [oldest] = names;
    if (oldest !== undefined) {
      connection.close({ type: "S", name: oldest });
      names.delete(oldest);
    }
  }
  names.add(name);
  return false;
}
