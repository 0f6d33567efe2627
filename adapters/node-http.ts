/**
 * Node's own request and response, for every adapter that stands on them:
 * what has come in as a `WriteRequest`, an answer sent so that the caller gets to read it, and word of a caller who leaves.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { WriteRequest, WriteResponse } from "../src/model.js";
import { type Endpoint, unhandled } from "./endpoint.js";
import { bodySource } from "./node-body.js";

/** The request as frameworks and body parsers leave it. */
export interface NodeRequest extends IncomingMessage {
  readonly originalUrl?: string;
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

/** Answers a request. Never rejects. */
export async function answer(
  endpoint: Pick<Endpoint, "handle">,
  request: NodeRequest,
  response: ServerResponse,
  url: string,
): Promise<void> {
  const caller = watch(response);
  try {
    const result = await endpoint.handle(toWriteRequest(request, url, caller.signal));
    await send(request, response, result);
  } catch {
    await send(request, response, unhandled);
  } finally {
    caller.stop();
  }
}

/** @param parsed where the framework keeps a body that an earlier parser has read */
export function toWriteRequest(
  request: NodeRequest,
  url: string,
  signal: AbortSignal,
  parsed: { readonly body?: unknown; readonly rawBody?: unknown } = request,
): WriteRequest {
  const source = bodySource(request, parsed);
  const headers = toHeaders(request);
  // A body parser has inflated the body, but the header still says what came over the wire.
  if (source.inflated) headers.delete("content-encoding");
  return { method: request.method ?? "GET", url, headers, body: source.read, signal, raw: request };
}

/** From `headers`, not `rawHeaders`: Node has dealt with duplicates there, and earlier middleware may have added to it. */
function toHeaders(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // HTTP/2's pseudo headers are no headers.
    if (value === undefined || name.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      try {
        headers.append(name, one);
      } catch {
        // A lenient HTTP parser lets through what `Headers` refuses. Nothing that is read here can be among it.
      }
    }
  }
  // Of several credentials Node keeps the first, while a proxy in front may have gone by the last: together they are none.
  const credentials = credentialsOf(request);
  if (credentials.length > 1) headers.set("authorization", credentials.join(", "));
  return headers;
}

function credentialsOf({ rawHeaders }: IncomingMessage): readonly string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "authorization",
  );
}

interface Caller {
  /** Aborted when the caller leaves before the answer has been sent. */
  readonly signal: AbortSignal;
  /** Once the answer has been sent. */
  stop(): void;
}

export function watch(response: ServerResponse): Caller {
  const controller = new AbortController();
  const onClose = () => {
    if (!response.writableFinished) controller.abort();
  };
  if (response.destroyed) onClose();
  response.on("close", onClose);
  return { signal: controller.signal, stop: () => void response.off("close", onClose) };
}

/** Sends an answer; resolves when it has been handed over, or can't be any more. Never rejects. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  result: WriteResponse,
): Promise<void> {
  if (response.headersSent || gone(response)) return;
  response.on("error", ignore);
  try {
    response.statusCode = result.status;
    for (const [name, value] of Object.entries(result.headers)) {
      // What earlier middleware varies by still holds.
      const before = name === "vary" ? response.getHeader(name) : undefined;
      response.setHeader(name, before === undefined ? value : [before, value].flat().join(", "));
    }
    if (result.body !== "") response.setHeader("content-length", Buffer.byteLength(result.body));
    // More of the body may be on its way: after a 401, a 413, a 415.
    if (request.complete) await end(response, result.body);
    else await endWhileReceiving(request, response, result.body);
  } catch {
    // A header that Node refuses, or a framework's wrapper that throws.
    response.destroy();
  } finally {
    response.off("error", ignore);
  }
}

const lingerMs = 5_000;

/**
 * Closing at once would reset the connection, and a caller who is still sending would lose the answer with it:
 * so the answer goes out first, and what still comes is thrown away, for a while.
 */
async function endWhileReceiving(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): Promise<void> {
  if (request.httpVersionMajor < 2) response.setHeader("connection", "close");
  if (body === "") response.flushHeaders();
  else response.write(body);
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      request.off("end", done).off("close", done).off("error", done);
      response.off("close", done);
      resolve();
    };
    const timer = setTimeout(done, lingerMs);
    request.on("end", done).on("close", done).on("error", done);
    response.on("close", done);
    if (request.destroyed || gone(response)) done();
    else request.resume();
  });
  await end(response, "");
}

function end(response: ServerResponse, body: string): Promise<void> {
  return new Promise((resolve) => {
    if (gone(response)) return resolve();
    const done = () => {
      response.off("finish", done).off("close", done);
      resolve();
    };
    response.on("finish", done).on("close", done);
    response.end(body);
  });
}

function gone(response: ServerResponse): boolean {
  return response.destroyed || response.writableEnded || response.socket?.destroyed === true;
}

function ignore(): void {}
