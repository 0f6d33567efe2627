/** Accounts that take all of the database's connections: whoever sends little, still finds one. The store is held back by the test. */
import { afterEach, describe, expect, it } from "vitest";
import {
  createWrites,
  type TransactionResult,
  type WritesConfig,
  type WriteEvent,
} from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import type { Store, UnitOptions } from "../../src/store/store.js";
import { isChosen } from "../support/chosen.js";
import { memoryTables } from "../support/memory.js";
import { until } from "../support/uploads.js";

interface Caller {
  readonly userId: string;
}

/** A unit that waits for the test. */
interface Held {
  readonly end: () => void;
}

/** A store of many connections whose units begin when they are asked for, and go on when the test says so. */
function heldStore() {
  const memory = memoryStore({ tables: memoryTables });
  const held: Held[] = [];
  const asked: UnitOptions[] = [];
  let most = 0;
  let open = false;
  const { connections: _connections, ...store } = memory;
  const unit: Store["unit"] = async (options, work) => {
    asked.push(options);
    if (!open) {
      await new Promise<void>((resolve) => {
        const mine: Held = {
          end: () => {
            held.splice(held.indexOf(mine), 1);
            resolve();
          },
        };
        held.push(mine);
        most = Math.max(most, held.length);
      });
    }
    return memory.unit(options, work as never) as never;
  };
  return {
    store: { ...store, unit } as Store,
    memory,
    held,
    asked,
    most: () => most,
    /** Nothing is held any more. */
    letGo: () => {
      open = true;
      while (held.length > 0) held[0]?.end();
    },
  };
}

const put = (name: string) => ({
  op: "PUT",
  table: "lists",
  id: crypto.randomUUID(),
  op_data: { name },
});
const transaction = (operations = 1) => ({
  crud: Array.from({ length: operations }, () => put("Groceries")),
});

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

describe.skipIf(!isChosen("memory"))("accounts that take the database's connections", () => {
  let scene = heldStore();
  let events: WriteEvent[] = [];
  afterEach(() => {
    scene.letGo();
    scene = heldStore();
    events = [];
  });

  const open = (config: Partial<WritesConfig<Caller, never>> = {}) =>
    createWrites<Caller, never>({
      authenticate: () => ({ userId: "nobody" }),
      database: scene.store as never,
      tables: { lists: { access: "everyone" } },
      // Nothing is hashed, in threads that the test would have to wait for.
      ledger: false,
      onEvent: (event) => void events.push(event),
      logger: false,
      ...config,
    });

  /** Sends transactions, and says which users' have begun, in order. */
  const senders = (config?: Partial<WritesConfig<Caller, never>>) => {
    const writes = open(config);
    const answers: Promise<TransactionResult>[] = [];
    const send = (userId: string, operations = 1, signal?: AbortSignal) => {
      const options = { principal: { userId }, ...(signal && { signal }) };
      const answer = writes.processTransaction(transaction(operations), options);
      answers.push(answer);
      return answer;
    };
    const each = async (users: readonly string[], times: number, operations = 1) => {
      for (let time = 0; time < times; time += 1) {
        for (const user of users) void send(user, operations);
      }
      await settled();
    };
    return { writes, send, each, answers };
  };

  it("leave a place to whoever has none: four of eight large ones each", async () => {
    const { each, send, answers } = senders();
    await each(["eve", "mallory", "oscar", "trudy"], 8, 101);
    expect(scene.held).toHaveLength(5);
    const bob = send("bob");
    await until(() => scene.held.length === 6);
    scene.held.at(-1)?.end();
    expect(await bob).toEqual({ status: "success" });
    expect(scene.held).toHaveLength(5);
    scene.letGo();
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe("success");
    expect(scene.most()).toBe(6);
  });

  it("leave a place to whoever has none: four of eight small ones each", async () => {
    const { each, send, answers } = senders();
    await each(["eve", "mallory", "oscar", "trudy"], 8);
    expect(scene.held).toHaveLength(8);
    const others = ["bob", "carol"].map((user) => send(user));
    await until(() => scene.held.length === 10);
    for (const each of scene.held.slice(8)) each.end();
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual(["success", "success"]);
    scene.letGo();
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe("success");
  });

  it("leave a place where there are many of them, with one large one each", async () => {
    const { each, send } = senders();
    await each(
      Array.from({ length: 40 }, (_, n) => `eve ${n}`),
      1,
      101,
    );
    expect(scene.held).toHaveLength(5);
    const bob = send("bob");
    await until(() => scene.held.length === 6);
    scene.held.at(-1)?.end();
    expect((await bob).status).toBe("success");
  });

  it("have nearly all places where they are alone, as under anonymous(), and none for nothing", async () => {
    const { each, answers } = senders();
    await each(["anonymous"], 100);
    expect(scene.held).toHaveLength(8);
    scene.letGo();
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe("success");
    expect(scene.most()).toBe(8);
  });

  it("have as many as limits.callerTransactions says, and all as limits.concurrentTransactions says", async () => {
    const limits = { concurrentTransactions: 7, callerTransactions: 2 };
    const { each, answers } = senders({ limits });
    await each(["eve"], 8);
    expect(scene.held).toHaveLength(2);
    await each(["mallory", "oscar", "trudy", "victor"], 8);
    expect(scene.held).toHaveLength(6);
    await each(["bob"], 8);
    expect(scene.held).toHaveLength(7);
    scene.letGo();
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe("success");
    expect(scene.most()).toBe(7);
  });

  it("have all places by `Infinity`", async () => {
    const { each } = senders({ limits: { concurrentTransactions: Infinity } });
    await each(["eve"], 30, 101);
    expect(scene.held).toHaveLength(30);
  });

  it("take turns with the others where there is but one place", async () => {
    const order: string[] = [];
    const { each, send, answers } = senders({
      limits: { concurrentTransactions: 1 },
      hooks: { committed: (_, { principal }) => void order.push(principal.userId) },
    });
    await each(["eve", "mallory"], 4, 101);
    await each(["bob"], 3);
    void send("carol");
    await settled();
    while (scene.held.length > 0) {
      scene.held[0]?.end();
      await until(() => order.length === scene.asked.length - scene.held.length);
    }
    await Promise.all(answers);
    // One was under way; then the small ones, and then the large ones in turn.
    expect(order[0]).toBe("eve");
    expect(order.slice(1, 5).toSorted()).toEqual(["bob", "bob", "bob", "carol"]);
    const large = order.slice(5);
    expect(large.filter((user) => user === "mallory")).toHaveLength(4);
    for (const [index, user] of large.entries())
      if (index > 0) expect(user).not.toBe(large[index - 1]);
  });

  it("don't wait for ever behind small ones: those who have had more work go behind", async () => {
    const order: string[] = [];
    const { each, answers } = senders({
      limits: { concurrentTransactions: 1 },
      hooks: { committed: (_, { principal }) => void order.push(principal.userId) },
    });
    await each(["bob"], 1);
    await each(["eve"], 1, 1_000);
    await each(["bob"], 300);
    scene.letGo();
    await Promise.all(answers);
    // The large one counts as a hundred.
    expect(order.indexOf("eve")).toBe(100);
  });

  it("wait no longer than a transaction may take, which the wait is a part of", async () => {
    const { each, send, answers } = senders({
      limits: { concurrentTransactions: 1 },
      timeouts: { transactionMs: 30 },
    });
    void each(["eve"], 1);
    const late = await send("eve");
    expect(late).toEqual({
      status: "retryable_error",
      message: "The database is taking too long right now.",
    });
    expect(scene.asked).toHaveLength(1);
    const said = events.flatMap((event) => (event.type === "error" ? [event.error] : []));
    expect(String((said[0] as Error).cause)).toMatch(/concurrentTransactions/);
    scene.letGo();
    await Promise.all(answers);
    // Its place has not been lost.
    expect((await send("eve")).status).toBe("success");
  });

  it("give up their wait when they leave, and nothing is begun", async () => {
    const { each, send, answers } = senders({ limits: { concurrentTransactions: 1 } });
    await each(["eve"], 1);
    const leaving = new AbortController();
    const left = send("mallory", 1, leaving.signal);
    await settled();
    leaving.abort();
    expect((await left).status).toBe("retryable_error");
    expect(scene.asked).toHaveLength(1);
    scene.letGo();
    await Promise.all(answers);
    expect(scene.asked).toHaveLength(1);
    expect((await send("mallory")).status).toBe("success");
  });

  it("are not in the way of prune, ready, check and the retry of letters", async () => {
    const { writes, each } = senders({ limits: { concurrentTransactions: 2 } });
    await each(["eve", "mallory", "oscar"], 8);
    const before = scene.held.length;
    expect(before).toBe(2);
    const others = [
      writes.prune(),
      writes.ready(),
      writes.check(),
      writes.deadLetters.list(),
      writes.deadLetters.retry("no letter"),
    ];
    await until(() => scene.held.length === before + others.length);
    for (const each of scene.held.slice(before)) each.end();
    scene.letGo();
    await Promise.all(others);
  });

  it("hold one place at a time, also where a transaction is recorded, and counted for parking", async () => {
    const { writes } = senders({
      limits: { concurrentTransactions: 1 },
      parking: { afterHours: 0, attempts: 2 },
      authorize: ({ values }) => {
        if (values["name"] === "bug") throw new Error("bug");
      },
    });
    scene.letGo();
    const principal = { userId: "eve" };
    const send = (...crud: object[]) => writes.processTransaction({ crud }, { principal });
    expect((await send({ ...put("x"), table: "nowhere" })).status).toBe("fatal_error");
    expect((await send(put("bug"))).status).toBe("retryable_error");
    expect((await send(put("x"))).status).toBe("success");
    expect(scene.memory.letters()).toHaveLength(1);
  });
});
