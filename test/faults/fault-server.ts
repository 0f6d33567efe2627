/**
 * A server in a process of its own, told by its parent what to serve: rules over the suite's tables, on one database. It ends with its parent; on
 * SIGTERM it drains, as an application's should.
 */
import { createServer, type Server } from "node:http";
import { type Dialect, Kysely, MysqlDialect, PGliteDialect, PostgresDialect, sql } from "kysely";
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { powersyncWrites } from "../../adapters/node.js";
import { guardPool as guardMysqlPool } from "../../adapters/mysql2.js";
import { guardPool } from "../../adapters/pg.js";
import { createTables, createWrites, type Writes, type WritesConfig } from "../../src/index.js";
import { jwt } from "../../src/jwt/index.js";
import { audience, issuer } from "../support/identity-provider.js";
import { mysqlPool } from "../support/mysql.js";
import { seeded } from "../support/random.js";
import { openSqlite } from "../support/sqlite-files.js";
import { listen } from "../support/uploads.js";
import { byName, type TestPrincipal } from "../support/writes.js";
import { sabotaged, type Sabotage, withoutRollback } from "./sabotage.js";

export interface ServerOptions {
  /** `postgres:`, `mysql:`, `sqlite:FILE`, or `pglite:`, which is in the process. */
  readonly url: string;
  readonly onFatal?: "stop" | "skip";
  readonly connections?: number;
  readonly isolation?: "repeatable read" | "serializable";
  /** For what is left to chance. */
  readonly seed: number;
  /** A hook throws an error of the network's, one in so many times. */
  readonly hookFailsEvery?: number;
  /** Whose tokens are taken, in place of names. */
  readonly jwksUri?: string;
  readonly retentionDays?: number;
  /** Time-outs are short: for faults that hang, and not for a machine that is busy. */
  readonly impatient?: boolean;
  /** On Postgres: transactions are sent as a whole where that can be done. */
  readonly flights: boolean;
  readonly sabotage?: Sabotage;
  /** Statements that make the tables, for a database in the process. */
  readonly tables?: readonly string[];
}

export interface FaultSchema {
  marks: { id: string; owner: string | null; number: number | null; tag: string | null };
  items: { id: string; size: number | null; tag: string | null };
  shared: { id: string; tag: string | null };
}

export type Config = WritesConfig<TestPrincipal, FaultSchema>;

/** What the parent asks for. */
export type Order =
  | { readonly kind: "open"; readonly options: ServerOptions }
  | { readonly kind: "query"; readonly sql: string }
  | { readonly kind: "retry"; readonly letter: string }
  | { readonly kind: "prune" }
  /** Nothing new is taken; what is under way is waited for. */
  | { readonly kind: "drain" }
  | { readonly kind: "close" };

export type Told =
  | { readonly kind: "answer"; readonly number: number; readonly value?: unknown }
  | { readonly kind: "failure"; readonly number: number; readonly message: string }
  | { readonly kind: "fired"; readonly fault: string }
  /** A transaction has been sent to the database as a whole, and applied. */
  | { readonly kind: "flown" }
  /** What the library has met: the database's code where it has one, and what it was doing. */
  | { readonly kind: "error"; readonly code: string; readonly during: string };

/** Where something hangs, it is over soon. */
const shortTimeouts = { lockMs: 1_000, statementMs: 3_000, transactionMs: 4_000, requestMs: 8_000 };

/** For what never ends. */
const drainMs = 120_000;

/** Nothing hangs: what takes long does so because the machine is busy, or because it is large. */
const timeouts = { lockMs: 5_000, statementMs: 30_000, transactionMs: 60_000, requestMs: 60_000 };

interface Open {
  readonly db: Kysely<FaultSchema>;
  readonly writes: Writes<TestPrincipal>;
  readonly server: Server;
}

let open: Open | undefined;
let pglite: PGlite | undefined;

async function dialectOf(options: ServerOptions): Promise<Dialect> {
  const { url, connections = 6, flights, impatient } = options;
  if (url === "pglite:") {
    pglite ??= await PGlite.create();
    return new PGliteDialect({ pglite });
  }
  if (url.startsWith("mysql:"))
    return new MysqlDialect({
      pool: guardMysqlPool(
        mysqlPool(url, {
          connectionLimit: connections,
          connectTimeout: impatient === true ? 2_000 : 20_000,
        }),
        { flights },
      ),
    });
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: impatient === true ? 2_000 : 20_000,
    query_timeout: impatient === true ? 6_000 : 60_000,
  });
  return new PostgresDialect({ pool: guardPool(pool, { flights }) });
}

async function databaseOf(options: ServerOptions): Promise<Kysely<FaultSchema>> {
  const [, file] = /^sqlite:(.+)$/.exec(options.url) ?? [];
  if (file !== undefined)
    return openSqlite(file, "better-sqlite3") as unknown as Kysely<FaultSchema>;
  const plain = await dialectOf(options);
  const dialect = options.sabotage === "rollback" ? withoutRollback(plain) : plain;
  const db = new Kysely<FaultSchema>({ dialect });
  if (options.tables !== undefined) {
    await sql.raw("drop schema public cascade").execute(db);
    await sql.raw("create schema public").execute(db);
    for (const statement of options.tables) await sql.raw(statement).execute(db);
    await createTables(db);
  }
  return db;
}

function configOf(options: ServerOptions, db: Kysely<FaultSchema>): Config {
  const { onFatal, isolation, hookFailsEvery, jwksUri, retentionDays, impatient } = options;
  return {
    authenticate:
      jwksUri === undefined
        ? byName
        : jwt({
            jwksUri,
            issuer,
            audience,
            allowLoopbackHttp: true,
            jwksCache: { cooldownMs: 1_000 },
          }),
    database: db,
    tables: {
      marks: { owner: "owner", columns: ["number", "tag"] },
      items: { access: "everyone", columns: ["size", "tag"] },
      shared: { access: "everyone" },
    },
    timeouts: impatient === true ? shortTimeouts : timeouts,
    // One caller stands for many.
    limits: { concurrentRequests: 1_000 },
    logger: false,
    onEvent: (event) => {
      if (event.type === "transaction" && event.flown) tell({ kind: "flown" });
      if (event.type !== "error") return;
      tell({ kind: "error", code: codeOf(event.error), during: event.during });
    },
    ...(onFatal !== undefined && { onFatal }),
    ...(isolation !== undefined && { isolation }),
    ...(retentionDays !== undefined && { ledger: { retentionDays } }),
    ...(hookFailsEvery !== undefined && { hooks: failingHook(hookFailsEvery, options.seed) }),
  };
}

/** Of the error, or of what has caused it. */
function codeOf(error: unknown): string {
  const { code, cause } = (error ?? {}) as { readonly code?: unknown; readonly cause?: unknown };
  if (typeof code === "string" && code !== "") return code;
  return cause === undefined ? "" : codeOf(cause);
}

function failingHook(every: number, seed: number): NonNullable<Config["hooks"]> {
  const random = seeded(seed);
  return {
    persist: {
      after: () => {
        if (!random.oneIn(every)) return;
        tell({ kind: "fired", fault: "hook failed" });
        throw Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), {
          code: "ECONNREFUSED",
        });
      },
    },
  };
}

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case "open": {
      await close();
      const db = await databaseOf(order.options);
      const config = await sabotaged(configOf(order.options, db), db, order.options.sabotage);
      const writes = createWrites<TestPrincipal, FaultSchema>(config);
      const server = createServer(powersyncWrites(writes));
      // A connection that it closes just when a device sends over it would be a fault that nobody has made.
      server.keepAliveTimeout = 0;
      open = { db, writes, server };
      return (await listen(server)).url;
    }
    case "query":
      return (await sql.raw(order.sql).execute(served().db)).rows;
    case "retry":
      return served().writes.deadLetters.retry(order.letter);
    case "prune":
      return served().writes.prune();
    case "drain":
      return served().writes.drain(drainMs);
    case "close":
      return close();
  }
}

function served(): Open {
  if (open === undefined) throw new Error("Nothing is served.");
  return open;
}

async function close(): Promise<void> {
  if (open === undefined) return;
  const { server, db } = open;
  open = undefined;
  server.close();
  server.closeAllConnections();
  if (pglite === undefined) await db.destroy().catch(() => undefined);
}

function tell(told: Told): void {
  // Its parent may be gone.
  if (process.connected) process.send?.(told);
}

process.on("message", ({ number, ...order }: Order & { readonly number: number }) => {
  obey(order as Order).then(
    (value) => tell({ kind: "answer", number, value }),
    (error: unknown) => tell({ kind: "failure", number, message: String(error) }),
  );
});
process.on("SIGTERM", () => {
  void (async () => {
    const drained = (await open?.writes.drain(drainMs)) ?? true;
    process.exit(drained ? 0 : 1);
  })();
});
process.on("disconnect", () => process.exit());
