/** On workerd, which lets no request use a connection that another has opened. */
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../../adapters/pg.js";
import type { TestSchema } from "../../support/schema.js";
import { handlerOf } from "../handler.js";

export default {
  async fetch(
    request: Request,
    { DATABASE_URL }: { DATABASE_URL: string },
    execution: { waitUntil(work: Promise<unknown>): void },
  ): Promise<Response> {
    const pool = guardPool(new pg.Pool({ connectionString: DATABASE_URL }));
    const db = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
    try {
      return await handlerOf(db)(request);
    } finally {
      execution.waitUntil(db.destroy());
    }
  },
};
