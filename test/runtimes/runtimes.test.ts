/** The conformance cases on other runtimes: each answers byte for byte as Node does, and leaves the same rows. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/node.js";
import { mendOf, runAudit } from "../../src/audit/index.js";
import { auditSql } from "../../src/audit/sql.js";
import type { Case, Send } from "../conformance/case.js";
import { insert } from "../support/given.js";
import { audited, cases, needsJwt } from "../conformance/list.js";
import { postgres, type TestDatabase } from "../support/databases.js";
import { appTableNames, rowOrder } from "../support/schema.js";
import { long } from "../support/long.js";
import { postgresUrl } from "../support/servers.js";
import { writesOf } from "./handler.js";
import { type Running, type Runtime, start } from "./start.js";

const runtimes: readonly Runtime[] = ["Deno", "Bun", "workerd"];

/** A fetch handler stands behind no body parser. */
const applicable = cases
  .filter(
    ({ setting, only = ["Postgres"], except = {} }) =>
      setting !== "parsed" && only.includes("Postgres") && !("Postgres" in except),
  )
  // Neighbors are about the same thing, and what a runtime does otherwise shows in each.
  .filter((_, index) => long || index % 3 === 0);

describe.skipIf(!(await postgres.available()))("against Postgres", () => {
  let database: TestDatabase;
  let node: Server;
  let nodeUrl: string;
  const onNode = new Map<string, Outcome>();

  beforeAll(async () => {
    database = await postgres.open();
    await sql.raw(auditSql("postgres")).execute(database.db);
    const hosts = writesOf(database.db).map((writes) => ({
      writes,
      answer: powersyncWrites(writes),
    }));
    node = createServer((request, response) => {
      const { method = "", url = "" } = request;
      const host = hosts.find(({ writes }) => writes.handles(method, url)) ?? hosts[0];
      host?.answer(request, response);
    });
    await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
    nodeUrl = `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await new Promise((resolve) => node.close(resolve));
    await database.close();
  });

  describe.each(runtimes)("%s", (runtime) => {
    let running: Running | undefined;

    beforeAll(async () => {
      const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(
        database.db,
      );
      const url = new URL(postgresUrl);
      url.pathname = `/${rows[0]?.name ?? ""}`;
      running = await start(runtime, `test/runtimes/hosts/${runtime.toLowerCase()}.ts`, {
        DATABASE_URL: url.href,
      });
    });

    afterAll(() => running?.stop());

    it.runIf(long || runtime === "Deno")("passes the audit", { timeout: 600_000 }, async () => {
      // Dead letters of the runtime before would stand in the way.
      await database.reset();
      const report = await runAudit({
        url: `${running?.url ?? ""}/audit/api/data`,
        token: "alice",
        otherToken: "bob",
        cases: audited,
      });
      expect(mendOf(report)).toBe("");
      const notRun = report.cases.filter(({ status }) => status === "not_run");
      expect(notRun.map(({ id }) => id)).toEqual(needsJwt);
    });

    it.each(applicable)("$id $level $title", async (each) => {
      const expected = onNode.get(each.id) ?? (await outcomeOf(each, nodeUrl, database));
      onNode.set(each.id, expected);
      expect(await outcomeOf(each, running?.url ?? "", database)).toEqual(expected);
    });
  });
});

interface Outcome {
  readonly answers: readonly { readonly status: number; readonly body: string }[];
  readonly rows: Readonly<Record<string, readonly object[]>>;
}

async function outcomeOf(
  { given = {}, setting, steps }: Case,
  url: string,
  database: TestDatabase,
): Promise<Outcome> {
  await database.reset();
  await insert(database, given);
  const answers = [];
  for (const step of steps) {
    if ("send" in step) answers.push(await send(`${url}/${setting ?? "default"}`, step.send));
    else await change(step.change, database);
  }
  return { answers, rows: await rowsOf(database) };
}

async function send(
  url: string,
  { method = "POST", path = "/api/data", as = "alice", headers = {}, body }: Send,
): Promise<Outcome["answers"][number]> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      "content-type": "application/json",
      ...(as !== null && { authorization: `Bearer ${as}` }),
      ...headers,
    },
    ...(method === "POST" && {
      body:
        typeof body === "string" || body instanceof Uint8Array
          ? (body as BodyInit)
          : JSON.stringify(body),
    }),
  });
  // Text from the bytes, with a mark at the beginning kept, if one should be there.
  const bytes = await response.arrayBuffer();
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return { status: response.status, body: text };
}

type Change = Extract<Case["steps"][number], { change: unknown }>["change"];

async function change({ table, id, to }: Change, { db, given }: TestDatabase): Promise<void> {
  if (to === null) await db.deleteFrom(table).where("id", "=", id).execute();
  else await db.updateTable(table).set(given(to)).where("id", "=", id).execute();
}

/** Without what the database counts up or looks at the clock for. */
async function rowsOf({ db, plain }: TestDatabase): Promise<Outcome["rows"]> {
  const rows: Record<string, readonly object[]> = {};
  for (const table of appTableNames) {
    const stored = await db
      .selectFrom(table)
      .selectAll()
      .orderBy(sql.raw(rowOrder[table]))
      .execute();
    rows[table] = stored.map((row) => ({ ...plain(row), number: 0, author: 0 }));
  }
  rows["powersync_dead_letters"] = await db
    .selectFrom("powersync_dead_letters")
    .select(["user_id", "client_id", "error_code", "message", "operation_index", "payload"])
    .orderBy("payload")
    .execute();
  return rows;
}
