/**
 * PowerSync's published connectors, by their contract: one transaction a request, a transaction id, neither client id nor operation ids; what is not
 * answered is sent again. Every third answer is swallowed. Two users have three devices, write the same few rows and delete them, and somebody else
 * changes them in the database. 120 transactions; 10,000 with `LONG=1`, on Postgres and SQLite.
 */
import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/node.js";
import { createWrites } from "../../src/index.js";
import { betterSqlite3, mariadb, mysql, postgres } from "../support/databases.js";
import { uuid } from "../support/letters.js";
import { long } from "../support/long.js";
import { startSwallowingProxy } from "../support/swallowing-proxy.js";
import { listen, post } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";
import type { TestSchema } from "../support/schema.js";

const fewTransactions = 120;
const manyTransactions = 10_000;
const rowIds = Array.from({ length: 8 }, (_, index) => uuid(index + 1));

interface Operation {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly id: string;
  readonly size?: number;
}

interface Sent extends Operation {
  readonly user: string;
  readonly device: string;
  /** Counted by each device. */
  readonly number: number;
}

/** Either a device sends what stands at the head of its queue, or somebody changes a row in the database. */
type Step = { readonly kind: "send"; readonly sent: Sent; readonly lost: boolean } | Change;

interface Change {
  readonly kind: "change";
  readonly id: string;
  readonly size: number | null;
}

const devices = [
  { user: "alice", device: "phone" },
  { user: "alice", device: "tablet" },
  { user: "bob", device: "laptop" },
] as const;

/** The same numbers in every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What happens, in order. The answer to every third request is lost, and the device's next request is the same again. */
function scheduleOf(seed: number, transactions: number): readonly Step[] {
  const random = randomNumbers(seed);
  const steps: Step[] = [];
  const waiting = new Map<string, Sent>();
  const numbers = new Map<string, number>();
  const phone: Sent[] = [];
  let requests = 0;
  for (let written = 0; written < transactions || waiting.size > 0;) {
    const id = rowIds[random(rowIds.length)] ?? "";
    if (random(8) === 0) {
      steps.push({ kind: "change", id, size: random(3) === 0 ? null : 100 + random(1_000) });
      continue;
    }
    const from = devices[random(devices.length)] ?? devices[0];
    let sent = waiting.get(from.device);
    if (sent === undefined) {
      if (written === transactions) continue;
      written += 1;
      const number = (numbers.get(from.device) ?? 0) + 1;
      numbers.set(from.device, number);
      const kind = random(10);
      const own: Operation =
        kind < 2 ? { op: "DELETE", id } : { op: kind < 5 ? "PUT" : "PATCH", id, size: random(40) };
      // Every other time the user has done the same on the other device.
      const same = from.device === "tablet" && random(2) === 0 ? phone[number - 1] : undefined;
      sent = { ...(same ?? own), ...from, number };
      if (from.device === "phone") phone.push(sent);
    }
    requests += 1;
    const lost = requests % 3 === 0;
    if (lost) waiting.set(from.device, sent);
    else waiting.delete(from.device);
    steps.push({ kind: "send", sent, lost });
  }
  return steps;
}

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

/** The rule, in a few lines: what is applied, and what the rows are in the end. */
function createModel() {
  const told = new Map<string, number>();
  const named = new Map<string, number>();
  const rows = new Map<string, number>();
  let position = 0;
  const write = ({ op, id, size = 0 }: Operation) => {
    if (op === "DELETE") rows.delete(id);
    else if (op === "PUT" || rows.has(id)) rows.set(id, size);
  };
  return {
    rows,
    change: ({ id, size }: Change) =>
      write({ op: size === null ? "DELETE" : "PATCH", id, ...(size !== null && { size }) }),
    /** Whether it is applied. */
    send: (sent: Sent): boolean => {
      const { user, number, op, id, size } = sent;
      const content = JSON.stringify([user, number, op, id, size]);
      const row = `${user} ${id}`;
      const before = told.get(content);
      if (before !== undefined && (named.get(row) ?? 0) <= before) return false;
      position += 1;
      told.set(content, position);
      named.set(row, position);
      write(sent);
      return true;
    },
  };
}

describe.each([postgres, mysql, mariadb, betterSqlite3])("on $name", (dialect) => {
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
      for (const step of scheduleOf(1, isLong ? manyTransactions : fewTransactions)) {
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
