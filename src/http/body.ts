/** What the caller sent, as a value: content type and encoding, size, UTF-8 and JSON are judged here, for every adapter alike. */
import { badRequest, isBadRequest, isRetryable, retryable } from "../errors.js";
import { parseJson } from "../wire/parse-json.js";
import { defaultTimeouts, type Limits, type Timeouts } from "../wire/limits.js";
import type { WriteRequest } from "../model.js";

export interface RequestBody {
  /** `undefined`: it was read before, and not kept. */
  readonly value: unknown;
  /** An earlier body parser made the value: integers beyond 2^53 in it may have been rounded. */
  readonly lossyNumbers: boolean;
}

/** Reads and parses the body. Throws `badRequest()`, or `retryable()` where the body could not be had. */
export async function readBody(
  request: WriteRequest,
  limits: Limits,
  { bodyMs }: Pick<Timeouts, "bodyMs"> = defaultTimeouts,
): Promise<RequestBody> {
  const parameters = checkContentType(request.headers);
  const body = await take(request, limits.bodyBytes, bodyMs);
  if (isGone(body, request.headers)) return { value: undefined, lossyNumbers: true };
  if (typeof body === "string") {
    checkCharset(parameters);
    checkTextSize(body, limits.bodyBytes);
    return { value: parse(body.startsWith("\uFEFF") ? body.slice(1) : body), lossyNumbers: false };
  }
  // Not instanceof: a Buffer may come from another realm, as it does under some test runners.
  if (ArrayBuffer.isView(body)) {
    checkCharset(parameters);
    const sent = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    const bytes = await decompressed(sent, request.headers, limits.bodyBytes);
    return { value: parse(decode(bytes)), lossyNumbers: false };
  }
  return { value: body, lossyNumbers: true };
}

/** A middleware in front has read it, and kept nothing of what was sent. */
function isGone(body: unknown, headers: Headers): boolean {
  if (body === undefined) return true;
  const size =
    typeof body === "string" ? body.length : ArrayBuffer.isView(body) ? body.byteLength : undefined;
  return size === 0 && Number(headers.get("content-length")) > 0;
}

/** Whether the adapter heeds the signal or not, nobody waits longer. */
function take(request: WriteRequest, maxBytes: number, ms: number): Promise<unknown> {
  const reading = new AbortController();
  return new Promise((resolve, reject) => {
    const late = () => {
      reading.abort();
      reject(
        retryable(
          "The body did not arrive in time. Send it again; or less of it, where the connection is slow.",
        ),
      );
    };
    const timer = ms === Infinity ? undefined : setTimeout(late, ms);
    const failed = (error: unknown) => {
      const known = isBadRequest(error) || isRetryable(error);
      reject(
        known ? error : Object.assign(retryable("The upload was interrupted."), { cause: error }),
      );
    };
    const reads = async () => request.body(maxBytes, reading.signal);
    void reads()
      .then(resolve, failed)
      .finally(() => clearTimeout(timer));
  });
}

const jsonType = /^application\/(?:json|[\w!#$&^.+-]+\+json)$/i;
const utf8 = /^"?utf-?8"?$/i;

/**
 * Whatever has become of the body by then: a parser in front may take forms, or any type, and a form on another site's page is sent with the user's
 * cookies. Only this type is one that a page can't send without asking first.
 *
 * @returns the type's parameters
 */
function checkContentType(headers: Headers): readonly string[] {
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").split(";");
  if (!jsonType.test(type.trim())) {
    throw badRequest(415, "Send the body as JSON, with `content-type: application/json`.");
  }
  return parameters;
}

function checkCharset(parameters: readonly string[]): void {
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=");
    if (name.trim().toLowerCase() === "charset" && !utf8.test(value.trim())) {
      throw badRequest(415, "Send the body as UTF-8, with `content-type: application/json`.");
    }
  }
}

async function decompressed(
  bytes: Uint8Array,
  headers: Headers,
  maxBytes: number,
): Promise<Uint8Array> {
  if (bytes.byteLength > maxBytes) throw bodyTooLarge(maxBytes);
  const encoding = (headers.get("content-encoding") ?? "").trim().toLowerCase();
  if (encoding === "" || encoding === "identity") return bytes;
  if (encoding !== "gzip" && encoding !== "deflate") {
    throw badRequest(415, "Send the body without content-encoding, or as gzip or deflate.");
  }
  return inflate(bytes, encoding, maxBytes);
}

/** Stops as soon as the output passes the limit, so that a few kilobytes can't become gigabytes. */
async function inflate(
  bytes: Uint8Array,
  encoding: "gzip" | "deflate",
  maxBytes: number,
): Promise<Uint8Array> {
  const reader = slices(bytes).pipeThrough(new DecompressionStream(encoding)).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > maxBytes) break;
      parts.push(value);
    }
  } catch {
    throw badRequest(400, `The body is not valid ${encoding}.`);
  }
  if (size > maxBytes) {
    reader.cancel().catch(() => undefined);
    throw bodyTooLarge(maxBytes);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

const sliceBytes = 64 * 1024;

/** Fed in slices, because some runtimes inflate a whole chunk before they give any of it. */
function slices(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.slice(offset, offset + sliceBytes));
      offset += sliceBytes;
    },
  });
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw badRequest(400, "The body is not valid UTF-8.");
  }
}

function checkTextSize(text: string, maxBytes: number): void {
  // A UTF-16 unit becomes one to three bytes: the exact count is only needed in between.
  if (text.length * 3 <= maxBytes) return;
  if (text.length > maxBytes || new TextEncoder().encode(text).byteLength > maxBytes) {
    throw bodyTooLarge(maxBytes);
  }
}

function parse(text: string): unknown {
  if (text === "") throw badRequest(400, "The body is empty.");
  try {
    return parseJson(text);
  } catch {
    // The engine's own message quotes the body.
    throw badRequest(400, "The body is not valid JSON.");
  }
}

function bodyTooLarge(maxBytes: number): Error {
  return badRequest(413, `The body is larger than ${maxBytes} bytes.`);
}
