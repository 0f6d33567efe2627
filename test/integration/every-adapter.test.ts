/** What must be the same in every adapter beside its answers: the hooks, and uploads that end badly and leave nothing behind. */
import { once } from "node:events";
import type { Server } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type Hooks, type LayerName } from "../../src/index.js";
import { adapters, listen } from "../conformance/adapters.js";
import { betterSqlite3, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";
import { type TestPrincipal, testConfig } from "../support/writes.js";

type TestHooks = Hooks<TestPrincipal, TestSchema>;

const id = "11111111-1111-4111-8111-111111111111";
const layers = ["authenticate", "validate", "map", "authorize", "persist", "respond"] as const;
const headers = { "content-type": "application/json", authorization: "Bearer alice" };
const upload = (name: string) =>
  JSON.stringify({
    client_id: "device",
    transactions: [{ crud: [{ op: "PUT", table: "lists", id, op_id: 1, op_data: { name } }] }],
  });

let database: TestDatabase;
beforeAll(async () => {
  database = await betterSqlite3.open();
});
afterAll(() => database.close());

describe.each(adapters)("$name", ({ listener }) => {
  let server: Server | undefined;
  beforeEach(() => database.reset());
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
    server = undefined;
  });

  const start = async (config: Partial<ReturnType<typeof testConfig>> & object) => {
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(database.db),
      limits: { bodyBytes: 100_000 },
      ...config,
    });
    const listening = await listen(listener(writes, false));
    ({ server } = listening);
    return { url: `${listening.url}/api/data`, port: Number(new URL(listening.url).port) };
  };

  it("calls each layer's hooks once, in order, and hands on what they replace", async () => {
    const calls: string[] = [];
    const recording = (name: LayerName) => ({
      before: (_input: unknown, context: object) => {
        calls.push(`${name}.before`);
        expect(context).toHaveProperty("correlationId", "hooks");
        expect("tx" in context).toBe(["map", "authorize", "persist"].includes(name));
      },
      after: () => void calls.push(`${name}.after`),
    });
    const hooks: TestHooks[] = [
      {
        ...(Object.fromEntries(layers.map((name) => [name, recording(name)])) as TestHooks),
        committed: () => void calls.push("committed"),
      },
      {
        map: {
          after: (write) => write && { ...write, values: { ...write.values, name: "By a hook" } },
        },
        respond: {
          after: (response) => ({
            ...response,
            headers: { ...response.headers, "x-by": "a hook" },
          }),
        },
      },
    ];
    const { url } = await start({ hooks } as object);
    const send = () =>
      fetch(url, {
        method: "POST",
        headers: { ...headers, "x-correlation-id": "hooks" },
        body: upload("Sent"),
      });
    const response = await send();
    expect(await response.json()).toEqual({ results: [{ status: "success" }] });
    expect(response.headers.get("x-by")).toBe("a hook");
    const around = layers.flatMap((name) => [`${name}.before`, `${name}.after`]);
    expect(calls).toEqual([...around.slice(0, -2), "committed", ...around.slice(-2)]);
    expect(await database.db.selectFrom("lists").select("name").execute()).toEqual([
      { name: "By a hook" },
    ]);

    calls.length = 0;
    await (await send()).json();
    // A replay: nothing in the transaction runs again, and nothing has been committed.
    expect(calls).toEqual(around.filter((call) => /^(?:authenticate|validate|respond)/.test(call)));
  });

  it("survives uploads that are broken off, slow or too large, and keeps nothing of them", async () => {
    const { port } = await start({});
    await exchange(port, "{}");
    await sleep(50);
    const before = resources();

    for (let time = 0; time < 5; time += 1) {
      const socket = connect(port, "127.0.0.1");
      socket.write(`${head(1000)}${upload("Broken off").slice(0, 50)}`);
      await sleep(30);
      socket.destroy();
    }
    expect(await exchange(port, upload("Slow"), 30)).toMatch(/^HTTP\/1\.1 200 [^]*"success"/);
    expect(await exchange(port, " ".repeat(200_000))).toMatch(/^HTTP\/1\.1 413 [^]*\{"message":"/);
    expect(await database.db.selectFrom("lists").select("name").execute()).toEqual([
      { name: "Slow" },
    ]);

    // Those of the test before may be gone by now, too.
    await expect.poll(resources, { timeout: 90_000 }).toBeLessThanOrEqual(before);
    const { rows } = await sql`select 'ok' as answer`.execute(database.db);
    expect(rows).toEqual([{ answer: "ok" }]);
  });
});

/** Sockets that are open in this process: what an upload must not leave behind. Timers are no measure, the test runner has its own. */
function resources(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
}

function head(length: number): string {
  const fields = { host: "a", connection: "close", "content-length": length, ...headers };
  return `POST /api/data HTTP/1.1\r\n${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n`;
}

/** Sends a body in one piece, or in small ones with pauses, and reads the answer to its end. */
async function exchange(port: number, body: string, pauseMs = 0): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const closed = once(socket, "close");
  socket.on("error", () => undefined);
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  socket.write(head(Buffer.byteLength(body)));
  const piece = pauseMs === 0 ? body.length : 20;
  for (let at = 0; at < body.length; at += piece) {
    socket.write(body.slice(at, at + piece));
    if (pauseMs > 0) await sleep(pauseMs);
  }
  await closed;
  return answer;
}
