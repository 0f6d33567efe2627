/**
 * Transactions that go to an SQLite file in one go, with a fault at each of their statements, and locks of others: nothing is lost, applied twice or by
 * halves, and the connection is good for the next one.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isChosen } from "../support/chosen.js";
import { type FlightFile, openFlightFile, type Sender } from "../support/flight-file.js";
import { sqliteDrivers } from "../support/sqlite-files.js";
import { until } from "../support/uploads.js";

const success = { status: "success" };
const retryable = { status: "retryable_error", message: expect.any(String) as string };

/** A list and its todos; four rows. */
const crud = (list: string = crypto.randomUUID(), text = "") => [
  { op: "PUT", table: "lists", id: list, op_data: { name: "a" } },
  ...[1, 2, 3].map((n) => ({
    op: "PUT",
    table: "todos",
    id: crypto.randomUUID(),
    op_data: { list_id: list, description: `${n}${text}` },
  })),
  { op: "PATCH", table: "lists", id: list, op_data: { name: "b" } },
];

describe.skipIf(!isChosen("sqlite")).each(sqliteDrivers)("flights on SQLite by %s", (driver) => {
  let database: FlightFile;
  beforeEach(async () => {
    database = await openFlightFile(driver);
  });
  afterEach(() => database.close());

  const counts = () =>
    database.other
      .prepare(
        `select (select count(*) from lists where name = 'b') as lists, (select count(*) from todos) as todos,
        (select count(*) from lists where name = 'a') as halves, (select count(*) from powersync_ledger) as answered,
        (select count(*) from powersync_dead_letters) as letters`,
      )
      .get();
  const applied = (times: number, answered = times) => ({
    lists: times,
    todos: 3 * times,
    halves: 0,
    answered,
    letters: 0,
  });
  /** The tables have been read, and the device is known. */
  const warm = async (config: object = {}): Promise<Sender> => {
    const sender = database.serve(config);
    await sender.send(...crud());
    await sender.send(...crud());
    expect(sender.flown().at(-1)).toBe(true);
    return sender;
  };
  /** No transaction is open, and nobody is kept from writing. */
  const expectFree = () => {
    expect(database.inTransaction()).toBe(false);
    database.other.exec("begin immediate; rollback");
  };
  const fault = (code: string, errcode: number) =>
    driver === "node:sqlite"
      ? Object.assign(new Error(code), { code: "ERR_SQLITE_ERROR", errcode })
      : Object.assign(new Error(code), { code });
  const statementsOf = async (run: () => Promise<unknown>) => {
    const texts: string[] = [];
    database.tap = (text, execute) => {
      texts.push(text);
      return execute();
    };
    await run();
    database.tap = (_, execute) => execute();
    return texts;
  };

  it("none: each statement once", async () => {
    const sender = await warm();
    const texts = await statementsOf(() => sender.send(...crud()));
    expect(texts.map((text) => /^\w+(?: immediate)?/.exec(text)?.[0])).toEqual(
      "begin immediate,insert,insert,insert,select,update,commit".split(","),
    );
    expect(counts()).toEqual(applied(3));
  });

  it.each([
    ["SQLITE_CONSTRAINT_CHECK", 275, true],
    ["SQLITE_IOERR", 10, false],
    ["SQLITE_BUSY", 5, false],
    ["no code of the database's", 0, false],
  ] as const)(
    "each statement fails with %s, and ROLLBACK has an error, too",
    async (code, number, isPlain) => {
      const sender = await warm();
      const { length } = await statementsOf(() => sender.send(...crud()));
      let times = 3;
      for (const isUnclear of [false, true]) {
        for (let at = 0; at < length; at += 1) {
          let seen = 0;
          database.tap = (text, execute) => {
            seen += 1;
            if (seen === at + 1) throw fault(code, number);
            const result = execute();
            // What SQLite tells of a ROLLBACK, it has ended the transaction.
            if (isUnclear && text === "rollback") throw fault("SQLITE_IOERR", 10);
            return result;
          };
          let { status } = await sender.send(...crud());
          database.tap = (_, execute) => execute();
          expect(seen).toBeGreaterThan(at);
          expectFree();
          if (isPlain && at > 0 && !isUnclear) expect(status).toBe("success");
          for (let tries = 0; status !== "success" && tries < 5; tries += 1) {
            expect(counts()).toEqual(applied(times));
            ({ status } = await sender.repeat());
          }
          expect(status).toBe("success");
          times += 1;
          expect(counts()).toEqual(applied(times));
          // What has failed before is forgotten soon.
          let flies = false;
          for (let more = 0; !flies; more += 1) {
            expect(more).toBeLessThan(70);
            expect(await sender.send(...crud())).toEqual(success);
            flies = sender.flown().at(-1) === true;
            times += 1;
          }
        }
      }
    },
  );

  it.each(["SQLITE_IOERR", "SQLITE_FULL", "a code of its own"])(
    "COMMIT is heeded, and fails with %s all the same",
    async (code) => {
      const sender = await warm();
      database.tap = (text, execute) => {
        const result = execute();
        if (text !== "commit") return result;
        database.tap = (_, run) => run();
        throw fault(code, code === "SQLITE_FULL" ? 13 : 10);
      };
      expect(await sender.send(...crud())).toEqual(retryable);
      expect(counts()).toEqual(applied(3));
      expect(await sender.repeat()).toEqual(success);
      expect(counts()).toEqual(applied(3));
      expectFree();
    },
  );

  it.each([{}, { ledger: false }])("another connection holds the lock, with %o", async (config) => {
    const sender = await warm({ ...config, timeouts: { lockMs: 200 } });
    const answered = config.ledger === false ? 0 : undefined;
    database.other.exec("begin immediate");
    expect(await sender.send(...crud())).toEqual(retryable);
    expect(database.inTransaction()).toBe(false);
    database.other.exec("rollback");
    expect(counts()).toEqual(applied(2, answered));
    expect(await sender.repeat()).toEqual(success);
    database.other.exec("begin immediate");
    const answer = sender.send(...crud());
    let ticks = 0;
    const timer = setInterval(() => void (ticks += 1), 5);
    await until(() => ticks > 4);
    clearInterval(timer);
    database.other.exec("rollback");
    expect(await answer).toEqual(success);
    expect(sender.flown().at(-1)).toBe(true);
    expect(counts()).toEqual(applied(4, answered));
    expectFree();
  });

  it("a reader lets nothing be committed to a rollback journal", async () => {
    await database.close();
    database = await openFlightFile(driver, { journal: "delete" });
    const sender = await warm();
    database.other.exec("begin");
    counts();
    expect(await sender.send(...crud())).toEqual(retryable);
    expect(database.inTransaction()).toBe(false);
    expect(counts()).toEqual(applied(2));
    database.other.exec("rollback");
    expect(await sender.repeat()).toEqual(success);
    expect(counts()).toEqual(applied(3));
    expectFree();
  });

  it("the disk is full", async () => {
    const sender = await warm();
    const { page_count: pages } = database.other.prepare("pragma page_count").get() as {
      page_count: number;
    };
    database.exec(`pragma max_page_count = ${pages + 5}`);
    expect(await sender.send(...crud(undefined, "x".repeat(20_000)))).toEqual(retryable);
    expect(counts()).toEqual(applied(2));
    expectFree();
    database.exec("pragma max_page_count = 100000");
    expect(await sender.repeat()).toEqual(success);
    expect(counts()).toEqual(applied(3));
  });

  it("its time is over in the middle: nothing more is executed, nor committed after the answer", async () => {
    const sender = await warm({ timeouts: { transactionMs: 200 } });
    const list = crypto.randomUUID();
    // 1,600 statements.
    const many = Array.from({ length: 400 }, () => crud(list)).flat();
    let executed = 0;
    database.tap = (text, execute) => {
      executed += 1;
      const end = performance.now() + (text.startsWith("update") ? 5 : 0);
      while (performance.now() < end);
      return execute();
    };
    expect(await sender.send(...many)).toEqual(retryable);
    await until(() => !database.inTransaction());
    // Statements go in groups of a hundred, and a group is not broken off.
    expect(executed).toBeLessThan(600);
    expect(counts()).toEqual(applied(2));
    database.tap = (_, execute) => execute();
    expectFree();
    expect(await sender.send(...crud())).toEqual(success);
  });

  it("short statements are executed in one turn of the event loop, and long and slow ones in turns of their own", async () => {
    const sender = await warm();
    let inTurn = 0;
    let most = 0;
    // Longer than a slice.
    let each = 6;
    database.tap = (_text, execute) => {
      if (inTurn === 0) setImmediate(() => (inTurn = 0));
      inTurn += 1;
      most = Math.max(most, inTurn);
      const end = performance.now() + each;
      while (performance.now() < end);
      return execute();
    };
    const list = crypto.randomUUID();
    const [whole] = crud(list);
    const todos = (text: string) =>
      Array.from({ length: 5 }, () => crud(list, text).slice(1, 4)).flat();
    expect(await sender.send(whole ?? {}, ...todos("x".repeat(50_000)))).toEqual(success);
    expect(most).toBeLessThan(8);
    const renamed = { op: "PATCH", table: "lists", id: list, op_data: { name: "b" } };
    const mixed = todos("").flatMap((todo) => [todo, renamed]);
    each = 0;
    // Where the machine is busy, a few may take as long as those that are slow.
    for (let time = 0; time < 50 && most <= 30; time += 1)
      expect(await sender.send(...mixed)).toEqual(success);
    expect(most).toBeGreaterThan(30);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    each = 6;
    most = 0;
    expect(await sender.send(...mixed)).toEqual(success);
    expect(most).toBeLessThan(8);
    expect(sender.flown().at(-1)).toBe(true);
  });

  it("its caller leaves while another transaction has the connection", async () => {
    const sender = await warm();
    database.tap = (text, execute) => {
      if (text === "begin immediate") throw fault("SQLITE_IOERR", 10);
      return execute();
    };
    expect(await sender.send(...crud())).toEqual(retryable);
    database.tap = (_, execute) => execute();
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow = database.serve({ hooks: { persist: { after: () => gate } } });
    const first = slow.send(...crud());
    await until(() => database.inTransaction());
    const caller = new AbortController();
    const second = sender.repeat(caller.signal);
    caller.abort();
    release();
    expect(await first).toEqual(success);
    expect(await second).toEqual(retryable);
    expect(counts()).toEqual(applied(3));
    expectFree();
  });

  it("together with others of its request, by one COMMIT", async () => {
    const sender = await warm({ commit: "per-request" });
    const texts = await statementsOf(() => sender.batch(crud(), crud(), crud()));
    expect(texts.filter((text) => text === "commit")).toHaveLength(1);
    expect(sender.flown()).toEqual([true, true, true]);
    expect(counts()).toEqual(applied(5));
    let commits = 0;
    database.tap = (text, execute) => {
      if (text !== "commit" || (commits += 1) > 1) return execute();
      throw fault("SQLITE_BUSY", 5);
    };
    expect(await sender.batch(crud(), crud(), crud())).toEqual([success, success, success]);
    // Each by itself.
    expect(commits).toBe(4);
    expect(counts()).toEqual(applied(8));
    expectFree();
  });
});
