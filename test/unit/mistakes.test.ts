/** Common mistakes that are seen at the start: the exception names the mistake, and what to write instead, in one line. */
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import Database from "better-sqlite3";
import { Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from "kysely";
import mysql from "mysql2";
import pg from "pg";
import { describe, expect, it, vi } from "vitest";
import { guardPool as guardMysql } from "../../adapters/mysql2.js";
import { guardPool as guardPg } from "../../adapters/pg.js";
import { anonymous, createTables, createWrites } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { otel } from "../../src/events/otel/index.js";
import {
  auth0,
  cognito,
  jwt,
  sessionClaim,
  supabase,
  supabaseSecret,
} from "../../src/jwt/index.js";

const sqlite = () =>
  new Kysely<never>({ dialect: new SqliteDialect({ database: new Database(":memory:") }) });

const good = () => ({
  authenticate: anonymous(),
  database: sqlite(),
  tables: { lists: { owner: "owner_id" } },
});

/** Kysely's adapter as another copy of the package has it. */
function otherCopy(): Kysely<never> {
  class SqliteAdapter {}
  return { getExecutor: () => ({ adapter: new SqliteAdapter() }) } as unknown as Kysely<never>;
}

function unknownDialect(): Kysely<never> {
  class OracleAdapter {}
  return { getExecutor: () => ({ adapter: new OracleAdapter() }) } as unknown as Kysely<never>;
}

/** A database whose pool gives no connection. */
function failing(error: Error): Kysely<never> {
  const pool = { connect: () => Promise.reject(error), end: () => Promise.resolve() };
  return new Kysely({ dialect: new PostgresDialect({ pool: pool as never }) });
}

const issuer = "https://id.example.com";
const audience = "my-api";
const jwksUri = `${issuer}/.well-known/jwks.json`;

const starts: readonly (readonly [mistake: string, more: object, says: RegExp])[] = [
  [
    "no `authenticate`",
    { authenticate: undefined },
    /authenticate is undefined\. Write a function of the request .* such as jwt/,
  ],
  ["no database", { database: undefined }, /database is undefined\. Write a Kysely object/],
  ["no tables", { tables: undefined }, /tables is undefined\. Write an object that has a rule/],
  [
    "a misspelled option",
    { tabels: {}, deadLeters: {} },
    /tabels is not known\. Did you mean "tables"\?/,
  ],
  [
    "the beginning of an option",
    { auth: () => undefined },
    /auth is not known\. Did you mean "authenticate"\?/,
  ],
  [
    "a misspelled option of a table",
    { tables: { lists: { onwer: "owner_id" } } },
    /tables\.lists\.onwer is not known\. Did you mean "owner"\?/,
  ],
  [
    "a table that says of nobody who may write it",
    { tables: { lists: {} } },
    /tables\.lists .*(?:owner|access)/,
  ],
  [
    "pg's pool in place of Kysely",
    { database: new pg.Pool() },
    /database must be a Kysely object.* wrap it, as in new Kysely/,
  ],
  [
    "mysql2's pool in place of Kysely",
    { database: mysql.createPool({ host: "127.0.0.1" }) },
    /database must be a Kysely object.* wrap it, as in new Kysely\(\{ dialect: new MysqlDialect/,
  ],
  [
    "better-sqlite3's database in place of Kysely",
    { database: new Database(":memory:") },
    /database must be a Kysely object.* wrap it, as in new Kysely\(\{ dialect: new SqliteDialect/,
  ],
  [
    "a database that is not awaited",
    { database: Promise.resolve(sqlite()) },
    /database must be a Kysely object.* This is a promise: await it first\./,
  ],
  [
    "two copies of Kysely",
    { database: otherCopy() },
    /SqliteAdapter is of another copy of Kysely.*"npm ls kysely"/,
  ],
  ["another database", { database: unknownDialect() }, /has a OracleAdapter\. Take one of/],
  [
    "an origin whose environment variable is not set",
    { cors: { origins: [undefined] } },
    /^cors\.origins\[0\] is undefined: an environment variable is probably not set\. It must be a text/,
  ],
  [
    "a path without a slash in front",
    { path: "api/data" },
    /path must be a path that begins with "\/"/,
  ],
  [
    "belongsTo by the source's name",
    { tables: { todos: { belongsTo: { list_id: "app_lists" } }, lists: { owner: "owner_id" } } },
    /belongsTo\.list_id names "app_lists", which has no rule in tables; it is the client's name/,
  ],
  [
    "a misspelled parent",
    { tables: { todos: { belongsTo: { list_id: "list" } }, lists: { owner: "owner_id" } } },
    /belongsTo\.list_id names "list", which has no rule in tables\. Did you mean "lists"\?/,
  ],
  [
    "belongsTo the wrong way round",
    { tables: { todos: { belongsTo: { lists: "list_id" } }, lists: { owner: "owner_id" } } },
    /names "list_id".* The column comes first: belongsTo: \{ list_id: "lists" \}/,
  ],
  [
    "row-level security on SQLite",
    { rls: { role: "authenticated" } },
    /rls: sqlite has no row-level security; Postgres has/,
  ],
  [
    "a logger that is none",
    { logger: true },
    /logger must be false, or an object with the functions/,
  ],
  [
    "an error that may pass made fatal",
    { errors: { "40001": "CONFLICT" } },
    /errors\.40001 can't be fatal: it may pass by itself.* Leave it out/,
  ],
];

describe("createWrites names", () => {
  it.each(starts)("%s", (_mistake, more, says) => {
    const config = { ...good(), ...more };
    expect(() => createWrites(config as never)).toThrow(says);
    expect(() => createWrites(config as never)).toThrow(TypeError);
  });

  it("constraints that can't wait, on MySQL", () => {
    const pool = mysql.createPool({ host: "127.0.0.1" });
    const database = new Kysely<never>({ dialect: new MysqlDialect({ pool }) });
    expect(() => createWrites({ ...good(), database, deferConstraints: true } as never)).toThrow(
      /deferConstraints: mysql has no .* Remedy: take the option out/,
    );
  });

  it.each([
    ["isolation", "serializable"],
    ["asynchronousCommit", true],
    ["ownTables", { schema: "sync" }],
    ["errors", { P0001: "NO_CREDIT" }],
  ])("%s, which has no effect on a store that is not Kysely's", (option, value) => {
    const database = memoryStore({
      tables: { lists: { columns: { id: "text", owner_id: "text" } } },
    });
    expect(() => createWrites({ ...good(), database, [option]: value } as never)).toThrow(
      `${option}: this option has no effect on memory; it is for databases that are used through Kysely. Remedy: take the option out.`,
    );
  });

  it.each([
    ["Node's request", new IncomingMessage(new Socket())],
    ["a fetch request", new Request("http://127.0.0.1/")],
    ["nothing", undefined],
  ])("an adapter that is mounted in place of what it returns: %s", (_name, given) => {
    expect(() => createWrites(given as never)).toThrow(
      "must be an object { authenticate, database, tables }. An adapter is mounted with it, or with what createWrites returns: powersyncWrites(writes).",
    );
  });

  it("takes an instance that has the options as its members", () => {
    const instance = Object.assign(new (class Options {})(), good());
    expect(() => createWrites(instance as never)).not.toThrow();
  });

  it("takes what is none of these", () => {
    expect(() => createWrites(good() as never)).not.toThrow();
    const pool = new pg.Pool();
    const database = new Kysely<never>({ dialect: new PostgresDialect({ pool }) });
    expect(() => createWrites({ ...good(), database } as never)).not.toThrow();
  });
});

describe("createTables names", () => {
  it.each([
    ["pg's pool in place of Kysely", new pg.Pool()],
    ["a database that is not there", undefined],
  ])("%s", async (_mistake, given) => {
    await expect(createTables(given as never)).rejects.toThrow("database must be a Kysely object");
  });

  it.each([
    ["a server that does not run", { code: "ECONNREFUSED" }, "check host and port"],
    ["a name that no one has", { code: "ENOTFOUND" }, "check host and port"],
    [
      "a database that was not created",
      { code: "3D000" },
      "create the database that the URL names",
    ],
    [
      "a server that is not Postgres",
      { message: "Connection terminated unexpectedly" },
      "is that of a Postgres server",
    ],
    ["no URL at all", { code: "28000" }, "that the pool gets this URL"],
    ["a role that may create nothing", { code: "42501" }, "let the login role create tables"],
    [
      "a URL without a database, on MySQL",
      { code: "ER_NO_DB_ERROR" },
      "name the database in the URL",
    ],
    [
      "the port of another database",
      { message: "Received unexpected copyData message from backend." },
      "is that of a Postgres server",
    ],
    [
      "a SQLite file that may only be read, by node:sqlite",
      { message: "attempt to write a readonly database" },
      "this one is read-only",
    ],
    [
      "a file that is no database",
      { message: "file is not a database" },
      "correct the file's name",
    ],
    [
      "a SQLite database that is closed",
      { message: "The database connection is not open" },
      "before the database is closed",
    ],
    [
      "node:sqlite without guardDatabase",
      { message: "Unknown named parameter '0'" },
      "give it guardDatabase",
    ],
    [
      "a client of pg in place of a pool",
      { message: "Client has already been connected. You cannot reuse a client." },
      "give PostgresDialect a Pool of pg",
    ],
    [
      "no password",
      { message: "SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string" },
      "give a password in the database's URL",
    ],
  ])("%s", async (_mistake, driver, remedy) => {
    const error = Object.assign(new Error("of the driver"), driver);
    await expect(createTables(failing(error))).rejects.toMatchObject({
      message: expect.stringMatching(
        new RegExp(`^createTables: ${error.message.replace(/\.$/, "")}\\. Remedy: .*${remedy}`),
      ) as string,
      cause: error,
    });
  });

  const pgPool = () => new pg.Pool() as never;
  const mysqlPool = () => mysql.createPool({ host: "127.0.0.1" }) as never;
  const file = () => new Database(":memory:") as never;
  it.each([
    ["Postgres' dialect with MySQL's pool", () => new PostgresDialect({ pool: mysqlPool() })],
    ["Postgres' dialect with a SQLite file", () => new PostgresDialect({ pool: file() })],
    ["MySQL's dialect with Postgres' pool", () => new MysqlDialect({ pool: pgPool() })],
    ["SQLite's dialect with Postgres' pool", () => new SqliteDialect({ database: pgPool() })],
  ])("%s", async (_mistake, dialect) => {
    await expect(createTables(new Kysely<never>({ dialect: dialect() }))).rejects.toThrow(
      /is not a function\. Remedy: give Kysely's dialect its own driver/,
    );
  });

  it("a pool of mysql2/promise, for which Kysely waits without end", async () => {
    vi.useFakeTimers();
    try {
      const pool = { getConnection: () => Promise.resolve({}), end: () => Promise.resolve() };
      const database = new Kysely<never>({ dialect: new MysqlDialect({ pool: pool as never }) });
      const made = createTables(database);
      const said = expect(made).rejects.toThrow(
        /not answered within 60 s\. Remedy: .*not by "mysql2\/promise"/,
      );
      await vi.advanceTimersByTimeAsync(60_000);
      await said;
    } finally {
      vi.useRealTimers();
    }
  });

  it("no remedy where none is known", async () => {
    const error = new Error("of the driver");
    await expect(createTables(failing(error))).rejects.toBe(error);
  });
});

describe("guardPool names", () => {
  it.each([
    ["pg's: a pool of mysql2", () => guardPg(mysql.createPool({ host: "127.0.0.1" }) as never)],
    ["pg's: a client", () => guardPg(new pg.Client() as never)],
    ["pg's: a dialect", () => guardPg(new PostgresDialect({ pool: new pg.Pool() }) as never)],
    ["mysql2's: a pool of pg", () => guardMysql(new pg.Pool() as never)],
    ["mysql2's: a connection", () => guardMysql({ on: () => 1, connect: () => 1 } as never)],
    ["mysql2's: a dialect", () => guardMysql(new MysqlDialect({ pool: {} as never }) as never)],
  ])("%s", (_mistake, guard) => {
    expect(guard).toThrow(/^guardPool: give it a pool of (?:pg|mysql2), as in guardPool\(/);
    expect(guard).toThrow(TypeError);
  });

  it("a misspelled option", () => {
    expect(() => guardPg(new pg.Pool(), { flight: false } as never)).toThrow(
      new TypeError(
        "guardPool: flight is not known. The known ones are onError, prepare, flights.",
      ),
    );
    const pool = mysql.createPool({ host: "127.0.0.1" });
    expect(() => guardMysql(pool, { prepare: false } as never)).toThrow(
      new TypeError("guardPool: prepare is not known. The only option is flights."),
    );
  });
});

const tokens: readonly (readonly [mistake: string, options: object, says: RegExp])[] = [
  ["no issuer", { jwksUri, audience }, /`issuer` is required: .*`false` to accept any/],
  ["no audience", { jwksUri, issuer }, /`audience` is required: .*`false` to accept any/],
  ["no keys", { issuer, audience }, /give one of `jwksUri`, `jwks` and `secret`/],
  [
    "a secret whose environment variable is not set",
    { secret: undefined, algorithms: ["HS256"], issuer, audience },
    /^jwt: `secret` is undefined: an environment variable is probably not set\.$/,
  ],
  [
    "an empty secret",
    { secret: "", algorithms: ["HS256"], issuer, audience },
    /^jwt: `secret` is empty: an environment variable is probably not set\.$/,
  ],
  [
    "a key set whose environment variable is not set",
    { jwksUri: undefined, issuer, audience },
    /^jwt: `jwksUri` is undefined: an environment variable/,
  ],
  [
    "an empty URL of the key set",
    { jwksUri: "", issuer, audience },
    /^jwt: `jwksUri` is empty: an environment variable/,
  ],
  [
    "an issuer whose environment variable is not set",
    { jwksUri, issuer: undefined, audience },
    /^jwt: `issuer` is undefined: an environment variable/,
  ],
  [
    "an audience whose environment variable is not set",
    { jwksUri, issuer, audience: undefined },
    /^jwt: `audience` is undefined: an environment variable/,
  ],
  [
    "one of several audiences whose environment variable is not set",
    { jwksUri, issuer, audience: ["app", undefined] },
    /^jwt: `audience\[1\]` is undefined: an environment variable/,
  ],
  [
    "two sources of keys",
    { jwksUri, secret: "s".repeat(32), issuer, audience },
    /give one of `jwksUri`, `jwks` and `secret`/,
  ],
  [
    "keys by plain http",
    { jwksUri: "http://id.example.com/jwks", issuer, audience },
    /must begin with https:/,
  ],
  [
    "keys on this computer",
    { jwksUri: "http://localhost:8080/jwks", issuer, audience },
    /plain http\. For a provider on this computer, set `allowLoopbackHttp: true`/,
  ],
  [
    "a shared secret's algorithm beside public keys",
    { jwksUri, issuer, audience, algorithms: ["HS256"] },
    /HS256, HS384 and HS512 need `secret`/,
  ],
  [
    "a secret that is too short",
    { secret: "short", algorithms: ["HS256"], issuer, audience },
    /`secret` must have at least 32 bytes for HS256/,
  ],
  [
    "a public key as the secret",
    {
      secret: `-----BEGIN PUBLIC KEY-----${"A".repeat(40)}`,
      algorithms: ["HS256"],
      issuer,
      audience,
    },
    /Put public keys into `jwks`/,
  ],
];

const unset = undefined as unknown as string;

describe("a provider's settings name", () => {
  it.each<[mistake: string, make: () => unknown, says: RegExp]>([
    ["a project", () => supabase({ project: unset }), /^supabase: `project` is undefined: an env/],
    ["a URL", () => supabase({ url: unset }), /^supabase: `url` is undefined: an environment/],
    [
      "a domain",
      () => auth0({ domain: "", audience }),
      /^auth0: `domain` is empty: an environment/,
    ],
    [
      "an audience",
      () => jwt(auth0({ domain: "a.auth0.com", audience: unset })),
      /^jwt: `audience` is undefined: an environment variable/,
    ],
    [
      "a secret",
      () => jwt(supabaseSecret({ project: "abc", secret: unset })),
      /^jwt: `secret` is undefined: an environment variable/,
    ],
    [
      "a client",
      () => cognito({ userPoolId: "eu-west-1_A", clientIds: [unset] }),
      /^cognito: `clientIds` has an empty entry: an environment variable/,
    ],
  ])("%s whose environment variable is not set", (_mistake, make, says) => {
    expect(make).toThrow(says);
    expect(make).toThrow(TypeError);
  });

  it("an option for fetching keys, where there is only a secret", () => {
    const options = { project: "abcdefghijklmnopqrst", secret: "x".repeat(32), jwksCache: {} };
    expect(() => supabaseSecret(options as never)).toThrow(
      /supabaseSecret: jwksCache is not known/,
    );
  });

  it("a misspelled provider of sessionClaim, and of otel a misspelled option", () => {
    expect(() => sessionClaim("supabse" as never)).toThrow(
      'there is no provider "supabse". Did you mean "supabase"?',
    );
    expect(() => otel({ queueage: () => 1 } as never)).toThrow(
      'otel: queueage is not known. Did you mean "queueAge"?',
    );
  });
});

describe("jwt names", () => {
  it.each([
    ["no options", undefined],
    ["a request, because it was not called", new Request("http://127.0.0.1/")],
  ])("%s", (_mistake, given) => {
    expect(() => jwt(given as never)).toThrow(/^jwt: give it its options, once, where it is/);
    expect(() => jwt(given as never)).toThrow(TypeError);
  });

  it.each(tokens)("%s", (_mistake, options, says) => {
    expect(() => jwt(options as never)).toThrow(says);
  });
});
