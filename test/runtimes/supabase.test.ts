/**
 * The Supabase project in `examples/supabase`, as it stands there: its migrations on a Postgres that is set up as Supabase's is, and its function on Deno, with the
 * package as `npm pack` makes it. Needs `npm run build` before it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { SignJWT } from "jose";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tablesSql } from "../../src/index.js";
import {
  createOwnPostgres,
  type OwnPostgres,
  ownPostgresAvailable,
} from "../support/own-postgres.js";
import { until } from "../support/uploads.js";

const run = promisify(execFile);
const project = resolve("examples/supabase/supabase");
const deno = resolve("node_modules/deno/deno");
const isBuilt = existsSync("dist/index.js");

const alice = "aaaaaaaa-0000-4000-8000-000000000001";
const bob = "bbbbbbbb-0000-4000-8000-000000000002";
const secret = "a secret of this test alone, 32 bytes or more";
const apiUrl = "http://127.0.0.1:54321";

/** What every Supabase project has before its first migration. The owner of its tables is no superuser. */
const supabase = `
  create role anon nologin noinherit;
  create role authenticated nologin noinherit;
  create role service_role nologin noinherit bypassrls;
  create role authenticator login noinherit;
  grant anon, authenticated, service_role to authenticator;
  create role project_owner login createrole bypassrls password 'owner';
  grant anon, authenticated, service_role to project_owner with admin option;
  grant create on database postgres to project_owner;
  grant create, usage on schema public to project_owner;
  grant usage on schema public to anon, authenticated, service_role;
  alter default privileges for role project_owner in schema public grant all on tables to anon, authenticated, service_role;
  create schema auth;
  grant usage on schema auth to project_owner, anon, authenticated, service_role;
  create function auth.jwt() returns jsonb language sql stable as
    $$ select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb $$;
  create function auth.uid() returns uuid language sql stable as
    $$ select nullif(auth.jwt() ->> 'sub', '')::uuid $$;
`;

it("has the library's own tables as this version makes them", async () => {
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ max: 1 }) }),
  });
  const [, migration = ""] = await migrations();
  expect(migration).toContain(tablesSql(db, { schema: "powersync" }));
  await db.destroy();
});

it("imports this version of the package", async () => {
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  const config = await readFile(join(project, "functions/powersync-writes/deno.json"), "utf8");
  const { imports } = JSON.parse(config) as { imports: Readonly<Record<string, string>> };
  expect(imports["powersync-writes"]).toBe(`npm:powersync-writes@^${version}`);
  expect(imports["powersync-writes/"]).toBe(`npm:/powersync-writes@^${version}/`);
});

async function migrations(): Promise<readonly string[]> {
  const names = (await readdir(join(project, "migrations"))).toSorted();
  return Promise.all(names.map((name) => readFile(join(project, "migrations", name), "utf8")));
}

describe.skipIf(!isBuilt || !(await ownPostgresAvailable()))("the function", () => {
  let folder: string;
  let postgres: OwnPostgres;
  let served: ChildProcess;
  let url: string;
  let said = "";

  beforeAll(async () => {
    postgres = await createOwnPostgres();
    await postgres.query(supabase);
    const owner = new pg.Client({ connectionString: as("project_owner", "owner") });
    await owner.connect();
    for (const migration of await migrations()) await owner.query(migration);
    await owner.query("alter role powersync_writer password 'writer'");
    await owner.end();

    folder = await mkdtemp(join(tmpdir(), "powersync-writes-supabase-"));
    await cp(project, join(folder, "supabase"), { recursive: true });
    await installPacked(folder);
    const port = await freePort();
    url = `http://127.0.0.1:${port}/powersync-writes`;
    served = spawn(deno, ["run", "--allow-all", ...offline, "index.ts"], {
      cwd: functionFolder(),
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
        SUPABASE_URL: apiUrl,
        JWT_SECRET: secret,
        POWERSYNC_WRITER_URL: as("powersync_writer", "writer"),
      },
    });
    served.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
    await until(async () => {
      if (served.exitCode !== null) throw new Error(`The function ended.\n${said}`);
      return (await fetch(`${url}/limits`).catch(() => undefined))?.ok === true;
    });
  }, 240_000);

  afterAll(async () => {
    if (served !== undefined && served.exitCode === null) {
      const ended = once(served, "exit");
      served.kill("SIGKILL");
      await ended;
    }
    await postgres?.remove();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** What is beside the function comes from `node_modules` alone. */
  const offline = ["--node-modules-dir=manual", "--no-lock", "--cached-only"];
  const functionFolder = () => join(folder, "supabase/functions/powersync-writes");

  function as(role: string, password: string): string {
    const to = new URL(postgres.url("postgres"));
    to.username = role;
    to.password = password;
    return to.href;
  }

  async function upload(
    caller: string,
    transaction_id: number,
    ...entries: readonly object[]
  ): Promise<unknown> {
    const token = await new SignJWT({ role: "authenticated" })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(caller)
      .setIssuer(`${apiUrl}/auth/v1`)
      .setAudience("authenticated")
      .setExpirationTime("5m")
      .sign(new TextEncoder().encode(secret));
    const crud = entries.map((entry, index) => ({
      ...entry,
      op_id: transaction_id * 100 + index,
      transaction_id,
    }));
    const body = JSON.stringify({
      client_id: `device of ${caller}`,
      transactions: [{ transaction_id, crud }],
    });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body });
    expect(answer.status).toBe(200);
    const { results } = (await answer.json()) as { readonly results: readonly unknown[] };
    return results[0];
  }

  const put = (table: string, id: string, op_data: object) => ({ op: "PUT", table, id, op_data });
  const applied = { status: "success" };
  const refused = (error_code: string) => ({
    status: "fatal_error",
    requires_client_handling: false,
    failed_operation: { error_code },
  });
  const lists = () => postgres.query("select name, owner_id from lists order by name");
  const letters = () =>
    postgres.query(
      "select user_id, error_code from powersync.powersync_dead_letters order by created_at",
    );

  it(
    "is what Deno's compiler takes, by the package's own types",
    { timeout: 240_000 },
    async () => {
      await run(deno, ["check", "--node-modules-dir=manual", "--no-lock", "index.ts"], {
        cwd: functionFolder(),
      });
    },
  );

  it("writes as the caller, and only what the policies allow", { timeout: 60_000 }, async () => {
    const [own, todo] = [crypto.randomUUID(), crypto.randomUUID()];
    const first = [
      put("lists", own, { name: "Groceries" }),
      put("todos", todo, { list_id: own, description: "Bread", completed: 0 }),
    ];
    expect(await upload(alice, 1, ...first)).toEqual(applied);
    expect(await lists()).toEqual([{ name: "Groceries", owner_id: alice }]);

    // A row of another's list, a row for another, and another's row.
    const inTheirs = put("todos", crypto.randomUUID(), { list_id: own, description: "Mine" });
    expect(await upload(bob, 1, inTheirs)).toMatchObject(refused("UNAUTHORIZED"));
    const forThem = put("lists", crypto.randomUUID(), { name: "A gift", owner_id: alice });
    expect(await upload(bob, 2, forThem)).toMatchObject(refused("UNAUTHORIZED"));
    const theirs = put("lists", own, { name: "Taken" });
    expect(await upload(bob, 3, theirs)).toMatchObject(refused("UNAUTHORIZED"));
    expect(await lists()).toEqual([{ name: "Groceries", owner_id: alice }]);

    // What breaks a rule of the table undoes all of its transaction, and is kept.
    const bad = [
      put("lists", crypto.randomUUID(), { name: "Errands" }),
      put("lists", crypto.randomUUID(), { name: "" }),
    ];
    expect(await upload(alice, 2, ...bad)).toMatchObject(refused("CHECK_VIOLATION"));
    expect(await letters()).toEqual([
      ...[1, 2, 3].map(() => ({ user_id: bob, error_code: "UNAUTHORIZED" })),
      { user_id: alice, error_code: "CHECK_VIOLATION" },
    ]);

    // What comes again is answered as before, and writes nothing.
    expect(await upload(alice, 3, { op: "DELETE", table: "todos", id: todo })).toEqual(applied);
    expect(await upload(alice, 1, ...first)).toEqual(applied);
    expect(await upload(alice, 2, ...bad)).toMatchObject(refused("CHECK_VIOLATION"));
    expect(await postgres.query("select id from todos")).toEqual([]);
    expect(await letters()).toHaveLength(4);
  });

  it("knows nobody without a token", async () => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body: '{"transactions":[]}' });
    expect(answer.status).toBe(401);
  });
});

/** The package as it is published, beside what it needs. */
async function installPacked(folder: string): Promise<void> {
  const modules = join(folder, "node_modules");
  await mkdir(modules);
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder]);
  await run("tar", ["-xzf", join(folder, stdout.trim()), "-C", modules]);
  await rename(join(modules, "package"), join(modules, "powersync-writes"));
  for (const name of ["kysely", "pg", "jose", "@types/pg"]) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(resolve("node_modules", name), join(modules, name));
  }
  const dependencies = { kysely: "*", pg: "*", "powersync-writes": "*" };
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
