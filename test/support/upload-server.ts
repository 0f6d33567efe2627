/** A server in a process of its own: `node --import tsx upload-server.ts DATABASE_URL`. It tells its parent where it listens, and ends with it. */
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../adapters/pg.js";
import { createWrites } from "../../src/index.js";
import type { TestSchema } from "./schema.js";
import { adapters, listen } from "./uploads.js";
import { testConfig, type TestPrincipal } from "./writes.js";

const pool = guardPool(
  new pg.Pool({ connectionString: process.argv[2], connectionTimeoutMillis: 5000, max: 10 }),
);
const database = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
const writes = createWrites<TestPrincipal, TestSchema>(testConfig(database));
const serverOf = adapters["node:http"];
if (serverOf === undefined) throw new Error("There is no such adapter.");
const { url } = await listen(serverOf(writes));
process.on("disconnect", () => process.exit());
process.send?.(url);
