/** What `jwt()` takes, and how it is checked: a mistake is told at the start, in words, and never by letting somebody in. */
import type { JSONWebKeySet, JWTPayload } from "jose";

export type JwtAlgorithm = (typeof publicKeyAlgorithms)[number];
export type JwtSecretAlgorithm = keyof typeof secretAlgorithms;

/** How long fetched keys are used, and how often and how long they are fetched. All in milliseconds. */
export interface JwksCache {
  /** Older keys are fetched again before they are used. Default 10 minutes; 1 second to 24 hours. A revoked key counts for as long. */
  readonly maxAgeMs: number;
  /** While fetching fails, keys up to this age go on being used. Default 1 hour; `maxAgeMs` to 24 hours. */
  readonly maxStaleMs: number;
  /** Unknown key ids cause at most one fetch in this time. Default 30 seconds; 1 second to 1 hour. */
  readonly cooldownMs: number;
  /** Of one fetch, to the last byte. Default 5 seconds; 100 ms to 30 seconds. */
  readonly timeoutMs: number;
}

interface ClaimOptions {
  /** The `iss` that a token must have, or several of which it must have one. `false`: any; then the keys alone say whose token it is. */
  readonly issuer: string | readonly string[] | false;
  /** The `aud` that a token must have, or several of which it must have one. `false`: any, for providers whose tokens have none. */
  readonly audience: string | readonly string[] | false;
  /** Seconds by which clocks may differ. Default 0; up to 300. */
  readonly clockTolerance?: number;
  /** Seconds from `iat`, which a token must then have, to `exp`. Default: no limit. */
  readonly maxLifetime?: number;
  /** Looks at the claims of a token that is good otherwise; only `true` lets it in, all else is 401. A failure here is 503. */
  readonly accept?: (claims: Readonly<JWTPayload>) => boolean;
  /** Milliseconds for which a verified token is not verified again, though never past its `exp`. Default 1 minute; up to 5; 0 for not at all. */
  readonly tokenCacheMs?: number;
}

interface PublicKeyOptions extends ClaimOptions {
  /** Fewer than the default: RS, PS and ES in 256, 384 and 512, and EdDSA. */
  readonly algorithms?: readonly JwtAlgorithm[];
  /** A token without a key id is held against keys without one alone, instead of against all. Default `false`. */
  readonly strictKeyIds?: boolean;
  readonly secret?: never;
  readonly keyId?: never;
}

/** Keys that the provider publishes. */
export interface JwksUriOptions extends PublicKeyOptions {
  /** Where they are: https. Fetched when first needed, and never from where a token says. */
  readonly jwksUri: string | URL;
  /** Lets `jwksUri` be plain http where its host is this computer (`localhost`, 127.0.0.0/8, `[::1]`). Default `false`. */
  readonly allowLoopbackHttp?: boolean;
  readonly jwksCache?: Partial<JwksCache>;
  /** In place of the global `fetch`, for proxies and the like. */
  readonly fetch?: typeof fetch;
  readonly jwks?: never;
}

/** The provider's public keys themselves. */
export interface JwksOptions extends PublicKeyOptions {
  readonly jwks: JSONWebKeySet;
  readonly jwksUri?: never;
  readonly allowLoopbackHttp?: never;
  readonly jwksCache?: never;
  readonly fetch?: never;
}

/** A secret that the signer shares: whoever can verify with it can also sign. */
export interface SecretOptions extends ClaimOptions {
  /** The one by which the secret signs. */
  readonly algorithms: readonly [JwtSecretAlgorithm];
  /** As bytes, or text that stands for its UTF-8 bytes; at least 32 of them for HS256, 48 for HS384, 64 for HS512. */
  readonly secret: string | Uint8Array;
  /** The `kid` that a token must then have. */
  readonly keyId?: string;
  readonly jwks?: never;
  readonly jwksUri?: never;
  readonly allowLoopbackHttp?: never;
  readonly jwksCache?: never;
  readonly fetch?: never;
  readonly strictKeyIds?: never;
}

/** One signer, and what its tokens must say. */
export type JwtOptions = JwksUriOptions | JwksOptions | SecretOptions;

/** What a token must say, checked. */
export interface Expected {
  readonly algorithms: readonly string[];
  readonly issuers: readonly string[] | undefined;
  readonly audiences: readonly string[] | undefined;
  readonly clockTolerance: number;
  readonly maxLifetime: number | undefined;
  readonly accept: ((claims: Readonly<JWTPayload>) => boolean) | undefined;
  readonly tokenCacheMs: number;
}

// Symmetric algorithms stay out: beside public keys, one of these could be taken for the secret.
// biome-ignore format: one family a line
const publicKeyAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** With the fewest bytes that a secret may have (RFC 7518, 3.2): as many as the hash. */
const secretAlgorithms = { HS256: 32, HS384: 48, HS512: 64 } as const;

/** @throws TypeError where the options can't be right */
export function checkExpected(options: JwtOptions): Expected {
  const { accept, maxLifetime, clockTolerance = 0, tokenCacheMs = 60_000 } = options;
  if (accept !== undefined && typeof accept !== "function") {
    throw new TypeError("jwt: `accept` must be a function.");
  }
  if (maxLifetime !== undefined && !(Number.isFinite(maxLifetime) && maxLifetime > 0)) {
    throw new TypeError("jwt: `maxLifetime` must be a number of seconds.");
  }
  return {
    algorithms: checkAlgorithms(options),
    issuers: texts("issuer", options.issuer),
    audiences: texts("audience", options.audience),
    clockTolerance: within("clockTolerance", clockTolerance, 0, 300),
    maxLifetime,
    accept,
    tokenCacheMs: within("tokenCacheMs", tokenCacheMs, 0, 300_000),
  };
}

function texts(name: string, given: unknown): readonly string[] | undefined {
  if (given === false) return undefined;
  const list: unknown = typeof given === "string" ? [given] : given;
  if (Array.isArray(list) && list.length > 0 && list.every(isText)) return [...list];
  throw new TypeError(
    `jwt: \`${name}\` is required: a text or a list of texts, or \`false\` for any.`,
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function checkAlgorithms(options: JwtOptions): readonly string[] {
  const { algorithms, secret } = options;
  if (secret !== undefined) {
    if (algorithms?.length === 1 && Object.hasOwn(secretAlgorithms, algorithms[0])) {
      return [...algorithms];
    }
    throw new TypeError(
      `jwt: with \`secret\`, \`algorithms\` must name the one by which it signs, of ${Object.keys(secretAlgorithms).join(", ")}.`,
    );
  }
  const named: readonly string[] = algorithms ?? publicKeyAlgorithms;
  const known: readonly string[] = publicKeyAlgorithms;
  if (!Array.isArray(named) || named.length === 0 || !named.every((name) => known.includes(name))) {
    throw new TypeError(
      `jwt: \`algorithms\` may name ${known.join(", ")}; HS256, HS384 and HS512 only with \`secret\`.`,
    );
  }
  return [...named];
}

/** @throws TypeError for what is too short to be safe, or no secret at all */
export function checkSecret({ secret, algorithms }: SecretOptions): Uint8Array {
  const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError("jwt: `secret` must be text or bytes.");
  }
  // Anybody has the public key, so anybody could sign with it.
  if (/-----BEGIN|"kty"/.test(new TextDecoder().decode(bytes))) {
    throw new TypeError("jwt: `secret` is a key in PEM or JWK form; public keys go into `jwks`.");
  }
  const [algorithm] = algorithms;
  if (bytes.length < secretAlgorithms[algorithm]) {
    throw new TypeError(
      `jwt: \`secret\` must have at least ${secretAlgorithms[algorithm]} bytes for ${algorithm}.`,
    );
  }
  return bytes.slice();
}

/** @throws TypeError for what is not https, or plain http that was not allowed by name */
export function checkUri(given: string | URL, allowLoopbackHttp: boolean | undefined): URL {
  if (!URL.canParse(given)) throw new TypeError("jwt: `jwksUri` must be an absolute URL.");
  const url = new URL(given);
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("jwt: `jwksUri` must have no user name or password in it.");
  }
  if (url.protocol === "https:") return url;
  if (url.protocol === "http:" && isLoopback(url.hostname)) {
    if (allowLoopbackHttp === true) return url;
    throw new TypeError(
      "jwt: `jwksUri` is plain http; for a provider on this computer say `allowLoopbackHttp: true`.",
    );
  }
  // Whoever can change the keys on their way can sign in as anybody.
  throw new TypeError("jwt: `jwksUri` must be https.");
}

export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

/** @throws TypeError for what is out of bounds */
export function checkJwksCache(given: Partial<JwksCache> = {}): JwksCache {
  const day = 24 * 3_600_000;
  const maxAgeMs = within("jwksCache.maxAgeMs", given.maxAgeMs ?? 600_000, 1_000, day);
  const stale = given.maxStaleMs ?? Math.max(3_600_000, maxAgeMs);
  return {
    maxAgeMs,
    maxStaleMs: within("jwksCache.maxStaleMs", stale, maxAgeMs, day),
    cooldownMs: within("jwksCache.cooldownMs", given.cooldownMs ?? 30_000, 1_000, 3_600_000),
    timeoutMs: within("jwksCache.timeoutMs", given.timeoutMs ?? 5_000, 100, 30_000),
  };
}

function within(name: string, value: number, least: number, most: number): number {
  if (Number.isFinite(value) && value >= least && value <= most) return value;
  throw new TypeError(`jwt: \`${name}\` must be a number from ${least} to ${most}.`);
}
