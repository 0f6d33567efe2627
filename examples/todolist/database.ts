/** The source database that `DATABASE_URL` names. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../adapters/pg.js";
import type { Database } from "./schema.js";

export interface OpenDatabase {
  readonly db: Kysely<Database>;
  /** For the log; never the URL, which may hold a password. */
  readonly name: string;
}

/**
 * Nothing: PGlite in memory. `file:DIR`: PGlite in that folder. `postgres://…`: a server.
 *
 * @throws for anything else, with a message to show
 */
export function openDatabase(url: string | undefined): OpenDatabase {
  if (url === undefined || url === "") {
    return { db: pglite("memory://"), name: "PGlite, in memory" };
  }
  if (url.startsWith("file:")) {
    const folder = url.startsWith("file:///") ? fileURLToPath(url) : url.slice("file:".length);
    if (folder === "")
      throw new Error("DATABASE_URL=file: needs a folder, as in file:./.demo-data");
    mkdirSync(folder, { recursive: true });
    return { db: pglite(folder), name: `PGlite, in ${folder}` };
  }
  if (/^postgres(ql)?:\/\//.test(url)) {
    const pool = new pg.Pool({
      connectionString: url,
      connectionTimeoutMillis: 5_000,
      // A network may drop a connection without a word: nobody waits for its answer longer than this.
      query_timeout: 30_000,
      keepAlive: true,
    });
    guardPool(pool);
    const dialect = new PostgresDialect({ pool });
    return { db: new Kysely<Database>({ dialect }), name: "Postgres" };
  }
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? "no scheme";
  throw new Error(
    `DATABASE_URL: this demo can't use ${scheme}. Leave it unset for PGlite in memory, or use file:DIR or postgres://….`,
  );
}

function pglite(folder: string): Kysely<Database> {
  return new Kysely<Database>({
    dialect: new PGliteDialect({ pglite: () => PGlite.create(folder) }),
  });
}
