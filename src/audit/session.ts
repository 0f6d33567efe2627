/** The server under audit: sends requests to it, makes credentials, and finds out whether its rows exist. */
import type { Caller, Send, Sight } from "./case.js";
import { type Counter, createCounter } from "./given.js";
import { type Answer, member } from "./match.js";

export interface SessionOptions {
  readonly url: string;
  readonly token: string;
  readonly otherToken?: string;
  readonly table: string;
  readonly signal: AbortSignal;
  readonly fetch: typeof globalThis.fetch;
}

export interface Session {
  readonly table: string;
  readonly counter: Counter;
  readonly signal: AbortSignal;
  readonly hasOther: boolean;
  /** Whether a credential of this kind can be made from the token. */
  canBe(caller: Caller): boolean;
  /** @throws Unanswered */
  request(send: Send, leaveAfterMs?: number): Promise<Answer>;
  sleep(ms: number): Promise<void>;
}

/** There was no answer: the connection could not be made, broke, or gave no answer in time. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
}

/** The time for one request. A server under audit has nothing else to do. */
const requestMs = 30_000;
const busyTries = 20;
const unreadTries = 5;
const longestWaitMs = 2_000;

export function createSession(options: SessionOptions): Session {
  const { url, token, otherToken, table, signal } = options;
  const base = new URL(url);

  async function once(
    send: Send,
    leaveAfterMs: number | undefined,
    inParts = false,
  ): Promise<Answer> {
    const { body, method = "POST", path = "", as = "user", headers = {} } = send;
    const target = new URL(base);
    target.pathname = base.pathname.replace(/\/$/, "") + path;
    const authorization = credentialOf(as, token, otherToken);
    const bound = AbortSignal.timeout(leaveAfterMs ?? requestMs);
    try {
      const response = await options.fetch(target, {
        method,
        signal: AbortSignal.any([signal, bound]),
        headers: {
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(authorization !== undefined && { authorization }),
          ...headers,
        },
        ...(body !== undefined && { body: inParts ? partsOf(bytesOf(body)) : bytesOf(body) }),
        ...(inParts && { duplex: "half" }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: parsed(text) };
    } catch (error) {
      signal.throwIfAborted();
      if (bound.aborted) throw new Unanswered(`There was no answer within ${requestMs / 1_000} s.`);
      const { cause } = error as { cause?: { code?: unknown } };
      const code = typeof cause?.code === "string" ? ` (${cause.code})` : "";
      throw new Unanswered(`There was no answer: the connection failed${code}.`, { cause: error });
    }
  }

  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });

  return {
    table,
    signal,
    counter: createCounter(),
    hasOther: otherToken !== undefined,
    canBe: (caller) => credentialOf(caller, token, otherToken) !== undefined || caller === null,
    sleep,
    // A 429 is about the number of requests and says nothing about this one.
    request: async (send, leaveAfterMs) => {
      for (let tries = 1; ; tries += 1) {
        try {
          // Sent in parts, the body is read as far as the server counts it, so that little of it is left unread.
          const answer = await once(send, leaveAfterMs, tries > 1 && send.refusedUnread);
          if (answer.status !== 429 || tries === busyTries) return answer;
          await sleep(waitOf(answer));
        } catch (error) {
          if (!send.refusedUnread || !(error instanceof Unanswered) || tries >= unreadTries)
            throw error;
          await sleep(50);
        }
      }
    },
  };
}

/** How long the server asks to wait, limited so that the audit ends. */
export function waitOf({ headers }: Answer): number {
  const seconds = Number(headers.get("retry-after") ?? "0");
  return Math.min(Math.max(Number.isFinite(seconds) ? seconds * 1_000 : 0, 50), longestWaitMs);
}

function bytesOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return body as Uint8Array<ArrayBuffer>;
  return typeof body === "string" ? body : JSON.stringify(body);
}

const partBytes = 65_536;

/** The body as a stream: without an announced length, and no faster than the server reads. */
function partsOf(body: string | Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, (at += partBytes)));
    },
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @returns the status of the first result, or the HTTP status if there is no result */
export function verdictOf(answer: Answer): string {
  const results = member(answer.body, "results");
  const status = Array.isArray(results) ? member(results[0], "status") : undefined;
  return typeof status === "string" ? status : String(answer.status);
}

/** How the server reports that another row has the same value. Found out before the first case. */
export interface TakenVerdicts {
  readonly code: string | undefined;
  readonly big: string | undefined;
}

const lookTries = 10;

/**
 * Finds out whether a row has this value: if so, the server refuses a second row with it. If not, the second row is deleted in the same transaction.
 *
 * @returns `undefined` if the answer shows neither
 */
export async function look(
  session: Session,
  { code, big }: Sight,
  takenVerdicts: TakenVerdicts,
): Promise<boolean | undefined> {
  const taken = code === undefined ? takenVerdicts.big : takenVerdicts.code;
  const id = crypto.randomUUID();
  const op_data = { ...(code !== undefined && { code }), ...(big !== undefined && { big }) };
  for (let tries = 1; tries <= lookTries; tries += 1) {
    const transaction_id = session.counter.next();
    const crud = [
      { op: "PUT", table: session.table, id, transaction_id, op_data },
      { op: "DELETE", table: session.table, id, transaction_id },
    ];
    const answer = await session.request({ body: { transactions: [{ transaction_id, crud }] } });
    const verdict = verdictOf(answer);
    if (verdict === "success") return false;
    if (verdict === taken) return true;
    await session.sleep(waitOf(answer));
  }
  return undefined;
}

/** @returns the value of the `Authorization` header; `undefined` if there is none, or if none can be made from this token */
function credentialOf(
  caller: Caller,
  token: string,
  otherToken: string | undefined,
): string | undefined {
  switch (caller) {
    case "user":
      return `Bearer ${token}`;
    case "other":
      return otherToken === undefined ? undefined : `Bearer ${otherToken}`;
    case null:
      return undefined;
    case "garbage":
      return "Bearer not.a.credential";
    case "another scheme":
      return `Basic ${btoa("user:password")}`;
    default: {
      const forged = forgedFrom(token, caller);
      return forged === undefined ? undefined : `Bearer ${forged}`;
    }
  }
}

function forgedFrom(
  token: string,
  how: "an altered signature" | "an altered payload" | "no signature",
): string | undefined {
  const [header = "", payload = "", signature = "", ...more] = token.split(".");
  const claims = decoded(payload);
  if (decoded(header) === undefined || claims === undefined || signature === "" || more.length > 0)
    return undefined;
  switch (how) {
    case "an altered signature": {
      // A character in the middle, because the last one may contain bits that are not part of a byte.
      const at = Math.floor(signature.length / 2);
      const other = signature[at] === "A" ? "B" : "A";
      return `${header}.${payload}.${signature.slice(0, at)}${other}${signature.slice(at + 1)}`;
    }
    case "an altered payload":
      return `${header}.${encoded({ ...claims, sub: `${String(claims["sub"])}-somebody-else` })}.${signature}`;
    case "no signature":
      return `${encoded({ alg: "none", typ: "JWT" })}.${payload}.`;
  }
}

function decoded(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.codePointAt(0) ?? 0);
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function encoded(value: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const binary = Array.from(bytes, (byte) => String.fromCodePoint(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
