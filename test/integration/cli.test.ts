/** The command itself: what it says where it is used wrongly, what it never says, and how it ends. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runHere } from "../support/command.js";
import { createProject, ended, type Project } from "../support/project.js";

let project: Project;
beforeAll(async () => {
  project = await createProject();
});
afterAll(() => project.remove());

/** Without a process of its own. */
const inProcess = (args: readonly string[]) => runHere(args, { cwd: project.folder });

const memoryConfig = `
import { anonymous, createWrites } from "powersync-writes";
import { memoryStore } from "powersync-writes/memory";
const database = memoryStore({
  tables: { lists: { columns: { id: "uuid", name: "text", owner_id: "text" } } },
});
export const writes = createWrites({
  authenticate: anonymous(), database, tables: { lists: { owner: "owner_id" } }, logger: false,
});
`;

describe("used wrongly, it ends with 2 and one line that says what to do", () => {
  it.each([
    [["chek"], /There is no command "chek"\. Did you mean "check"\?/],
    [["frobnicate"], /There is no command "frobnicate"\. The known ones are init, check/],
    [["help", "chek"], /There is no command "chek"\. Did you mean "check"\?/],
    [["--json", "check"], /The command comes before its options: npx powersync-writes <command>/],
    [["check", "--jsn"], /Unknown option '--jsn'\. Did you mean --json\?/],
    [["check", "--frobnicate"], /Unknown option '--frobnicate'\.\n/],
    [["check", "-config", "x.ts"], /Unknown option '-config'\. Did you mean --config\?/],
    [["check", "--config"], /argument missing/],
    [["check", "extra"], /"extra" is not expected/],
    [["check"], /There is no powersync-writes\.config\.ts.*--config FILE.*init/],
    [["check", "--config", "nowhere.ts"], /The file nowhere\.ts does not exist/],
    [
      ["check", "--config", "package.json", "--principal", "{"],
      /--principal must be a JSON object/,
    ],
    [
      ["tables", "--dialect", "oracle", "--print"],
      /--dialect must be one of postgres, mysql, mssql, sqlite/,
    ],
    [["tables", "--dialect", "mysql"], /--dialect needs --print/],
    [["tables", "--database", "oracle://u:hunter2@h/db"], /must begin with postgres:\/\//],
    [["letters"], /Usage: npx powersync-writes letters/],
    [
      ["letters", "frobnicate"],
      /There is no action "frobnicate"\. The known ones are list, show.*\nRun `npx powersync-writes letters --help`/,
    ],
    [["letters", "lst"], /There is no action "lst"\. Did you mean "list"\?/],
    [["letters", "--json", "list"], /The action comes before its options/],
    [["letters", "retry"], /Say which letters to retry: their ids, a filter, or --all/],
    [
      ["letters", "discard", "--all"],
      /Give a reason with --reason TEXT\.\nRun `npx powersync-writes letters discard --help`/,
    ],
    [["letters", "list", "--status", "closed"], /--status must be one of open, stale/],
    [["letters", "list", "--since", "yesterday"], /--since must be a time/],
    [["letters", "list", "--limit", "0"], /--limit must be a whole number above 0/],
    [["doctor"], /give --url URL or --config FILE/],
    [["doctor", "--url", "api.example.com"], /--url must be a URL/],
    [["init"], /Say where the tables are/],
    [
      ["init", "--database", "postgres://127.0.0.1:1/app"],
      /The database can't be read: .*ECONNREFUSED.* Remedy: check host and port of the database's URL/,
    ],
    [["init", "--framework", "rails", "--schema", "x"], /--framework must be one of express, koa/],
  ])("%j", async (args, said) => {
    const { code, text } = await inProcess(args);
    expect([code, text]).toEqual([2, expect.stringMatching(said)]);
    expect(text).not.toMatch(/hunter2|\n\s+at /);
  });
});

it("says why letters can't be reached, and what to do about it", async () => {
  const text = `
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { anonymous, createWrites } from "powersync-writes";
const pool = new pg.Pool({ connectionString: "postgres://app:hunter2@127.0.0.1:1/app" });
const database = new Kysely({ dialect: new PostgresDialect({ pool }) });
export const writes = createWrites({ authenticate: anonymous(), database, tables: {}, logger: false });
`;
  await project.write("unreachable.config.ts", text);
  const { code, stdout, stderr } = await project.run([
    "letters",
    "list",
    "--config",
    "unreachable.config.ts",
  ]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(
    /^error: The letters can't be reached: .*ECONNREFUSED.* Remedy: check host and port of the database's URL.*\n$/,
  );
  expect(stderr).not.toContain("hunter2");
});

it("has help for every command and every action", async () => {
  const overview = await project.run(["--help"]);
  expect(overview.code).toBe(0);
  const commands = [...overview.stdout.matchAll(/^ {2}(\w+) {2}/gm)].map(([, name = ""]) => name);
  expect(commands).toEqual(
    expect.arrayContaining(["init", "check", "tables", "letters", "doctor"]),
  );
  const actions = ["list", "show", "edit", "retry", "discard", "export"];
  const all = [...commands.map((name) => [name]), ...actions.map((name) => ["letters", name])];
  await Promise.all(
    all.map(async (args) => {
      const { code, text } = await inProcess([...args, "--help"]);
      expect([args, code]).toEqual([args, 0]);
      expect(text).toContain(`Usage: npx powersync-writes ${args.join(" ")}`);
    }),
  );
  expect((await project.run(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe("the configuration", () => {
  const check = async (
    text: string,
    name = "some.config.ts",
    files: Record<string, string> = {},
  ) => {
    await Promise.all(
      Object.entries({ ...files, [name]: text }).map((each) => project.write(...each)),
    );
    return project.run(["check", "--config", name, "--json"]);
  };

  it("is TypeScript or JavaScript, and may import its neighbors as TypeScript does", async () => {
    const imports = `export { writes } from "./kept-elsewhere.js";`;
    const typed = memoryConfig.replace("logger: false", "logger: false as const");
    const found = await check(imports, "a.config.ts", { "kept-elsewhere.ts": typed });
    expect(found).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(found.stdout)).toEqual({ errors: 0, warnings: 0, findings: [] });
    expect(await check(memoryConfig, "a.config.mjs")).toMatchObject({ code: 0 });
  });

  it("may print, and what it prints is not in the output", async () => {
    const found = await check(`${memoryConfig}\nconsole.log("Hello.");`);
    expect(JSON.parse(found.stdout)).toEqual({ errors: 0, warnings: 0, findings: [] });
    expect(found.stderr).toContain("Hello.");
  });

  it("may leave a timer and a server open: the process ends by itself", async () => {
    const open = `import { createServer } from "node:http"; createServer().listen(0); setInterval(() => {}, 1e9);`;
    expect(await check(`${open}${memoryConfig}`)).toMatchObject({ code: 0 });
  });

  it.each([
    ["without writes", "export const app = 1;", /some\.config\.ts must export `writes`/],
    ["of something else", "export const writes = { deadLetters: {} };", /must export `writes`/],
    [
      "that throws",
      "\nthrow new Error('No keys.');",
      /can't be loaded: No keys\. \(some\.config\.ts:2\)/,
    ],
    [
      "that imports what is not installed",
      'import "left-pad-2";',
      /"left-pad-2" is not installed.*npm install left-pad-2/,
    ],
    [
      "that imports a file that is not there",
      'import "./gone.js";',
      /can't be loaded: Cannot find module .*gone/,
    ],
    ["with an enumeration", "enum A { B }\nexport const writes = A;", /--import tsx/],
    [
      "with a mistake",
      memoryConfig.replace("tables: { lists: { owner", "tabels: { lists: { owner"),
      /tabels/,
    ],
  ])("%s", async (_name, text, said) => {
    const { code, stdout, stderr } = await check(text);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(said);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("says what is missing in a project of CommonJS", async () => {
    const old = await createProject("commonjs");
    try {
      await old.write("powersync-writes.config.ts", memoryConfig);
      const { code, stderr } = await old.run(["check"]);
      expect([code, stderr]).toEqual([2, expect.stringContaining("npm pkg set type=module")]);
      expect(stderr).toContain("Rename it to powersync-writes.config.mts;");
      await old.write("powersync-writes.config.mts", memoryConfig);
      const renamed = await old.run(["check", "--config", "powersync-writes.config.mts"]);
      expect([renamed.code, renamed.stderr]).toEqual([0, ""]);
    } finally {
      await old.remove();
    }
  });
});

describe("a password", () => {
  it.each([
    ["postgres://app:hunter2@127.0.0.1:1/db", "hunter2"],
    ["postgres://app:hun%2Fter2@127.0.0.1:1/db", "hun/ter2"],
    ["postgres://app:hun/ter2@127.0.0.1:1/db", "hun/ter2"],
    ["mysql://app:p@ss:w0rd@127.0.0.1:1/db", "p@ss:w0rd"],
    ["postgres://127.0.0.1:1/db?user=app&password=hunter2", "hunter2"],
  ])("in %s is never shown", async (url, password) => {
    for (const args of [["tables"], ["init"]]) {
      const { code, text } = await inProcess([...args, "--database", url]);
      expect([code, text]).toEqual([
        2,
        expect.stringMatching(/^error: The .* can't|^error: The .* could/),
      ]);
      expect(text).not.toContain(password);
      expect(text).not.toContain(encodeURIComponent(password));
    }
  });
});

it("ends when it is interrupted", async () => {
  await project.write(
    "waits.config.mjs",
    `${memoryConfig}\nwrites.check = () => { console.error("Waiting."); return new Promise(() => {}); };`,
  );
  const child = await project.start(["check", "--config", "waits.config.mjs"]);
  const outcome = ended(child);
  await new Promise<void>((told) => {
    child.stderr.on("data", (text: string) => void (text.includes("Waiting.") && told()));
  });
  child.kill("SIGINT");
  expect(await outcome).toMatchObject({
    code: 130,
    stderr: expect.stringContaining("Interrupted."),
  });
});

it("colors nothing that is no terminal, unless it is asked to", async () => {
  expect((await project.run(["--help"])).stdout).not.toContain("\u001b");
  const asked = await project.run(["--help"], { env: { FORCE_COLOR: "1" } });
  expect(asked.stdout).toContain("\u001b[1m");
  const refused = await project.run(["--help"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } });
  expect(refused.stdout).not.toContain("\u001b");
});
