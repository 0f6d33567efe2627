/** This library on `node:http`, configured in several ways. */
import { Kysely, MysqlDialect, PGliteDialect, PostgresDialect } from "kysely";
import mysql from "mysql2";
import pg from "pg";
import { guardPool as guardMysqlPool } from "../../../adapters/mysql2.js";
import { powersyncWrites } from "../../../adapters/node.js";
import { guardPool } from "../../../adapters/pg.js";
import { openDatabase } from "../../../examples/todolist/database.js";
import type { Database } from "../../../examples/todolist/schema.js";
import { createWrites, defineTables } from "../../../src/index.js";
import { jwt } from "../../../src/jwt/index.js";
import {
  audience,
  type BenchDatabase,
  issuer,
  type Listening,
  listening,
  secret,
} from "./serving.js";
import { owner } from "./workloads.js";

const everyone = { access: "everyone" } as const;
const anybody = () => ({ userId: owner });
const byToken = jwt({ secret, algorithms: ["HS256"], issuer, audience });

const configurations = {
  "no identity": {
    authenticate: anybody,
    tables: defineTables<Database>()({ lists: everyone, todos: everyone }),
    ledger: false,
  },
  ledger: {
    authenticate: anybody,
    tables: defineTables<Database>()({ lists: everyone, todos: everyone }),
  },
  "ledger, owner, JWT": {
    authenticate: byToken,
    tables: defineTables<Database>()({ lists: { owner: "owner_id" }, todos: everyone }),
  },
  "README's": {
    authenticate: byToken,
    tables: defineTables<Database>()({
      lists: { owner: "owner_id" },
      todos: { belongsTo: { list_id: "lists" } },
    }),
  },
} as const;

/** The same, with every statement awaited: on Postgres, MySQL and MariaDB. */
export const stepByStep = ", step by step";

/** The same, with the transactions of a request committed together. */
export const oneCommit = ", one commit";

type Plain = keyof typeof configurations;
export type Configuration = Plain | `${Plain}${typeof stepByStep | typeof oneCommit}`;
export const configurationNames = Object.keys(configurations) as readonly Plain[];

function withoutFlights(url: string): Kysely<Database> {
  if (url.startsWith("mysql")) {
    const mysqlPool = mysql.createPool({ uri: url, timezone: "Z" });
    const dialect = new MysqlDialect({ pool: guardMysqlPool(mysqlPool, { flights: false }) });
    return new Kysely({ dialect });
  }
  const pool = guardPool(new pg.Pool({ connectionString: url, max: 10 }), { flights: false });
  return new Kysely({ dialect: new PostgresDialect({ pool }) });
}

export function serveOurs(
  { url, pglite }: BenchDatabase,
  configuration: Configuration,
): Promise<Listening> {
  const plain = configuration.replace(stepByStep, "").replace(oneCommit, "") as Plain;
  const db =
    pglite !== undefined
      ? new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) })
      : configuration.endsWith(stepByStep)
        ? withoutFlights(url)
        : openDatabase(url).db;
  const writes = createWrites({
    ...configurations[plain],
    ...(configuration.endsWith(oneCommit) && { commit: "per-request" }),
    database: db,
    logger: { error: console.error, warn: () => {}, info: () => {}, debug: () => {} },
  } as Parameters<typeof createWrites<{ userId: string }, Database>>[0]);
  return listening(powersyncWrites(writes));
}
