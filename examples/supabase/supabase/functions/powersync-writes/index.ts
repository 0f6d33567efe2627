/** The write endpoint: POST https://<project>.supabase.co/functions/v1/powersync-writes. The policies of the database decide who may write what. */
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

/** The project's API. On your computer it is not where the function finds it, so `supabase/functions/.env` names it. */
const url = Deno.env.get("API_URL") ?? Deno.env.get("SUPABASE_URL") ?? "";
/** Only for a project that still signs its tokens with a secret. */
const secret = Deno.env.get("JWT_SECRET");

// The login role's, which owns nothing and which no policy lets through: not SUPABASE_DB_URL, which is the owner's.
const connectionString = Deno.env.get("POWERSYNC_WRITER_URL");
const pool = guardPool(new pg.Pool({ connectionString, max: 4, query_timeout: 30_000 }));

const handle = powersyncWrites({
  authenticate: jwt(secret === undefined ? supabase({ url }) : supabaseSecret({ url, secret })),
  database: new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }),
  // Which columns there are is read from the database; who may write a row, the policies say.
  tables: defineTables<Database>()({ lists: {}, todos: {} }),
  rls: rls({ role: "authenticated" }),
  ownTables: { schema: "powersync" },
  // Supabase has chosen the requests that come here.
  path: false,
});

Deno.serve(handle);
