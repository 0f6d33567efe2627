/** Each case of the audit can fail: endpoints that break one rule are caught by the case that is meant to. */
import { jwtVerify, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sql } from "kysely";
import { powersyncWrites } from "../../adapters/fetch.js";
import { auditSql, mendOf, runAudit } from "../../src/audit/index.js";
import { createWrites, unauthenticated, type WriteRequest } from "../../src/index.js";
import { betterSqlite3, type TestDatabase } from "../support/databases.js";
import { type Mutant, mutants } from "../support/mutants.js";
import { auditRules, type TestPrincipal } from "../support/writes.js";

const key = new TextEncoder().encode("a secret of this test alone, 32 bytes or more");
const tokenOf = (sub: string): Promise<string> =>
  new SignJWT({ sub }).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h").sign(key);

async function authenticate({ headers }: WriteRequest): Promise<TestPrincipal> {
  const [, token = ""] = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "") ?? [];
  try {
    const { payload } = await jwtVerify(token, key, { algorithms: ["HS256"] });
    return { userId: payload.sub ?? "" };
  } catch {
    throw unauthenticated();
  }
}

let database: TestDatabase;
beforeAll(async () => {
  database = await betterSqlite3.open();
  await sql.raw(auditSql("sqlite")).execute(database.db);
});
afterAll(() => database.close());

async function audit(mutant: Omit<Mutant, "name" | "caughtBy">, only: readonly string[]) {
  await database.reset();
  const writes = createWrites({
    authenticate,
    database: database.db,
    tables: auditRules,
    checkpoints: true,
    logger: false,
    ...mutant.config,
  });
  const own = powersyncWrites(writes);
  const endpoint = mutant.intercept?.(own) ?? own;
  return runAudit({
    url: "http://endpoint.test/api/data",
    token: await tokenOf("alice"),
    otherToken: await tokenOf("bob"),
    only,
    fetch: (url, init) => endpoint(new Request(url as URL, init)),
  });
}

const meant = [...new Set(mutants.map(({ caughtBy }) => caughtBy))];

it("are thirty and more, found by thirty cases", () => {
  expect(mutants.length).toBeGreaterThanOrEqual(30);
  expect(meant.length).toBeGreaterThanOrEqual(30);
});

it("passes the endpoint without a mistake", async () => {
  const report = await audit({}, meant);
  expect(mendOf(report)).toBe("");
  expect(report.passed).toBe(meant.length);
});

describe("catches an endpoint that", () => {
  it.each(mutants)("$name ($caughtBy)", async (mutant) => {
    const report = await audit(mutant, [mutant.caughtBy]);
    expect(report.cases.map(({ id, status }) => ({ id, status }))).toEqual([
      { id: mutant.caughtBy, status: "failed" },
    ]);
    expect(mendOf(report)).toContain(mutant.caughtBy);
  });
});
