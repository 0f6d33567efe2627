/** Reads a request's body as a value. Content type, encoding, size, UTF-8 and JSON are checked here, so that every adapter behaves alike. */
import { badRequest, isBadRequest, isRetryable, retryable } from "../errors.js";
import type { Visit } from "../process/load.js";
import { joinBytes } from "../wire/bytes.js";
import { parseJson } from "../wire/parse-json.js";
import { parseLarge } from "../wire/parse-large.js";
import { isSliceOver, nextSlice } from "../wire/slices.js";
import { putAside, survey, without } from "../wire/survey.js";
import { tooManyTransactions } from "../wire/upload.js";
import { defaultTimeouts, keysOfObject, type Limits, type Timeouts } from "../wire/limits.js";
import type { WriteRequest } from "../model.js";

export interface RequestBody {
  /** `undefined` if middleware read the body before and did not keep it. */
  readonly value: unknown;
  /** Whether a body parser made the value, so that integers beyond 2^53 may have been rounded. */
  readonly lossyNumbers: boolean;
}

interface BodyReading {
  /** The request's visit. It is told how much of the body has arrived, and may end the wait. */
  readonly visit?: Visit;
  /** Whether transactions with too many values are set aside as `Unread`, so that the rest can be read. If false, such a body is refused as too large. */
  readonly setsAside?: boolean;
}

/** Reads and parses the body. Rejects with `badRequest()`, with `retryable()` if the body did not arrive, or with `Crowded` if there is no room for it. */
export async function readBody(
  request: WriteRequest,
  limits: Limits,
  timeouts: Pick<Timeouts, "bodyMs" | "bodyPauseMs"> = defaultTimeouts,
  reading: BodyReading = {},
): Promise<RequestBody> {
  const parameters = checkContentType(request.headers);
  // A body for which there is no room is refused before it is read. The length of a compressed body says nothing about the memory that it needs.
  const declared = Number(request.headers.get("content-length"));
  if (declared > shortUnits && !request.headers.has("content-encoding")) {
    reading.visit?.measurable(declared);
  }
  const body = await take(request, limits.bodyBytes, timeouts, reading.visit);
  // Only the parser that ran before knows the size of its value, and it has a limit of its own.
  const parsed = (value: unknown): RequestBody => {
    reading.visit?.arrived(0);
    return { value, lossyNumbers: true };
  };
  if (isGone(body, request.headers)) return parsed(undefined);
  if (typeof body === "string") {
    checkCharset(parameters);
    checkTextSize(body, limits.bodyBytes);
    const text = body.startsWith("\uFEFF") ? body.slice(1) : body;
    return { value: await parse(text, limits, reading), lossyNumbers: false };
  }
  // Not instanceof: a Buffer may come from another realm, as it does under some test runners.
  if (ArrayBuffer.isView(body)) {
    checkCharset(parameters);
    const sent = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    const bytes = await decompressed(sent, request.headers, limits.bodyBytes, reading.visit);
    return { value: await parse(decode(bytes), limits, reading), lossyNumbers: false };
  }
  return parsed(body);
}

/** Whether middleware has read the body without keeping it. */
function isGone(body: unknown, headers: Headers): boolean {
  if (body === undefined) return true;
  const size =
    typeof body === "string" ? body.length : ArrayBuffer.isView(body) ? body.byteLength : undefined;
  return size === 0 && Number(headers.get("content-length")) > 0;
}

/** The least number of bytes that must arrive within each `bodyPauseMs`. */
const leastBytes = 1_024;

/** Waits for the body no longer than the time-outs allow, even if the adapter ignores the abort signal. */
function take(
  request: WriteRequest,
  maxBytes: number,
  { bodyMs, bodyPauseMs }: Pick<Timeouts, "bodyMs" | "bodyPauseMs">,
  visit: Visit | undefined,
): Promise<unknown> {
  const reading = new AbortController();
  return new Promise((resolve, reject) => {
    const end = (reason: Error) => {
      reading.abort();
      reject(reason);
    };
    if (visit !== undefined) visit.dismiss = end;
    let recently = 0;
    const came = (bytes: number) => {
      recently += bytes;
      visit?.came(bytes);
    };
    const pauseMs = request.tellsProgress === true ? Math.min(bodyPauseMs, bodyMs) : bodyMs;
    let left = bodyMs;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = () => {
      const ms = Math.min(pauseMs, left);
      if (ms === Infinity) return;
      timer = setTimeout(() => {
        left -= ms;
        if (left <= 0 || recently < leastBytes) return end(late());
        recently = 0;
        wait();
      }, ms);
    };
    wait();
    const failed = (error: unknown) => {
      const known = isBadRequest(error) || isRetryable(error);
      reject(
        known ? error : Object.assign(retryable("The upload was interrupted."), { cause: error }),
      );
    };
    const reads = async () => request.body(maxBytes, reading.signal, came);
    void reads()
      .then(resolve, failed)
      .finally(() => clearTimeout(timer));
  });
}

function late(): Error {
  return retryable(
    "The body did not arrive in time. Send it again, or send less if the connection is slow.",
  );
}

const jsonType = /^application\/(?:json|[\w!#$&^.+-]+\+json)$/i;
const utf8 = /^"?utf-?8"?$/i;

/**
 * Checks the header even if a parser has already read the body: such a parser may accept forms, or any type, and browsers send a form on
 * another site's page with the user's cookies. A page can't send a JSON content type to another origin without a preflight.
 *
 * @returns the content type's parameters
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
  visit: Visit | undefined,
): Promise<Uint8Array> {
  if (bytes.byteLength > maxBytes) throw bodyTooLarge(maxBytes);
  const encoding = (headers.get("content-encoding") ?? "").trim().toLowerCase();
  if (encoding === "" || encoding === "identity") return bytes;
  if (encoding !== "gzip" && encoding !== "deflate") {
    throw badRequest(415, "Send the body without content-encoding, or as gzip or deflate.");
  }
  return inflate(bytes, encoding, maxBytes, visit);
}

/** Stops as soon as the output exceeds the limit, so that a few kilobytes can't become gigabytes, or as soon as there is no room left. */
async function inflate(
  bytes: Uint8Array,
  encoding: "gzip" | "deflate",
  maxBytes: number,
  visit: Visit | undefined,
): Promise<Uint8Array> {
  const reader = slices(bytes).pipeThrough(new DecompressionStream(encoding)).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  const ended: { reason?: Error } = {};
  if (visit !== undefined) {
    visit.dismiss = (reason) => {
      ended.reason = reason;
    };
  }
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      visit?.came(value.byteLength);
      if (size > maxBytes || ended.reason !== undefined) break;
      parts.push(value);
    }
  } catch {
    throw badRequest(400, `The body is not valid ${encoding}.`);
  }
  if (size > maxBytes || ended.reason !== undefined) {
    reader.cancel().catch(() => undefined);
    throw ended.reason ?? bodyTooLarge(maxBytes);
  }
  return joinBytes(parts);
}

const sliceBytes = 64 * 1024;

/** Feeds the input in slices, because some runtimes inflate a whole chunk before they emit any output. */
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
  // A UTF-16 unit becomes one to three bytes in UTF-8, so the exact count is needed only between these bounds.
  if (text.length * 3 <= maxBytes) return;
  if (text.length > maxBytes || new TextEncoder().encode(text).byteLength > maxBytes) {
    throw bodyTooLarge(maxBytes);
  }
}

/** Text of this length or less can't hold many values. In UTF-16 code units. */
const shortUnits = 1_024;
/** Text above this length is parsed in pieces. In UTF-16 code units. */
const longUnits = 64 * 1_024;

// Approximate memory, including what mapping and writing take; measured for the worst case of each (V8 13.6, in Node 24).
const bytesOfUnit = 2;
const bytesOfValue = 112;
/** For text that is set aside: recording it as a dead letter makes a second copy. */
const bytesOfUnitAside = 4;

/** Nesting levels of the envelope around an operation's members, with some to spare. */
const levelsAround = 8;

async function parse(
  text: string,
  limits: Limits,
  { visit, setsAside = false }: BodyReading,
): Promise<unknown> {
  if (text === "") throw badRequest(400, "The body is empty.");
  if (text.length <= shortUnits) {
    const value = await valueOf(text);
    visit?.arrived(text.length * (bytesOfUnit + bytesOfValue / 2));
    return value;
  }
  visit?.measurable(text.length);
  const most = keysOfObject(limits);
  const bounds = { values: limits.values, depth: limits.depth + levelsAround, keysOfObject: most };
  const { values, transactions, keys, aside } = await survey(text, setsAside ? bounds : undefined);
  if (values > 2 * limits.values) {
    if (setsAside && transactions > limits.transactions) {
      throw tooManyTransactions(transactions, limits);
    }
    throw badRequest(413, `The body holds more than ${2 * limits.values} values.`);
  }
  if (keys > most) throw badRequest(413, `The body has more than ${most} members.`);
  let units = 0;
  for (const { start, end } of aside) units += end - start;
  visit?.arrived(text.length * bytesOfUnit + values * bytesOfValue + units * bytesOfUnitAside);
  // The survey, or decoding before it, may have used up the time slice.
  if (isSliceOver()) await nextSlice();
  if (aside.length === 0) return valueOf(text);
  const value = await valueOf(without(text, aside));
  putAside(value, text, aside);
  return value;
}

async function valueOf(text: string): Promise<unknown> {
  try {
    return text.length > longUnits ? await parseLarge(text) : parseJson(text);
  } catch {
    // The engine's own message quotes the body.
    throw badRequest(400, "The body is not valid JSON.");
  }
}

function bodyTooLarge(maxBytes: number): Error {
  return badRequest(413, `The body is larger than ${maxBytes} bytes.`);
}
