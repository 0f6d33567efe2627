/** What an application can hang on to the layers and put in their place, and what it can't do from there. */
import { sql, type Transaction } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createWrites,
  type DeadLetter,
  fatal,
  type Hooks,
  retryable,
  toWire,
  type Write,
  type WriteEvent,
  type WriteRequest,
  type WritesConfig,
} from "../../src/index.js";
import { somePostgres, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";
import { type TestPrincipal, testConfig } from "../support/writes.js";

type Config = WritesConfig<TestPrincipal, TestSchema>;
type TestHooks = Hooks<TestPrincipal, TestSchema>;

const alice: TestPrincipal = { userId: "alice" };
const first = "11111111-1111-4111-8111-111111111111";
const second = "22222222-2222-4222-8222-222222222222";

let database: TestDatabase;
let events: WriteEvent[];

beforeAll(async () => {
  database = await somePostgres.open();
});
afterAll(() => database.close());
beforeEach(async () => {
  events = [];
  await database.reset();
});

function writesWith(config: Partial<Config> = {}) {
  const base: Config = {
    ...testConfig(database.db),
    onEvent: (event) => void events.push(event),
  };
  return createWrites<TestPrincipal, TestSchema>({ ...base, ...config });
}

/** One list's PUT, from a device, with ids: a transaction with an identity. */
function putList(id = first, opId = 1, data: Record<string, unknown> = { name: "one" }) {
  return { op: "PUT", table: "lists", id, op_id: opId, op_data: data };
}

function transaction(...crud: readonly object[]) {
  return { client_id: "phone", crud };
}

function batch(...transactions: readonly object[]) {
  return { client_id: "phone", transactions };
}

function request(body: unknown): WriteRequest {
  return {
    method: "POST",
    url: "/api/data",
    headers: new Headers({
      authorization: "Bearer alice",
      "content-type": "application/json",
      "x-correlation-id": "corr-1",
    }),
    body: async () => new TextEncoder().encode(JSON.stringify(body)),
    signal: new AbortController().signal,
  };
}

async function stored() {
  const { db } = database;
  const lists = await db.selectFrom("lists").select(["id", "name", "owner_id"]).execute();
  const things = await db.selectFrom("things").select(["id", "code", "size"]).execute();
  const ledger = await db.selectFrom("powersync_ledger").select("answer").execute();
  const letters = await db
    .selectFrom("powersync_dead_letters")
    .select(["error_code", "message", "payload"])
    .execute();
  return { lists, things, ledger: ledger.length, letters };
}

const nothing = { lists: [], things: [], ledger: 0, letters: [] };

function errors() {
  return events.filter((event) => event.type === "error");
}

describe("each layer", () => {
  it("has its hooks called once, in order, with what is known there", async () => {
    const calls: [string, unknown, Record<string, unknown>][] = [];
    const note =
      (name: string) =>
      (value: unknown, context: object): void => {
        calls.push([name, value, context as Record<string, unknown>]);
      };
    const both = (name: string) => ({
      before: note(`${name}.before`),
      after: note(`${name}.after`),
    });
    const writes = writesWith({
      hooks: {
        authenticate: both("authenticate"),
        validate: both("validate"),
        map: both("map"),
        authorize: both("authorize"),
        persist: both("persist"),
        respond: both("respond"),
        committed: note("committed"),
      },
    });
    const sent = request({
      client_id: "phone",
      crud: [
        {
          ...putList(),
          op_data: { name: "one", id: first },
          previous_values: { name: "zero" },
          metadata: "from the kitchen",
        },
      ],
    });
    const response = await writes.handle(sent);
    expect(response.status).toBe(200);

    expect(calls.map(([name]) => name)).toEqual([
      "authenticate.before",
      "authenticate.after",
      "validate.before",
      "validate.after",
      "map.before",
      "map.after",
      "authorize.before",
      "authorize.after",
      "persist.before",
      "persist.after",
      "committed",
      "respond.before",
      "respond.after",
    ]);
    const inRequest = { correlationId: "corr-1", request: sent, signal: sent.signal };
    for (const [name, , context] of calls) expect(context, name).toMatchObject(inRequest);
    const call = (wanted: string) => calls.find(([name]) => name === wanted);

    expect(call("authenticate.before")?.[1]).toBe(sent);
    expect(call("authenticate.before")?.[2]).not.toHaveProperty("principal");
    expect(call("authenticate.after")?.[1]).toEqual(alice);
    expect(call("validate.before")?.[1]).toMatchObject({ client_id: "phone" });
    expect(call("validate.before")?.[2]).toMatchObject({ principal: alice });
    expect(call("validate.after")?.[1]).toMatchObject({ shape: "single", clientId: "phone" });

    const entry = { op: "PUT", table: "lists", id: first, opId: 1, metadata: "from the kitchen" };
    const write = {
      op: "PUT",
      table: "lists",
      id: first,
      values: { name: "one", owner_id: "alice" },
    };
    expect(call("map.before")?.[1]).toMatchObject(entry);
    for (const name of ["map.after", "authorize.before", "authorize.after", "persist.before"]) {
      expect(call(name)?.[1], name).toEqual(write);
    }
    expect(call("persist.after")?.[1]).toEqual({ effect: "written" });
    for (const layer of ["map", "authorize", "persist"]) {
      expect(call(`${layer}.after`)?.[2], layer).toMatchObject({
        principal: alice,
        clientId: "phone",
        operation: entry,
        operationIndex: 0,
        transaction: { crud: [entry] },
        attempt: 1,
        metadata: "from the kitchen",
        previousValues: { name: "zero" },
        lossyNumbers: false,
      });
      expect(call(`${layer}.after`)?.[2]["tx"]).toBeDefined();
    }
    expect(call("committed")?.[1]).toEqual({
      transaction: { crud: [expect.objectContaining(entry)] },
      writes: [write],
      mutations: [],
    });
    expect(call("committed")?.[2]).toMatchObject({ principal: alice, clientId: "phone" });
    expect(call("committed")?.[2]).not.toHaveProperty("tx");
    expect(call("respond.before")?.[1]).toMatchObject({ status: 200 });
    expect(call("respond.before")?.[2]).toMatchObject({ results: [{ status: "success" }] });
  });

  it("runs once for each operation, in order", async () => {
    const seen: unknown[] = [];
    const writes = writesWith({
      hooks: {
        persist: {
          before: ({ id }, { operationIndex }) => void seen.push([operationIndex, id]),
          after: ({ effect }, { operationIndex }, { op }) =>
            void seen.push([operationIndex, op, effect]),
        },
      },
    });
    await writes.processTransaction(
      transaction(
        putList(first, 1),
        { op: "PATCH", table: "lists", id: second, op_id: 2, op_data: { name: "gone" } },
        { op: "PATCH", table: "lists", id: first, op_id: 3, op_data: {} },
      ),
      { principal: alice },
    );
    expect(seen).toEqual([
      [0, first],
      [0, "PUT", "written"],
      [1, second],
      [1, "PATCH", "missing"],
      [2, first],
      [2, "PATCH", "unchanged"],
    ]);
  });

  it("is given what the hooks in front of it return, and its own output is theirs to replace", async () => {
    const writes = writesWith({
      hooks: {
        authenticate: { after: ({ userId }) => ({ userId: userId.toUpperCase() }) },
        validate: {
          before: (body) => ({ ...(body as object), crud: [putList(first, 1, { name: "a" })] }),
        },
        map: {
          before: (entry) => ({ ...entry, opData: { name: `${String(entry.opData?.["name"])}b` } }),
          after: (write) =>
            write && {
              ...write,
              values: { ...write.values, name: `${String(write.values["name"])}c` },
            },
        },
        persist: {
          before: (write) => ({
            ...write,
            values: { ...write.values, name: `${String(write.values["name"])}d` },
          }),
        },
        respond: {
          after: (response) => ({ ...response, headers: { ...response.headers, "x-mine": "1" } }),
        },
      },
    });
    const response = await writes.handle(request({ crud: [] }));
    expect(response.headers).toMatchObject({ "x-mine": "1" });
    expect((await stored()).lists).toEqual([{ id: first, name: "abcd", owner_id: "ALICE" }]);
  });

  it("can leave an operation out: map gives null", async () => {
    const persisted = vi.fn();
    const writes = writesWith({
      hooks: {
        map: { after: (write) => (write?.id === first ? null : undefined) },
        persist: { before: persisted },
      },
    });
    const result = await writes.processTransaction(transaction(putList(first), putList(second)), {
      principal: alice,
    });
    expect(result).toEqual({ status: "success" });
    expect(persisted).toHaveBeenCalledOnce();
    expect((await stored()).lists).toMatchObject([{ id: second }]);
  });

  it("takes an array of hooks: before in order, after reversed, committed in order", async () => {
    const calls: string[] = [];
    const hooks = (name: string): TestHooks => ({
      persist: {
        before: (write) => {
          calls.push(`${name}.before`);
          return {
            ...write,
            values: { ...write.values, name: `${String(write.values["name"])}${name}` },
          };
        },
        after: () => void calls.push(`${name}.after`),
      },
      committed: () => void calls.push(`${name}.committed`),
    });
    await writesWith({
      hooks: [hooks("1"), { map: { before: () => undefined } }, hooks("2")],
    }).processTransaction(transaction(putList()), { principal: alice });
    expect(calls).toEqual([
      "1.before",
      "2.before",
      "2.after",
      "1.after",
      "1.committed",
      "2.committed",
    ]);
    expect((await stored()).lists).toMatchObject([{ name: "one12" }]);
  });
});

describe("a write through tx in persist.after", () => {
  const audited: TestHooks = {
    persist: {
      after: async (_outcome, { tx, operation, operationIndex }) => {
        await tx
          .insertInto("things")
          .values({
            id: operation.id.replace(/^./, "a"),
            code: `audit ${operationIndex}`,
            amount: null,
            size: null,
            big: null,
            parent_id: null,
          })
          .execute();
      },
    },
  };

  it("commits with the data", async () => {
    const result = await writesWith({ hooks: audited }).processTransaction(transaction(putList()), {
      principal: alice,
    });
    expect(result).toEqual({ status: "success" });
    expect(await stored()).toMatchObject({
      lists: [{ id: first }],
      things: [{ code: "audit 0" }],
      ledger: 1,
    });
  });

  it("rolls back with the data", async () => {
    const result = await writesWith({ hooks: audited }).processTransaction(
      transaction(putList(), { op: "PUT", table: "nowhere", id: first, op_id: 2, op_data: {} }),
      { principal: alice },
    );
    expect(result).toMatchObject({ failedOperation: { errorCode: "UNKNOWN_TABLE" } });
    expect(await stored()).toMatchObject({ lists: [], things: [], letters: [{}] });
  });

  it("that breaks a constraint is the hook's mistake, and nobody's write becomes a dead letter", async () => {
    const audit = async (tx: Transaction<TestSchema>) =>
      void (await sql`insert into todos (id) values (${crypto.randomUUID()})`.execute(tx));
    const mistakes: Partial<Config>[] = [
      { hooks: { persist: { after: (_outcome, { tx }) => audit(tx) } } },
      { hooks: { authorize: { before: (_write, { tx }) => audit(tx) } } },
      { authorize: (_write, { tx }) => audit(tx) },
    ];
    for (const mistake of mistakes) {
      const writes = writesWith(mistake);
      const result = await writes.processTransaction(transaction(putList()), { principal: alice });
      expect(result.status).toBe("retryable_error");
    }
    expect(await stored()).toEqual(nothing);
    // The event names what really happened.
    expect(errors()).toMatchObject(mistakes.map(() => ({ error: { code: "23502" } })));
  });

  it("whose failure is swallowed spoils the transaction all the same: retryable, nothing written", async () => {
    const writes = writesWith({
      hooks: {
        persist: {
          after: async (_outcome, { tx }) => {
            await sql`insert into things (id) values ('no uuid')`
              .execute(tx)
              .catch(() => undefined);
          },
        },
      },
    });
    for (const crud of [[putList()], [putList(first), putList(second, 2)]]) {
      const result = await writes.processTransaction(transaction(...crud), { principal: alice });
      expect(result.status).toBe("retryable_error");
    }
    expect(await stored()).toEqual(nothing);
  });
});

describe("a hook that throws", () => {
  type Throwing = readonly [name: string, hooks: (error: () => Error) => TestHooks];

  const inTransaction: readonly Throwing[] = (["map", "authorize", "persist"] as const).flatMap(
    (layer): Throwing[] => [
      [
        `${layer}.before`,
        (error) => ({
          [layer]: {
            before: () => {
              throw error();
            },
          },
        }),
      ],
      [
        `${layer}.after`,
        (error) => ({
          [layer]: {
            after: async () => {
              throw error();
            },
          },
        }),
      ],
    ],
  );

  it.each(inTransaction)("fatal() in %s: recorded under its own code", async (name, hooks) => {
    const writes = writesWith({
      hooks: hooks(() => fatal("LIST_CLOSED", "The list is closed.", { list: 7 })),
    });
    const result = await writes.processTransaction(transaction(putList()), { principal: alice });
    expect(result).toEqual({
      status: "fatal_error",
      message: "The list is closed.",
      failedOperation: {
        errorCode: "LIST_CLOSED",
        message: "The list is closed.",
        details: { list: 7 },
        operationIndex: 0,
      },
      requiresClientHandling: false,
    });
    expect(await stored()).toMatchObject({
      lists: [],
      ledger: 1,
      letters: [{ error_code: "LIST_CLOSED", message: "The list is closed." }],
    });
    expect(errors()).toMatchObject([
      { during: name.split(".")[0], outcome: "fatal", operationIndex: 0 },
    ]);
  });

  it.each(inTransaction)("retryable() in %s: stays queued", async (_name, hooks) => {
    const writes = writesWith({ hooks: hooks(() => retryable("Come later.", 1234)) });
    const result = await writes.processTransaction(transaction(putList()), { principal: alice });
    expect(result).toEqual({
      status: "retryable_error",
      message: "Come later.",
      retryAfterMs: 1234,
    });
    expect(await stored()).toEqual(nothing);
  });

  it.each(inTransaction)(
    "a bug in %s: stays queued, and an event says why",
    async (name, hooks) => {
      const writes = writesWith({ hooks: hooks(() => new TypeError("x is not a function")) });
      const result = await writes.processTransaction(transaction(putList()), { principal: alice });
      expect(result.status).toBe("retryable_error");
      expect(JSON.stringify(result)).not.toContain("x is not a function");
      expect(await stored()).toEqual(nothing);
      expect(errors()).toMatchObject([
        {
          during: name.split(".")[0],
          error: new TypeError("x is not a function"),
          outcome: "retryable",
          operationIndex: 0,
        },
      ]);
    },
  );

  it("fatal() in validate: every transaction is refused with that code, and recorded", async () => {
    const writes = writesWith({
      onFatal: "skip",
      hooks: {
        validate: {
          after: () => {
            throw fatal("READ_ONLY", "Writes are closed.");
          },
        },
      },
    });
    const results = await writes.processBatch(
      batch({ crud: [putList(first)] }, { crud: [putList(second, 2)] }),
      { principal: alice },
    );
    for (const result of results) {
      expect(result).toMatchObject({
        status: "fatal_error",
        failedOperation: { errorCode: "READ_ONLY", message: "Writes are closed." },
      });
    }
    const { lists, letters } = await stored();
    expect(lists).toEqual([]);
    expect(letters.map(({ error_code }) => error_code)).toEqual(["READ_ONLY", "READ_ONLY"]);
    expect(letters.map(({ payload }) => JSON.parse(payload) as object).at(1)).toMatchObject({
      crud: [{ op: "PUT", table: "lists", id: second, op_id: 2 }],
    });
  });

  it("fatal() in validate does not take back what has been applied: the ledger's answer stands", async () => {
    const sent = transaction(putList());
    expect(await writesWith().processTransaction(sent, { principal: alice })).toEqual({
      status: "success",
    });
    const closed = writesWith({
      hooks: {
        validate: {
          after: () => {
            throw fatal("READ_ONLY", "Writes are closed.");
          },
        },
      },
    });
    expect(await closed.processTransaction(sent, { principal: alice })).toEqual({
      status: "success",
    });
    expect((await stored()).letters).toEqual([]);
  });

  it.each([
    ["retryable()", () => retryable("Later.", 7_000), 503, "Later."],
    ["a bug", () => new TypeError("bug"), 500, undefined],
  ])(
    "%s in validate: the request fails, nothing is answered",
    async (_name, error, status, text) => {
      const writes = writesWith({
        hooks: {
          validate: {
            before: () => {
              throw error();
            },
          },
        },
      });
      const response = await writes.handle(request(transaction(putList())));
      expect(response.status).toBe(status);
      if (text !== undefined) expect(JSON.parse(response.body)).toEqual({ message: text });
      const result = await writes.processTransaction(transaction(putList()), { principal: alice });
      expect(result.status).toBe("retryable_error");
      expect(await stored()).toEqual(nothing);
    },
  );

  it("in respond: the answer that had been made is sent", async () => {
    const writes = writesWith({
      hooks: {
        respond: {
          after: () => {
            throw fatal("TOO_LATE", "Too late.");
          },
        },
      },
    });
    const response = await writes.handle(request(transaction(putList())));
    expect(response.status).toBe(200);
    expect(JSON.parse(response.body)).toEqual({ status: "success" });
    expect(errors()).toMatchObject([{ during: "respond", outcome: "ignored" }]);
  });
});

describe("behind the authorization", () => {
  const foreign = { op: "DELETE", table: "hidden_lists", id: second } as const;

  it.each(["op", "table", "id"] as const)("no hook changes the %s", async (member) => {
    for (const layer of ["authorize", "persist"] as const) {
      const point = layer === "authorize" ? "after" : "before";
      const writes = writesWith({
        hooks: {
          [layer]: {
            [point]: (write: Write): Write => ({ ...write, [member]: foreign[member] }),
          },
        },
      });
      const result = await writes.processTransaction(transaction(putList()), { principal: alice });
      expect(result.status, layer).toBe("retryable_error");
    }
    expect(await stored()).toEqual(nothing);
  });

  it("none does so by assignment", async () => {
    for (const layer of ["authorize", "persist"] as const) {
      const point = layer === "authorize" ? "after" : "before";
      const writes = writesWith({
        hooks: {
          [layer]: { [point]: (write: Write): void => void Object.assign(write, { id: second }) },
        },
      });
      const result = await writes.processTransaction(transaction(putList()), { principal: alice });
      expect(result.status, layer).toBe("retryable_error");
    }
    expect(await stored()).toEqual(nothing);
  });

  it("none moves the row by setting its key", async () => {
    const writes = writesWith({
      hooks: {
        persist: {
          before: (write) => ({ ...write, values: { ...write.values, id: second } }),
        },
      },
    });
    await writesWith().processTransaction(transaction(putList()), { principal: alice });
    await writes.processTransaction(
      transaction({
        op: "PATCH",
        table: "lists",
        id: first,
        op_id: 2,
        op_data: { name: "two" },
      }),
      { principal: alice },
    );
    expect((await stored()).lists).toMatchObject([{ id: first }]);
  });

  it("a configured authorize adds to the rules, and takes nothing from them", async () => {
    await database.db
      .insertInto("lists")
      .values({
        id: second,
        owner_id: "bob",
        name: "Bob's",
        created_at: null,
        settings: null,
        labels: null,
      })
      .execute();
    const seen: unknown[] = [];
    const writes = writesWith({
      authorize: (write, { principal }) => {
        seen.push([write.op, principal.userId]);
        if (write.values["name"] === "forbidden") throw fatal("UNAUTHORIZED", "Not that name.");
      },
    });
    const patch = (id: string, name: string) =>
      writes.processTransaction(
        { crud: [{ op: "PATCH", table: "lists", id, op_data: { name } }] },
        {
          principal: alice,
        },
      );
    expect(await patch(first, "forbidden")).toMatchObject({
      failedOperation: { errorCode: "UNAUTHORIZED", message: "Not that name." },
    });
    expect(await patch(second, "allowed")).toMatchObject({
      failedOperation: { errorCode: "UNAUTHORIZED" },
    });
    expect(
      await writes.processTransaction(
        { crud: [{ op: "PUT", table: "my_todos", id: first, op_data: {} }] },
        { principal: alice },
      ),
    ).toMatchObject({ failedOperation: { errorCode: "FORBIDDEN_OPERATION" } });
    expect(seen).toEqual([
      ["PATCH", "alice"],
      ["PATCH", "alice"],
    ]);
  });
});

describe("committed", () => {
  it("runs after the commit, once, and not on a replay", async () => {
    const rows: unknown[] = [];
    const committed = vi.fn(async () => {
      rows.push((await stored()).lists.length);
    });
    const writes = writesWith({ hooks: { committed } });
    for (let time = 0; time < 3; time += 1) {
      const result = await writes.processTransaction(transaction(putList()), { principal: alice });
      expect(result).toEqual({ status: "success" });
    }
    expect(committed).toHaveBeenCalledOnce();
    expect(rows).toEqual([1]);
  });

  it("does not run for a transaction that failed, was refused, or held nothing", async () => {
    const committed = vi.fn();
    const writes = writesWith({ hooks: { committed } });
    await writes.processTransaction(transaction({ ...putList(), table: "nowhere" }), {
      principal: alice,
    });
    await writes.processTransaction(transaction({ ...putList(), table: "absent" }), {
      principal: alice,
    });
    await writes.processTransaction(transaction({ op: "UPSERT" }), { principal: alice });
    await writes.processTransaction(transaction(), { principal: alice });
    expect(committed).not.toHaveBeenCalled();
  });

  it("changes no answer when it fails, and keeps no other from running", async () => {
    const other = vi.fn();
    const writes = writesWith({
      hooks: [
        {
          committed: () => {
            throw fatal("TOO_LATE", "Too late.");
          },
        },
        { committed: other },
      ],
    });
    expect(await writes.processTransaction(transaction(putList()), { principal: alice })).toEqual({
      status: "success",
    });
    expect(other).toHaveBeenCalledOnce();
    expect(await stored()).toMatchObject({ lists: [{}], ledger: 1, letters: [] });
    expect(errors()).toMatchObject([{ during: "committed", outcome: "ignored" }]);
  });
});

describe("a replaced layer", () => {
  it("runs instead of the default, which next still is", async () => {
    const writes = writesWith({
      validate: (body, _context, next) =>
        next(Array.isArray(body) ? { client_id: "phone", crud: body as object[] } : body),
      map: (entry, _context, next) =>
        entry.table === "notes"
          ? {
              op: entry.op,
              table: "lists",
              id: entry.id,
              values: { name: "a note", owner_id: "alice" },
            }
          : next(entry),
      persist: async (write, _context, next) =>
        write.id === second ? { effect: "missing" } : next(write),
    });
    const result = await writes.processTransaction(
      [{ ...putList(first), table: "notes" }, putList(second, 2)],
      { principal: alice },
    );
    expect(result).toEqual({ status: "success" });
    expect((await stored()).lists).toEqual([{ id: first, name: "a note", owner_id: "alice" }]);
  });

  it("of map can't reach what no rule allows", async () => {
    const writes = writesWith({
      map: ({ op, id }) => ({ op, table: "powersync_ledger", id, values: {} }),
    });
    const result = await writes.processTransaction(transaction(putList()), { principal: alice });
    expect(result).toMatchObject({ failedOperation: { errorCode: "UNKNOWN_TABLE" } });
  });
});

describe("requiresClientHandling", () => {
  const refused = { ...putList(first, 1), table: "nowhere" };

  it("true: nothing is recorded, and the batch ends in both modes", async () => {
    for (const onFatal of ["stop", "skip"] as const) {
      const asked = vi.fn(async () => true);
      const writes = writesWith({ onFatal, deadLetters: { requiresClientHandling: asked } });
      const results = await writes.processBatch(
        batch({ crud: [refused] }, { crud: [putList(second, 2)] }),
        { principal: alice },
      );
      expect(results).toMatchObject([
        {
          status: "fatal_error",
          failedOperation: { errorCode: "UNKNOWN_TABLE", operationIndex: 0 },
          requiresClientHandling: true,
        },
        { status: "not_attempted" },
      ]);
      expect(asked).toHaveBeenCalledExactlyOnceWith(
        expect.objectContaining({ errorCode: "UNKNOWN_TABLE", operationIndex: 0 }),
        expect.objectContaining({ principal: alice, clientId: "phone" }),
      );
    }
    expect(await stored()).toEqual(nothing);
    expect(events.filter(({ type }) => type === "dead_letter")).toEqual([]);
  });

  it("false: recorded", async () => {
    const writes = writesWith({ deadLetters: { requiresClientHandling: () => false } });
    const result = await writes.processTransaction(transaction(refused), { principal: alice });
    expect(result).toMatchObject({
      status: "fatal_error",
      requiresClientHandling: false,
    });
    expect(await stored()).toMatchObject({ ledger: 1, letters: [{}] });
  });

  it("throwing: retryable, whatever it throws", async () => {
    for (const error of [new TypeError("bug"), fatal("NO", "No.")]) {
      const writes = writesWith({
        deadLetters: {
          requiresClientHandling: () => {
            throw error;
          },
        },
      });
      const result = await writes.processTransaction(transaction(refused), { principal: alice });
      expect(result.status).toBe("retryable_error");
    }
    expect(await stored()).toEqual(nothing);
    expect(errors()).toMatchObject([
      { during: "map", outcome: "fatal" },
      { during: "requiresClientHandling", outcome: "retryable" },
      { during: "map", outcome: "fatal" },
      { during: "requiresClientHandling", outcome: "retryable" },
    ]);
  });

  it("is not asked for a client of a demo backend, which could not handle it", async () => {
    const asked = vi.fn(() => true);
    const writes = writesWith({ deadLetters: { requiresClientHandling: asked } });
    const response = await writes.handle(
      request({ batch: [{ op: "PUT", table: "nowhere", id: first, data: {} }] }),
    );
    expect(response.status).toBe(200);
    expect(asked).not.toHaveBeenCalled();
    expect((await stored()).letters).toHaveLength(1);
  });

  it("is not asked again on a replay of what has been recorded", async () => {
    const asked = vi.fn(() => false);
    const writes = writesWith({ deadLetters: { requiresClientHandling: asked } });
    const once = await writes.processTransaction(transaction(refused), { principal: alice });
    asked.mockReturnValue(true);
    expect(await writes.processTransaction(transaction(refused), { principal: alice })).toEqual(
      once,
    );
    expect(asked).toHaveBeenCalledOnce();
    expect((await stored()).letters).toHaveLength(1);
  });
});

describe("onFatal", () => {
  const three = batch(
    { crud: [putList(first, 1)] },
    { crud: [{ ...putList(first, 2), table: "nowhere" }] },
    { crud: [putList(second, 3)] },
  );

  it.each([
    ["stop", ["success", "fatal_error", "not_attempted"], 1],
    ["skip", ["success", "fatal_error", "success"], 2],
    [undefined, ["success", "fatal_error", "not_attempted"], 1],
  ] as const)("%s", async (onFatal, statuses, lists) => {
    const writes = writesWith(onFatal === undefined ? {} : { onFatal });
    const results = await writes.processBatch(three, { principal: alice });
    expect(results.map(({ status }) => status)).toEqual(statuses);
    expect((await stored()).lists).toHaveLength(lists);
  });

  it("a retryable result ends the batch in both modes", async () => {
    for (const onFatal of ["stop", "skip"] as const) {
      const results = await writesWith({ onFatal }).processBatch(
        batch({ crud: [{ ...putList(), table: "absent" }] }, { crud: [putList(second, 2)] }),
        { principal: alice },
      );
      expect(results.map(({ status }) => status)).toEqual(["retryable_error", "not_attempted"]);
    }
    expect(await stored()).toEqual(nothing);
  });
});

describe("a dead letter", () => {
  const refused = transaction({ ...putList(), table: "nowhere" });

  it("answers a replay with the same words and details, numbers beyond 2^53 included", async () => {
    const writes = writesWith({
      authorize: () => {
        throw fatal("TOO_MANY", "Too many.", { count: 2 ** 60, list: [null, -0, "\ud800"] });
      },
    });
    const once = await writes.processTransaction(transaction(putList()), { principal: alice });
    const replay = await writes.processTransaction(transaction(putList()), { principal: alice });
    expect(replay).toEqual(once);
    // What a custom route sends is made by JSON.stringify.
    expect(JSON.parse(JSON.stringify(toWire(replay)))).toEqual(
      JSON.parse(JSON.stringify(toWire(once))),
    );
  });

  it("is copied by onDeadLetter once, after it has been committed, as it was stored", async () => {
    const copies: [DeadLetter, number][] = [];
    const writes = writesWith({
      hooks: { deadLetter: { before: (letter) => ({ ...letter, payload: "kept elsewhere" }) } },
      deadLetters: {
        onRecorded: async (letter) => {
          copies.push([letter, (await stored()).letters.length]);
        },
      },
    });
    await writes.processTransaction(refused, { principal: alice });
    await writes.processTransaction(refused, { principal: alice });
    expect(copies).toEqual([
      [
        expect.objectContaining({
          userId: "alice",
          clientId: "phone",
          errorCode: "UNKNOWN_TABLE",
          operationIndex: 0,
          payload: "kept elsewhere",
        }),
        1,
      ],
    ]);
    expect((await stored()).letters).toMatchObject([{ payload: '"kept elsewhere"' }]);
    expect(events.filter(({ type }) => type === "dead_letter")).toHaveLength(1);
  });

  it("stands, whatever becomes of its copy", async () => {
    const writes = writesWith({
      deadLetters: {
        onRecorded: () => {
          throw fatal("MAIL_DOWN", "The mail is down.");
        },
      },
    });
    const result = await writes.processTransaction(refused, { principal: alice });
    expect(result).toMatchObject({ failedOperation: { errorCode: "UNKNOWN_TABLE" } });
    expect(await stored()).toMatchObject({ ledger: 1, letters: [{ error_code: "UNKNOWN_TABLE" }] });
    expect(errors()).toMatchObject([
      { during: "map" },
      { during: "onRecorded", outcome: "ignored" },
    ]);
  });

  it("that has been committed is the answer, also where its layer gives nothing back", async () => {
    const copies: DeadLetter[] = [];
    const writes = writesWith({
      deadLetter: (async (
        letter: DeadLetter,
        _context: unknown,
        next: (letter: DeadLetter) => unknown,
      ) => void (await next(letter))) as unknown as Config["deadLetter"] & object,
      deadLetters: { onRecorded: (letter) => void copies.push(letter) },
    });
    const result = await writes.processTransaction(refused, { principal: alice });
    expect(result).toMatchObject({ failedOperation: { errorCode: "UNKNOWN_TABLE" } });
    expect(copies).toMatchObject([{ userId: "alice", errorCode: "UNKNOWN_TABLE" }]);
    expect(events.filter(({ type }) => type === "dead_letter")).toHaveLength(1);
    expect(await stored()).toMatchObject({ ledger: 1, letters: [{ error_code: "UNKNOWN_TABLE" }] });
  });

  it.each([
    ["throws", () => Promise.reject(new TypeError("bug"))],
    ["throws fatal()", () => Promise.reject(fatal("NO", "No."))],
    ["throws retryable()", () => Promise.reject(retryable("Later."))],
  ] satisfies [string, Config["deadLetter"]][])(
    "that can't be stored is no answer: the layer %s",
    async (_name, deadLetter) => {
      const onDeadLetter = vi.fn();
      const writes = writesWith({ deadLetter, deadLetters: { onRecorded: onDeadLetter } });
      const result = await writes.processTransaction(refused, { principal: alice });
      expect(result.status).toBe("retryable_error");
      expect(onDeadLetter).not.toHaveBeenCalled();
      expect(await stored()).toEqual(nothing);
      // It is recorded as soon as that can be done.
      const mended = await writesWith().processTransaction(refused, { principal: alice });
      expect(mended.status).toBe("fatal_error");
      expect((await stored()).letters).toHaveLength(1);
    },
  );

  it("is not there when its layer swallows the failure of its own statement", async () => {
    const writes = writesWith({
      deadLetter: async (letter, { tx }) => {
        await sql`insert into things (id) values ('no uuid')`.execute(tx).catch(() => undefined);
        return letter;
      },
    });
    const result = await writes.processTransaction(refused, { principal: alice });
    expect(result.status).toBe("retryable_error");
    expect(await stored()).toEqual(nothing);
  });

  it("that fails after it was stored is not there either", async () => {
    const writes = writesWith({
      hooks: {
        deadLetter: {
          after: () => {
            throw new TypeError("bug");
          },
        },
      },
    });
    const result = await writes.processTransaction(refused, { principal: alice });
    expect(result.status).toBe("retryable_error");
    expect(await stored()).toEqual(nothing);
  });

  it("can be stored elsewhere alone, with the ledger's row committed here", async () => {
    const kept: DeadLetter[] = [];
    const writes = writesWith({
      deadLetter: async (letter) => {
        kept.push(letter);
        return letter;
      },
    });
    const result = await writes.processTransaction(refused, { principal: alice });
    expect(result.status).toBe("fatal_error");
    expect(kept).toMatchObject([{ payload: { crud: [{ table: "nowhere" }] } }]);
    expect(await stored()).toMatchObject({ ledger: 1, letters: [] });
  });
});

describe("a caller that has left", () => {
  it("has its transactions left alone: retryable for one, not attempted in a batch", async () => {
    const options = { principal: alice, signal: AbortSignal.abort() };
    const writes = writesWith();
    const result = await writes.processTransaction(transaction(putList()), options);
    expect(result.status).toBe("retryable_error");
    const results = await writes.processBatch(batch({ crud: [putList()] }), options);
    expect(results).toEqual([{ status: "not_attempted" }]);
    expect(await stored()).toEqual(nothing);
  });
});

describe("onEvent", () => {
  it("changes nothing when it throws, or rejects", async () => {
    for (const onEvent of [
      () => {
        throw new Error("The log is full.");
      },
      // Types let an async function stand here; a rejection nobody handles would end the process.
      async () => Promise.reject(new Error("The log is full.")),
    ]) {
      const writes = writesWith({ onEvent: onEvent as Config["onEvent"] & object });
      const result = await writes.processTransaction(transaction(putList()), { principal: alice });
      expect(result).toEqual({ status: "success" });
    }
  });
});
