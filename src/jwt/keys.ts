/** The keys that a signer's tokens are verified with: a secret, keys in the options, or keys that are fetched and cached. */
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
  /** Rejects with JWKSNoMatchingKey or JWKSMultipleMatchingKeys, if the token is at fault. Any other error is not the token's fault. */
  readonly find: JWTVerifyGetKey;
  /** When the keys will be fetched again, in milliseconds since 1970. */
  freshUntil(): number;
}

/** @throws TypeError for keys that are wrong or unsafe */
export function keysOf(options: JwtOptions): Keys {
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
    // Without this check, a private or secret key would fail only with the first token.
    if (jwks.keys.some((key) => "d" in key || "k" in key)) throw new TypeError("secret");
    return keyFinder(jwks, strictKeyIds);
  } catch {
    throw new TypeError(
      "jwt: `jwks` must be a JSON Web Key Set, `{ keys: [...] }`, of public keys.",
    );
  }
}

/**
 * A key without an id fits every token, as in PowerSync's service. A key with an id fits tokens with that id and, unless `strict`, tokens
 * without one.
 *
 * @throws JWKSInvalid for an object that is no key set
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

/** The keys can't be fetched, which says nothing about the caller. */
export class KeysUnavailable extends Error {}

interface RemoteOptions extends JwksCache {
  readonly fetch: typeof fetch | undefined;
  /** @throws JWKSInvalid for an object that is no key set */
  readonly toFinder: (set: JSONWebKeySet) => JWTVerifyGetKey;
}

/** How long a caller is told to wait while the keys can't be fetched, and the shortest time between two fetches from a failing provider. */
export const retryAfterMs = 5_000;

/** The largest key set that is read. Key sets of large providers have a few thousand bytes. */
const maxBytes = 1_048_576;

interface CachedKeys {
  readonly find: JWTVerifyGetKey;
  readonly fetchedAt: number;
}

/**
 * Fetches the keys when they are needed, caches them, and uses them longer if they can't be fetched again, so that an outage of the provider
 * signs nobody out. Fetches are limited, so that no token can make the library fetch often.
 */
function remoteKeys(url: URL, options: RemoteOptions): Keys {
  const { maxAgeMs, maxStaleMs, cooldownMs, timeoutMs } = options;
  let cached: CachedKeys | undefined;
  let failure: unknown;
  let triedAt = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;

  /** Starts a fetch unless one began in the last `pauseMs`, and waits for the one in progress. Never rejects. */
  async function refetch(pauseMs: number): Promise<void> {
    const age = ageOf(triedAt);
    if (age >= pauseMs && (pending === undefined || age >= timeoutMs)) {
      triedAt = Date.now();
      const begun = fetchOnce().finally(() => {
        if (pending === begun) pending = undefined;
      });
      pending = begun;
    }
    if (pending !== undefined && !(await settledInTime(pending, timeoutMs))) {
      failure ??= new Error(`${shown(url)} did not answer within ${timeoutMs} ms. ${reachable}`);
    }
  }

  async function fetchOnce(): Promise<void> {
    const began = Date.now();
    try {
      const find = options.toFinder(await fetchKeySet(url, options.fetch ?? fetch, timeoutMs));
      // A slow response must not replace the keys of a later fetch.
      if (cached === undefined || began >= cached.fetchedAt) cached = { find, fetchedAt: began };
      failure = undefined;
    } catch (error) {
      failure = new Error(`The keys can't be fetched from ${shown(url)}. ${reachable}`, {
        cause: error,
      });
    }
  }

  /** Fetches keys that have become too old. After a failure, the cached keys are used without waiting for the next fetch. */
  async function renew(): Promise<void> {
    const refresh = refetch(Math.min(cooldownMs, retryAfterMs));
    const usable = cached !== undefined && ageOf(cached.fetchedAt) < maxStaleMs;
    if (!usable || failure === undefined) await refresh;
  }

  function current(): CachedKeys {
    if (cached !== undefined && ageOf(cached.fetchedAt) < maxStaleMs) return cached;
    throw new KeysUnavailable("No keys.", { cause: failure });
  }

  return {
    async find(header, token) {
      if (cached === undefined || ageOf(cached.fetchedAt) >= maxAgeMs) await renew();
      const before = current();
      try {
        return await before.find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refetch(cooldownMs);
        const after = current();
        if (after !== before) return after.find(header, token);
        // The fetch failed, and the key set may have a new key by now. So the token can't be called invalid.
        if (failure !== undefined) throw new KeysUnavailable("No new keys.", { cause: failure });
        throw error;
      }
    },
    freshUntil: () => (cached === undefined ? 0 : cached.fetchedAt + maxAgeMs),
  };
}

/** In milliseconds; infinite where the clock has been set back. */
function ageOf(time: number): number {
  const age = Date.now() - time;
  return age < 0 ? Number.POSITIVE_INFINITY : age;
}

/** Every caller waits with its own timer: on some hosts a fetch never settles once the request that began it has ended. */
async function settledInTime(fetching: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const done = await Promise.race([fetching.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

const reachable =
  "Remedy: check `jwksUri`. It must be the URL of the key set itself (often …/.well-known/jwks.json), be reachable from this server, and answer without a redirect.";

/** Without the query, which may contain a secret. */
function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

async function fetchKeySet(url: URL, fetchOption: typeof fetch, timeoutMs: number) {
  const response = await fetchOption(url.href, {
    headers: { accept: "application/json, application/jwk-set+json" },
    // Redirects are refused, since they could lead anywhere, plain http included. `manual`, because some hosts don't support `error`.
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200 || response.redirected) {
    await response.body?.cancel();
    throw new Error(`The answer has status ${response.status} instead of 200.`);
  }
  const set = keySetIn(JSON.parse(await boundedText(response)));
  // An empty set is more likely a mistake of the provider's than the revocation of all keys.
  if (set.keys.length === 0) throw new Error("The key set is empty.");
  return set;
}

/** @throws Error for a document that is no key set, such as the provider's own description, which only names the key set's URL */
function keySetIn(document: unknown): JSONWebKeySet {
  const { keys, jwks_uri: uri } = (document ?? {}) as Readonly<Record<string, unknown>>;
  if (Array.isArray(keys)) return document as JSONWebKeySet;
  throw new Error(
    typeof uri === "string"
      ? "The answer is the provider's description, not its keys. Its `jwks_uri` is the URL of the key set."
      : 'The answer is not a key set: { "keys": [...] }.',
  );
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  for await (const chunk of chunksOf(response)) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`The key set has more than ${maxBytes} bytes.`);
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
