/** `init`: what it writes compiles as `tsc --init` has it, runs, and opens no table by itself. */
import { execFile, spawn } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Decision, decide, isSensitive } from "../../src/cli/init/decide.js";
import type { Source } from "../../src/cli/init/source.js";
import { frameworks } from "../../src/cli/init/server-file.js";
import { long } from "../support/long.js";
import { createMysqlDatabase, mysqlPool } from "../support/mysql.js";
import { createPostgresDatabase } from "../support/databases.js";
import { createProject, type Project } from "../support/project.js";
import { mariadbServer, postgresAvailable } from "../support/servers.js";

const run = promisify(execFile);

/** In the words of each database: `uuid`, `serial`, `timestamp`, `json`. */
const statements = (uuid: string, serial: string, text: string) => [
  `create table users (id ${uuid} primary key, name ${text})`,
  `create table lists (id ${uuid} primary key, owner_id ${text} not null, name ${text} not null, is_admin integer, "order" integer)`,
  `create table todos (id ${uuid} primary key, list_id ${uuid} not null references lists (id), description ${text})`,
  `create table notes (id ${uuid} primary key, user_id ${text}, list_id ${uuid} references lists (id), body ${text})`,
  `create table list_members (list_id ${uuid} references lists (id), user_id ${text}, primary key (list_id, user_id))`,
  `create table attachments (number ${serial}, uuid ${uuid} not null unique, todo_id ${uuid} not null references todos (id))`,
  `create table marks (id ${uuid} primary key, owner_id ${text}, attachment ${serial.startsWith("integer") ? "integer" : "int"} references attachments (number))`,
  `create table tags (id ${uuid} primary key, name ${text})`,
  `create table schema_migrations (version ${text})`,
];

const quoted = (statement: string) => statement.replaceAll('"', "`");

interface Target {
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  drop(): Promise<void>;
}

const targets: Readonly<Record<string, (folder: string) => Promise<Target>>> = {
  sqlite: async (folder) => {
    const file = new Database(join(folder, "app.db"));
    for (const statement of statements("uuid", "integer primary key autoincrement", "text")) {
      file.exec(statement);
    }
    file.close();
    return { url: "sqlite:app.db", env: {}, drop: async () => undefined };
  },
  ...((await postgresAvailable()) && {
    postgres: async () => {
      const { url, drop } = await createPostgresDatabase();
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      for (const statement of statements("uuid", "serial primary key", "text")) {
        await client.query(statement);
      }
      await client.end();
      return { url, env: { DATABASE_URL: url }, drop };
    },
  }),
  ...((await mariadbServer.available()) && {
    mysql: async () => {
      const { url, drop } = await createMysqlDatabase(mariadbServer);
      const pool = mysqlPool(url).promise();
      for (const statement of statements(
        "char(36)",
        "int auto_increment primary key",
        "varchar(100)",
      )) {
        await pool.query(quoted(statement));
      }
      await pool.end();
      return { url, env: { DATABASE_URL: url }, drop };
    },
  }),
};

const chosen = Object.entries(targets).filter(([kind]) => long || kind === "sqlite");

describe.each(chosen)("from %s", (kind, open) => {
  let project: Project;
  let target: Target;
  let config: string;
  beforeAll(async () => {
    project = await createProject();
    target = await open(project.folder);
  });
  afterAll(async () => {
    await target.drop();
    await project.remove();
  });

  it("prints and writes nothing in a dry run", async () => {
    const dry = await project.run(["init", "--database", target.url, "--dry-run"]);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain("--- powersync-writes.config.ts");
    await expect(project.read("powersync-writes.config.ts")).rejects.toThrow("ENOENT");
    const check = await project.run(["tables", "--database", target.url, "--print"]);
    expect(check.stdout).toContain("powersync_ledger");
  });

  it("writes rules that open nothing, says each guess, and refuses to overwrite", async () => {
    const { code, stdout, stderr } = await project.run(["init", "--database", target.url]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining("created  the library's own tables"),
    ]);
    config = await project.read("powersync-writes.config.ts");
    // As the compiler sees it: without comments.
    const rules = config
      .slice(config.indexOf("defineTables<Database>()("))
      .replace(/^ *\/\/.*\n/gm, "");
    expect(rules).toContain(
      'lists: {\n      owner: "owner_id",\n      columns: ["owner_id", "name", "order"],',
    );
    expect(rules).toContain('todos: {\n      belongsTo: { list_id: "lists" },');
    expect(rules).toContain(
      'notes: {\n      owner: "user_id",\n      belongsTo: { list_id: { table: "lists", optional: true } },',
    );
    expect(rules).toContain(
      'attachments: {\n      belongsTo: { todo_id: "todos" },\n      id: "uuid",',
    );
    expect(rules).toContain(
      'attachment: { references: { table: "attachments", match: "uuid", take: "number" } },',
    );
    expect(rules).not.toMatch(/users:|list_members:|tags:|schema_migrations|access:|powersync_/);
    for (const name of ["users", "list_members", "tags"]) {
      expect(config).toContain(`// DECIDE who may write "${name}"`);
      expect(stderr).toContain(`decide   ${name}:`);
    }
    expect(stderr).toContain("guessed  lists:");
    expect(stderr).toContain("3 tables without a rule");
    expect(config).toContain('Left out: "is_admin"');
    expect(config).not.toContain(new URL(target.url).password || "no password");
    const again = await project.run(["init", "--database", target.url]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("--force") });
    const forced = await project.run(["init", "--database", target.url, "--force", "--no-create"]);
    expect(forced).toMatchObject({ code: 0, stderr: expect.stringContaining(".env.example") });
  });

  it("writes what compiles as `tsc --init` has it, and fits the database", async () => {
    // The server of one framework; on SQLite, that of every one.
    await compile(project, kind === "sqlite" ? frameworks : frameworks.slice(0, 1));
    const checked = await project.run(["check", "--json"], { env: { ...target.env, ...provider } });
    expect([checked.code, checked.stderr]).toEqual([0, ""]);
    const { findings } = JSON.parse(checked.stdout) as { findings: { severity: string }[] };
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
    const unset = await project.run(["check"], { env: kind === "sqlite" ? provider : target.env });
    if (kind !== "sqlite") expect(unset.stderr).toContain("Set the environment variable JWKS_URL");
  });
});

const provider = {
  JWKS_URL: "http://127.0.0.1:1/jwks.json",
  JWT_ISSUER: "https://id.example.com",
  JWT_AUDIENCE: "my-api",
};

/** With the files of these frameworks, each as `server-NAME.ts`. */
async function compile(project: Project, names: readonly string[]): Promise<void> {
  for (const name of names.slice(1)) {
    await project.run([
      "init",
      "--database",
      "sqlite:app.db",
      "--framework",
      name,
      "--force",
      "--no-create",
    ]);
    await copyFile(join(project.folder, "server.ts"), join(project.folder, `server-${name}.ts`));
  }
  const tsc = resolve("node_modules/typescript/bin/tsc");
  await run(process.execPath, [tsc, "--init"], { cwd: project.folder });
  const script = resolve("test/support/compile-blocks.ts");
  const { stdout } = await run(process.execPath, ["--import", "tsx", script, project.folder]);
  expect(stdout).toBe("");
}

describe("the server", () => {
  let project: Project;
  let jwks: ReturnType<typeof createServer>;
  let token: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    project = await createProject();
    await targets["sqlite"]?.(project.folder);
    await project.run(["init", "--database", "sqlite:app.db"]);
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const keys = JSON.stringify({
      keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "ES256" }],
    });
    jwks = createServer((_request, response) => response.end(keys)).listen(0, "127.0.0.1");
    await new Promise((done) => jwks.once("listening", done));
    const { port } = jwks.address() as AddressInfo;
    env = { ...provider, JWKS_URL: `http://127.0.0.1:${port}/jwks.json` };
    token = await new SignJWT({ sub: "alice" })
      .setProtectedHeader({ alg: "ES256", kid: "k" })
      .setIssuer(provider.JWT_ISSUER)
      .setAudience(provider.JWT_AUDIENCE)
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);
  });
  afterAll(async () => {
    jwks.close();
    await project.remove();
  });

  // Bun has no better-sqlite3; the fetch handlers are tried on their runtimes in test/runtimes.
  it.each(["express", "koa", "nest", "node"])(
    "of %s takes uploads, and doctor finds it well",
    async (name) => {
      await project.run([
        "init",
        "--database",
        "sqlite:app.db",
        "--framework",
        name,
        "--force",
        "--no-create",
      ]);
      const { PATH = "" } = process.env;
      const port = await freePort();
      const server = spawn(process.execPath, ["--import", "tsx", "server.ts"], {
        cwd: project.folder,
        env: { ...env, PATH, PORT: String(port) },
        stdio: ["ignore", "inherit", "inherit"],
      });
      try {
        const base = `http://127.0.0.1:${port}`;
        await answering(`${base}/readyz`);
        const id = crypto.randomUUID();
        const body = { crud: [{ op: "PUT", table: "lists", id, op_data: { name: "Groceries" } }] };
        const response = await fetch(`${base}/api/data`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify(body),
        });
        expect([response.status, await response.json()]).toEqual([200, { status: "success" }]);
        const doctor = await project.run(
          ["doctor", "--url", `${base}/api/data`, "--jwks", env["JWKS_URL"] ?? "", "--json"],
          { env: { POWERSYNC_WRITES_TOKEN: token } },
        );
        expect(JSON.parse(doctor.stdout)).toMatchObject({ errors: 0, warnings: 0 });
      } finally {
        server.kill("SIGTERM");
        await new Promise((done) => server.once("exit", done));
      }
    },
  );
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${url} does not answer.`);
}

describe("from a client's schema alone", () => {
  it.each([
    ["mysql", "MysqlDialect"],
    ["mssql", "MssqlDialect"],
  ])("guesses by names, for %s as it is named", async (name, dialect) => {
    const project = await createProject();
    try {
      const tables = [
        {
          name: "lists",
          columns: [
            { name: "owner_id", type: "TEXT" },
            { name: "name", type: "TEXT" },
          ],
        },
        { name: "todos", columns: [{ name: "list_id", type: "TEXT" }] },
        { name: "drafts", localOnly: true, columns: [{ name: "user_id", type: "TEXT" }] },
        { name: "tags", columns: [{ name: "name", type: "TEXT" }] },
      ];
      await project.write("schema.json", JSON.stringify({ tables }));
      const { code } = await project.run(["init", "--schema", "schema.json", "--dialect", name]);
      expect(code).toBe(0);
      const config = await project.read("powersync-writes.config.ts");
      expect(config).toContain(dialect);
      expect(config).toContain('belongsTo: { list_id: "lists" },');
      expect(config).toContain('DECIDE who may write "tags"');
      expect(config).not.toContain("drafts");
      if (long) await compile(project, []);
    } finally {
      await project.remove();
    }
  });
});

describe("who may write", () => {
  const table = (name: string, columns: readonly string[], more: Partial<Source> = {}): Source => ({
    name,
    columns: columns.map((column) => ({
      name: column,
      type: "text",
      array: false,
      nullable: column.endsWith("?"),
      hasDefault: false,
      generated: false,
    })),
    unique: [["id"]],
    foreignKeys: [],
    ...more,
  });
  const of = (...sources: Source[]): Decision | undefined =>
    decide(sources).get(sources[0]?.name ?? "");

  it.each([
    [
      "memberships, by the key",
      table("entries", ["team", "user_id"], { unique: [["team", "user_id"]] }),
    ],
    ["a role beside the user", table("staff", ["id", "user_id", "role"])],
    ["roles", table("user_roles", ["id", "user_id"])],
    ["invitations", table("invitations", ["id", "created_by"])],
    ["tokens", table("api_keys", ["id", "user_id"])],
    ["no key", table("events", ["user_id"], { unique: [] })],
    ["no owner", table("tags", ["id", "name"])],
    ["an owner that is a list", table("tags", ["id"])],
  ])("is not guessed for %s", (_name, source) => {
    expect(of(source)?.status).toBe("undecided");
  });

  it("is not guessed where every parent may be missing", () => {
    const owned = [table("lists", ["id", "owner_id"]), table("boards", ["id", "owner_id"])];
    const both = table("cards", ["id", "list", "board"], {
      foreignKeys: ["list", "board"].map((column) => ({
        columns: [column],
        table: `${column}s`,
        by: ["id"],
      })),
    });
    const optional = {
      ...both,
      columns: both.columns.map((each) => ({ ...each, nullable: true })),
    };
    expect(of(optional, ...owned)?.status).toBe("undecided");
    expect(of(both, ...owned)).toMatchObject({
      status: "decided",
      parents: [{ column: "list" }, { column: "board" }],
    });
  });

  it("names columns that no client should set", () => {
    const sensitive = [
      "is_admin",
      "role",
      "password_hash",
      "api_key",
      "credit_balance",
      "plan",
      "verified",
    ];
    expect(sensitive.filter((name) => !isSensitive(name))).toEqual([]);
    const plain = [
      "name",
      "description",
      "completed",
      "planned_at",
      "enrolled",
      "hashtag",
      "payload",
    ];
    expect(plain.filter((name) => isSensitive(name))).toEqual([]);
  });
});
