/** On Bun. Prints the port that it listens on. */
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../../adapters/pg.js";
import type { TestSchema } from "../../support/schema.js";
import { handlerOf } from "../handler.js";

declare const Bun: {
  serve(options: {
    port: number;
    hostname: string;
    fetch: (request: Request) => Promise<Response>;
  }): { port: number };
};

const pool = guardPool(new pg.Pool({ connectionString: process.env["DATABASE_URL"] }));
const db = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
const { port } = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handlerOf(db) });
console.log(`PORT ${port}`);
