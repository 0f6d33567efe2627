/**
 * A database as a Supabase project has it: the roles `anon`, `authenticated` and `service_role`, `auth.uid()` and its like, policies that use them,
 * and a login role that may become the first two and owns nothing.
 */
import { Kysely, type Logger, PGliteDialect, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { guardPool } from "../../adapters/pg.js";
import { createTables } from "../../src/index.js";
import type { OwnTables } from "../../src/sql/own-tables/tables.js";
import { isChosen } from "./chosen.js";
import { createPostgresDatabase } from "./databases.js";
import { long } from "./long.js";
import { startPglite } from "./pglite.js";
import { postgresAvailable } from "./servers.js";

export interface SupabaseSchema extends OwnTables {
  lists: { id: string; name: string | null; owner_id: string };
  todos: { id: string; list_id: string; description: string; completed: boolean | null };
}

/** Roles are the whole server's, so each database has names of its own for them. */
export interface Roles {
  readonly anon: string;
  readonly authenticated: string;
  readonly service: string;
  readonly login: string;
}

export interface Supabase {
  readonly roles: Roles;
  /** The superuser, whom no policy binds. */
  readonly admin: Kysely<SupabaseSchema>;
  /** A pool of the login role's; of the superuser's in PGlite, which has no other. Ended with the rest. */
  connect(options?: {
    readonly connections?: number;
    readonly user?: string;
    /** Sees every statement. */
    readonly log?: Logger;
  }): Kysely<SupabaseSchema>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface SupabaseOn {
  readonly name: string;
  available(): Promise<boolean>;
  open(): Promise<Supabase>;
}

export const supabaseOnPostgres: SupabaseOn = {
  name: "Postgres",
  available: postgresAvailable,
  open: async () => {
    const { url, drop } = await createPostgresDatabase();
    const suffix = crypto.randomUUID().slice(0, 8);
    const roles: Roles = {
      anon: `anon_${suffix}`,
      authenticated: `authenticated_${suffix}`,
      service: `service_role_${suffix}`,
      // With what needs quoting.
      login: `Login "${suffix}"`,
    };
    const opened: Kysely<SupabaseSchema>[] = [];
    const connectTo = (to: string, connections: number, log?: Logger) => {
      const pool = guardPool(new pg.Pool({ connectionString: to, max: connections }));
      const dialect = new PostgresDialect({ pool });
      const db = new Kysely<SupabaseSchema>({ dialect, ...(log && { log }) });
      opened.push(db);
      return db;
    };
    const admin = connectTo(url, 2);
    await create(admin, roles);
    return {
      roles,
      admin,
      connect: ({ connections = 1, user = roles.login, log } = {}) => {
        const as = new URL(url);
        as.username = encodeURIComponent(user);
        as.password = password;
        return connectTo(as.href, connections, log);
      },
      reset: () => reset(admin),
      close: async () => {
        for (const db of opened.slice(1)) await db.destroy();
        for (const role of Object.values(roles)) {
          await sql`drop owned by ${sql.id(role)} cascade`.execute(admin);
        }
        await admin.destroy();
        await drop();
        await dropRoles(roles);
      },
    };
  },
};

export const supabaseOnPglite: SupabaseOn = {
  name: "PGlite",
  available: async () => isChosen("pglite"),
  open: async () => {
    const admin = new Kysely<SupabaseSchema>({
      dialect: new PGliteDialect({ pglite: await startPglite() }),
    });
    const roles: Roles = {
      anon: "anon",
      authenticated: "authenticated",
      service: "service_role",
      login: "login",
    };
    await create(admin, roles);
    return {
      roles,
      admin,
      connect: () => admin,
      reset: () => reset(admin),
      close: () => admin.destroy(),
    };
  },
};

/** What most suites run on, as with `dialects`: PGlite in place of a missing server, and beside it in `npm run test:long`. */
export const supabases: readonly SupabaseOn[] = [
  ...(long || !(await postgresAvailable()) ? [supabaseOnPglite] : []),
  supabaseOnPostgres,
];

const password = "powersync-writes";

async function create(
  db: Kysely<SupabaseSchema>,
  { anon, authenticated, service, login }: Roles,
): Promise<void> {
  const id = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const api = [anon, authenticated, service].map(id).join(", ");
  const claims = `coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb`;
  const statements = [
    `create role ${id(anon)} nologin noinherit`,
    `create role ${id(authenticated)} nologin noinherit`,
    `create role ${id(service)} nologin noinherit bypassrls`,
    `create role ${id(login)} login noinherit password '${password}'`,
    `grant ${api} to ${id(login)}`,
    `create schema auth`,
    `create function auth.jwt() returns jsonb language sql stable as $$ select ${claims} $$`,
    `create function auth.uid() returns uuid language sql stable as $$ select nullif(auth.jwt() ->> 'sub', '')::uuid $$`,
    `create function auth.role() returns text language sql stable as $$ select auth.jwt() ->> 'role' $$`,
    `grant usage on schema auth to ${api}`,
    `create table lists (
      id uuid primary key, name text check (length(name) < 100), owner_id uuid not null default auth.uid()
    )`,
    `create table todos (
      id uuid primary key, list_id uuid not null references lists (id) on delete cascade deferrable initially deferred,
      description text not null, completed boolean default false
    )`,
    `grant all on lists, todos to ${api}`,
    `alter table lists enable row level security`,
    `alter table todos enable row level security`,
    `create policy "Owners see their lists" on lists for select to ${id(authenticated)} using ((select auth.uid()) = owner_id)`,
    `create policy "Owners make lists" on lists for insert to ${id(authenticated)} with check ((select auth.uid()) = owner_id)`,
    `create policy "Owners change their lists" on lists for update to ${id(authenticated)}
      using ((select auth.uid()) = owner_id) with check ((select auth.uid()) = owner_id)`,
    `create policy "Owners delete their lists" on lists for delete to ${id(authenticated)} using ((select auth.uid()) = owner_id)`,
    `create policy "Todos go with their list" on todos for all to ${id(authenticated)}
      using (exists (select from lists where lists.id = list_id and lists.owner_id = auth.uid()))
      with check (exists (select from lists where lists.id = list_id and lists.owner_id = auth.uid()))`,
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
  await createTables(db);
  await sql
    .raw(
      `grant select, insert, update, delete on powersync_ledger, powersync_devices, powersync_accounts, powersync_named, powersync_versions, powersync_dead_letters, powersync_letter_parts, powersync_letter_rows, powersync_attempts, powersync_checkpoints to ${id(login)}`,
    )
    .execute(db);
}

async function reset(db: Kysely<SupabaseSchema>): Promise<void> {
  await sql`truncate lists, todos, powersync_ledger, powersync_devices, powersync_accounts, powersync_named, powersync_versions, powersync_dead_letters, powersync_letter_parts, powersync_letter_rows, powersync_attempts`.execute(
    db,
  );
}

async function dropRoles(roles: Roles): Promise<void> {
  const { url, drop } = await createPostgresDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const role of Object.values(roles))
    await client.query(`drop role ${client.escapeIdentifier(role)}`);
  await client.end();
  await drop();
}
