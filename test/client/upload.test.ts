/** Every way in which an upload can go, with a real local queue and a server that answers as it is told. */
import type { PowerSyncDatabase } from "@powersync/node";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConnectorOptions, PowerSyncWriteConnector } from "../../src/client/index.js";
import { addLists, createDevices, queued } from "../support/device.js";
import {
  allSucceed,
  fatal,
  results,
  type Scripted,
  type ScriptedServer,
  type SentRequest,
  startScriptedServer,
} from "../support/scripted-server.js";

const devices = createDevices();
let database: PowerSyncDatabase;
let server: ScriptedServer | undefined;

beforeEach(async () => {
  database = await devices.open();
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await devices.close(database);
});
afterAll(() => devices.remove());

type Script = Parameters<typeof startScriptedServer>[0];

async function connect(
  script: Script = [],
  options: Partial<ConnectorOptions> = {},
  other?: (request: SentRequest) => Scripted,
): Promise<PowerSyncWriteConnector> {
  server = await startScriptedServer(script, other);
  return new PowerSyncWriteConnector({
    url: server.url,
    powersyncUrl: "http://127.0.0.1:1",
    getToken: () => "token",
    ...options,
  });
}

const sizes = () => server?.requests.map(({ body }) => body.transactions.length);
const names = (n: number) => Array.from({ length: n }, (_, index) => `list ${index}`);
const success = { status: "success" };
const notAttempted = { status: "not_attempted" };

describe("an upload", () => {
  it("sends what the queue holds, in the contract's words, with all that makes it recognizable", async () => {
    const connector = await connect([], { headers: { "x-tenant": "t1" } });
    const id = crypto.randomUUID();
    await database.writeTransaction(async (tx) => {
      await tx.execute(
        "INSERT INTO todos (id, description, completed, _metadata) VALUES (?, 'a', 1, 'from the watch')",
        [id],
      );
      await tx.execute("UPDATE todos SET description = NULL WHERE id = ?", [id]);
    });
    await database.execute("DELETE FROM todos WHERE id = ?", [id]);

    await connector.uploadData(database);

    const [request] = server?.requests ?? [];
    expect(request?.headers).toMatchObject({
      authorization: "Bearer token",
      "content-type": "application/json",
      "x-tenant": "t1",
    });
    expect(request?.body).toEqual({
      client_id: await database.getClientId(),
      queue_id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      transactions: [
        {
          transaction_id: 1,
          handling: 0,
          crud: [
            {
              op: "PUT",
              table: "todos",
              id,
              op_id: 1,
              op_data: { description: "a", completed: 1 },
              metadata: "from the watch",
            },
            {
              op: "PATCH",
              table: "todos",
              id,
              op_id: 2,
              op_data: { description: null },
              previous_values: {
                description: "a",
                completed: 1,
                list_id: null,
                position: null,
                created_at: null,
              },
            },
          ],
        },
        {
          transaction_id: 2,
          handling: 0,
          crud: [
            {
              op: "DELETE",
              table: "todos",
              id,
              op_id: 3,
              previous_values: expect.objectContaining({ description: null }) as object,
            },
          ],
        },
      ],
    });
    expect(await queued(database)).toEqual([]);
  });

  it("of an empty queue asks nobody for anything", async () => {
    const getToken = vi.fn(() => "token");
    const connector = await connect([], { getToken });
    await connector.uploadData(database);
    expect(getToken).not.toHaveBeenCalled();
    expect([...(server?.requests ?? []), ...(server?.others ?? [])]).toEqual([]);
  });

  it("goes on until the queue is empty, what is written meanwhile included", async () => {
    const connector = await connect([
      async (request) => {
        await addLists(database, ["late"]);
        return allSucceed(request);
      },
    ]);
    await addLists(database, names(2));
    await connector.uploadData(database);
    expect(sizes()).toEqual([2, 1]);
    expect(await queued(database)).toEqual([]);
  });

  it("is one, however often it is asked for", async () => {
    const connector = await connect();
    await addLists(database, names(3));
    await Promise.all([connector.uploadData(database), connector.uploadData(database)]);
    await connector.uploadData(database);
    expect(sizes()).toEqual([3]);
  });

  it("holds entries without a transaction each for a transaction", async () => {
    const connector = await connect([], { batch: { transactions: 2 } });
    await database.execute(
      `INSERT INTO ps_crud (data) VALUES (?), (?), (?)`,
      ["a", "b", "c"].map((id) => JSON.stringify({ op: "PUT", type: "lists", id, data: {} })),
    );
    await connector.uploadData(database);
    expect(server?.requests.map(({ body }) => body.transactions)).toEqual([
      [
        { handling: 0, crud: [expect.objectContaining({ id: "a", op_id: 1 })] },
        { handling: 0, crud: [expect.objectContaining({ id: "b", op_id: 2 })] },
      ],
      [{ handling: 0, crud: [expect.objectContaining({ id: "c", op_id: 3 })] }],
    ]);
  });

  it("sends integers beyond 2^53 with all their digits, and no null for infinity", async () => {
    const connector = await connect();
    await database.execute(
      "INSERT INTO things (id, big, size, rate) VALUES ('a', 9223372036854775807, 9007199254740991, 0.5)",
    );
    await database.execute("INSERT INTO things (id, big, rate) VALUES ('b', ?, 1e17)", [5]);
    await database.execute("UPDATE things SET big = -9007199254740993 WHERE id = 'b'");
    await database.execute(
      "INSERT INTO todos (id, completed, position) VALUES ('c', 9007199254740993, 9007199254740994.0)",
    );
    await database.execute("UPDATE todos SET completed = 9007199254740995 WHERE id = 'c'");
    // The views' triggers refuse it; those of raw tables are the application's.
    await database.execute("INSERT INTO ps_crud (data) VALUES (?)", [
      '{"op":"PUT","type":"things","id":"d","data":{"rate":9e999,"size":-9e999,"big":9007199254740993}}',
    ]);
    await connector.uploadData(database);
    const sent = server?.requests[0]?.body.transactions.map(({ crud }) => crud[0]);
    expect(sent?.map((operation) => operation?.op_data)).toEqual([
      { big: "9223372036854775807", size: 9007199254740991, rate: 0.5 },
      { big: 5, rate: 1e17 },
      { big: "-9007199254740993" },
      { completed: "9007199254740993", position: 9007199254740994 },
      { completed: "9007199254740995" },
      { rate: "Infinity", size: "-Infinity", big: "9007199254740993" },
    ]);
    expect(sent?.[4]?.previous_values).toMatchObject({ completed: "9007199254740993" });
  });
});

describe("a batch", () => {
  it("is bounded by transactions", async () => {
    const connector = await connect([], { batch: { transactions: 4 } });
    await addLists(database, names(10));
    await connector.uploadData(database);
    expect(sizes()).toEqual([4, 4, 2]);
  });

  it("is bounded by operations, and never splits a transaction", async () => {
    const connector = await connect([], { batch: { operations: 5 } });
    for (const operations of [2, 2, 2, 9, 1, 5, 1]) {
      await database.writeTransaction(async (tx) => {
        for (let index = 0; index < operations; index++) {
          await tx.execute("INSERT INTO lists (id, name) VALUES (uuid(), 'x')");
        }
      });
    }
    await connector.uploadData(database);
    expect(
      server?.requests.map(({ body }) => body.transactions.map(({ crud }) => crud.length)),
    ).toEqual([[2, 2], [2], [9], [1], [5], [1]]);
  });

  it("is bounded by bytes; what is larger alone still goes", async () => {
    const connector = await connect([], { batch: { bytes: 3_000 } });
    await addLists(database, [
      "a",
      "b",
      "c",
      "x".repeat(10_000),
      "y".repeat(1_500),
      "é".repeat(1_000),
    ]);
    await connector.uploadData(database);
    expect(sizes()).toEqual([3, 1, 1, 1]);
    for (const index of [0, 2, 3]) expect(server?.requests[index]?.bytes).toBeLessThan(3_000);
  });

  it("holds one transaction of thousands of operations", async () => {
    const connector = await connect([], { batch: { operations: 10 } });
    await database.writeTransaction(async (tx) => {
      await tx.executeBatch(
        "INSERT INTO lists (id, name) VALUES (uuid(), ?)",
        names(3_000).map((name) => [name]),
      );
    });
    await addLists(database, ["behind it"]);
    await connector.uploadData(database);
    expect(server?.requests.map(({ body }) => body.transactions[0]?.crud.length)).toEqual([
      3_000, 1,
    ]);
  });

  it("fits the server's limits, which are asked for once", async () => {
    const limits = { transactions: 3, body_bytes: 16_777_216 };
    const connector = await connect([], {}, () => ({ body: { limits } }));
    await addLists(database, names(7));
    await connector.uploadData(database);
    await addLists(database, names(2));
    await connector.uploadData(database);
    expect(sizes()).toEqual([3, 3, 1, 2]);
    expect(server?.others.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /api/data/limits",
    ]);
  });

  it("fits the size of body that the server takes", async () => {
    const connector = await connect([], {}, () => ({ body: { limits: { body_bytes: 5_000 } } }));
    await addLists(database, names(40));
    await connector.uploadData(database);
    expect(server?.requests.length).toBeGreaterThan(1);
    for (const { bytes } of server?.requests ?? []) expect(bytes).toBeLessThan(5_000);
  });

  it("fits them also where they could not be had at first", async () => {
    const connector = await connect(["cut"], {}, () =>
      (server?.others.length ?? 0) < 2 ? "cut" : { body: { limits: { transactions: 3 } } },
    );
    await addLists(database, names(7));
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "NETWORK" });
    await connector.uploadData(database);
    expect(sizes()).toEqual([7, 3, 3, 1]);
  });

  it("is sent without them where they alone can't be had, and they are not asked for again", async () => {
    const connector = await connect([], { batch: { transactions: 2 } }, () => "cut");
    await addLists(database, names(7));
    await connector.uploadData(database);
    expect(sizes()).toEqual([2, 2, 2, 1]);
    expect(server?.others).toHaveLength(1);
  });

  it.each<Scripted>([
    { status: 404, body: { message: "No." } },
    { status: 200, text: "<html>" },
    { body: { limits: { transactions: "many", body_bytes: 0 } } },
    { body: null },
    { status: 500, text: "" },
    "cut",
  ])("is the application's where the server tells no limits: %j", async (answer) => {
    const connector = await connect([], {}, () => answer);
    await addLists(database, names(5));
    await connector.uploadData(database);
    expect(sizes()).toEqual([5]);
  });

  it("finds the routes below the endpoint, whatever its URL ends with", async () => {
    const connector = await connect([], { checkpointRequests: true });
    const { url = "" } = server ?? {};
    const other = new PowerSyncWriteConnector({
      url: `${url}?tenant=1`,
      powersyncUrl: "",
      getToken: () => "token",
    });
    await addLists(database, names(2));
    await other.uploadData(database);
    expect(server?.others[0]?.url).toBe("/api/data/limits?tenant=1");
    expect(server?.requests[0]?.url).toBe("/api/data?tenant=1");
    expect(await connector.postCheckpointRequest?.("c", "7")).toBe(null);
    expect(server?.others[1]?.url).toBe("/api/data/checkpoint-request");
  });

  it("is made smaller after 413, until it is taken", async () => {
    const small = (request: SentRequest) =>
      request.bytes > 2_000
        ? { status: 413, body: { message: "Too large." } }
        : allSucceed(request);
    const connector = await connect(Array(30).fill(small));
    await addLists(database, names(30));
    await connector.uploadData(database);
    const taken = server?.requests.filter(({ bytes }) => bytes <= 2_000) ?? [];
    expect(taken.flatMap(({ body }) => body.transactions)).toHaveLength(30);
    // What is too large is learned once.
    expect((server?.requests.length ?? 0) - taken.length).toBeLessThanOrEqual(4);
    expect(await queued(database)).toEqual([]);
  });

  it("is made smaller after 400, for a server that takes fewer transactions", async () => {
    const few = (request: SentRequest) =>
      request.body.transactions.length > 3 ? { status: 400, body: {} } : allSucceed(request);
    const connector = await connect(Array(30).fill(few));
    await addLists(database, names(10));
    await connector.uploadData(database);
    expect(sizes()).toEqual([10, 5, 2, 2, 2, 2, 2]);
  });

  it("is made smaller after a timeout, and grows again", async () => {
    const connector = await connect(["hang", { status: 504, text: "<html>" }], { timeoutMs: 300 });
    await addLists(database, names(12));
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "TIMEOUT" });
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "SERVER_ERROR" });
    await connector.uploadData(database);
    expect(sizes()).toEqual([12, 6, 3, 6, 3]);
  });
});

describe("an answer", () => {
  it("completes only what was accepted, in front of what is to be retried", async () => {
    const connector = await connect([
      results(
        success,
        fatal("UNIQUE_VIOLATION"),
        { status: "retryable_error", message: "Busy." },
        notAttempted,
      ),
    ]);
    await addLists(database, names(4));
    await expect(connector.uploadData(database)).rejects.toMatchObject({
      code: "RETRYABLE",
      message: "Busy.",
    });
    expect(await queued(database)).toEqual([3, 4]);
    await connector.uploadData(database);
    expect(sizes()).toEqual([4, 2]);
    expect(connector.status).toEqual({ uploading: false, pending: 0, rejected: 1 });
  });

  it("never completes across one that is to be retried, whatever is said behind it", async () => {
    const connector = await connect([results({ status: "retryable_error" }, success, success)]);
    await addLists(database, names(3));
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "RETRYABLE" });
    expect(await queued(database)).toEqual([1, 2, 3]);
  });

  it("throws a retryable failure after the time that the server asks for", async () => {
    const connector = await connect([results({ status: "retryable_error", retry_after_ms: 400 })]);
    await addLists(database, ["a"]);
    const started = performance.now();
    await expect(connector.uploadData(database)).rejects.toMatchObject({ retryAfterMs: 400 });
    expect(performance.now() - started).toBeGreaterThan(380);
    await connector.uploadData(database);
  });

  it("that ends a batch early has the rest sent again at once", async () => {
    const connector = await connect([results(success, fatal("CHECK_VIOLATION"), notAttempted)]);
    await addLists(database, names(3));
    await connector.uploadData(database);
    expect(sizes()).toEqual([3, 1]);
    expect(await queued(database)).toEqual([]);
  });

  it("that completes nothing is an error", async () => {
    const connector = await connect([results(notAttempted, success)]);
    await addLists(database, names(2));
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "RETRYABLE" });
    expect(await queued(database)).toEqual([1, 2]);
  });

  it.each<[string, Scripted]>([
    ["a page", { text: "<html>Welcome</html>" }],
    ["nothing", { text: "" }],
    ["null", { body: null }],
    ["no results", { body: {} }],
    ["results that are no list", { body: { results: { length: 2 } } }],
    ["too few", results(success)],
    ["too many", results(success, success, success)],
    ["an unknown status", results(success, { status: "done" })],
    ["a result that is null", { body: { results: [success, null] } }],
    [
      "a fatal one without a code",
      results(success, {
        status: "fatal_error",
        requires_client_handling: false,
        failed_operation: {},
      }),
    ],
    [
      "a fatal one that says not whose it is",
      results(success, { status: "fatal_error", failed_operation: { error_code: "X" } }),
    ],
    ["the answer to one transaction", { body: success }],
  ])("that is malformed retains everything: %s", async (_name, answer) => {
    const connector = await connect([answer]);
    await addLists(database, names(2));
    await expect(connector.uploadData(database)).rejects.toMatchObject({
      name: "UploadError",
      code: "MALFORMED_ANSWER",
      status: 200,
    });
    expect(await queued(database)).toEqual([1, 2]);
    await connector.uploadData(database);
    expect(await queued(database)).toEqual([]);
  });

  it.each<[number, string]>([
    [400, "BAD_REQUEST"],
    [403, "FORBIDDEN"],
    [404, "NOT_FOUND"],
    [413, "TRANSACTION_TOO_LARGE"],
    [415, "UNSUPPORTED_MEDIA"],
    [418, "SERVER_ERROR"],
    [429, "BUSY"],
    [500, "SERVER_ERROR"],
    [502, "SERVER_ERROR"],
    [503, "UNAVAILABLE"],
    [204, "SERVER_ERROR"],
  ])("of %i retains the transaction: %s", async (status, code) => {
    const body =
      status === 502 ? { text: "<html>Bad gateway</html>" } : { body: { message: "No." } };
    const connector = await connect([{ status, ...body }]);
    await addLists(database, ["a"]);
    const error = (await connector.uploadData(database).catch((error: unknown) => error)) as Error;
    expect(error).toMatchObject({ code, status });
    if (status !== 502 && status !== 204)
      expect(error.message).toBe(`The upload was answered with ${status}: No.`);
    expect(connector.status).toMatchObject({ error, uploading: false, pending: 1 });
    expect(await queued(database)).toEqual([1]);
  });

  const waitsUntil = (retryAfter: string, since: number): number =>
    /^\d+$/.test(retryAfter) ? since + Number(retryAfter) * 1_000 : Date.parse(retryAfter);

  it.each<[string, () => string]>([
    ["seconds", () => "1"],
    ["a date", () => new Date(Date.now() + 2_000).toUTCString()],
  ])("with Retry-After is heeded: %s", async (_name, header) => {
    const after = header();
    const connector = await connect([{ status: 503, body: {}, headers: { "retry-after": after } }]);
    await addLists(database, ["a"]);
    const started = Date.now();
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(Date.now()).toBeGreaterThan(waitsUntil(after, started) - 20);
  });

  it("with a long Retry-After is waited for in pieces, and nothing is sent before", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
    try {
      const connector = await connect([
        { status: 429, body: {}, headers: { "retry-after": "12" } },
      ]);
      await addLists(database, ["a"]);
      for (const waited of [5_000, 5_000]) {
        const started = Date.now();
        await expect(advanced(connector.uploadData(database))).rejects.toMatchObject({
          code: "BUSY",
        });
        expect(Date.now() - started).toBeGreaterThanOrEqual(waited);
        expect(server?.requests).toHaveLength(1);
      }
      await advanced(connector.uploadData(database));
      expect(server?.requests).toHaveLength(2);
      expect(await queued(database)).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  async function advanced(upload: Promise<void>): Promise<void> {
    let over = false;
    const mark = () => {
      over = true;
    };
    upload.then(mark, mark);
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      await vi.advanceTimersByTimeAsync(50);
    }
    return upload;
  }
});

describe("no answer", () => {
  it.each<[string, Scripted, string]>([
    ["a connection that is cut", "cut", "NETWORK"],
    ["a server that is silent", "hang", "TIMEOUT"],
  ])("retains everything: %s", async (_name, answer, code) => {
    const connector = await connect([answer], { timeoutMs: 300 });
    await addLists(database, names(2));
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code });
    expect(await queued(database)).toEqual([1, 2]);
  });

  it("is a timeout also where fetch does not heed its signal, or the body never ends", async () => {
    const never = new Promise<never>(() => undefined);
    const stuck: ConnectorOptions["fetch"][] = [
      () => never,
      async () => ({ status: 200, headers: new Headers(), text: () => never }),
    ];
    for (const fetch of stuck) {
      const connector = await connect([], { timeoutMs: 100, ...(fetch && { fetch }) });
      await addLists(database, ["a"]);
      await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "TIMEOUT" });
      await server?.close();
    }
  });

  it("has the same transactions sent again under the same identity", async () => {
    const connector = await connect(["cut", allSucceed]);
    await addLists(database, names(3));
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "NETWORK" });
    await addLists(database, names(1));
    await connector.uploadData(database);
    const [first, second] = server?.requests ?? [];
    expect(second?.body).toMatchObject({
      ...first?.body,
      transactions: first?.body.transactions.concat(second?.body.transactions.slice(3) ?? []),
    });
    expect(second?.body.transactions).toHaveLength(4);
  });
});

describe("the token", () => {
  it("is refreshed once after 401, and the same sent again", async () => {
    const getToken = vi.fn(({ refresh }: { refresh: boolean }) => (refresh ? "new" : "old"));
    const connector = await connect([{ status: 401, body: { message: "Expired." } }], { getToken });
    await addLists(database, ["a"]);
    await connector.uploadData(database);
    expect(getToken.mock.calls).toEqual([[{ refresh: false }], [{ refresh: true }]]);
    expect(server?.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer old",
      "Bearer new",
    ]);
    expect(server?.requests[1]?.body).toEqual(server?.requests[0]?.body);
  });

  it("may expire more than once while a long queue is sent", async () => {
    const expired = { status: 401, body: {} };
    const getToken = vi.fn(() => "token");
    const options = { getToken, batch: { transactions: 1 } };
    const connector = await connect([expired, allSucceed, expired, allSucceed], options);
    await addLists(database, names(3));
    await connector.uploadData(database);
    expect(getToken).toHaveBeenCalledTimes(3);
    expect(await queued(database)).toEqual([]);
  });

  it("that is refused twice leaves it to the next upload", async () => {
    const connector = await connect([
      { status: 401, body: {} },
      { status: 401, body: {} },
    ]);
    await addLists(database, ["a"]);
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(server?.requests).toHaveLength(2);
    expect(await queued(database)).toEqual([1]);
    await connector.uploadData(database);
  });

  it.each([null, ""])("that is missing means that nobody is signed in: %j", async (token) => {
    const connector = await connect([], { getToken: () => token });
    await addLists(database, ["a"]);
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "SIGNED_OUT" });
    expect(await connector.fetchCredentials()).toBe(null);
    expect(server?.requests).toEqual([]);
  });

  it("that can't be had retains everything", async () => {
    const cause = new Error("offline");
    const connector = await connect([], { getToken: () => Promise.reject(cause) });
    await addLists(database, ["a"]);
    await expect(connector.uploadData(database)).rejects.toMatchObject({
      code: "TOKEN_UNAVAILABLE",
      cause,
    });
    await expect(connector.fetchCredentials()).rejects.toMatchObject({ code: "TOKEN_UNAVAILABLE" });
    expect(await queued(database)).toEqual([1]);
  });
});

it.each([undefined, ""])("is not made without the endpoint's URL: %j", (url) => {
  const options = { powersyncUrl: "https://example.com", getToken: () => null };
  expect(() => new PowerSyncWriteConnector({ ...options, url } as never)).toThrow(
    new TypeError("url is missing: write the whole URL of the write endpoint."),
  );
});
