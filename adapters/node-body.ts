/** Where the body of a Node request is: still on its way, or where an earlier body parser has put it. */
import type { IncomingMessage } from "node:http";
import { interrupted, tooLarge } from "./endpoint.js";

interface BodySource {
  /** Its bytes or text, or the value that a parser made of it; `undefined` where it was read and not kept. */
  readonly read: (maxBytes: number, signal?: AbortSignal) => Promise<unknown>;
  /** It was compressed on the wire, and is no longer. */
  readonly inflated: boolean;
}

export function bodySource(
  request: IncomingMessage,
  parsed: { readonly body?: unknown; readonly rawBody?: unknown },
): BodySource {
  const { rawBody } = parsed;
  if (ArrayBuffer.isView(rawBody) || typeof rawBody === "string") return kept(rawBody);
  // Anything but `false`: a stand-in for a request that is no stream has only its `body`.
  // Express 4 sets `body` to `{}` even where its parser has left the stream alone, so `body` itself tells nothing.
  if ((request as Partial<IncomingMessage>).readableDidRead !== false) return kept(parsed.body);
  return {
    read: (maxBytes, signal) => readStream(request, maxBytes, signal),
    inflated: false,
  };
}

function kept(body: unknown): BodySource {
  return {
    read: async () => body,
    inflated: ArrayBuffer.isView(body) && looksLikeJson(body),
  };
}

/**
 * Body parsers inflate what they keep, hand-written collectors do not, and nothing tells them apart but the bytes:
 * no gzip or zlib stream begins as a JSON object, a JSON array, white space or a byte order mark does.
 */
function looksLikeJson(bytes: ArrayBufferView): boolean {
  const [first] = new Uint8Array(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 1));
  return first === undefined || [0x7b, 0x5b, 0x20, 0x09, 0x0a, 0x0d, 0xef].includes(first);
}

/** Stops beyond the limit, or when the signal is aborted, and leaves the rest unread: what becomes of it is decided when the answer is sent. */
async function readStream(
  request: IncomingMessage,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  // Ended without a byte ever being read: there was none.
  if (request.readableEnded) return new Uint8Array(0);
  if (request.destroyed) throw interrupted();
  if (Number(request.headers["content-length"]) > maxBytes) throw tooLarge(maxBytes);

  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const onData = (chunk: Uint8Array | string) => {
      const bytes =
        typeof chunk === "string" ? Buffer.from(chunk, request.readableEncoding ?? "utf8") : chunk;
      size += bytes.byteLength;
      if (size <= maxBytes) {
        chunks.push(bytes);
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
    // A stream that somebody paused on purpose does not start again by itself.
    request.resume();
  });
}
