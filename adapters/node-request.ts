/** Node's own request as a `WriteRequest`: its headers, and its body, whether that is still to be read or was read by a body parser. */
import type { IncomingMessage } from "node:http";
import type { WriteRequest } from "../src/model.js";
import { interrupted, tooLarge } from "./host.js";

/** Where frameworks and body parsers leave a body that they have read. */
export interface ParsedBody {
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

/** The request as frameworks and body parsers leave it. */
export interface NodeRequest extends IncomingMessage, ParsedBody {
  readonly originalUrl?: string;
}

/** @param parsed the object on which the framework keeps a body that was read before, where that is not the request itself */
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

/** From `headers`, not `rawHeaders`: in `headers` Node has resolved duplicates, and earlier middleware may have added to it. */
function toHeaders(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // Names like `:path` are HTTP/2's pseudo headers, which `Headers` refuses.
    if (value === undefined || name.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      try {
        headers.append(name, one);
      } catch {
        // A lenient HTTP parser lets through values that `Headers` refuses. The library reads no header that may hold one.
      }
    }
  }
  // Of several credentials Node keeps the first, while a proxy in front may have checked the last. Joined, they are refused.
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
  /** Gives the body's bytes or text, or the value that a parser made of it; `undefined` where it was read and not kept. */
  readonly read: WriteRequest["body"];
  /** The body is still to come. */
  readonly tellsProgress: boolean;
  /** The body was compressed on the wire, and `read` gives it decompressed. */
  readonly inflated: boolean;
}

function bodySource(request: IncomingMessage, parsed: ParsedBody): BodySource {
  const { rawBody } = parsed;
  if (ArrayBuffer.isView(rawBody) || typeof rawBody === "string") return keptBody(rawBody);
  // `readableDidRead` decides, not `body`: Express 4 sets `body` to `{}` even where its parser has not read the stream.
  // It is `undefined` on a stand-in for a request, which is no stream and has only a `body`.
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
  // The stream has ended, and nobody has read from it: the body was empty.
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
