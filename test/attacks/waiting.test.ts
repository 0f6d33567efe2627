/** Requests whose bodies never come, or come a byte at a time: they hold no place of those who send theirs, in any adapter. */
import type { Server } from "node:http";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createWrites, type WritesConfig } from "../../src/index.js";
import { adapters, listen, type TestAdapter } from "../conformance/adapters.js";
import { betterSqlite3, type TestDatabase } from "../support/databases.js";
import { long } from "../support/long.js";
import type { TestSchema } from "../support/schema.js";
import { post, until } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

type Bounds = Pick<WritesConfig<TestPrincipal, TestSchema>, "limits" | "timeouts">;

const body = JSON.stringify({ client_id: "phone", transactions: [{ crud: [] }] });

let database: TestDatabase;
beforeAll(async () => {
  database = await betterSqlite3.open();
});
afterAll(() => database.close());

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function start({ listener }: TestAdapter, bounds: Bounds): Promise<string> {
  const writes = createWrites({ ...testConfig(database.db), ...bounds });
  const { server, url } = await listen(listener(writes, false));
  servers.push(server);
  const endpoint = `${url}/api/data`;
  // Nest takes a moment to start.
  await until(async () => (await post(endpoint, JSON.parse(body))).status === 200);
  return endpoint;
}

interface Slow {
  readonly socket: Socket;
  /** What has been answered so far. */
  readonly answer: () => string;
}

/** A request without its body. */
function announce(url: string, user: string, length = 100_000, sent = ""): Slow {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  sockets.push(socket);
  let answer = "";
  socket.on("error", () => undefined);
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  socket.write(
    `POST /api/data HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${user}\r\n` +
      `content-type: application/json\r\ncontent-length: ${length}\r\n\r\n${sent}`,
  );
  return { socket, answer: () => answer };
}

const isAnswered = ({ answer }: Slow): boolean => answer().includes("\r\n\r\n");
const unhurried = { bodyMs: 600_000, bodyPauseMs: 600_000 };

describe.each(adapters)("$name", (adapter) => {
  it(`serves everybody else while ${long ? "1,000" : "120"} bodies don't come`, async () => {
    const accounts = long ? 125 : 15;
    const requests = accounts * 8;
    const url = await start(adapter, { limits: { requests }, timeouts: unhurried });
    const waiting = Array.from({ length: requests }, (_, index) =>
      announce(url, `attacker${index % accounts}`),
    );
    // Once a caller's ninth is refused, that caller's eight are waiting.
    for (let account = 0; account < accounts; account += 1) {
      const ninth = { user: `attacker${account}` };
      await until(async () => (await post(url, JSON.parse(body), ninth)).status === 429);
    }
    for (let user = 0; user < 30; user += 1) {
      expect(await post(url, JSON.parse(body), { user: `user${user}` })).toMatchObject({
        status: 200,
      });
    }
    // Each of those took the place of one that waited, and no more.
    const ended = waiting.filter(isAnswered);
    expect(ended.length).toBeLessThanOrEqual(30);
    for (const { answer } of ended) expect(answer()).toMatch(/^HTTP\/1\.1 503 /);
  });

  it("ends the wait of the caller who has the most", async () => {
    const url = await start(adapter, { limits: { requests: 9 }, timeouts: unhurried });
    const many = Array.from({ length: 8 }, () => announce(url, "attacker"));
    await until(
      async () => (await post(url, JSON.parse(body), { user: "attacker" })).status === 429,
    );
    const slow = announce(url, "alice", body.length, body.slice(0, 10));
    for (let user = 0; user < 4; user += 1) announce(url, `user${user}`);
    await until(() => many.filter(isAnswered).length >= 4);
    slow.socket.write(body.slice(10));
    await until(() => isAnswered(slow));
    expect(slow.answer()).toMatch(/^HTTP\/1\.1 200 /);
    expect(many.filter(isAnswered)).toHaveLength(4);
  });

  it("ends a body that comes a byte at a time, and one that does not come", async () => {
    const url = await start(adapter, { timeouts: { bodyMs: 600_000, bodyPauseMs: 300 } });
    const silent = announce(url, "alice");
    const dripping = announce(url, "bob");
    const drip = setInterval(() => dripping.socket.write(" "), 20);
    try {
      await until(() => isAnswered(silent) && isAnswered(dripping));
    } finally {
      clearInterval(drip);
    }
    for (const { answer } of [silent, dripping]) {
      expect(answer()).toMatch(/^HTTP\/1\.1 503 /);
      expect(answer()).toMatch(/retry-after: 5/i);
    }
  });
});
