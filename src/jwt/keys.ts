/** The keys that a signer's tokens are held against, wherever they come from. */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import {
  checkJwksCache,
  checkSecret,
  checkUri,
  type JwksCache,
  type JwksOptions,
  type JwtOptions,
  type SecretOptions,
} from "./options.js";

export interface Keys {
  /** @throws JWKSNoMatchingKey, JWKSMultipleMatchingKeys: the token's fault. Anything else is not. */
  readonly find: JWTVerifyGetKey;
  /** When the keys will be looked up again, in milliseconds since 1970. */
  freshUntil(): number;
}

/** @throws TypeError where the options can't be right */
export function keysOf(options: JwtOptions): Keys {
  const given = [options.jwksUri, options.jwks, options.secret].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new TypeError("jwt: give one of `jwksUri`, `jwks` and `secret`.");
  }
  if (options.secret !== undefined) return { find: secretFinder(options), freshUntil: forever };
  if (options.jwks !== undefined) return { find: inlineFinder(options), freshUntil: forever };
  const { strictKeyIds = false } = options;
  return remoteKeys(checkUri(options.jwksUri, options.allowLoopbackHttp), {
    ...checkJwksCache(options.jwksCache),
    fetch: options.fetch,
    toFinder: (set) => keyFinder(set, strictKeyIds),
  });
}

const forever = () => Number.POSITIVE_INFINITY;

function secretFinder(options: SecretOptions): JWTVerifyGetKey {
  const secret = checkSecret(options);
  const { keyId } = options;
  return async ({ kid }) => {
    if (keyId !== undefined && kid !== keyId) throw new errors.JWKSNoMatchingKey();
    return secret;
  };
}

function inlineFinder({ jwks, strictKeyIds = false }: JwksOptions): JWTVerifyGetKey {
  try {
    // A private key would only be noticed when the first token comes, and has no business here.
    if (jwks.keys.some((key) => "d" in key || "k" in key)) throw new TypeError("secret");
    return keyFinder(jwks, strictKeyIds);
  } catch {
    throw new TypeError(
      "jwt: `jwks` must be a JSON Web Key Set, `{ keys: [...] }`, of public keys.",
    );
  }
}

/**
 * A key that names no id fits every token, as with PowerSync's service; one that names an id fits tokens with that id, and, unless `strict`, those
 * without any.
 *
 * @throws JWKSInvalid where it is no key set
 */
function keyFinder(set: JSONWebKeySet, strict: boolean): JWTVerifyGetKey {
  const all = createLocalJWKSet(set);
  const nameless = createLocalJWKSet({
    keys: set.keys.filter((key) => key.kid === undefined || key.kid === ""),
  });
  return async (header, token) => {
    const { kid, ...anonymous } = header;
    if (kid === undefined) return strict ? nameless(anonymous, token) : all(header, token);
    try {
      return await all(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return nameless(anonymous, token);
      throw error;
    }
  };
}

/*
 * Keys that a provider publishes: fetched when they are needed, kept for a while, and used a while longer where they can't be fetched again.
 * Nobody can make us ask often, whatever tokens they send; and an outage of the provider signs nobody out.
 */
/** The keys can't be had, which says nothing about the caller. */
export class KeysUnavailable extends Error {}

interface RemoteOptions extends JwksCache {
  readonly fetch: typeof fetch | undefined;
  /** @throws for what is no key set */
  readonly toFinder: (set: JSONWebKeySet) => JWTVerifyGetKey;
}

/** What the answer to a caller says to wait. A provider that is away is not asked more often. */
export const retryAfterMs = 5_000;

/** Of an answer with keys. Those of the large providers have some thousands. */
const mostBytes = 1_048_576;

interface Known {
  readonly find: JWTVerifyGetKey;
  readonly since: number;
}

function remoteKeys(url: URL, options: RemoteOptions): Keys {
  const { maxAgeMs, maxStaleMs, cooldownMs, timeoutMs } = options;
  let known: Known | undefined;
  let failure: unknown;
  let triedAt = Number.NEGATIVE_INFINITY;
  let flight: Promise<void> | undefined;

  /** Starts a fetch unless one began in the last `pauseMs`, and waits for the one under way. Never rejects. */
  async function refreshed(pauseMs: number): Promise<void> {
    const age = ageOf(triedAt);
    if (age >= pauseMs && (flight === undefined || age >= timeoutMs)) {
      triedAt = Date.now();
      const begun = fetchOnce().finally(() => {
        if (flight === begun) flight = undefined;
      });
      flight = begun;
    }
    if (flight !== undefined && !(await settled(flight, timeoutMs))) {
      failure ??= new Error("The keys did not come in time.");
    }
  }

  async function fetchOnce(): Promise<void> {
    const began = Date.now();
    try {
      const find = options.toFinder(await fetchSet(url, options.fetch ?? fetch, timeoutMs));
      // A slow answer must not undo a later one.
      if (known === undefined || began >= known.since) known = { find, since: began };
      failure = undefined;
    } catch (error) {
      failure = error;
    }
  }

  /** Once it has failed, nobody waits who has keys that will do. */
  async function renewed(): Promise<void> {
    const refresh = refreshed(Math.min(cooldownMs, retryAfterMs));
    const usable = known !== undefined && ageOf(known.since) < maxStaleMs;
    if (!usable || failure === undefined) await refresh;
  }

  function current(): Known {
    if (known !== undefined && ageOf(known.since) < maxStaleMs) return known;
    throw new KeysUnavailable("No keys.", { cause: failure });
  }

  return {
    async find(header, token) {
      if (known === undefined || ageOf(known.since) >= maxAgeMs) await renewed();
      const before = current();
      try {
        return await before.find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refreshed(cooldownMs);
        const after = current();
        if (after !== before) return after.find(header, token);
        // A new key may be behind the door that did not open.
        if (failure !== undefined) throw new KeysUnavailable("No new keys.", { cause: failure });
        throw error;
      }
    },
    freshUntil: () => (known === undefined ? 0 : known.since + maxAgeMs),
  };
}

/** In milliseconds; for ever where the clock has been set back. */
function ageOf(time: number): number {
  const age = Date.now() - time;
  return age < 0 ? Number.POSITIVE_INFINITY : age;
}

/** Each waits by a timer of its own: on some hosts a fetch ends, without a word, with the request that began it. */
async function settled(flight: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const done = await Promise.race([flight.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

async function fetchSet(url: URL, fetchIt: typeof fetch, timeoutMs: number) {
  const response = await fetchIt(url.href, {
    headers: { accept: "application/json, application/jwk-set+json" },
    // Not "error", which some hosts do not have. A redirect could lead anywhere, plain http included.
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200 || response.redirected) {
    await response.body?.cancel();
    throw new Error(`The keys were answered with status ${response.status}, which is not 200.`);
  }
  const set = JSON.parse(await boundedText(response)) as JSONWebKeySet;
  // Of nobody's keys: rather a mistake of the provider's than the end of everybody's session.
  if (set.keys.length === 0) throw new Error("The key set is empty.");
  return set;
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  for await (const chunk of chunksOf(response)) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error(`The key set has more than ${mostBytes} bytes.`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

async function* chunksOf({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
