/** What one caller may have under way and waiting, and how long a body may take: each with its own answer, and freed again whatever happens. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Server } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { adapters, listen } from "../conformance/adapters.js";
import { betterSqlite3, databases, type TestDatabase } from "../support/databases.js";
import { isPuttingBack } from "../support/mysql.js";
import type { TestSchema } from "../support/schema.js";
import { post, until } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

type Config = WritesConfig<TestPrincipal, TestSchema>;

const id = "11111111-1111-4111-8111-111111111111";
const good = (op_id: number) => ({
  crud: [{ op: "PUT", table: "lists", id, op_id, op_data: { name: `list ${op_id}` } }],
});
const bad = (op_id: number) => ({
  crud: [{ op: "PUT", table: "nowhere", id, op_id, op_data: {} }],
});
const busy = {
  status: 429,
  retryAfter: "5",
  body: {
    message: "You have too many requests in progress. Wait for their answers, and try again.",
  },
};
const applied = { status: 200, body: { results: [{ status: "success" }] } };
const upload = (...transactions: readonly object[]) => ({ client_id: "phone", transactions });

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function start(config: Config, adapter = "node:http"): Promise<string> {
  const found = adapters.find(({ name }) => name === adapter);
  if (found === undefined) throw new Error("There is no such adapter.");
  const listening = await listen(found.listener(createWrites(config), false));
  servers.push(listening.server);
  return `${listening.url}/api/data`;
}

/** Something to wait for, and what ends the wait. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe("requests under way", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await betterSqlite3.open();
  });
  afterAll(() => database.close());
  beforeEach(() => database.reset());

  it("are bounded for each caller: 429 with Retry-After, and others are let in", async () => {
    const { opened, open } = gate();
    let inside = 0;
    const url = await start({
      ...testConfig(database.db),
      limits: { concurrentRequests: 2 },
      hooks: {
        validate: {
          before: async (_body, { principal }) => {
            if (principal.userId !== "alice") return;
            inside += 1;
            await opened;
          },
        },
      },
    });
    const first = [1, 2].map((op) => post(url, upload(good(op))));
    await until(() => inside === 2);
    expect(await post(url, upload(good(3)))).toEqual(busy);
    expect(await post(url, { crud: good(3).crud })).toEqual(busy);
    expect(await post(url, { batch: [] })).toEqual(busy);
    expect(await post(url, upload({ crud: [] }), { user: "bob" })).toMatchObject(applied);
    open();
    for (const answer of await Promise.all(first)) expect(answer).toMatchObject(applied);
    expect(await post(url, upload(good(3)))).toMatchObject(applied);
  });

  it.each([
    [
      "a hook that throws",
      { hooks: { validate: { before: () => Promise.reject(new Error("bug")) } } },
    ],
    ["a body that is none", {}],
  ] satisfies [string, Partial<Config>][])("are counted out after %s", async (_name, config) => {
    const url = await start({
      ...testConfig(database.db),
      limits: { concurrentRequests: 1, requests: 1 },
      ...config,
    });
    for (let time = 0; time < 5; time += 1) {
      expect((await post(url, "no upload")).status).toBe("hooks" in config ? 500 : 400);
    }
  });

  it("are counted out when the caller is unknown, and when it leaves", async () => {
    const url = await start({
      ...testConfig(database.db),
      limits: { concurrentRequests: 1, requests: 1 },
    });
    for (let time = 0; time < 3; time += 1) {
      expect((await post(url, upload(good(1)), { user: "not a name" })).status).toBe(401);
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      socket.write(
        "POST /api/data HTTP/1.1\r\nhost: a\r\nauthorization: Bearer alice\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
      );
      await until(async () => (await post(url, upload(good(1)))).status === 429);
      socket.destroy();
      await until(async () => (await post(url, upload(good(1)))).status === 200);
    }
  });

  it("are bounded for all callers together: 503 with Retry-After", async () => {
    const { opened, open } = gate();
    let inside = 0;
    const config = testConfig(database.db);
    const url = await start({
      ...config,
      limits: { requests: 2 },
      authenticate: async (request) => {
        inside += 1;
        await opened;
        return config.authenticate(request);
      },
    });
    const first = ["alice", "bob"].map((user) => post(url, upload({ crud: [] }), { user }));
    await until(() => inside === 2);
    expect(await post(url, upload(good(3)), { user: "eve" })).toEqual({
      status: 503,
      retryAfter: "5",
      body: { message: "The server is busy. Try again." },
    });
    open();
    for (const answer of await Promise.all(first)) expect(answer).toMatchObject(applied);
  });
});

describe("a body that does not arrive", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await betterSqlite3.open();
  });
  afterAll(() => database.close());

  // Each connection ends seconds later: the adapters wait for that together.
  it("is answered 503 in time, and its connection ended, by every adapter", async () => {
    const one = async ({ name: adapter }: (typeof adapters)[number]) => {
      const url = await start(
        {
          ...testConfig(database.db),
          timeouts: { bodyMs: 300 },
          limits: { concurrentRequests: 1 },
        },
        adapter,
      );
      // Nest takes a moment to start.
      await until(async () => (await post(url, upload({ crud: [] }))).status === 200);
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      const closed = once(socket, "close");
      socket.on("error", () => undefined);
      let answer = "";
      socket.setEncoding("utf8").on("data", (text: string) => {
        answer += text;
      });
      socket.write(
        "POST /api/data HTTP/1.1\r\nhost: a\r\nauthorization: Bearer alice\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n",
      );
      // So slowly that it takes more than an hour: an answer is one that did not wait for it.
      const dripping = setInterval(() => socket.write(" "), 50);
      try {
        await until(() => answer.includes("\r\n\r\n"));
        expect(answer).toMatch(/^HTTP\/1\.1 503 /);
        expect(answer).toMatch(/retry-after: 5/i);
        expect(answer).toMatch(/The body did not arrive in time/);
        // The caller's one place is free again, while it still sends.
        await until(async () => {
          const { status } = await post(url, upload({ crud: [] }));
          // Where the machine is busy, this body may be late as well.
          if (status !== 503) expect(status).toBe(200);
          return status === 200;
        });
        if (adapter !== "fetch") await closed;
      } finally {
        clearInterval(dripping);
        socket.destroy();
      }
    };
    await Promise.all(
      adapters.map((adapter) =>
        one(adapter).catch((cause: unknown) => {
          throw new Error(adapter.name, { cause });
        }),
      ),
    );
  });
});

for (const dialect of databases) {
  const available = await dialect.available();

  describe.skipIf(!available)(`open dead letters on ${dialect.name}`, () => {
    let database: TestDatabase;
    let statements = 0;
    let events: WriteEvent[] = [];
    beforeAll(async () => {
      database = await dialect.open({
        log: ({ query }) => void (statements += isPuttingBack(query.sql) ? 0 : 1),
      });
    });
    afterAll(() => database?.close());
    beforeEach(async () => {
      events = [];
      await database.reset();
    });

    const full = {
      status: 429,
      retryAfter: "30",
      body: { message: "Too many of your changes have failed and are waiting for review." },
    };
    const letters = async (user: string) =>
      (
        await database.db
          .selectFrom("powersync_dead_letters")
          .select("id")
          .where("user_id", "=", user)
          .execute()
      ).length;
    const open = () =>
      start({
        ...testConfig(database.db),
        onFatal: "skip",
        onEvent: (event) => void events.push(event),
        deadLetters: { open: 4 },
      });

    it("are bounded: nothing more is recorded, and what was applied before is told", async () => {
      const url = await open();
      const answer = await post(url, upload(good(1), bad(2), bad(3), good(4), bad(5), good(6)));
      expect(answer.status).toBe(200);
      const { results } = answer.body as { results: readonly { status: string }[] };
      expect(results.map(({ status }) => status)).toEqual([
        "success",
        "fatal_error",
        "fatal_error",
        "success",
        "retryable_error",
        "not_attempted",
      ]);
      expect(results[4]).toEqual({
        status: "retryable_error",
        message: full.body.message,
        retry_after_ms: expect.any(Number),
      });
      expect(await letters("alice")).toBe(2);
      expect(await database.db.selectFrom("powersync_ledger").selectAll().execute()).toHaveLength(
        4,
      );
      expect(events.filter(({ type }) => type === "dead_letter")).toHaveLength(2);
      const said = events
        .filter((event) => event.type === "error")
        .map(({ error }) => String(error));
      expect(said.at(-1)).toMatch(/has 2 open dead letters \(deadLetters\.open\)/);
    });

    it.each([
      ["transactions", upload(bad(3))],
      ["crud", { client_id: "phone", crud: bad(3).crud }],
    ])(
      "are a 429 to whoever sends { %s }, and then without a word to the database",
      async (_shape, body) => {
        const url = await open();
        await post(url, upload(bad(1), bad(2)));
        expect(await post(url, body)).toEqual(full);
        statements = 0;
        for (let time = 0; time < 3; time += 1) {
          const answer = await post(url, body);
          expect(answer).toMatchObject({ status: 429, body: full.body });
          expect(Number(answer.retryAfter)).toBeGreaterThan(0);
        }
        expect(statements).toBe(0);
        expect(await letters("alice")).toBe(2);
        // Another caller has nothing to do with it.
        expect((await post(url, upload(bad(1)), { user: "bob" })).status).toBe(200);
        expect(await letters("bob")).toBe(1);
      },
    );

    it("of a user are a 429 to devices that don't say which they are, and their good writes pass", async () => {
      const batch = (table: string) => ({ batch: [{ op: "PUT", table, id, data: {} }] });
      const url = await open();
      for (const device of ["phone", "tablet"]) {
        await post(url, { ...upload(bad(1), bad(2)), client_id: device });
      }
      for (let time = 0; time < 3; time += 1) {
        expect(await post(url, batch("nowhere"))).toEqual(full);
        expect((await post(url, batch("lists"))).status).toBe(200);
      }
      expect(await letters("alice")).toBe(4);
    });

    it("that are closed count no more; and answers that were given stay", async () => {
      const url = await open();
      await post(url, upload(bad(1), bad(2)));
      await database.db
        .updateTable("powersync_dead_letters")
        .set({ status: "discarded" })
        .execute();
      expect(await post(url, upload(bad(1), bad(3)))).toMatchObject({
        status: 200,
        body: { results: [{ status: "fatal_error" }, { status: "fatal_error" }] },
      });
      expect(await letters("alice")).toBe(3);
    });
  });
}
