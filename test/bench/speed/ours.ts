/** This library on `node:http`, configured in several ways. */
import { Kysely, PGliteDialect } from "kysely";
import { powersyncWrites } from "../../../adapters/node.js";
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

export type Configuration = keyof typeof configurations;
export const configurationNames = Object.keys(configurations) as readonly Configuration[];

export function serveOurs(
  { url, pglite }: BenchDatabase,
  configuration: Configuration,
): Promise<Listening> {
  const db =
    pglite === undefined
      ? openDatabase(url).db
      : new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) });
  const writes = createWrites({
    ...configurations[configuration],
    database: db,
    logger: { error: console.error, warn: () => {}, info: () => {}, debug: () => {} },
  } as Parameters<typeof createWrites<{ userId: string }, Database>>[0]);
  return listening(powersyncWrites(writes));
}
