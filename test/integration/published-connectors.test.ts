/**
 * PowerSync's published connectors, by their contract: one transaction a request, a transaction id, neither client id nor operation ids; what is not
 * answered is sent again. Every third answer is swallowed. Two users have three devices, write the same few rows and delete them, and somebody else
 * changes them in the database. 120 transactions; 10,000 with `LONG=1`, on Postgres and SQLite.
 */
import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/node.js";
import { createWrites } from "../../src/index.js";
import { betterSqlite3, databases, postgres } from "../support/databases.js";
import { long } from "../support/long.js";
import {
  type Change,
  createModel,
  type Operation,
  scheduleOf,
  type Sent,
} from "../support/published.js";
import { startSwallowingProxy } from "../support/swallowing-proxy.js";
import { listen, post } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";
import type { TestSchema } from "../support/schema.js";

const fewTransactions = 120;
const manyTransactions = 10_000;
interface Counts {
  repeats: number;
  /** Repeats that were written again, and would have been wherever others have written since. */
  appliedOverOthers: number;
  broughtBack: number;
  /** Of two devices of one user, and taken for one. */
  takenForOne: number;
  /** Excepted: the user's other device has written the row since. */
  overtakenByOwn: number;
  /** Excepted: the same number and content, with nothing of the user's on the row in between. */
  sameByChance: number;
}

/** What has been written, step by step, and by whom: the truth, by which every decision is judged. */
function createJudge() {
  const counts: Counts = {
    repeats: 0,
    appliedOverOthers: 0,
    broughtBack: 0,
    takenForOne: 0,
    overtakenByOwn: 0,
    sameByChance: 0,
  };
  const log: (Partial<Sent> & Operation)[] = [];
  const isSame = (a: Partial<Sent> & Operation, b: Sent) =>
    a.user === b.user &&
    a.op === b.op &&
    a.id === b.id &&
    a.size === b.size &&
    a.number === b.number;
  const judge = (sent: Sent, applied: boolean): void => {
    const own = log.findLastIndex(
      (each) => each.device === sent.device && each.number === sent.number,
    );
    const since = log.slice(own + 1).filter(({ id }) => id === sent.id);
    if (answered.has(nameOf(sent))) {
      counts.repeats += 1;
      if (applied) {
        if (since.some(({ user }) => user === sent.user)) counts.overtakenByOwn += 1;
        else if (since.at(-1)?.op === "DELETE" && sent.op === "PUT") counts.broughtBack += 1;
        else if (since.length > 0) counts.appliedOverOthers += 1;
      }
    } else if (!applied) {
      const other = log.findLastIndex((each) => isSame(each, sent));
      const between = log
        .slice(other + 1)
        .filter(({ id, user }) => id === sent.id && user === sent.user);
      if (other >= 0 && between.length === 0) counts.sameByChance += 1;
      else counts.takenForOne += 1;
    }
    answered.add(nameOf(sent));
    if (applied) log.push(sent);
  };
  const answered = new Set<string>();
  return {
    counts,
    judge,
    changed: ({ id, size }: Change) => log.push({ op: size === null ? "DELETE" : "PATCH", id }),
  };
}

function nameOf({ device, number }: Sent): string {
  return `${device} ${number}`;
}

describe.each(databases)("on $name", (dialect) => {
  it(
    "the published connectors' writes are applied once",
    { timeout: 3_600_000 },
    async ({ skip, onTestFinished }) => {
      skip(!(await dialect.available()), "There is no such database.");
      const { db, close } = await dialect.open();
      onTestFinished(close);
      const ledgers: string[] = [];
      let byContent = 0;
      const writes = createWrites<TestPrincipal, TestSchema>({
        ...testConfig(db),
        limits: { requests: Infinity },
        onEvent: (event) => {
          if (event.type === "transaction") ledgers.push(event.ledger);
          if (event.type === "replayed_by_content") byContent += 1;
        },
      });
      const server = await listen(createServer(powersyncWrites(writes)));
      onTestFinished(server.close);
      const proxy = await startSwallowingProxy(server.url);
      onTestFinished(proxy.close);

      const isLong = long && (dialect === postgres || dialect === betterSqlite3);
      const actual = createJudge();
      const expected = createJudge();
      const model = createModel();
      let swallowed = 0;
      for (const step of scheduleOf(6, isLong ? manyTransactions : fewTransactions)) {
        if (step.kind === "change") {
          const { id, size } = step;
          if (size === null) await db.deleteFrom("things").where("id", "=", id).execute();
          else await db.updateTable("things").set({ size }).where("id", "=", id).execute();
          model.change(step);
          actual.changed(step);
          expected.changed(step);
          continue;
        }
        const { user, number, op, id, size } = step.sent;
        const op_data = op === "DELETE" ? undefined : { size };
        const crud = [{ id, op, table: "things", transaction_id: number, op_data }];
        const answer = await post(
          proxy.url,
          { transactions: [{ transaction_id: number, crud }] },
          { user },
        ).catch(() => undefined);
        expect(answer === undefined).toBe(step.lost);
        if (answer === undefined) swallowed += 1;
        else expect(answer.body).toEqual({ results: [{ status: "success" }] });
        actual.judge(step.sent, ledgers.at(-1) === "miss");
        expected.judge(step.sent, model.send(step.sent));
      }

      if (long)
        console.log(dialect.name, { ...actual.counts, swallowed, requests: ledgers.length });
      expect(actual.counts).toEqual(expected.counts);
      expect(actual.counts).toMatchObject({
        appliedOverOthers: 0,
        broughtBack: 0,
        takenForOne: 0,
        repeats: swallowed,
      });
      expect(actual.counts.overtakenByOwn).toBeGreaterThan(0);
      expect(actual.counts.sameByChance).toBeGreaterThan(0);
      expect(byContent).toBe(ledgers.filter((ledger) => ledger === "hit").length);
      const rows = await db.selectFrom("things").select(["id", "size"]).execute();
      expect(new Map(rows.map((row) => [row.id, Number(row.size)]))).toEqual(model.rows);
    },
  );
});
