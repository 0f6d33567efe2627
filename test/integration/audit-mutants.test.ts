/** Each case of the audit can fail: endpoints that break one rule are caught by the case that is meant to. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mendOf } from "../../src/audit/index.js";
import { type Audited, openAudited } from "../support/audited.js";
import { partOf } from "../support/long.js";
import { mutants } from "../support/mutants.js";
import { unseenMutants } from "../support/mutants-unseen.js";

let audited: Audited;
beforeAll(async () => {
  audited = await openAudited();
});
afterAll(() => audited.close());

const all = [...mutants, ...unseenMutants];
const meant = [...new Set(all.map(({ caughtBy }) => caughtBy))];

it("are thirty and more, found by thirty cases", () => {
  expect(all.length).toBeGreaterThanOrEqual(30);
  expect(meant.length).toBeGreaterThanOrEqual(30);
});

it("passes the endpoint without a mistake", async () => {
  const report = await audited.audit({}, meant);
  expect(mendOf(report)).toBe("");
  expect(report.passed).toBe(meant.length);
});

describe("catches an endpoint that", () => {
  it.each(partOf(all, 2))("$name ($caughtBy)", async (mutant) => {
    const report = await audited.audit(mutant, [mutant.caughtBy]);
    expect(report.cases.map(({ id, status }) => ({ id, status }))).toEqual([
      { id: mutant.caughtBy, status: "failed" },
    ]);
    expect(mendOf(report)).toContain(mutant.caughtBy);
  });
});
