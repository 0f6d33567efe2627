/**
 * Converts Node's request to a `WriteRequest`: its headers, and its body, which may still have to be read or may have been read by a body
 * parser. Sends the response so that a caller who is still uploading can read it, and notices a caller who disconnects.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { WriteRequest, WriteResponse } from "../src/model.js";
import { interrupted, type Mountable, tooLarge, unhandled } from "./host.js";

/** The members in which frameworks and body parsers keep a body that they have read. */
export interface ParsedBody {
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

/** The request with the members that frameworks and body parsers add. */
export interface NodeRequest extends IncomingMessage, ParsedBody {
  readonly originalUrl?: string;
}

/** Handles a request and sends the response. Never rejects. */
export async function serve(
  mountable: Pick<Mountable, "handle">,
  request: NodeRequest,
  response: ServerResponse,
  url: string,
): Promise<void> {
  const caller = watchCaller(response);
  try {
    const result = await mountable.handle(toWriteRequest(request, url, caller.signal));
    await sendResponse(request, response, result);
  } catch {
    await sendResponse(request, response, unhandled);
  } finally {
    caller.stop();
  }
}

/** @param parsed the object on which the framework keeps a body that it has read, if that is not the request itself */
export function toWriteRequest(
  request: NodeRequest,
  url: string,
  signal: AbortSignal,
  parsed: ParsedBody = request,
): WriteRequest {
  const source = bodySource(request, parsed);
  const headers = toHeaders(request);
  // A body parser has inflated the body, but the header still says that it is compressed.
  if (source.inflated) headers.delete("content-encoding");
  const { read, tellsProgress } = source;
  return {
    method: request.method ?? "GET",
    url,
    headers,
    body: read,
    tellsProgress,
    signal,
    raw: request,
  };
}

/** Uses `headers` and not `rawHeaders`, because Node resolves duplicates in `headers`, and earlier middleware may have added to it. */
function toHeaders(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // Names like `:path` are HTTP/2's pseudo headers, which `Headers` refuses.
    if (value === undefined || name.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      try {
        headers.append(name, one);
      } catch {
        // A lenient HTTP parser accepts values that `Headers` refuses. The library reads no header that may have such a value.
      }
    }
  }
  // Of several credentials, Node keeps the first, but a proxy may have checked the last. Joined, they are refused.
  const credentials = credentialsOf(request);
  if (credentials.length > 1) headers.set("authorization", credentials.join(", "));
  return headers;
}

function credentialsOf({ rawHeaders }: IncomingMessage): readonly string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "authorization",
  );
}

interface BodySource {
  /** Returns the body's bytes or text, or the value that a parser made of it. `undefined` if the body was read and not kept. */
  readonly read: WriteRequest["body"];
  /** Whether the body has not been read yet, so that its progress can be reported. */
  readonly tellsProgress: boolean;
  /** Whether the body was compressed on the wire, and `read` returns it decompressed. */
  readonly inflated: boolean;
}

function bodySource(request: IncomingMessage, parsed: ParsedBody): BodySource {
  const { rawBody } = parsed;
  if (ArrayBuffer.isView(rawBody) || typeof rawBody === "string") return keptBody(rawBody);
  // `readableDidRead` decides, not `body`: Express 4 sets `body` to `{}` even if its parser has not read the stream.
  // It is `undefined` on an object that stands in for a request: that is no stream, and has only a `body`.
  if ((request as Partial<IncomingMessage>).readableDidRead !== false) return keptBody(parsed.body);
  return {
    read: (maxBytes, signal, came) => readStream(request, maxBytes, signal, came),
    tellsProgress: true,
    inflated: false,
  };
}

function keptBody(body: unknown): BodySource {
  return {
    read: async () => body,
    tellsProgress: false,
    inflated: ArrayBuffer.isView(body) && looksLikeJson(body),
  };
}

/**
 * Body parsers inflate what they keep, and hand-written collectors do not. Only the first byte tells the two apart:
 * no gzip or zlib stream begins with the first byte of a JSON object, a JSON array, white space or a byte order mark.
 */
function looksLikeJson(bytes: ArrayBufferView): boolean {
  const [first] = new Uint8Array(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 1));
  return first === undefined || [0x7b, 0x5b, 0x20, 0x09, 0x0a, 0x0d, 0xef].includes(first);
}

/** Stops when the body exceeds the limit, or when the signal is aborted. `sendResponse` discards the rest. */
async function readStream(
  request: IncomingMessage,
  maxBytes: number,
  signal?: AbortSignal,
  came?: (bytes: number) => void,
): Promise<Uint8Array> {
  // The stream has ended, and nothing was read from it, so the body was empty.
  if (request.readableEnded) return new Uint8Array(0);
  if (request.destroyed) throw interrupted();
  const declared = Number(request.headers["content-length"]);
  if (declared > maxBytes) throw tooLarge(maxBytes);

  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const onData = (chunk: Uint8Array | string) => {
      const bytes =
        typeof chunk === "string" ? Buffer.from(chunk, request.readableEncoding ?? "utf8") : chunk;
      size += bytes.byteLength;
      if (size <= maxBytes) {
        chunks.push(bytes);
        if (size !== declared) came?.(bytes.byteLength);
        return;
      }
      request.pause();
      stop();
      reject(tooLarge(maxBytes));
    };
    const onEnd = () => {
      stop();
      resolve(Buffer.concat(chunks, size));
    };
    const onFailure = () => {
      stop();
      reject(interrupted());
    };
    const onAbort = () => {
      request.pause();
      onFailure();
    };
    const stop = () => {
      signal?.removeEventListener("abort", onAbort);
      request.off("data", onData).off("end", onEnd).off("error", onFailure).off("close", onFailure);
    };
    request.on("data", onData).on("end", onEnd).on("error", onFailure).on("close", onFailure);
    signal?.addEventListener("abort", onAbort);
    // Listening for `data` does not restart a stream that was paused explicitly.
    request.resume();
  });
}

interface CallerWatch {
  /** Aborted when the caller disconnects before the response has been sent. */
  readonly signal: AbortSignal;
  /** Stops watching. Call it once the response has been sent. */
  stop(): void;
}

export function watchCaller(response: ServerResponse): CallerWatch {
  const controller = new AbortController();
  const onClose = () => {
    if (!response.writableFinished) controller.abort();
  };
  if (response.destroyed) onClose();
  response.on("close", onClose);
  return { signal: controller.signal, stop: () => void response.off("close", onClose) };
}

/** Sends the response. Resolves when the operating system has it, or when it can no longer be sent. Never rejects. */
export async function sendResponse(
  request: IncomingMessage,
  response: ServerResponse,
  result: WriteResponse,
): Promise<void> {
  if (response.headersSent || isClosed(response)) return;
  response.on("error", ignore);
  try {
    response.statusCode = result.status;
    for (const [name, value] of Object.entries(result.headers)) {
      // Earlier middleware may have set `vary`, and its values still hold.
      const before = name === "vary" ? response.getHeader(name) : undefined;
      response.setHeader(name, before === undefined ? value : [before, value].flat().join(", "));
    }
    if (result.body !== "") response.setHeader("content-length", Buffer.byteLength(result.body));
    // After a 401, a 413 or a 415, the caller may still be sending the body.
    if (request.complete) await endResponse(response, result.body);
    else await endWhileReceiving(request, response, result.body);
  } catch {
    // Node refuses a header, or a framework's wrapper throws.
    response.destroy();
  } finally {
    response.off("error", ignore);
  }
}

const lingerMs = 5_000;

/**
 * Closing the connection at once would reset it, and a caller who is still sending would lose the response.
 * Therefore the response is sent first, and the rest of the body is discarded for up to `lingerMs`.
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
    if (request.destroyed || isClosed(response)) done();
    else request.resume();
  });
  await endResponse(response, "");
}

function endResponse(response: ServerResponse, body: string): Promise<void> {
  return new Promise((resolve) => {
    if (isClosed(response)) return resolve();
    const done = () => {
      response.off("finish", done).off("close", done);
      resolve();
    };
    response.on("finish", done).on("close", done);
    response.end(body);
  });
}

function isClosed(response: ServerResponse): boolean {
  return response.destroyed || response.writableEnded || response.socket?.destroyed === true;
}

function ignore(): void {}
