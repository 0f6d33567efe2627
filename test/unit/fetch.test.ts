/** The Web's `Request` and `Response`: the body read once, up to the limit; what is not ours is 404. */
import { setTimeout as sleep } from "node:timers/promises";
import { deflateSync, gzipSync } from "node:zlib";
import type { Kysely } from "kysely";
import { describe, expect, expectTypeOf, test } from "vitest";
import { powersyncWrites } from "../../adapters/fetch.js";
import type { WriteRequest } from "../../src/model.js";
import { fakeWrites, json, maxBytes } from "../support/fake-writes.js";

const url = "https://host/api/data?a=b";
const sent = '{ "crud": [], "n": 9007199254740993 }';

const own = (options?: Parameters<typeof fakeWrites>[0]) => powersyncWrites(fakeWrites(options));

const post = (body: BodyInit | null, headers: HeadersInit = {}) =>
  new Request(url, { method: "POST", body, headers, duplex: "half" } as RequestInit);

describe("the body", () => {
  test("arrives as it was sent", async () => {
    const answer = await own()(post(sent));
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-correlation-id")).toBe("c1");
    expect(await answer.json()).toMatchObject({ method: "POST", url, kind: "bytes", body: sent });
  });

  test.each([
    ["gzip", gzipSync(sent)],
    ["deflate", deflateSync(sent)],
  ])("arrives in %s, as it was sent", async (encoding, bytes) => {
    const answer = await own()(post(new Uint8Array(bytes), { "content-encoding": encoding }));
    expect(await answer.json()).toMatchObject({ headers: { "content-encoding": encoding } });
  });

  test("none at all is an empty one", async () => {
    expect(await (await own()(post(null))).json()).toMatchObject({ kind: "bytes", body: "" });
  });

  test("that comes slowly is waited for", async () => {
    const slow = new ReadableStream({
      async start(controller) {
        for (const character of sent) {
          await sleep(2);
          controller.enqueue(new TextEncoder().encode(character));
        }
        controller.close();
      },
    });
    expect(await (await own()(post(slow))).json()).toMatchObject({ body: sent });
  });

  test("read by somebody before", async () => {
    const request = post(sent);
    await request.text();
    expect(await (await own()(request)).json()).toMatchObject({ kind: "undefined" });
  });

  test("being read by somebody else", async () => {
    const request = post(sent);
    request.body?.getReader();
    expect(await (await own()(request)).json()).toMatchObject({ kind: "undefined" });
  });

  test("that breaks off is retryable", async () => {
    const broken = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("{"));
        controller.error(new Error("reset"));
      },
    });
    expect((await own()(post(broken))).status).toBe(503);
  });
});

describe("a body over the limit", () => {
  const tooLarge = { message: `The body is larger than ${maxBytes} bytes.` };

  test("by its content-length: refused unread", async () => {
    const request = post(sent, { "content-length": "1000001" });
    const answer = await own()(request);
    expect([answer.status, await answer.json()]).toEqual([413, tooLarge]);
    expect(request.bodyUsed).toBe(false);
  });

  test("by its chunks: no more is read, and the source is told", async () => {
    let pulled = 0;
    let cancelled = false;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(100_000));
      },
      cancel() {
        cancelled = true;
      },
    });
    const answer = await own()(post(endless));
    expect([answer.status, await answer.json()]).toEqual([413, tooLarge]);
    expect(cancelled).toBe(true);
    expect(pulled).toBeLessThan(20);
  });

  test("the limit itself is allowed", async () => {
    expect((await own()(post("x".repeat(maxBytes)))).status).toBe(200);
  });
});

describe("the answer", () => {
  test.each([
    ["another path", "https://host/other", "POST"],
    ["another method", url, "GET"],
  ])("is 404 for %s", async (_, to, method) => {
    const answer = await own()(new Request(to, { method }));
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { message: expect.stringMatching(/^There is no such route/) },
    ]);
    expect(answer.headers.get("content-type")).toContain("application/json");
  });

  test("with `path: false`, wherever the host routes it", async () => {
    const request = new Request("https://host/functions/v1/upload", { method: "POST", body: sent });
    expect((await own({ path: false })(request)).status).toBe(200);
  });

  test("may be empty", async () => {
    const handle = async () => ({ status: 204, headers: {}, body: "" });
    const answer = await own({ handle })(post(sent));
    expect([answer.status, answer.body]).toEqual([204, null]);
  });

  test("is 503 where none could be made", async () => {
    const failing = own({ handle: () => Promise.reject(new Error("secret")) });
    const unsendable = own({
      handle: async () => ({ status: 200, headers: { "x-bad": "a\nb" }, body: "{}" }),
    });
    for (const handler of [failing, unsendable]) {
      const answer = await handler(post(sent));
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
      expect(await answer.json()).toEqual({ message: "The request could not be handled." });
    }
  });
});

describe("the signal", () => {
  const aborted = async ({ signal }: WriteRequest) => json(200, { aborted: signal.aborted });

  test("is the request's", async () => {
    const leaving = new AbortController();
    const request = new Request(post(sent), { signal: leaving.signal });
    leaving.abort();
    expect(await (await own({ handle: aborted })(request)).json()).toEqual({ aborted: true });
  });

  test("never fires where the runtime has none", async () => {
    const request = Object.defineProperty(post(sent), "signal", { value: undefined });
    expect(await (await own({ handle: aborted })(request)).json()).toEqual({ aborted: false });
  });
});

/** Never called: the compiler is what checks it. */
function typed(database: Kysely<{ lists: { id: string } }>) {
  return powersyncWrites({
    authenticate: async ({ raw }) => {
      expectTypeOf(raw).toEqualTypeOf<Request>();
      return { userId: "ann", tenant: 1 };
    },
    database,
    tables: { lists: { access: "everyone" } },
    authorize: (_, { principal }) => {
      expectTypeOf(principal.tenant).toBeNumber();
    },
  });
}

test("a fetch handler, with the `Request` as `raw`", async () => {
  expectTypeOf(typed).toBeFunction();
  const handle = async ({ raw }: WriteRequest) => json(200, { same: raw === request });
  const request = post(sent);
  expect(await (await own({ handle })(request)).json()).toEqual({ same: true });
});
