/** The options of `jwt()`, and their checks: a mistake is a TypeError at the start and never lets a caller in. */
import type { JSONWebKeySet, JWTPayload } from "jose";
import {
  anything,
  checkKind,
  defined,
  func,
  type Kind,
  number,
  object,
  text,
  unsetText,
} from "../config/kinds.js";

/** Signature algorithms with public keys. */
export type JwtAlgorithm = (typeof publicKeyAlgorithms)[number];
/** Signature algorithms with a shared secret. */
export type JwtSecretAlgorithm = keyof typeof secretAlgorithms;

/** How long fetched keys are used, and how often and how long they are fetched. All in milliseconds. */
export interface JwksCache {
  /** The age at which keys are fetched again before they are used, and so the time for which a revoked key is still accepted. Default 10 minutes; 1 second to 24 hours. */
  readonly maxAgeMs: number;
  /** The age up to which keys are used while fetching fails. Default 1 hour; `maxAgeMs` to 24 hours. */
  readonly maxStaleMs: number;
  /** The time in which unknown key ids cause one fetch at most. Default 30 seconds; 1 second to 1 hour. */
  readonly cooldownMs: number;
  /** The time limit of one fetch, up to its last byte. Default 5 seconds; 100 ms to 30 seconds. */
  readonly timeoutMs: number;
}

interface ClaimOptions {
  /** The `iss` that a token must have, or several of which it must have one. `false` accepts any; then the keys alone identify the signer. */
  readonly issuer: string | readonly string[] | false;
  /** The `aud` that a token must have, or several of which it must have one. `false` accepts any, for providers whose tokens have none. */
  readonly audience: string | readonly string[] | false;
  /** The seconds by which clocks may differ. Default 0; up to 300. */
  readonly clockTolerance?: number;
  /** The most seconds from `iat` to `exp`. With it, a token must have `iat`. Default: no limit. */
  readonly maxLifetime?: number;
  /** Checks the claims of a token that is valid otherwise. Only `true` accepts it; any other value is 401. An error that it throws is 503. */
  readonly accept?: (claims: Readonly<JWTPayload>) => boolean;
  /** The milliseconds for which a verified token is not verified again, though never past its `exp`. Default 1 minute; up to 5 minutes; 0 turns it off. */
  readonly tokenCacheMs?: number;
}

interface PublicKeyOptions extends ClaimOptions {
  /** The accepted algorithms. Default: RS, PS and ES in 256, 384 and 512, EdDSA and Ed25519. */
  readonly algorithms?: readonly JwtAlgorithm[];
  /** Verifies a token without a key id with keys without one only, instead of with all keys. Default `false`. */
  readonly strictKeyIds?: boolean;
  readonly secret?: never;
  readonly keyId?: never;
}

/** A signer whose keys the provider publishes. */
export interface JwksUriOptions extends PublicKeyOptions {
  /** The https URL of the key set. It is fetched when first needed, and never from a URL that a token names. */
  readonly jwksUri: string | URL;
  /** Allows a `jwksUri` with plain http where its host is this computer (`localhost`, 127.0.0.0/8, `[::1]`). Default `false`. */
  readonly allowLoopbackHttp?: boolean;
  readonly jwksCache?: Partial<JwksCache>;
  /** Replaces the global `fetch`, for example to use a proxy. */
  readonly fetch?: typeof fetch;
  readonly jwks?: never;
}

/** A signer whose public keys are given here. */
export interface JwksOptions extends PublicKeyOptions {
  readonly jwks: JSONWebKeySet;
  readonly jwksUri?: never;
  readonly allowLoopbackHttp?: never;
  readonly jwksCache?: never;
  readonly fetch?: never;
}

/** A signer that shares a secret. Whoever has the secret can also sign. */
export interface SecretOptions extends ClaimOptions {
  /** The one algorithm with which the signer uses the secret. */
  readonly algorithms: readonly [JwtSecretAlgorithm];
  /** Bytes, or a string that is encoded as UTF-8. At least 32 bytes for HS256, 48 for HS384, 64 for HS512. */
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

/** One signer, and what its tokens must contain. */
export type JwtOptions = JwksUriOptions | JwksOptions | SecretOptions;

/** What a token must contain: the options with their defaults, checked. */
export interface Expected {
  readonly algorithms: readonly string[];
  readonly issuers: readonly string[] | undefined;
  readonly audiences: readonly string[] | undefined;
  readonly clockTolerance: number;
  readonly maxLifetime: number | undefined;
  readonly accept: ((claims: Readonly<JWTPayload>) => boolean) | undefined;
  readonly tokenCacheMs: number;
}

// Not the symmetric algorithms: with one of them, an attacker could use a public key as the secret.
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

/** The minimum length of a secret in bytes, by algorithm: the length of the hash (RFC 7518, section 3.2). */
const secretAlgorithms = { HS256: 32, HS384: 48, HS512: 64 } as const;

/** The names of the options. Most values are checked below; an `undefined` check, which would accept every token, is refused here. */
const known = object(
  {
    issuer: anything,
    audience: anything,
    clockTolerance: anything,
    maxLifetime: defined({ ...number, words: "a number of seconds" }),
    accept: defined({ ...func, words: "a function of the claims" }),
    tokenCacheMs: anything,
    algorithms: anything,
    strictKeyIds: anything,
    secret: anything,
    keyId: defined(text),
    jwksUri: anything,
    allowLoopbackHttp: anything,
    jwksCache: object(
      {
        maxAgeMs: anything,
        maxStaleMs: anything,
        cooldownMs: anything,
        timeoutMs: anything,
      } satisfies Record<keyof JwksCache, Kind>,
      "an object of times in milliseconds",
    ),
    fetch: anything,
    jwks: anything,
  } satisfies Record<keyof JwtOptions, Kind>,
  "an object of options",
);

/** @throws TypeError for options that are wrong or unsafe */
export function checkExpected(options: JwtOptions): Expected {
  checkKind(known, options, "jwt:");
  checkKeySource(options);
  const { accept, maxLifetime, clockTolerance = 0, tokenCacheMs = 60_000 } = options;
  if (accept !== undefined && typeof accept !== "function") {
    throw new TypeError("jwt: `accept` must be a function of the claims.");
  }
  if (maxLifetime !== undefined && !(Number.isFinite(maxLifetime) && maxLifetime > 0)) {
    throw new TypeError("jwt: `maxLifetime` must be a number of seconds above 0.");
  }
  return {
    algorithms: checkAlgorithms(options),
    issuers: expectedValues("issuer", options.issuer, "issuer" in options),
    audiences: expectedValues("audience", options.audience, "audience" in options),
    clockTolerance: inRange("clockTolerance", clockTolerance, 0, 300),
    maxLifetime,
    accept,
    tokenCacheMs: inRange("tokenCacheMs", tokenCacheMs, 0, 300_000),
  };
}

/** @param isGiven whether the option is there, though it may be `undefined` */
function expectedValues(
  name: string,
  given: unknown,
  isGiven: boolean,
): readonly string[] | undefined {
  if (given === false) return undefined;
  const list: unknown = typeof given === "string" ? [given] : given;
  if (Array.isArray(list) && list.length > 0 && list.every(isNonEmpty)) return [...list];
  const unset = Array.isArray(given) ? given.findIndex((each) => !isNonEmpty(each)) : -1;
  const cause =
    unset >= 0
      ? unsetText(`jwt: \`${name}[${unset}]\``, (given as readonly unknown[])[unset])
      : isGiven || given === ""
        ? unsetText(`jwt: \`${name}\``, given)
        : undefined;
  if (cause !== undefined) throw new TypeError(cause);
  throw new TypeError(
    `jwt: \`${name}\` is required: a string, a list of strings, or \`false\` to accept any.`,
  );
}

/** @throws TypeError unless exactly one source of keys is given */
function checkKeySource(options: JwtOptions): void {
  const names = ["jwksUri", "jwks", "secret"] as const;
  const given = names.filter((name) => options[name] !== undefined);
  const unset =
    given.length === 0
      ? names.find((name) => name in options)
      : given.find((name) => (options[name] as unknown) === "");
  if (unset !== undefined) throw new TypeError(unsetText(`jwt: \`${unset}\``, options[unset]));
  if (given.length !== 1) {
    throw new TypeError("jwt: give one of `jwksUri`, `jwks` and `secret`.");
  }
}

function isNonEmpty(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function checkAlgorithms(options: JwtOptions): readonly string[] {
  const { algorithms, secret } = options;
  if (secret !== undefined) {
    if (algorithms?.length === 1 && Object.hasOwn(secretAlgorithms, algorithms[0])) {
      return [...algorithms];
    }
    throw new TypeError(
      `jwt: with \`secret\`, \`algorithms\` must be a list of one algorithm: ${Object.keys(secretAlgorithms).join(", ")}.`,
    );
  }
  const named: readonly string[] = algorithms ?? publicKeyAlgorithms;
  const all: readonly string[] = publicKeyAlgorithms;
  if (!Array.isArray(named) || named.length === 0 || !named.every((name) => all.includes(name))) {
    throw new TypeError(
      `jwt: \`algorithms\` must be a list of ${all.join(", ")}. HS256, HS384 and HS512 need \`secret\`.`,
    );
  }
  return [...named];
}

/** @throws TypeError for a secret that is too short to be safe, or that is a public key */
export function checkSecret({ secret, algorithms }: SecretOptions): Uint8Array {
  const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError("jwt: `secret` must be a string or bytes.");
  }
  // A public key is known to everyone, so everyone could sign with it.
  if (/-----BEGIN|"kty"/.test(new TextDecoder().decode(bytes))) {
    throw new TypeError("jwt: `secret` is a key in PEM or JWK form. Put public keys into `jwks`.");
  }
  const [algorithm] = algorithms;
  if (bytes.length < secretAlgorithms[algorithm]) {
    throw new TypeError(
      `jwt: \`secret\` must have at least ${secretAlgorithms[algorithm]} bytes for ${algorithm}.`,
    );
  }
  return bytes.slice();
}

/** @throws TypeError for a URL that is not https, unless it is plain http to this computer and that is allowed */
export function checkUri(given: string | URL, allowLoopbackHttp: boolean | undefined): URL {
  if (!URL.canParse(given)) throw new TypeError("jwt: `jwksUri` must be an absolute URL.");
  const url = new URL(given);
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("jwt: `jwksUri` must not contain a user name or password.");
  }
  if (url.protocol === "https:") return url;
  if (url.protocol === "http:" && isLoopback(url.hostname)) {
    if (allowLoopbackHttp === true) return url;
    throw new TypeError(
      "jwt: `jwksUri` is plain http. For a provider on this computer, set `allowLoopbackHttp: true`.",
    );
  }
  // Whoever can change the keys in transit can sign in as anyone.
  throw new TypeError("jwt: `jwksUri` must begin with https:.");
}

export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

/** @throws TypeError for a time outside its bounds */
export function checkJwksCache(given: Partial<JwksCache> = {}): JwksCache {
  const day = 24 * 3_600_000;
  const maxAgeMs = inRange("jwksCache.maxAgeMs", given.maxAgeMs ?? 600_000, 1_000, day);
  const stale = given.maxStaleMs ?? Math.max(3_600_000, maxAgeMs);
  return {
    maxAgeMs,
    maxStaleMs: inRange("jwksCache.maxStaleMs", stale, maxAgeMs, day),
    cooldownMs: inRange("jwksCache.cooldownMs", given.cooldownMs ?? 30_000, 1_000, 3_600_000),
    timeoutMs: inRange("jwksCache.timeoutMs", given.timeoutMs ?? 5_000, 100, 30_000),
  };
}

function inRange(name: string, value: number, least: number, most: number): number {
  if (Number.isFinite(value) && value >= least && value <= most) return value;
  throw new TypeError(`jwt: \`${name}\` must be a number from ${least} to ${most}.`);
}
