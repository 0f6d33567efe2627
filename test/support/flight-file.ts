/** A database file behind a guard, through which whole transactions go in one go. A test can see each statement, and let it fail. */
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { guardDatabase } from "../../adapters/sqlite.js";
import { createTables, createWrites, type WriteEvent } from "../../src/index.js";
import { type SqliteDriver, sqliteFile } from "./sqlite-files.js";
import { sqliteTables } from "./sqlite.js";
import type { TestPrincipal } from "./writes.js";

/** Gets each statement's text, and what executes it. */
export type Tap = (text: string, run: () => unknown) => unknown;

/** What both drivers have. */
interface PlainConnection {
  exec(text: string): unknown;
  prepare(text: string): { get(): unknown; all(): unknown[] };
  close(): unknown;
}

export interface FlightFile {
  readonly file: string;
  /** Another connection, which waits for no lock. By the same driver: two SQLites in one process would end each other's locks. */
  readonly other: PlainConnection;
  /** Sees what the connection executes. */
  tap: Tap;
  /** Executes statements on the connection itself. */
  exec(text: string): void;
  /** Whether the connection has a transaction open. */
  inTransaction(): boolean;
  serve(config?: object): Sender;
  close(): Promise<void>;
}

export interface Sender {
  /** As one transaction of Alice's phone, and its answer. */
  send(...crud: readonly object[]): ReturnType<Sender["repeat"]>;
  /** The latest one once more. */
  repeat(signal?: AbortSignal): Promise<{ readonly status: string }>;
  batch(...transactions: readonly (readonly object[])[]): Promise<readonly { status: string }[]>;
  /** Whether each transaction since the last call was sent as a whole. */
  flown(): readonly boolean[];
  /** What the library has logged as errors since the last call. */
  errors(): readonly unknown[];
}

const principal = { userId: "alice" };

export async function openFlightFile(
  driver: SqliteDriver,
  { journal = "wal", tables = [] }: { journal?: string; tables?: readonly string[] } = {},
): Promise<FlightFile> {
  const { file, remove } = sqliteFile();
  const connect = () =>
    driver === "node:sqlite" ? new DatabaseSync(file) : new Database(file, { timeout: 0 });
  const raw = connect();
  raw.exec(`pragma journal_mode = ${journal}`);
  for (const statement of [...sqliteTables, ...tables]) raw.exec(statement);
  const untapped: Tap = (_text, run) => run();
  const found = { tap: untapped };
  const tapped = Object.assign(
    {
      prepare: (text: string) => withTap(raw.prepare(text), (run) => found.tap(text, run)),
      close: () => raw.close(),
    },
    // By which the guard knows the driver.
    raw instanceof DatabaseSync ? { open: () => raw.open() } : { pragma: () => undefined },
  );
  const dialect = new SqliteDialect({ database: guardDatabase(tapped) });
  const db = new Kysely<Record<string, Record<string, unknown>>>({ dialect });
  await createTables(db);
  const other = connect() as unknown as PlainConnection;
  return Object.assign(found, {
    file,
    other,
    exec: (text: string) => void raw.exec(text),
    inTransaction: () => (raw instanceof DatabaseSync ? raw.isTransaction : raw.inTransaction),
    serve: (config: object = {}) => serving(db, config),
    close: async () => {
      other.close();
      await db.destroy();
      remove();
    },
  });
}

function withTap(statement: object, on: (run: () => unknown) => unknown): object {
  return new Proxy(statement, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      const call = (...parameters: unknown[]): unknown => Reflect.apply(member, target, parameters);
      return name === "all" || name === "run"
        ? (...parameters: unknown[]) => on(() => call(...parameters))
        : call;
    },
  });
}

let opId = 0;

function serving(db: Kysely<Record<string, Record<string, unknown>>>, config: object): Sender {
  let events: WriteEvent[] = [];
  const taken = () => {
    const all = events;
    events = [];
    return all;
  };
  const writes = createWrites<TestPrincipal, never>({
    authenticate: () => principal,
    database: db as never,
    tables: { lists: { owner: "owner_id" }, todos: { belongsTo: { list_id: "lists" } } },
    logger: false,
    onEvent: (event: WriteEvent) => void events.push(event),
    ...config,
  });
  const numbered = (crud: readonly object[]) => ({
    crud: crud.map((entry) => ({ ...entry, op_id: (opId += 1) })),
  });
  let latest: object = {};
  const repeat: Sender["repeat"] = (signal) =>
    writes.processTransaction(latest, { principal, ...(signal && { signal }) });
  return {
    repeat,
    send: (...crud) => {
      latest = { client_id: "phone", ...numbered(crud) };
      return repeat();
    },
    batch: (...transactions) =>
      writes.processBatch(
        { client_id: "phone", transactions: transactions.map(numbered) },
        { principal },
      ),
    flown: () => taken().flatMap((event) => (event.type === "transaction" ? [event.flown] : [])),
    errors: () => taken().flatMap((event) => (event.type === "error" ? [event.error] : [])),
  };
}
