/** The write endpoint: POST https://<project>.supabase.co/functions/v1/powersync-writes. The database's policies decide who may write what. */
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { defineTables, rls } from "powersync-writes";
import { powersyncWrites } from "powersync-writes/fetch";
import { jwt, supabase, supabaseSecret } from "powersync-writes/jwt";
import { guardPool } from "powersync-writes/pg";

interface Database {
  lists: { id: string; name: string; owner_id: string };
  todos: { id: string; list_id: string; description: string; completed: boolean };
}

/** The project's API. In local development, the API's address differs inside the function, so `supabase/functions/.env` sets it. */
const url = Deno.env.get("API_URL") ?? Deno.env.get("SUPABASE_URL") ?? "";
/** Needed only for a project that still signs its tokens with a secret. */
const secret = Deno.env.get("JWT_SECRET");

// Of the login role, which owns nothing and to which no policy grants anything. Don't use SUPABASE_DB_URL, which belongs to the owner.
const connectionString = Deno.env.get("POWERSYNC_WRITER_URL");
const pool = guardPool(new pg.Pool({ connectionString, max: 4, query_timeout: 30_000 }));

const handle = powersyncWrites({
  authenticate: jwt(secret === undefined ? supabase({ url }) : supabaseSecret({ url, secret })),
  database: new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }),
  // The columns are read from the database. The policies say who may write a row.
  tables: defineTables<Database>()({ lists: {}, todos: {} }),
  rls: rls({ role: "authenticated" }),
  ownTables: { schema: "powersync" },
  // Supabase decides which requests reach this function.
  path: false,
});

Deno.serve(handle);
