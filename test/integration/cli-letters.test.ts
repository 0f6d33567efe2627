/** Dead letters by the command, on real databases: found, shown, edited, retried, discarded and exported; and the tables that they are in. */
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import { Kysely, PostgresDialect, SqliteDialect } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type Writes } from "../../src/index.js";
import { long } from "../support/long.js";
import { createPostgresDatabase } from "../support/databases.js";
import { createProject, type Project } from "../support/project.js";
import { postgresAvailable } from "../support/servers.js";

interface Schema {
  lists: { id: string; name: string | null; owner_id: string | null };
  todos: { id: string; list_id: string | null; description: string | null };
}

const statements = (uuid: string) => [
  `create table lists (id ${uuid} primary key, name text check (name <> 'bad'), owner_id text)`,
  `create table todos (id ${uuid} primary key, list_id ${uuid} references lists (id), description text)`,
];

const rules = {
  lists: { owner: "owner_id", columns: ["name", "owner_id"] },
  todos: { belongsTo: { list_id: "lists" } },
} as const;

const configText = (imports: string, dialect: string) => `
import { Kysely, PostgresDialect, SqliteDialect } from "kysely";
import { anonymous, createWrites } from "powersync-writes";
${imports}
export const writes = createWrites({
  authenticate: anonymous(),
  database: new Kysely({ dialect: ${dialect} }),
  tables: ${JSON.stringify(rules)},
  logger: false,
});
`;

const sqlite = {
  name: "SQLite",
  open: async (project: Project) => {
    const file = new Database(join(project.folder, "app.db"));
    for (const statement of statements("uuid")) file.exec(statement);
    const text = configText(
      'import Database from "better-sqlite3";',
      'new SqliteDialect({ database: new Database("app.db") })',
    );
    await project.write("powersync-writes.config.ts", text);
    const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: file }) });
    return { db, url: "sqlite:app.db", drop: async () => undefined };
  },
};

const postgres = {
  name: "Postgres",
  open: async (project: Project) => {
    const { url, drop } = await createPostgresDatabase();
    const pool = new pg.Pool({ connectionString: url, max: 3 });
    for (const statement of statements("uuid")) await pool.query(statement);
    const text = configText(
      'import pg from "pg";',
      `new PostgresDialect({ pool: new pg.Pool({ connectionString: ${JSON.stringify(url)} }) })`,
    );
    await project.write("powersync-writes.config.ts", text);
    return { db: new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }), url, drop };
  },
};

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

describe.each([sqlite, ...(long && (await postgresAvailable()) ? [postgres] : [])])(
  "$name",
  ({ open }) => {
    let project: Project;
    let db: Kysely<Schema>;
    let url: string;
    let drop: () => Promise<void>;
    let writes: Writes<{ userId: string }>;

    beforeAll(async () => {
      project = await createProject();
      ({ db, url, drop } = await open(project));
      writes = createWrites({
        authenticate: () => ({ userId: "nobody" }),
        database: db,
        tables: rules,
        logger: false,
      });
    });
    afterAll(async () => {
      await db.destroy();
      await drop();
      await project.remove();
    });

    const run = (...args: string[]) => project.run(["letters", ...args]);
    let op = 0;
    const send = async (userId: string, clientId: string, ...crud: object[]) => {
      const numbered = crud.map((entry) => ({ op_id: (op += 1), ...entry }));
      return writes.processTransaction(
        { client_id: clientId, crud: numbered },
        { principal: { userId } },
      );
    };
    const badList = (n: number, user = "alice", client = "phone") =>
      send(user, client, { op: "PUT", table: "lists", id: uuid(n), op_data: { name: "bad" } });
    const open1 = async () => (await writes.deadLetters.list({ status: "open" })).letters;

    it("creates the library's tables, once and again, and check finds them missing before", async () => {
      const before = await project.run(["check", "--json"]);
      expect(before.code).toBe(1);
      expect(JSON.parse(before.stdout)).toMatchObject({
        findings: expect.arrayContaining([
          expect.objectContaining({ severity: "error", code: "own_tables_missing" }),
        ]),
      });
      const printed = await project.run(["tables", "--print"]);
      expect(printed.stdout).toMatch(/^create table if not exists "powersync_migrations"/);
      expect((await project.run(["check"])).code).toBe(1);
      for (const args of [[], ["--database", url]]) {
        const made = await project.run(["tables", ...args]);
        expect([made.code, made.stderr]).toEqual([0, ""]);
      }
      const after = await project.run(["check"]);
      expect([after.code, after.stdout]).toEqual([0, expect.stringContaining("The rules fit")]);
    });

    it("compares the rules with the client's schema", async () => {
      await writeFile(
        join(project.folder, "schema.mjs"),
        `import { column, Schema, Table } from "@powersync/common";
       export const AppSchema = new Schema({
         lists: new Table({ name: column.text, color: column.text }),
         notes: new Table({ text: column.text }),
       });`,
      );
      const lax = await project.run(["check", "--schema", "schema.mjs", "--json"]);
      expect(lax.code).toBe(0);
      const { findings } = JSON.parse(lax.stdout) as {
        findings: { code: string; table: string }[];
      };
      expect(findings.map(({ code, table }) => `${table} ${code}`).toSorted()).toEqual([
        "lists column_refused",
        "notes rule_missing",
        "todos rule_unused",
      ]);
      const strict = await project.run(["check", "--schema", "schema.mjs", "--strict"]);
      expect([strict.code, strict.stdout]).toEqual([1, expect.stringContaining("lists.color")]);
    });

    describe("letters", () => {
      beforeEach(async () => {
        for (const { id } of await open1()) {
          await writes.deadLetters.discard(id, "Before.", { dependants: "discard" });
        }
        await db.deleteFrom("todos").execute();
        await db.deleteFrom("lists").execute();
      });

      it("are listed, counted by cause and shown, and obey no terminal", async () => {
        await badList(1);
        await badList(2, "bob\u001b[31m", "tablet");
        await send("alice", "phone", {
          op: "PUT",
          table: "todos",
          id: uuid(3),
          op_data: { list_id: uuid(1), description: "Milk" },
        });
        const listed = await run("list");
        expect(listed).toMatchObject({ code: 0, stderr: "" });
        expect(listed.stdout).toContain("CHECK_VIOLATION");
        expect(listed.stdout).toContain("DEPENDS_ON_DEAD_LETTER");
        expect(listed.stdout).not.toContain("\u001b");
        const { letters } = JSON.parse((await run("list", "--user", "alice", "--json")).stdout);
        expect(letters).toHaveLength(2);
        const limited = await run("list", "--limit", "1", "--order", "oldest");
        expect(limited.stderr).toContain("There are more");
        const causes = JSON.parse((await run("list", "--by-cause", "--json")).stdout);
        expect(causes.causes).toMatchObject([
          { error_code: "CHECK_VIOLATION", tables: ["lists"], letters: 2 },
          { error_code: "DEPENDS_ON_DEAD_LETTER", tables: ["todos"], letters: 1 },
        ]);
        const id = letters[1].id as string;
        const shown = await run("show", id);
        expect(shown.stdout).toContain('"name": "bad"');
        expect(shown.stdout).toContain("Dependants: 1 wait");
        expect(shown.stdout).toMatch(
          /Rows now\n {2}PUT lists \S+: there is no such row now\n {4}name: yours "bad"/,
        );
        expect(JSON.parse((await run("show", id, "--json")).stdout)).toMatchObject({
          id,
          user_id: "alice",
          payload: { crud: [{ op: "PUT", table: "lists" }] },
        });
        expect(await run("show", uuid(9))).toMatchObject({ code: 1, stdout: "" });
      });

      it("are edited in an editor, and retried with what depends on them", async () => {
        await badList(1);
        await send("alice", "phone", {
          op: "PUT",
          table: "todos",
          id: uuid(2),
          op_data: { list_id: uuid(1), description: "Milk" },
        });
        const [, root] = await open1();
        const id = root?.id ?? "";
        const editor = (script: string) => ({ env: { EDITOR: `sed -i ${script}` } });
        const edit = (script: string) => project.run(["letters", "edit", id], editor(script));

        expect(await run("edit", id)).toMatchObject({
          code: 2,
          stderr: expect.stringContaining("$EDITOR"),
        });
        expect(await edit("'s/nothing/else/'")).toMatchObject({
          code: 0,
          stderr: expect.stringContaining("Nothing was changed"),
        });
        const broken = await edit("'s/\"bad\"/bad/'");
        expect([broken.code, broken.stderr]).toEqual([
          1,
          expect.stringMatching(/not JSON[^]*What you wrote is in /),
        ]);
        const wrong = await edit('\'s/"PUT"/"POST"/\'');
        expect([wrong.code, wrong.stderr]).toEqual([
          1,
          expect.stringContaining("The payload was not stored"),
        ]);
        expect(await run("retry", id)).toMatchObject({
          code: 1,
          stdout: expect.stringContaining("CHECK_VIOLATION"),
        });
        expect(await edit('\'s/"bad"/"Groceries"/\'')).toMatchObject({ code: 0, stderr: "" });
        const retried = await run("retry", id);
        expect(retried).toMatchObject({
          code: 0,
          stdout: expect.stringContaining("and 1 letter of its chain"),
        });
        expect(await db.selectFrom("todos").selectAll().execute()).toMatchObject([
          { description: "Milk" },
        ]);
        expect(await run("retry", id)).toMatchObject({
          code: 1,
          stdout: expect.stringContaining("not open"),
        });
        expect(await edit("p")).toMatchObject({ code: 1 });
      });

      it("that somebody else edits meanwhile are not overwritten", async () => {
        await badList(1);
        const id = (await open1())[0]?.id ?? "";
        const [begun, go] = ["begun", "go"].map((name) => join(project.folder, name));
        const script = `touch ${begun}; while [ ! -e ${go} ]; do sleep 0.1; done; sed -i 's/"bad"/"Mine"/' "$0"`;
        const running = project.run(["letters", "edit", id], {
          env: { EDITOR: `sh -c '${script.replaceAll("'", String.raw`'\''`)}'` },
        });
        await expect
          .poll(
            () =>
              access(begun ?? "").then(
                () => true,
                () => false,
              ),
            { timeout: 60_000 },
          )
          .toBe(true);
        const theirs = {
          crud: [{ op: "PUT", table: "lists", id: uuid(1), op_data: { name: "Theirs" } }],
        };
        expect(await writes.deadLetters.edit(id, theirs)).toEqual({ status: "edited" });
        await writeFile(go ?? "", "");
        expect(await running).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/Someone else has edited[^]*What you wrote is in /),
        });
        expect((await writes.deadLetters.get(id))?.payload).toEqual(theirs);
      });

      it("keep integers of 64 bits through an edit from a file", async () => {
        await send("alice", "phone", {
          op: "PUT",
          table: "lists",
          id: uuid(1),
          op_data: { name: 9007199254740993n, nothing: 1 },
        });
        const [letter] = await open1();
        const id = letter?.id ?? "";
        const { stdout } = await run("show", id, "--json");
        expect(stdout).toContain("9007199254740993");
        const payload = `{"crud":[{"op":"PUT","table":"lists","id":"${uuid(1)}","op_data":{"name":9007199254740995}}]}`;
        const edited = await project.run(["letters", "edit", id, "--file", "-"], {
          input: payload,
        });
        expect([edited.code, edited.stderr]).toEqual([0, ""]);
        expect((await run("show", id)).stdout).toContain("9007199254740995");
      });

      it("are retried and discarded in bulk, by a filter, and exported", async () => {
        for (const n of [1, 2, 3]) await badList(n, "alice", `device ${n}`);
        await badList(4, "bob", "tablet");
        for (const { id, userId } of await open1()) {
          if (userId === "bob") continue;
          const { payload } = (await writes.deadLetters.get(id)) ?? { payload: undefined };
          const text = JSON.stringify(payload).replace('"bad"', '"good"');
          await writes.deadLetters.edit(id, JSON.parse(text));
        }
        const exported = await run("export", "--status", "open", "--output", "letters.jsonl");
        expect(exported).toMatchObject({
          code: 0,
          stdout: "",
          stderr: expect.stringContaining("4 letters"),
        });
        const lines = (await project.read("letters.jsonl")).trimEnd().split("\n");
        expect(lines.map((line) => JSON.parse(line).user_id)).toEqual([
          "alice",
          "alice",
          "alice",
          "bob",
        ]);
        expect(await run("export", "--output", "letters.jsonl")).toMatchObject({ code: 2 });

        const some = await run("retry", "--code", "CHECK_VIOLATION", "--json");
        expect([some.code, some.stderr]).toEqual([1, "3 retried, 0 stale, 1 failed, 0 skipped.\n"]);
        const results = some.stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line).status);
        expect(results).toEqual(["retried", "retried", "retried", "failed"]);
        expect(await run("retry", "--user", "carol")).toMatchObject({ code: 0, stdout: "" });
        const gone = await run("discard", "--user", "bob", "--reason", "A test.", "--json");
        expect([gone.code, JSON.parse(gone.stdout)]).toMatchObject([
          0,
          { discarded: 1, refused: [] },
        ]);
        expect(
          (await writes.deadLetters.list({ status: "discarded", userId: "bob" })).letters[0],
        ).toMatchObject({
          reason: "A test.",
        });
      });

      it("that others depend on are discarded with a word on those", async () => {
        await badList(1);
        await send("alice", "phone", {
          op: "PUT",
          table: "todos",
          id: uuid(2),
          op_data: { list_id: uuid(1) },
        });
        const id = (await open1())[1]?.id ?? "";
        const refused = await run("discard", id, "--reason", "Old.");
        expect([refused.code, refused.stdout]).toEqual([
          1,
          expect.stringContaining("--dependants discard"),
        ]);
        const all = await run("discard", id, "--reason", "Old.", "--dependants", "discard");
        expect([all.code, (await open1()).length]).toEqual([0, 0]);
      });
    });

    it("doctor examines the configuration and the database from inside", async () => {
      await badList(1);
      const { code, stdout, stderr } = await project.run(["doctor", "--json"]);
      expect([code, stderr]).toEqual([0, ""]);
      const { sections } = JSON.parse(stdout) as {
        sections: { title: string; verdicts: { level: string; what: string; detail?: string }[] }[];
      };
      expect(sections.map(({ title }) => title)).toEqual(["Configuration", "Database", "Versions"]);
      const verdicts = new Map(
        sections.flatMap((section) => section.verdicts.map(({ what, ...rest }) => [what, rest])),
      );
      expect(verdicts.get("ready for uploads")).toEqual({ level: "ok" });
      expect(verdicts.get("dead letters that wait")).toMatchObject({
        level: "warning",
        detail: expect.stringContaining("CHECK_VIOLATION 1"),
      });
      expect(verdicts.get("the ledger")).toMatchObject({ level: "ok" });
      expect(verdicts.get("kysely")).toMatchObject({ detail: expect.stringMatching(/^\d/) });
      if (url.startsWith("postgres")) {
        expect(verdicts.get("connections")).toMatchObject({
          level: "ok",
          detail: expect.stringContaining("provides 10 at once"),
        });
      }
    });
  },
);
