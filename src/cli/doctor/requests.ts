/** The requests that the doctor sends to an endpoint. None of them writes anything. */
import { UsageProblem } from "../command.js";
import { describeError, type Io } from "../io.js";
import { type Verdict, wrong } from "./verdict.js";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly ms: number;
}

/** An answer, or in `failed` the reason why there was none. */
export type Asked = Answer | { readonly failed: string };
export type Ask = (url: URL, init?: RequestInit) => Promise<Asked>;

const requestMs = 15_000;

/** @throws UsageProblem */
export function readUrl(option: string, given: string): URL {
  if (URL.canParse(given)) {
    const url = new URL(given);
    if (url.protocol === "https:" || url.protocol === "http:") return url;
  }
  throw new UsageProblem(`--${option} must be a URL, such as https://api.example.com/api/data.`);
}

export function asking({ signal, secrets }: Io): Ask {
  return async (url, init = {}) => {
    const startedAt = performance.now();
    try {
      const response = await fetch(url, {
        ...init,
        // A redirect must not send the token to another host.
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]),
      });
      const { status, headers } = response;
      const text = await response.text();
      return { status, headers, text, ms: performance.now() - startedAt };
    } catch (error) {
      return { failed: describeError(error, { secrets }) };
    }
  };
}

export function under(url: URL, name: string): URL {
  const route = new URL(url);
  const { pathname } = url;
  route.pathname = `${pathname.endsWith("/") ? pathname.slice(0, -1) : pathname}/${name}`;
  return route;
}

/** An empty upload. An endpoint that accepts it writes nothing. */
export const emptyUpload = JSON.stringify({ transactions: [{ crud: [] }] });

export function upload(ask: Ask, url: URL, headers: Record<string, string>, body = emptyUpload) {
  const json = { "content-type": "application/json" };
  return ask(url, { method: "POST", headers: { ...json, ...headers }, body });
}

export function refused(
  what: string,
  { status, text, headers }: Answer,
  expected: string,
): Verdict {
  const ours = headers.has("x-correlation-id");
  const said = text.slice(0, 200);
  return wrong(
    what,
    `is answered ${status} in place of ${expected}${ours ? "" : ", by something in front of powersync-writes"}: ${said}`,
  );
}
