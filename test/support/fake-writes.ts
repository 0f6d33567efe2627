/** A stand-in for `createWrites`, for tests that are about what an adapter hands over and gives back. */
import { isBadRequest } from "../../src/errors.js";
import type { Principal } from "../../src/context.js";
import type { WriteRequest, WriteResponse } from "../../src/model.js";
import type { Writes } from "../../src/config/writes.js";

export const maxBytes = 1_000_000;

export interface FakeOptions {
  path?: string | false;
  handle?: (request: WriteRequest) => Promise<WriteResponse>;
}

const unused = () => Promise.reject(new Error("Not part of the fake."));

const unusedLetters: Writes<Principal>["deadLetters"] = {
  list: unused,
  count: unused,
  get: unused,
  compare: unused,
  edit: unused,
  retry: unused,
  discard: unused,
  retryAll: unused,
  discardAll: unused,
  export: () => {
    throw new Error("Not part of the fake.");
  },
};

/** A FAKE `Writes`: it applies nothing, and answers with what it received. */
export function fakeWrites({
  path = "/api/data",
  handle = echo,
}: FakeOptions = {}): Writes<Principal> {
  return {
    deadLetters: unusedLetters,
    handles: (method, url) =>
      method === "POST" && (path === false || new URL(url, "http://host").pathname === path),
    handle,
    processTransaction: unused,
    processBatch: unused,
    checkpoint: unused,
    checkpointRequest: unused,
    prune: unused,
    forget: unused,
    ready: unused,
    health: () => ({ status: "ok", inFlight: 0 }),
    check: unused,
    drain: unused,
  };
}

async function echo(request: WriteRequest): Promise<WriteResponse> {
  try {
    return json(200, {
      method: request.method,
      url: request.url,
      headers: Object.fromEntries(request.headers),
      ...described(await request.body(maxBytes)),
    });
  } catch (error) {
    if (isBadRequest(error)) return json(error.status, { message: error.message });
    return json(503, { message: String(error) });
  }
}

function described(body: unknown): { kind: string; body?: unknown } {
  if (ArrayBuffer.isView(body)) {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    return bytes[0] === 0x1f ? { kind: "gzip" } : { kind: "bytes", body: bytes.toString() };
  }
  return body === undefined ? { kind: "undefined" } : { kind: typeof body, body };
}

export function json(status: number, body: unknown): WriteResponse {
  return {
    status,
    headers: { "content-type": "application/json", "x-correlation-id": "c1" },
    body: JSON.stringify(body),
  };
}

export function deferred<T>() {
  let resolve!: (value: T | PromiseLike<T>) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
