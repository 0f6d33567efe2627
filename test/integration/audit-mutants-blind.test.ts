/** The audit finds mistakes that were made without a look at its cases. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditReport } from "../../src/audit/index.js";
import { type Audited, openAudited } from "../support/audited.js";
import { partOf } from "../support/long.js";
import { blindMutants, controls } from "../support/mutants-blind.js";

let audited: Audited;
beforeAll(async () => {
  audited = await openAudited();
});
afterAll(() => audited.close());

const failed = ({ cases }: AuditReport): readonly string[] =>
  cases.filter(({ status }) => status !== "passed").map(({ id, need }) => `${need} ${id}`);

/** The cases that find one of them: all others would find nothing more, and take half a minute. */
const meant = [...new Set(blindMutants.map(({ caughtBy }) => caughtBy))];

it("are ten and more", () => {
  expect(blindMutants.length).toBeGreaterThanOrEqual(10);
});

describe("finds nothing in an endpoint with", () => {
  it.each(partOf(controls, 0))("$name", async (control) => {
    const report = await audited.audit(control, meant);
    expect(failed(report)).toEqual([]);
    expect(report.passed).toBe(meant.length);
  });
});

describe("catches an endpoint that", () => {
  it.each(partOf(blindMutants, 1))("$name ($caughtBy)", async (mutant) => {
    const report = await audited.audit(mutant, [mutant.caughtBy]);
    expect(failed(report)).toEqual([`MUST ${mutant.caughtBy}`]);
  });
});
