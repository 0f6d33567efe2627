/** Examines who is let in: sends uploads without a token, with a stranger's token and with a user's, and fetches the identity provider's keys. */
import { describeError, type Io } from "../io.js";
import { type Ask, refused, upload } from "./requests.js";
import { info, ok, type Verdict, wrong } from "./verdict.js";

/** @param token a user's token */
export async function* examineTokens(
  ask: Ask,
  url: URL,
  token: string | undefined,
): AsyncGenerator<Verdict> {
  yield await withoutToken(ask, url);
  yield await withForeignToken(ask, url);
  yield token === undefined
    ? info(
        "an upload of a user",
        "not tried, so it is not known whether the server can fetch the provider's keys: set $POWERSYNC_WRITES_TOKEN to a user's token",
      )
    : await withToken(ask, url, token);
}

async function withoutToken(ask: Ask, url: URL): Promise<Verdict> {
  const what = "an upload without a token";
  const answer = await upload(ask, url, {});
  if ("failed" in answer) return wrong(what, answer.failed);
  if (answer.status === 401) return ok(what, "is refused (401)");
  if (answer.status === 200) {
    return wrong(
      what,
      "is accepted: anyone can write. Set `authenticate` to a function that checks tokens, such as jwt().",
    );
  }
  return refused(what, answer, "401");
}

const keysUnavailable =
  "is answered 503: the server can't fetch the identity provider's keys. See its log for the reason. Check `jwksUri`, and that the server may connect to it.";

/** Sends a token from an unknown signer and issuer, which must be refused. */
async function withForeignToken(ask: Ask, url: URL): Promise<Verdict> {
  const what = "a stranger's token";
  const answer = await upload(ask, url, { authorization: `Bearer ${await foreignToken()}` });
  if ("failed" in answer) return wrong(what, answer.failed);
  switch (answer.status) {
    case 401:
      return ok(what, "is refused (401)");
    case 200:
      return wrong(what, "is accepted: signatures are not checked. Use jwt() as `authenticate`.");
    case 503:
      return wrong(what, keysUnavailable);
    default:
      return refused(what, answer, "401");
  }
}

async function withToken(ask: Ask, url: URL, token: string): Promise<Verdict> {
  const what = "an upload of a user";
  const answer = await upload(ask, url, { authorization: `Bearer ${token}` });
  if ("failed" in answer) return wrong(what, answer.failed);
  if (answer.status === 200) return ok(what, "is accepted: the server has the keys");
  if (answer.status === 503) return wrong(what, keysUnavailable);
  return answer.status === 401
    ? wrong(
        what,
        "is refused (401): the token has expired, or its issuer or audience is not the one given to `jwt()`. See the server's log for the reason.",
      )
    : refused(what, answer, "200");
}

/** Makes a well-formed token that is signed with a new key, which no server trusts. */
async function foreignToken(): Promise<string> {
  const { privateKey } = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign"],
  );
  const now = Math.floor(Date.now() / 1_000);
  const kid = crypto.randomUUID();
  const head = encoded({ alg: "ES256", typ: "JWT", kid });
  const signed = `${head}.${encoded({ sub: "doctor", iat: now, exp: now + 60 })}`;
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    privateKey,
    new TextEncoder().encode(signed),
  );
  return `${signed}.${Buffer.from(signature).toString("base64url")}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

const fetchMs = 10_000;

/** Fetches the identity provider's keys from this machine. */
export async function* examineKeys(url: URL, { signal, secrets }: Io): AsyncGenerator<Verdict> {
  const what = "the key set";
  let text: string;
  try {
    const response = await fetch(url, {
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(fetchMs)]),
    });
    if (!response.ok) {
      yield wrong(
        what,
        `${url.host} answers ${response.status}. Check that the URL is that of the provider's JWKS.`,
      );
      return;
    }
    text = await response.text();
  } catch (error) {
    yield wrong(what, `${url.host} can't be reached: ${describeError(error, { secrets })}`);
    return;
  }
  const keys = keysIn(text);
  yield keys === undefined || keys.length === 0
    ? wrong(what, `${url.host} returns no keys: the URL must be that of a JSON Web Key Set.`)
    : ok(what, `${keys.length} keys: ${keys.map(({ alg, kty }) => alg ?? kty).join(", ")}`);
}

interface Key {
  readonly kty: string;
  readonly alg?: string;
}

function keysIn(text: string): readonly Key[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { readonly keys?: unknown };
    return Array.isArray(keys) && keys.every(isKey) ? keys : undefined;
  } catch {
    return undefined;
  }
}

function isKey(value: unknown): value is Key {
  return typeof value === "object" && value !== null && "kty" in value;
}
