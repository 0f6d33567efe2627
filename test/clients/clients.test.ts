/**
 * The clients in other languages. Each is parsed by its language's grammar; those for which a compiler is here are compiled, and do with each answer what the contract says.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Language, type Node, Parser } from "web-tree-sitter";
import { powersyncWrites } from "../../adapters/node.js";
import { createWrites } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { contractVersion } from "../../src/wire/generated/version.js";
import { hasProgram } from "../support/foreign.js";
import { long } from "../support/long.js";
import { byName, type TestPrincipal } from "../support/writes.js";
import { program } from "./programs/main.js";

const clients = resolve("examples/clients");
const programs = resolve("test/clients/programs");
const run = promisify(execFile);

/** The places of syntax errors. */
async function errorsIn(language: string, file: string): Promise<readonly string[]> {
  const grammar = `@repomix/tree-sitter-wasms/out/tree-sitter-${language}.wasm`;
  const parser = new Parser();
  parser.setLanguage(await Language.load(createRequire(import.meta.url).resolve(grammar)));
  const text = await readFile(join(clients, file), "utf8");
  const tree = parser.parse(text);
  const found: string[] = [];
  const look = (node: Node): void => {
    if (node.isError || node.isMissing) found.push(`${node.startPosition.row + 1}: ${node.text}`);
    for (const child of node.children) if (child !== null && node.hasError) look(child);
  };
  if (tree === null) found.push("nothing was parsed");
  else look(tree.rootNode);
  return found;
}

describe("is what its language's grammar knows:", () => {
  beforeAll(() => Parser.init());

  it.each([
    ["dart", "dart/powersync_writes.dart"],
    ["swift", "swift/PowerSyncWrites.swift"],
    ["c_sharp", "csharp/PowerSyncWrites.cs"],
    ["go", "go/powersync_writes.go"],
    ["python", "python/powersync_writes.py"],
  ])("%s", async (language, file) => {
    expect(await errorsIn(language, file)).toEqual([]);
  });
});

type Answer = readonly [
  status: number,
  body: unknown,
  next: string,
  headers?: Readonly<Record<string, string>>,
];

const done = { status: "success" };
const untried = { status: "not_attempted" };
const failed = (requires_client_handling?: boolean) => ({
  status: "fatal_error",
  requires_client_handling,
  failed_operation: { error_code: "CHECK_VIOLATION", details: { column: "name" } },
});
const results = (...each: readonly unknown[]) => ({ results: each });

/** Answers to three transactions, and what is to be done next: how many are through, what comes next, and after how many milliseconds. */
const answers: Readonly<Record<string, Answer>> = {
  success: [200, results(done, done, done), "3 go_on 0"],
  retryable: [
    200,
    results(done, { status: "retryable_error", retry_after_ms: 1_500 }, untried),
    "1 wait 1500",
  ],
  "retryable, for a time of the client's own choice": [
    200,
    results({ status: "retryable_error", message: "Later." }, untried, untried),
    "0 wait 5000",
  ],
  "a dead letter, behind which the request ended": [
    200,
    results(done, failed(false), untried),
    "2 send_again 0",
  ],
  "a dead letter, behind which the server went on": [
    200,
    results(done, failed(false), done),
    "3 go_on 0",
  ],
  "left to the application": [200, results(done, failed(true), untried), "1 ask_app 0"],
  "failed, recorded or not": [200, results(failed(), untried, untried), "0 wait 5000"],
  "nothing tried": [200, results(untried, untried, untried), "0 wait 5000"],
  "a status of a later version": [200, results(done, { status: "held" }, done), "1 wait 5000"],
  "too few results": [200, results(done, done), "0 wait 5000"],
  "no results": [200, results(null, null, null), "0 wait 5000"],
  "null in their place": [200, { results: null }, "0 wait 5000"],
  "a list": [200, [], "0 wait 5000"],
  "a page of somebody else's": [200, "<html>Sign in to the network.</html>", "0 wait 5000"],
  "no credential": [401, { message: "Sign in." }, "0 new_token 0"],
  "too many requests": [429, { message: "Wait." }, "0 wait 7000", { "retry-after": "7" }],
  unavailable: [503, "<html>", "0 wait 5000"],
  "a gateway's date": [502, "", "0 wait 5000", { "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT" }],
  refused: [400, { message: "Expected JSON." }, "0 report 0"],
  "too large": [413, "<html>", "0 report 0"],
  "sent elsewhere": [302, "", "0 report 0", { location: "/success" }],
};

/** What the library's own server says: two rows written, and a table that it does not know. */
const expected = [
  ...Object.values(answers).map(([, , next]) => next),
  // Nobody listens.
  "0 wait 5000",
  "3 go_on 0 success success fatal_error",
  // The same again is answered as before.
  "3 go_on 0 success success fatal_error",
  `${contractVersion} 1`,
];

let servers: readonly Server[];
let urls: readonly string[];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "powersync-writes-clients-"));
  const scripted = createServer((request, response) => {
    const name = decodeURIComponent(request.url ?? "").slice(1);
    const [status, body, , headers = {}] = answers[name] ?? [500, "", ""];
    request.resume().on("end", () => {
      response.writeHead(status, headers);
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  const writes = createWrites<TestPrincipal, unknown>({
    authenticate: byName,
    database: memoryStore({
      tables: { lists: { columns: { id: "uuid", name: "text", note: "text", owner_id: "text" } } },
    }),
    tables: { lists: { owner: "owner_id" } },
    checkpoints: true,
    logger: false,
  });
  const own = createServer(powersyncWrites(writes));
  const nobody = createServer();
  servers = [scripted, own];
  const [script, endpoint, closed] = await Promise.all(
    [scripted, own, nobody].map(async (server) => {
      await once(server.listen(0, "127.0.0.1"), "listening");
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    }),
  );
  nobody.close();
  urls = [
    ...Object.keys(answers).map((name) => `${script}/${encodeURIComponent(name)}`),
    `${closed}/api/data`,
    `${endpoint}/api/data`,
    `${endpoint}/api/data`,
  ];
});
afterAll(async () => {
  for (const server of servers) server.close();
  await rm(folder, { recursive: true });
});

/** Without the statuses of the scripted answers, which are known. */
function said(lines: readonly string[]): readonly string[] {
  return lines.map((line, index) =>
    index < Object.keys(answers).length ? line.split(" ").slice(0, 3).join(" ") : line,
  );
}

interface Compiled {
  readonly needs: readonly string[];
  /** @returns the program and its first arguments */
  build(folder: string): Promise<readonly string[]>;
}

const newtonsoft = "/usr/lib/cli/Newtonsoft.Json-5.0/Newtonsoft.Json.dll";
const orgJson = "/usr/share/java/json-android.jar";

const compilers: Readonly<Record<string, Compiled>> = {
  Go: {
    needs: ["go", "version"],
    build: async (at) => {
      await mkdir(join(at, "powersyncwrites"));
      await writeFile(join(at, "go.mod"), "module program\n\ngo 1.18\n");
      await copyFile(`${clients}/go/powersync_writes.go`, join(at, "powersyncwrites/client.go"));
      await copyFile(`${programs}/main.go`, join(at, "main.go"));
      await run("go", ["build", "-o", "program", "."], { cwd: at });
      return [join(at, "program")];
    },
  },
  "C#": {
    needs: ["mcs", "--version"],
    build: async (at) => {
      const libraries = ["-r:System.Net.Http.dll", `-r:${newtonsoft}`];
      const sources = [`${clients}/csharp/PowerSyncWrites.cs`, `${programs}/Main.cs`];
      await run("mcs", ["-langversion:7", ...libraries, "-out:program.exe", ...sources], {
        cwd: at,
      });
      return ["mono", join(at, "program.exe")];
    },
  },
  Kotlin: {
    needs: ["kotlinc", "-version"],
    build: async (at) => {
      const sources = [`${clients}/kotlin/PowerSyncWrites.kt`, `${programs}/Main.kt`];
      const out = join(at, "program.jar");
      await run("kotlinc", [...sources, "-cp", orgJson, "-include-runtime", "-d", out]);
      return ["java", "-cp", `${out}:${orgJson}`, "MainKt"];
    },
  },
};

describe("does with each answer what the contract says, in", () => {
  it("TypeScript", async () => {
    expect(said(await program(urls))).toEqual(expected);
  });

  it("Python", { timeout: 120_000 }, async ({ skip }) => {
    skip(!(await hasProgram("python3", "--version")), "There is no Python here.");
    const env = { ...process.env, PYTHONPATH: `${clients}/python`, PYTHONDONTWRITEBYTECODE: "1" };
    const { stdout } = await run("python3", [`${programs}/main.py`, ...urls], { env });
    expect(said(stdout.trim().split("\n"))).toEqual(expected);
  });

  // Compilers take their time.
  it.skipIf(!long).for(Object.entries(compilers))(
    "%s",
    { timeout: 600_000 },
    async ([name, { needs, build }], { skip }) => {
      const [compiler = "", ...args] = needs;
      skip(!(await hasProgram(compiler, ...args)), `There is no compiler of ${name} here.`);
      const at = await mkdtemp(join(folder, "program-"));
      const [file = "", ...first] = await build(at);
      const { stdout } = await run(file, [...first, ...urls]);
      expect(said(stdout.trim().split(/\r?\n/))).toEqual(expected);
    },
  );
});
