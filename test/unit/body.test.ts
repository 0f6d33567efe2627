import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readBody } from "../../src/http/body.js";
import { badRequest, isBadRequest, isRetryable } from "../../src/errors.js";
import { defaultLimits } from "../../src/wire/limits.js";
import type { WriteRequest } from "../../src/model.js";

const limits = { ...defaultLimits, bodyBytes: 1_000 };

function request(body: unknown, headers: Record<string, string> = {}): WriteRequest {
  return {
    method: "POST",
    url: "/api/data",
    headers: new Headers({ "content-type": "application/json", ...headers }),
    body: async () => {
      if (body instanceof Error) throw body;
      return body;
    },
    signal: new AbortController().signal,
  };
}

async function failure(
  given: WriteRequest,
  within = limits,
): Promise<{ status: number; message: string }> {
  try {
    await readBody(given, within);
  } catch (error) {
    if (!isBadRequest(error)) throw error;
    return { status: error.status, message: error.message };
  }
  throw new Error("It should have been refused.");
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe("a good body", () => {
  test("is parsed from bytes and from text, exactly", async () => {
    expect(await readBody(request(bytes('{"a":"é"}')), limits)).toEqual({
      value: { a: "é" },
      lossyNumbers: false,
    });
    expect(await readBody(request('{"a":1}'), limits)).toEqual({
      value: { a: 1 },
      lossyNumbers: false,
    });
  });

  test("is read with the limit", async () => {
    let asked = 0;
    const given = request(undefined);
    const body = (maxBytes: number) => {
      asked = maxBytes;
      return Promise.resolve(bytes("{}"));
    };
    await readBody({ ...given, body }, limits);
    expect(asked).toBe(1_000);
  });

  test("may be a view of a larger buffer", async () => {
    const buffer = bytes('xx{"a":1}xx');
    expect((await readBody(request(buffer.subarray(2, 9)), limits)).value).toEqual({ a: 1 });
    const zipped = Buffer.concat([Buffer.from("xx"), gzipSync('{"a":1}'), Buffer.from("xx")]);
    const given = request(zipped.subarray(2, -2), { "content-encoding": "gzip" });
    expect((await readBody(given, limits)).value).toEqual({ a: 1 });
  });

  test("may begin with a byte order mark", async () => {
    expect((await readBody(request(bytes("\uFEFF{}")), limits)).value).toEqual({});
    expect((await readBody(request("\uFEFF{}"), limits)).value).toEqual({});
  });

  test.each(["identity", "", " "])("content-encoding %j is none", async (encoding) => {
    const given = request(bytes("{}"), { "content-encoding": encoding });
    expect((await readBody(given, limits)).value).toEqual({});
  });

  test.each(["gzip", "GZIP", "deflate"])("is inflated from %s", async (encoding) => {
    const compress = encoding === "deflate" ? deflateSync : gzipSync;
    const given = request(compress('{"a":1}'), { "content-encoding": encoding });
    expect(await readBody(given, limits)).toEqual({ value: { a: 1 }, lossyNumbers: false });
  });

  test("is inflated whole when it takes many slices", async () => {
    const value = { a: Array.from({ length: 60_000 }, (_, index) => Math.sin(index)) };
    const zipped = gzipSync(JSON.stringify(value));
    expect(zipped.byteLength).toBeGreaterThan(3 * 64 * 1024);
    const given = request(zipped, { "content-encoding": "gzip" });
    expect((await readBody(given, defaultLimits)).value).toEqual(value);
  });

  test.each([
    "application/json",
    "Application/JSON; charset=UTF-8",
    'application/json; charset="utf-8"',
    "application/json;charset=utf8",
    "application/json; profile=x",
    "application/vnd.powersync+json",
  ])("may have content-type %s", async (type) => {
    expect((await readBody(request(bytes("{}"), { "content-type": type }), limits)).value).toEqual(
      {},
    );
  });
});

describe("a body that an earlier parser has read", () => {
  test("is taken as it is, numbers in doubt", async () => {
    const value = { crud: [] };
    const taken = await readBody(request(value), limits);
    expect(taken).toEqual({ value, lossyNumbers: true });
    expect(taken.value).toBe(value);
    expect(await readBody(request(null), limits)).toEqual({ value: null, lossyNumbers: true });
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["no bytes", new Uint8Array(0)],
    ["no text", ""],
  ])("and not kept is no body, though one was sent: %s", async (_name, left) => {
    const sent = request(left, { "content-length": "20" });
    expect(await readBody(sent, limits)).toEqual({ value: undefined, lossyNumbers: true });
  });
});

describe("a bad body", () => {
  test.each([
    "text/plain",
    "application/jsonp",
    "application/x-www-form-urlencoded",
    "json",
    "application/json, text/plain",
  ])("content-type %s: 415", async (type) => {
    const refused = await failure(request(bytes("{}"), { "content-type": type }));
    expect(refused).toEqual({
      status: 415,
      message: "Send the body as JSON, with `content-type: application/json`.",
    });
    expect((await failure(request("{}", { "content-type": type }))).status).toBe(415);
  });

  test("without a content-type: 415", async () => {
    const given = request(bytes("{}"));
    given.headers.delete("content-type");
    expect((await failure(given)).status).toBe(415);
  });

  test.each(["iso-8859-1", '"utf-16"', "utf-7"])("charset %s: 415", async (charset) => {
    const type = `application/json; charset=${charset}`;
    expect(await failure(request(bytes("{}"), { "content-type": type }))).toEqual({
      status: 415,
      message: "Send the body as UTF-8, with `content-type: application/json`.",
    });
  });

  test.each(["br", "zstd", "gzip, gzip", "identity, gzip", "gzip;q=1"])(
    "content-encoding %s: 415",
    async (encoding) => {
      const given = request(gzipSync("{}"), { "content-encoding": encoding });
      expect(await failure(given)).toEqual({
        status: 415,
        message: "Send the body without content-encoding, or as gzip or deflate.",
      });
    },
  );

  test("too large, as sent: 413", async () => {
    const text = JSON.stringify("é".repeat(499));
    expect(bytes(text)).toHaveLength(1_000);
    expect((await readBody(request(bytes(text)), limits)).value).toHaveLength(499);
    expect((await readBody(request(text), limits)).value).toHaveLength(499);
    for (const body of [bytes(`${text} `), `${text} `, "x".repeat(1_001)]) {
      expect(await failure(request(body))).toEqual({
        status: 413,
        message: "The body is larger than 1000 bytes.",
      });
    }
  });

  test("too large once inflated: 413, and the rest is never inflated", async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000, "x"));
    const before = process.memoryUsage().rss;
    const refused = await failure(request(bomb, { "content-encoding": "gzip" }), {
      ...limits,
      bodyBytes: 1_000_000,
    });
    expect(refused.status).toBe(413);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  test("exactly as large as allowed once inflated", async () => {
    const text = JSON.stringify("x".repeat(998));
    const given = request(gzipSync(text), { "content-encoding": "gzip" });
    expect((await readBody(given, limits)).value).toHaveLength(998);
    const more = request(gzipSync(`${text} `), { "content-encoding": "gzip" });
    expect((await failure(more)).status).toBe(413);
  });

  const zipped = gzipSync('{"a":"abcdefghijklmnopqrstuvwxyz"}');
  test.each([
    ["garbage", "gzip", Buffer.from("not compressed")],
    ["JSON", "gzip", Buffer.from("{}")],
    ["nothing", "gzip", Buffer.alloc(0)],
    ["a stream cut short", "gzip", zipped.subarray(0, -9)],
    ["a wrong checksum", "gzip", Buffer.concat([zipped.subarray(0, -8), Buffer.alloc(8)])],
    ["gzip", "deflate", zipped],
    ["deflate without its header", "deflate", deflateRawSync("{}")],
  ])("%s sent as %s: 400", async (_, encoding, body) => {
    expect(await failure(request(body, { "content-encoding": encoding }))).toEqual({
      status: 400,
      message: `The body is not valid ${encoding}.`,
    });
  });

  test.each([
    ["a lone continuation byte", [0x22, 0x80, 0x22]],
    ["an overlong form", [0x22, 0xc0, 0xaf, 0x22]],
    ["a surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["a character cut short", [0x22, 0xe2, 0x82]],
  ])("%s: 400", async (_, body) => {
    expect(await failure(request(new Uint8Array(body)))).toEqual({
      status: 400,
      message: "The body is not valid UTF-8.",
    });
  });

  test("empty: 400", async () => {
    for (const body of [new Uint8Array(0), "", bytes("\uFEFF"), "\uFEFF"]) {
      expect(await failure(request(body))).toEqual({ status: 400, message: "The body is empty." });
    }
    const zipped = request(gzipSync(""), { "content-encoding": "gzip" });
    expect((await failure(zipped)).message).toBe("The body is empty.");
  });

  test.each(["{", "nope secret", "{'a':1}", " ", "{}{}", "NaN"])(
    "no JSON (%s): 400, without the engine's text",
    async (text) => {
      const refused = { status: 400, message: "The body is not valid JSON." };
      expect(await failure(request(bytes(text)))).toEqual(refused);
      expect(await failure(request(text))).toEqual(refused);
    },
  );
});

describe("a body that can't be had", () => {
  test("a refusal by the adapter stays as it is", async () => {
    expect(await failure(request(badRequest(413, "Too much.")))).toEqual({
      status: 413,
      message: "Too much.",
    });
  });

  test("anything else is retryable, with its cause for the server alone", async () => {
    const cause = new Error("ECONNRESET 10.0.0.1");
    const error = await readBody(request(cause), limits).catch((thrown: unknown) => thrown);
    expect(isRetryable(error)).toBe(true);
    expect(error).toMatchObject({ message: "The upload was interrupted.", cause });
  });
});
