/**
 * `commit: "per-request"`: the transactions of a request commit together where all of them are plainly good, and else as if each had come alone. No
 * constraint waits for COMMIT here: see `group-deferred.test.ts`.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { TransactionEvent } from "../../src/events/events.js";
import type { WriteEvent, Writes } from "../../src/index.js";
import { alice, badThing, goodThing, patch, uuid } from "../support/letters.js";
import type { OpenTarget, TargetOptions } from "../support/target.js";
import { targets } from "../support/targets.js";
import type { TestPrincipal } from "../support/writes.js";

const success = { status: "success" };
/** One for each list of entries. */
const request = (...transactions: readonly (readonly object[])[]) => {
  let opId = 0;
  return {
    client_id: "phone",
    transactions: transactions.map((crud, index) => ({
      transaction_id: index + 1,
      crud: crud.map((entry) => ({ op_id: (opId += 1), ...entry })),
    })),
  };
};
const three = request(
  [goodThing(uuid(1)), goodThing(uuid(2))],
  [patch("things", uuid(1), { size: 5 })],
  [goodThing(uuid(3)), { op: "DELETE", table: "things", id: uuid(2) }],
);
const ids = [uuid(1), uuid(2), uuid(3)];

describe.each(targets)("the transactions of a request, on $name", (target) => {
  let open: OpenTarget;
  let isOpen = false;
  let events: WriteEvent[] = [];
  let answeredBefore = 0;

  beforeAll(async () => {
    isOpen = await target.available();
    if (isOpen) open = await target.open({ deferredKeys: false });
  });
  beforeEach(async ({ skip }) => {
    skip(!isOpen);
    events = [];
    await open.reset();
    answeredBefore = await open.answered();
  });
  afterAll(async () => {
    if (isOpen) await open.close();
  });

  const writesWith = (options: TargetOptions = {}): Writes<TestPrincipal> =>
    open.writes({
      commit: "per-request",
      onFatal: "skip",
      onEvent: (event) => void events.push(event),
      ...options,
    });
  const told = () =>
    events.filter((event): event is TransactionEvent => event.type === "transaction");
  /** Whether they were committed as a group: then the first one's event has all the statements. */
  const grouped = () => told().map(({ statements }) => statements > 0);
  const answered = async () => (await open.answered()) - answeredBefore;
  const sizes = async () => {
    const rows = await open.rows("things", ids);
    return Object.fromEntries(rows.map(({ id, size }) => [ids.indexOf(String(id)) + 1, size]));
  };

  it("commit together", async () => {
    const writes = writesWith();
    // A device is entered by its first transaction.
    await writes.processBatch(
      { client_id: "phone", crud: [{ op_id: 99, ...goodThing(uuid(9)) }] },
      alice,
    );
    events = [];
    expect(await writes.processBatch(three, alice)).toEqual([success, success, success]);
    expect(grouped()).toEqual([true, false, false]);
    expect(told().map(({ ledger, operations }) => [ledger, operations])).toEqual([
      ["miss", 2],
      ["miss", 1],
      ["miss", 2],
    ]);
    expect(await sizes()).toEqual({ 1: 5, 3: 1 });
    expect(await answered()).toBe(4);
  });

  it("are each tried where one fails", async () => {
    const body = request([goodThing(uuid(1), 7)], [badThing(uuid(2))], [goodThing(uuid(3), 8)]);
    const results = await writesWith().processBatch(body, alice);
    expect(results).toMatchObject([
      success,
      { status: "fatal_error", failedOperation: { operationIndex: 0 } },
      success,
    ]);
    expect(grouped()).toEqual([true, true, true]);
    expect(await sizes()).toEqual({ 1: 7, 3: 8 });
    expect(await open.letters()).toHaveLength(1);
    expect(await writesWith().processBatch(body, alice)).toEqual(results);
    expect(await open.letters()).toHaveLength(1);
  });

  it("write nothing when they come again, all or some, alone or with others", async () => {
    const writes = writesWith();
    await writes.processBatch(three, alice);
    await open.change("things", uuid(1), { size: 6 });
    await open.change("things", uuid(3), null);
    expect(await writes.processBatch(three, alice)).toEqual([success, success, success]);
    expect(await sizes()).toEqual({ 1: 6 });
    const more = {
      ...three,
      transactions: [
        ...three.transactions,
        { transaction_id: 4, crud: [{ op_id: 6, ...goodThing(uuid(2), 2) }] },
        { transaction_id: 5, crud: [{ op_id: 7, ...patch("things", uuid(2), { size: 3 }) }] },
      ],
    };
    events = [];
    expect(await writes.processBatch(more, alice)).toEqual(
      Array.from({ length: 5 }, () => success),
    );
    expect(told().map(({ ledger }) => ledger)).toEqual(["hit", "hit", "hit", "miss", "miss"]);
    expect(await sizes()).toEqual({ 1: 6, 2: 3 });
  });

  it("are applied once where one stands there twice, and where the request comes several times at once", async () => {
    const writes = writesWith();
    const [first] = three.transactions;
    const twice = { ...three, transactions: [first, first] };
    expect(await writes.processBatch(twice, alice)).toEqual([success, success]);
    expect(await answered()).toBe(1);
    const all = await Promise.all([1, 2, 3, 4].map(() => writes.processBatch(three, alice)));
    expect(all).toEqual(all.map(() => [success, success, success]));
    expect(await answered()).toBe(3);
    expect(await sizes()).toEqual({ 1: 5, 3: 1 });
  });

  it("commit together with application code in between, which may refuse one", async () => {
    let refuse = false;
    const writes = writesWith({
      persist: async (write, _context, next) => {
        const outcome = await next(write);
        if (refuse && write.id === uuid(3)) throw new Error("not now");
        return outcome;
      },
    });
    refuse = true;
    expect(await writes.processBatch(three, alice)).toMatchObject([
      success,
      success,
      { status: "retryable_error" },
    ]);
    expect(await sizes()).toEqual({ 1: 5, 2: 1 });
    refuse = false;
    events = [];
    const others = request([goodThing(uuid(3), 4)], [patch("things", uuid(3), { size: 9 })]);
    expect(await writes.processBatch({ ...others, client_id: "tablet" }, alice)).toEqual([
      success,
      success,
    ]);
    expect(grouped()).toEqual([true, false]);
    expect(await sizes()).toEqual({ 1: 5, 2: 1, 3: 9 });
  });

  it("are each tried where letters of the caller wait, or nobody says which device it is", async () => {
    const writes = writesWith();
    const { client_id: _, ...nameless } = three;
    expect(await writes.processBatch(nameless, alice)).toEqual([success, success, success]);
    expect(grouped()).toEqual([true, true, true]);
    await writes.processBatch(
      { client_id: "phone", crud: [{ op_id: 50, ...badThing(uuid(2)) }] },
      alice,
    );
    events = [];
    const dependent = request([goodThing(uuid(1), 2)], [patch("things", uuid(2), { size: 1 })]);
    expect(await writes.processBatch(dependent, alice)).toMatchObject([
      success,
      { status: "fatal_error", failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" } },
    ]);
    expect(await open.letters()).toHaveLength(2);
  });
});
