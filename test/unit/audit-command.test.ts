/** The audit's command line, against an endpoint in memory. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/node.js";
import { type AuditReport, runAudit } from "../../src/audit/index.js";
import { createIo, type Io } from "../../src/cli/io.js";
import { run } from "../../src/cli/run.js";
import { memoryTarget } from "../support/memory.js";

let server: Server;
let url = "";
let folder = "";
let out = "";
let notes = "";
let progress: (string | undefined)[] = [];

const { stdin, stdout, stderr } = process;
const { signal } = new AbortController();
const io: Io = {
  ...createIo({ stdin, stdout, stderr, env: { NO_COLOR: "1" }, cwd: process.cwd(), signal }),
  out: async (text) => void (out += text),
  note: (line) => void (notes += `${line}\n`),
  progress: (text) => void progress.push(text),
};

beforeAll(async () => {
  const database = await memoryTarget.open();
  const writes = database.writes({ audit: true });
  server = createServer(powersyncWrites(writes));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/data`;
  folder = await mkdtemp(join(tmpdir(), "powersync-writes-audit-"));
});

afterEach(() => {
  out = "";
  notes = "";
  progress = [];
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

const auditCommand = (args: readonly string[], through = io) => run(["audit", ...args], through);

const few = ["--token", "alice", "--token2", "bob", "--only", "U-10,L-400,S-34,C-700"];

describe("audit URL", () => {
  it("prints a table, and exits with 0 where every MUST holds", async () => {
    expect(await auditCommand([url, ...few], io)).toBe(0);
    expect(out).toContain("L-400  MUST   ok      applies a repeated transaction only once");
    expect(out).toContain("C-700  MUST   not run");
    expect(out).toMatch(
      /\d+ cases in [\d.]+ s: \d+ passed, 0 failed, 1 not run\. Level 3 of 4 is reached\./,
    );
    expect(out).not.toContain("What to fix");
    expect(progress.at(0)).toMatch(/^1 of \d+: /);
    expect(progress.at(-1)).toBeUndefined();
  });

  it("exits with 1 where one does not hold, and says what to fix, in every form", async () => {
    const junit = join(folder, "junit.xml");
    const mend = join(folder, "mend.md");
    // What is one user's is the other's: it is the same one.
    const args = ["--token", "alice", "--token2", "alice", "--only", "S-341,U-101"];
    expect(await auditCommand([url, ...args, "--junit", junit, "--mend", mend], io)).toBe(1);
    expect(out).toContain("S-341  MUST   FAILED");
    expect(await readFile(mend, "utf8")).toMatch(
      /## S-341 \(MUST\).*\n\n\*\*Seen:\*\* .+\n\n\*\*To do:\*\* .+\n\nLast sent:\n\n```text\nPOST /,
    );
    const xml = await readFile(junit, "utf8");
    expect(xml).toContain('<testsuite name="level 1" tests="2" failures="1" skipped="0">');
    expect(xml.match(/<failure /g)).toHaveLength(1);

    out = "";
    expect(await auditCommand([url, ...args, "--json"], io)).toBe(1);
    const report = JSON.parse(out) as AuditReport;
    expect(report).toMatchObject({ reached: 0, passed: 1, failed: { MUST: 1, SHOULD: 0 } });
    expect(out).not.toContain("Bearer");
  });

  it("reads tokens from the environment and from files", async () => {
    const file = join(folder, "token");
    await writeFile(file, "alice\n");
    expect(await auditCommand([url, "--token", `@${file}`, "--only", "U-101"], io)).toBe(0);
    const env = { AUDIT_TOKEN: "alice" };
    expect(await auditCommand([url, "--only", "U-101"], { ...io, env })).toBe(0);
  });

  it.each([
    ["no URL", [], "Give the endpoint's URL"],
    ["no http", ["ftp://example.com"], "is not an http or https URL"],
    ["no token", ["http://example.com"], "Give a token"],
    [
      "an option that it does not know",
      ["http://example.com", "--tokn", "x"],
      "Did you mean --token?",
    ],
    ["two URLs", ["http://example.com", "http://example.com"], "is not expected"],
    [
      "a case that there is not",
      ["http://example.com", "--token", "x", "--only", "U-1,Q-1"],
      '--only: no case has an id that begins with "Q-1"',
    ],
    [
      "a level that there is not",
      ["http://example.com", "--token", "x", "--level", "5"],
      "--level",
    ],
    [
      "half an outage",
      ["http://example.com", "--token", "x", "--outage-begin", "true"],
      "or neither",
    ],
    ["a missing file", ["http://example.com", "--token", "@/no/such/file"], "can't be read"],
    ["a database that it does not know", ["--sql", "oracle"], "--sql must be one of"],
    ["a table that would have to be quoted", ["--sql", "sqlite", "--table", "a b"], "letters"],
  ])("exits with 2 for wrong usage: %s", async (_what, args, message) => {
    expect(await auditCommand(args, io)).toBe(2);
    expect(notes).toContain(message);
    expect(out).toBe("");
  });

  it.each([
    ["nobody is there", "http://127.0.0.1:9/api/data", "alice", [], "The audit could not begin"],
    ["the token is refused", "", "not a token", [], "The token was refused: 401"],
    ["the table can't be written", "", "alice", ["--table", "nowhere"], "--sql"],
  ])("exits with 2 where %s", async (_what, at, token, more, message) => {
    expect(await auditCommand([at || url, "--token", token, ...more], io)).toBe(2);
    expect(notes).toContain(message);
  });

  it("prints its table and its help", async () => {
    expect(await auditCommand(["--sql", "postgres", "--table", "my_audit"], io)).toBe(0);
    expect(out).toMatch(/^create table my_audit \([^;]+\);\n$/);
    out = "";
    expect(await auditCommand(["--help"], io)).toBe(0);
    expect(out).toContain("Usage: npx powersync-writes audit URL");
  });

  it("runs the commands that cause an outage, and gives back what was taken away", async () => {
    const mark = join(folder, "outage");
    const outage = ["--outage-begin", `touch ${mark}`, "--outage-end", `rm ${mark}`];
    // The endpoint knows nothing of the file: it goes on, and is found to answer as if nothing were.
    const args = [url, "--token", "alice", "--only", "O-800", ...outage];
    expect(await auditCommand(args, io)).toBe(1);
    await expect(readFile(mark)).rejects.toThrow("ENOENT");
    const failing = [url, "--token", "alice", "--only", "O-800"];
    const end = ["--outage-begin", "false", "--outage-end", "true"];
    expect(await auditCommand([...failing, ...end], io)).toBe(2);
    expect(notes).toContain('The command "false" failed.');
  });

  it.each([
    ["passes a server whose 413 was lost to a closed connection once", 1, 1],
    ["fails a server that only closes the connection", Infinity, 0],
  ])("%s", async (_what, cuts, passed) => {
    let cut = 0;
    const fetch: typeof globalThis.fetch = async (target, init) => {
      const { body } = init ?? {};
      const isLarge = typeof body === "string" ? body.length > 1_000_000 : body !== undefined;
      if (isLarge && cut < cuts) {
        cut += 1;
        throw new TypeError("fetch failed", { cause: { code: "ECONNRESET" } });
      }
      return await globalThis.fetch(target, init);
    };
    const report = await runAudit({ url, token: "alice", only: ["H-544"], fetch });
    expect(report).toMatchObject({ passed, failed: { MUST: 1 - passed } });
    expect(cut).toBeGreaterThan(0);
  });
});
