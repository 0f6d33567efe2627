/** What the caller sent, as a value: content type and encoding, size, UTF-8 and JSON are judged here, for every adapter alike. */
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
  /** `undefined`: it was read before, and not kept. */
  readonly value: unknown;
  /** An earlier body parser made the value: integers beyond 2^53 in it may have been rounded. */
  readonly lossyNumbers: boolean;
}

interface BodyReading {
  /** Told of what is there of the body; it may end the wait. */
  readonly visit?: Visit;
  /** Transactions that have more values than may be read are set aside, as `Unread`, for the rest to be read; otherwise the body is too large. */
  readonly setsAside?: boolean;
}

/** Reads and parses the body. Throws `badRequest()`, `retryable()` where the body could not be had, or `Crowded` where there is no room for it. */
export async function readBody(
  request: WriteRequest,
  limits: Limits,
  timeouts: Pick<Timeouts, "bodyMs" | "bodyPauseMs"> = defaultTimeouts,
  reading: BodyReading = {},
): Promise<RequestBody> {
  const parameters = checkContentType(request.headers);
  // One that is too large for now is not even read. Compressed, it says nothing.
  const declared = Number(request.headers.get("content-length"));
  if (declared > shortUnits && !request.headers.has("content-encoding")) {
    reading.visit?.measurable(declared);
  }
  const body = await take(request, limits.bodyBytes, timeouts, reading.visit);
  // How much it is, only the parser in front knows, which has a bound of its own.
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

/** A middleware in front has read it, and kept nothing of what was sent. */
function isGone(body: unknown, headers: Headers): boolean {
  if (body === undefined) return true;
  const size =
    typeof body === "string" ? body.length : ArrayBuffer.isView(body) ? body.byteLength : undefined;
  return size === 0 && Number(headers.get("content-length")) > 0;
}

/** What a body must bring within each pause. */
const leastBytes = 1_024;

/** Whether the adapter heeds the signal or not, nobody waits longer. */
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

/** Stops as soon as the output passes the limit, so that a few kilobytes can't become gigabytes; or where there is no more room for it. */
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

/** So short a text can't hold much, whatever it is. */
const shortUnits = 1_024;
/** So long a text is parsed piece by piece. */
const longUnits = 64 * 1_024;

// What things take in memory, about, also while they are mapped and written; measured for the worst of each (V8 13.6, in Node 24).
const bytesOfUnit = 2;
const bytesOfValue = 112;
/** Text that is set aside is written as text once more. */
const bytesOfUnitAside = 4;

/** Levels of a body around the members of an operation, and one of the contract's to spare. */
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
  // The survey's last stretch, or a decoder in front of it, may have used the slice up.
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
