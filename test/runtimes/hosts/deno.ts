/** On Deno. Prints the port that it listens on. */
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../../adapters/pg.js";
import type { TestSchema } from "../../support/schema.js";
import { handlerOf } from "../handler.js";

declare const Deno: {
  serve(
    options: { port: number; hostname: string; onListen(address: { port: number }): void },
    handler: (request: Request) => Promise<Response>,
  ): unknown;
};

const pool = guardPool(new pg.Pool({ connectionString: process.env["DATABASE_URL"] }));
const db = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
const onListen = ({ port }: { port: number }) => console.log(`PORT ${port}`);
Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, handlerOf(db));
