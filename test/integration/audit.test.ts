/** This library's own server under the audit: every MUST and SHOULD holds, on each database. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditCases, type AuditReport, mendOf, runAudit } from "../../src/audit/index.js";
import { adapters, listen } from "../conformance/adapters.js";
import { needsJwt } from "../conformance/list.js";
import { long } from "../support/long.js";
import type { OpenTarget } from "../support/target.js";
import { everyTarget } from "../support/targets.js";

it("has at least 60 cases, each with a number, a title and a remedy of its own", () => {
  const ids = auditCases.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)]);
  expect(ids.length).toBeGreaterThanOrEqual(60);
  const titles = auditCases.map(({ title }) => title);
  expect(titles).toEqual([...new Set(titles)]);
  for (const { mend } of auditCases) expect(mend.length).toBeGreaterThan(20);
});

/** The conformance cases run the audit's over every adapter; here the whole of it runs as its users run it. */
const [express] = adapters;
const chosen = everyTarget.filter(({ name }) => long || name.startsWith("SQLite (b"));

for (const target of chosen) {
  describe.skipIf(!(await target.available()))(`on ${target.name}`, () => {
    let database: OpenTarget;
    beforeAll(async () => {
      database = await target.open();
      await database.prepareAudit();
    });
    afterAll(() => database.close());

    it("passes, whole", { timeout: 900_000 }, async () => {
      let down = false;
      const writes = database.writes({
        audit: true,
        checkpoints: true,
        hooks: {
          // Not of `map`: with a mapping of the application's, a letter that can't be read stands for every row.
          persist: {
            before: async (write) => {
              if (down) throw new Error("ECONNREFUSED");
              return write;
            },
          },
        },
      });
      if (express === undefined) throw new Error("There are no adapters.");
      const { server, url } = await listen(express.listener(writes, false));
      const outage = {
        begin: async () => void (down = true),
        end: async () => void (down = false),
      };
      let report: AuditReport;
      try {
        report = await runAudit({
          url: `${url}/api/data`,
          token: "alice",
          otherToken: "bob",
          outage,
          // However busy the machine is.
          timeoutMs: Infinity,
        });
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
      expect(mendOf(report)).toBe("");
      const notRun = report.cases.filter(({ status }) => status === "not_run");
      expect(notRun.map(({ id }) => id)).toEqual(needsJwt);
      expect(report).toMatchObject({ reached: 4, failed: { MUST: 0, SHOULD: 0 } });
      // No row is left behind.
      expect(await database.auditRows()).toBe(0);
    });
  });
}
