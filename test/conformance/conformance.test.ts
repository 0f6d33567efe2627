/** The conformance cases, over every adapter and every database, the memory store among them: see `pairs.ts` for which meet. */
import type { Server } from "node:http";
import request from "supertest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditCases, type CaseOutcome, runAudit } from "../../src/audit/index.js";
import type { WriteEvent } from "../../src/index.js";
import { partOf } from "../support/long.js";
import type { OpenTarget, Target } from "../support/target.js";
import { everyTarget } from "../support/targets.js";
import { adapters, listen, type TestAdapter } from "./adapters.js";
import { type Case, isFor, type Row, type Send, type Step, type Table } from "./case.js";
import { audited, cases, needsJwt } from "./list.js";
import { pairs } from "./pairs.js";
import { type Setting, settings } from "./settings.js";

it("gives each case a number of its own", () => {
  const ids = [...auditCases, ...cases].map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)]);
});

let turn = 0;
for (const [target, over] of await pairs(everyTarget, adapters)) {
  // Not skipped: it is there with another adapter, or in the other project.
  if (over.length === 0) continue;
  describe.skipIf(!(await target.available()))(target.name, () => {
    let database: OpenTarget;
    const texts = new Map<string, string>();
    beforeAll(async () => {
      database = await target.open();
      await database.prepareAudit();
    });
    afterAll(() => database.close());

    describe.each(over)("$name", (adapter) => {
      const servers = new Map<Setting, { server: Server; url: string }>();
      const events: WriteEvent[] = [];
      afterAll(async () => {
        for (const { server } of servers.values())
          await new Promise((resolve) => server.close(resolve));
      });

      const urlOf = async (setting: Setting): Promise<string> => {
        const known = servers.get(setting);
        if (known !== undefined) return known.url;
        const onEvent = (event: WriteEvent) => void events.push(event);
        const audit = setting === "audit";
        const writes = database.writes({ ...settings[setting], audit, onEvent });
        const started = await listen(adapter.listener(writes, setting === "parsed"));
        servers.set(setting, started);
        return started.url;
      };

      describe("the audit", () => {
        // The whole of it runs in `test/integration/audit.test.ts`, and over every adapter in the long form.
        const some = partOf(audited, (turn += 1), 6);
        const outcomes = new Map<string, CaseOutcome>();
        beforeAll(async () => {
          await database.reset();
          events.length = 0;
          const url = `${await urlOf("audit")}/api/data`;
          const who = { token: "alice", otherToken: "bob" };
          const report = await runAudit({ url, ...who, cases: some });
          for (const outcome of report.cases) outcomes.set(outcome.id, outcome);
          expect(events.filter(unexplained)).toEqual([]);
        });

        it.each(some)("$id $need $title", ({ id }) => {
          const { status, reason, last } = outcomes.get(id) ?? {};
          const expected = needsJwt.includes(id) ? "not_run" : "passed";
          expect({ status, ...(status !== expected && { reason, last }) }).toEqual({
            status: expected,
          });
        });
      });

      it.each(cases.filter((each) => applies(each, adapter, target)))(
        "$id $level $title",
        async (each) => {
          await database.reset();
          events.length = 0;
          await database.insert(each.given ?? {});
          const url = await urlOf(each.setting ?? "default");
          for (const [index, step] of each.steps.entries()) {
            const text = await run(step, url, database);
            if (text === undefined) continue;
            // Byte for byte what the first adapter answered.
            const same = texts.get(`${each.id} ${index}`) ?? text;
            texts.set(`${each.id} ${index}`, same);
            expect(text).toBe(same);
          }
          await compare(database, each.leaves ?? {});
          expect(Object.hasOwn(Object.prototype, "admin")).toBe(false);
          expect(events.filter(unexplained)).toEqual([]);
        },
      );
    });
  });
}

function applies(each: Case, { parses }: TestAdapter, { name }: Target): boolean {
  return isFor(each, name) && (each.setting !== "parsed" || parses);
}

/** A failure that only the library itself can be to blame for. */
function unexplained(event: WriteEvent): boolean {
  return (
    event.type === "error" &&
    (event.error instanceof TypeError || event.error instanceof RangeError)
  );
}

/** @returns the answer's text, where it is one of ours */
async function run(step: Step, url: string, database: OpenTarget): Promise<string | undefined> {
  if ("change" in step) {
    const { table, id, to } = step.change;
    await database.change(table, id, to);
    return undefined;
  }
  const response = await send(url, step.send);
  const { status, body, headers } = step.expect;
  const shown = body === undefined ? {} : { body: withoutColumns(response.body) };
  expect({ status: response.status, ...shown }).toEqual({
    status,
    ...(body !== undefined && { body }),
  });
  for (const [name, value] of Object.entries(headers ?? {}))
    expect(response.headers[name]).toEqual(value);
  return body === undefined ? undefined : response.text;
}

/** Which column a failure is about, not every database tells. `named-columns.test.ts` holds who does. */
function withoutColumns(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("results" in body)) return body;
  const results = body.results as readonly { readonly failed_operation?: object }[];
  return {
    ...body,
    results: results.map(({ failed_operation: failed, ...result }) => {
      if (failed === undefined) return result;
      const { details, ...rest } = failed as { readonly details?: object };
      const names = Object.keys(details ?? {});
      const isColumns = names.every((name) => name === "column" || name === "columns");
      return { ...result, failed_operation: details && !isColumns ? failed : rest };
    }),
  };
}

function send(
  url: string,
  { method = "POST", path = "/api/data", as = "alice", headers = {}, body }: Send,
) {
  const pending =
    request(url)[method.toLowerCase() as "post" | "put" | "patch" | "get" | "delete"](path);
  const sends = body !== undefined;
  pending.set({
    // Some frameworks refuse JSON that is announced and not sent.
    ...(sends && { "content-type": "application/json" }),
    ...(as !== null && { authorization: `Bearer ${as}` }),
    ...headers,
  });
  if (!sends) return pending;
  // As it is: the test's own client must not make JSON of text.
  pending.serialize((sent: unknown) => sent as string);
  return pending.send(
    typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  );
}

async function compare(database: OpenTarget, expected: NonNullable<Case["leaves"]>): Promise<void> {
  const { deadLetters, ...tables } = expected;
  for (const [table, rows] of Object.entries(tables) as [Table, readonly Row[]][]) {
    const stored = await database.rows(table);
    expect(stored.map((row, index) => pick(row, rows[index]))).toEqual(rows);
  }
  if (deadLetters === undefined) return;
  const letters = await database.letters();
  expect(letters.map((letter, index) => pick(letter, deadLetters[index]))).toEqual(deadLetters);
}

function pick(row: Row, like: Row | undefined): Row {
  return like === undefined
    ? row
    : Object.fromEntries(Object.keys(like).map((column) => [column, row[column]]));
}
