/** Examines a running deployment by its URL, as a device, a load balancer and a stranger see it. No request writes anything. */
import type { Io } from "../io.js";
import { type Answer, type Ask, asking, emptyUpload, under, upload } from "./requests.js";
import { examineTokens } from "./tokens.js";
import { info, ok, type Verdict, warning, wrong } from "./verdict.js";

interface Examined {
  /** The endpoint's URL. */
  readonly url: URL;
  readonly origin?: string;
  readonly health?: string;
  readonly ready?: string;
  /** A user's token. */
  readonly token?: string;
}

export async function* examineDeployment(
  { url, origin, health = "/healthz", ready = "/readyz", token }: Examined,
  io: Io,
): AsyncGenerator<Verdict> {
  const ask = asking(io);
  const limits = await ask(under(url, "limits"));
  if ("failed" in limits) {
    yield wrong("reachable", `${url.origin} does not answer: ${limits.failed}`);
    return;
  }
  yield ok("reachable", `${Math.round(limits.ms)} ms`);
  yield transport(url);
  yield clock(limits);
  const read = readLimits(limits);
  yield read.verdict;
  if (read.bodyBytes === undefined) return;
  yield await contract(ask, url);
  yield* examineTokens(ask, url, token);
  yield await largeBody(ask, url, read.bodyBytes);
  yield origin === undefined
    ? info(
        "CORS",
        "not tried: if the app runs in a browser, give the origin of its page with --origin",
      )
    : await preflight(ask, url, origin);
  yield await probe(ask, new URL(health, url), "health", "alive");
  yield await probe(ask, new URL(ready, url), "ready", "ready for uploads");
}

function transport({ protocol, hostname }: URL): Verdict {
  if (protocol === "https:") return ok("encrypted");
  return /^(?:localhost|127\..*|\[::1\])$/.test(hostname)
    ? info("encrypted", "no, but the URL is on this machine")
    : wrong("encrypted", "no: anyone on the network can read tokens and data. Use https.");
}

const toleratedMs = 30_000;

function clock({ headers, ms }: Answer): Verdict {
  const said = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(said)) return info("clock", "the server sends no `Date` header");
  // The `Date` header has whole seconds, and may be from any moment of the request.
  const apartMs = Math.max(0, Math.abs(Date.now() - ms / 2 - said) - 1_000 - ms / 2);
  return apartMs <= toleratedMs
    ? ok("clock", "the same as on this machine")
    : warning(
        "clock",
        `${Math.round(apartMs / 1_000)} s apart from this machine's clock: tokens expire too early or too late. Synchronize the clocks.`,
      );
}

function readLimits({ status, headers, text }: Answer): {
  readonly verdict: Verdict;
  readonly bodyBytes?: number;
} {
  const what = "the endpoint";
  if (status >= 300 && status < 400) {
    return {
      verdict: wrong(
        what,
        `it redirects to ${headers.get("location") ?? "another URL"}, and devices do not follow redirects. Give them the target's URL.`,
      ),
    };
  }
  let bodyBytes: unknown;
  try {
    bodyBytes = (JSON.parse(text) as { readonly limits?: Record<string, unknown> } | null)
      ?.limits?.["body_bytes"];
  } catch {
    // Not JSON, so the answer does not come from the library.
  }
  if (status !== 200 || typeof bodyBytes !== "number") {
    return {
      verdict: wrong(
        what,
        `GET …/limits is answered ${status}, and not by powersync-writes. Check that the URL is the endpoint's, with its path (/api/data unless \`path\` says otherwise).`,
      ),
    };
  }
  return { verdict: ok(what, `accepts bodies up to ${mebibytes(bodyBytes)}`), bodyBytes };
}

async function contract(ask: Ask, url: URL): Promise<Verdict> {
  const what = "the contract";
  const answer = await ask(under(url, "openapi.yaml"));
  if ("failed" in answer) return wrong(what, answer.failed);
  const [, version] = /^ {2}version: ["']?([\w.-]+)/m.exec(answer.text) ?? [];
  return answer.status === 200 && version !== undefined
    ? ok(what, `version ${version}`)
    : warning(what, `GET …/openapi.yaml is answered ${answer.status}.`);
}

const probeBytes = 2 * 1024 * 1024;

/** Sends a large body, because proxies have their own limits (1 MiB in nginx) and answer in place of the endpoint. */
async function largeBody(ask: Ask, url: URL, bodyBytes: number): Promise<Verdict> {
  const what = `a body of ${mebibytes(probeBytes)}`;
  if (bodyBytes < probeBytes) return info(what, "not tried: the endpoint's limit is lower");
  const padding = " ".repeat(probeBytes - emptyUpload.length);
  const answer = await upload(ask, url, {}, `${emptyUpload}${padding}`);
  if ("failed" in answer) {
    return info(what, `not known: the connection ended while the body was sent (${answer.failed})`);
  }
  return answer.status === 413
    ? wrong(
        what,
        "is refused (413) by something in front of the endpoint. Mount the endpoint before body parsers such as express.json(), and raise a proxy's limit: client_max_body_size in nginx.",
      )
    : ok(what, "reaches the endpoint");
}

async function preflight(ask: Ask, url: URL, origin: string): Promise<Verdict> {
  const what = "CORS";
  const answer = await ask(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    },
  });
  if ("failed" in answer) return wrong(what, answer.failed);
  const allowed = answer.headers.get("access-control-allow-origin");
  const names = (answer.headers.get("access-control-allow-headers") ?? "").toLowerCase();
  if (answer.status >= 300 || (allowed !== origin && allowed !== "*")) {
    return wrong(
      what,
      `pages of ${origin} are not allowed (${answer.status}). Set \`cors\`: { origins: ["${origin}"] }.`,
    );
  }
  const missing = ["authorization", "content-type"].filter((name) => !names.includes(name));
  return missing.length === 0
    ? ok(what, `pages of ${origin} may send uploads`)
    : wrong(what, `the preflight does not allow the header ${missing.join(", ")}.`);
}

async function probe(ask: Ask, url: URL, what: string, fine: string): Promise<Verdict> {
  const answer = await ask(url);
  if ("failed" in answer) return wrong(what, answer.failed);
  const place = url.pathname;
  if (answer.status === 404) {
    return info(
      what,
      `there is no ${place}: mount writes.${what}(), or give its path with --${what}`,
    );
  }
  return answer.status < 300
    ? ok(what, `${place} reports that it is ${fine}`)
    : wrong(what, `${place} is answered ${answer.status}. See the server's log for the reason.`);
}

function mebibytes(bytes: number): string {
  const size = bytes / 1024 / 1024;
  return size >= 1 ? `${Number(size.toFixed(1))} MiB` : `${bytes} bytes`;
}
