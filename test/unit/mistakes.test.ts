/** Common mistakes that are seen at the start: the exception names the mistake, and what to write instead, in one line. */
import Database from "better-sqlite3";
import { Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from "kysely";
import mysql from "mysql2";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { anonymous, createWrites } from "../../src/index.js";
import { jwt } from "../../src/jwt/index.js";

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
    /database must be a Kysely object.* wrap it, as in new Kysely/,
  ],
  [
    "two copies of Kysely",
    { database: otherCopy() },
    /SqliteAdapter is of another copy of Kysely.*"npm ls kysely"/,
  ],
  ["another database", { database: unknownDialect() }, /has a OracleAdapter\. Take one of/],
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

  it("takes what is none of these", () => {
    expect(() => createWrites(good() as never)).not.toThrow();
    const pool = new pg.Pool();
    const database = new Kysely<never>({ dialect: new PostgresDialect({ pool }) });
    expect(() => createWrites({ ...good(), database } as never)).not.toThrow();
  });
});

const tokens: readonly (readonly [mistake: string, options: object, says: RegExp])[] = [
  ["no issuer", { jwksUri, audience }, /`issuer` is required: .*`false` for any/],
  ["no audience", { jwksUri, issuer }, /`audience` is required: .*`false` for any/],
  ["no keys", { issuer, audience }, /give one of `jwksUri`, `jwks` and `secret`/],
  [
    "keys by plain http",
    { jwksUri: "http://id.example.com/jwks", issuer, audience },
    /must be https/,
  ],
  [
    "keys on this computer",
    { jwksUri: "http://localhost:8080/jwks", issuer, audience },
    /plain http; for a provider on this computer say `allowLoopbackHttp: true`/,
  ],
  [
    "a shared secret's algorithm beside public keys",
    { jwksUri, issuer, audience, algorithms: ["HS256"] },
    /HS256, HS384 and HS512 only with `secret`/,
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
    /public keys go into `jwks`/,
  ],
];

describe("jwt names", () => {
  it.each(tokens)("%s", (_mistake, options, says) => {
    expect(() => jwt(options as never)).toThrow(says);
  });
});
