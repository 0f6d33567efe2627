/**
 * Endpoints of other people's under the audit: it has nothing to say of correct ones, however they differ in what the contract leaves open, and names each mistake of a
 * careless one.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  auditCases,
  type AuditReport,
  type Level,
  mendOf,
  runAudit,
} from "../../src/audit/index.js";
import { long } from "../support/long.js";
import { hasProgram, startForeign, tokenOf } from "../support/foreign.js";

async function audit(
  command: string,
  args: readonly string[],
  level: Level,
  onTestFinished: (stop: () => Promise<void>) => void,
  only?: readonly string[],
): Promise<AuditReport> {
  const { url, stop } = await startForeign(command, args);
  onTestFinished(stop);
  const [token, otherToken] = await Promise.all(["alice", "bob"].map(tokenOf));
  return runAudit({
    url,
    token: token ?? "",
    otherToken: otherToken ?? "",
    level,
    ...(only !== undefined && { only }),
    cases:
      long || only !== undefined ? auditCases : auditCases.filter(({ heavy = false }) => !heavy),
    timeoutMs: Infinity,
  });
}

const python = await hasProgram(
  "python3",
  "-c",
  "import sqlite3; assert sqlite3.sqlite_version_info >= (3, 35)",
);
const java = await hasProgram("java", "-version");

interface Correct {
  readonly name: string;
  readonly there: boolean;
  readonly level: Level;
  readonly command: string;
  /** A folder of its own stands in the place of `FOLDER`. */
  readonly args: readonly string[];
}

const pythonEndpoint = ["test/foreign/python/endpoint.py", "FOLDER/db"];
const javaEndpoint = ["test/foreign/java/Endpoint.java"];

/** Beside this library's own. What one of them leaves out, or does otherwise, is what the contract leaves open. */
const correct: readonly Correct[] = [
  {
    name: "Python: ends the request at a failure, and records it",
    there: python,
    level: 3,
    command: "python3",
    args: pythonEndpoint,
  },
  {
    name: "Python: goes on behind a failure, and says as little as it may",
    there: python,
    level: 3,
    command: "python3",
    args: [...pythonEndpoint, "--skip", "--terse"],
  },
  {
    name: "Python: leaves failures to the client",
    there: python,
    level: 3,
    command: "python3",
    args: [...pythonEndpoint, "--client-handles"],
  },
  {
    name: "Java: in memory, with the JDK alone",
    there: java,
    level: 3,
    command: "java",
    args: javaEndpoint,
  },
  {
    name: "Java: PowerSync's reference contract, refuses requests whole, keeps no identities",
    there: java,
    level: 1,
    command: "java",
    args: [...javaEndpoint, "--reference"],
  },
];

describe("has nothing to say of a correct endpoint", () => {
  // The first of each language; and all of them, which differ in what the contract leaves open.
  it.for(correct.filter((_, index) => long || index % 3 === 0))(
    "$name",
    { timeout: 600_000 },
    async ({ there, level, command, args }, { skip, onTestFinished }) => {
      skip(!there, `There is no ${command} here.`);
      const folder = await mkdtemp(join(tmpdir(), "powersync-writes-foreign-"));
      onTestFinished(() => rm(folder, { recursive: true }));
      const own = args.map((each) => each.replace("FOLDER", folder));
      const report = await audit(command, own, level, onTestFinished);
      expect(mendOf(report)).toBe("");
      expect(report.reached).toBe(level);
      // It has not passed by not being looked at.
      const ran = report.cases.filter(({ status }) => status !== "not_run");
      const optionalOnes = report.cases.filter(({ reason = "" }) => reason.endsWith("(optional)"));
      expect(ran.length).toBeGreaterThan((report.cases.length - optionalOnes.length) * 0.9);
    },
  );
});

/** The mistakes, and the case that names each. */
const mistakes: Readonly<Record<string, string>> = {
  "no database transaction": "W-231",
  "no ledger": "L-400",
  "nobody's own rows": "S-341",
  "the owner is whoever writes last": "S-340",
  "a token that is not verified": "S-353",
  "an algorithm of the token's own choice": "S-355",
  "no credential is the server's fault": "H-501",
  "a bad body is the server's fault": "H-510",
  "an envelope that it does not expect is the server's fault": "U-123",
  "the driver's text": "S-360",
  "the stack": "S-361",
  "what can't succeed is sent for ever": "U-174",
  "behind what is retryable it goes on": "U-102",
  "no operation_index": "U-116",
  "names in the statement's text": "W-253",
  "a PATCH without columns": "W-211",
  "integers as doubles": "W-276",
  "any content type": "H-527",
  "any path and method": "H-545",
  "at most 100 kB": "H-561",
};

describe("names each mistake of a careless endpoint", () => {
  it("the usual ones", async ({ onTestFinished }) => {
    const report = await audit(
      process.execPath,
      ["test/foreign/javascript/careless.mjs"],
      3,
      onTestFinished,
      Object.values(mistakes),
    );
    for (const [mistake, id] of Object.entries(mistakes)) {
      const found = report.cases.find((each) => each.id === id);
      expect({ mistake, status: found?.status }).toEqual({ mistake, status: "failed" });
      expect(mendOf(report)).toContain(`## ${id} (`);
    }
    expect(report.reached).toBe(0);
  });

  it("REPLACE, which leaves nothing to be seen by", async ({ onTestFinished }) => {
    const report = await audit(
      process.execPath,
      ["test/foreign/javascript/careless.mjs", "--replace"],
      1,
      onTestFinished,
      ["W-206", "U-101"],
    );
    const [first, second] = report.cases;
    expect(first).toMatchObject({ id: "W-206", status: "failed" });
    // What can't be seen does not pass.
    expect(second).toMatchObject({ id: "U-101", status: "not_run" });
    expect(second?.reason).toContain("can't be seen");
  });
});
