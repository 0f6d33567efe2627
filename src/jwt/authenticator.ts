/**
 * `jwt()`: takes the bearer token from a request, verifies it with the keys of its signer, and returns the caller's principal.
 * A fault of the token is the caller's and becomes 401; keys that can't be fetched are the server's fault and become 503.
 */
import {
  base64url,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import type { Principal } from "../context.js";
import { isUnauthenticated, retryable, unauthenticated } from "../errors.js";
import type { WriteRequest } from "../model.js";
import { type Keys, keysOf, KeysUnavailable, retryAfterMs } from "./keys.js";
import { checkExpected, type Expected, type JwtOptions } from "./options.js";
import { noSignerFor, refusals, whyRefused } from "./refusals.js";

/** The caller that a verified token names. */
export interface JwtPrincipal extends Principal {
  /** The token's `sub`. */
  readonly userId: string;
  /** All of the token's claims. They are frozen, because later requests with the same token share them. */
  readonly claims: Readonly<JWTPayload>;
}

/** In characters: Node's limit for all headers together. Other hosts accept more. */
const maxTokenLength = 16_384;
const maxCachedTokens = 1_000;

/**
 * Makes the `authenticate` function for bearer tokens. It rejects with 401 for a bad token, and with 503 if the signer's keys can't be
 * fetched.
 *
 * With several signers, a token is accepted if one of them has signed it.
 *
 * @example
 * const authenticate = jwt({
 *   jwksUri: "https://id.example.com/.well-known/jwks.json",
 *   issuer: "https://id.example.com",
 *   audience: "my-api",
 * });
 *
 * @example
 * const authenticate = jwt([supabase({ project: "abcdefghijklmnopqrst" }), auth0({ domain, audience })]);
 *
 * @throws TypeError for options that are wrong or unsafe
 */
export function jwt(
  options: JwtOptions | readonly JwtOptions[],
): (request: WriteRequest) => Promise<JwtPrincipal> {
  // Code without types may give nothing, or a request: `authenticate: jwt` instead of `jwt({ … })`.
  if (typeof (options as unknown) !== "object" || options === null || "headers" in options)
    throw new TypeError(
      "jwt: give it its options, once, where it is configured: authenticate: jwt({ jwksUri, issuer, audience }).",
    );
  const all: readonly JwtOptions[] = "length" in options ? options : [options];
  if (all.length === 0)
    throw new TypeError("jwt: the list of signers is empty. Name at least one.");
  const signers = all.map((one): Signer => ({ expected: checkExpected(one), keys: keysOf(one) }));
  const cache = createTokenCache(maxCachedTokens);

  return async (request) => {
    const token = bearer(request.headers.get("authorization"));
    const known = cache.get(token);
    if (known !== undefined) return principalOf(known);
    const { claims, signer } = await verifyWithFirst(token, candidates(token, signers));
    deepFreeze(claims);
    cache.add(token, claims, goodUntil(claims, signer));
    return principalOf(claims);
  };
}

function principalOf(claims: Readonly<JWTPayload>): JwtPrincipal {
  return { userId: claims.sub ?? "", claims };
}

const missingToken = "A bearer token is required.";

function bearer(header: string | null): string {
  const token = /^Bearer +([\w.-]+) *$/i.exec(header ?? "")?.[1];
  if (token === undefined) {
    throw header === null
      ? unauthenticated(missingToken, refusals.missing)
      : unauthenticated(invalidToken, refusals.scheme);
  }
  if (token.length > maxTokenLength) throw unauthenticated(invalidToken, refusals.tooLong);
  return token;
}

/** Chooses by the token's unverified claims. They decide only which signers are tried, so that a stranger's token causes no fetch of keys. */
function candidates(token: string, signers: readonly Signer[]): readonly Signer[] {
  const { alg, iss } = readUnverified(token);
  const chosen = signers.filter(
    ({ expected: { algorithms, issuers } }) =>
      algorithms.includes(alg) && (issuers === undefined || issuers.includes(iss)),
  );
  if (chosen.length > 0) return chosen;
  throw unauthenticated(
    invalidToken,
    noSignerFor(
      { alg, iss },
      signers.map(({ expected }) => expected),
    ),
  );
}

function readUnverified(token: string): { readonly alg: string; readonly iss: string } {
  try {
    const { alg = "", kid = "", ...header } = decodeProtectedHeader(token);
    const { iss = "" } = decodeJwt(token);
    // `crit` lists extensions that must be understood, and `b64` is one. A bearer token needs none.
    const isPlain = !("crit" in header || "b64" in header);
    if (isPlain && typeof alg === "string" && typeof kid === "string" && isCanonical(token)) {
      return { alg, iss };
    }
  } catch {
    // Not a JWT.
  }
  throw unauthenticated(invalidToken, refusals.form);
}

/** A signature has several base64url spellings, of which only one is accepted. The signature itself protects the spelling of the other parts. */
function isCanonical(token: string): boolean {
  const signature = token.slice(token.lastIndexOf(".") + 1);
  return base64url.encode(base64url.decode(signature)) === signature;
}

interface Verified {
  readonly claims: JWTPayload;
  readonly signer: Signer;
}

/** If a signer's keys can't be fetched, the token may be that signer's. The answer is then 503, not 401, unless another signer has signed the token. */
async function verifyWithFirst(token: string, signers: readonly Signer[]): Promise<Verified> {
  let refusal: Error | undefined;
  let outage: unknown;
  for (const signer of signers) {
    try {
      return { claims: await verify(token, signer), signer };
    } catch (error) {
      if (!isUnauthenticated(error)) outage ??= error;
      else if (refusal === undefined || error.message === expired) refusal = error;
    }
  }
  throw outage ?? refusal ?? unauthenticated(invalidToken);
}

/** When a verified token must be verified again: at `exp` at the latest, and once the keys are fetched again, since its key may have been revoked. */
function goodUntil({ exp = 0 }: JWTPayload, { expected, keys }: Signer): number {
  return Math.min(
    Date.now() + expected.tokenCacheMs,
    (exp + expected.clockTolerance) * 1_000,
    keys.freshUntil(),
  );
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const member of Object.values(value)) deepFreeze(member);
  Object.freeze(value);
}

/** Keeps verified tokens for a short time, so that a device that uploads in many requests is verified once. Refused tokens are not kept. */
interface TokenCache {
  /** Returns the claims of a token that need not be verified again yet. */
  get(token: string): Readonly<JWTPayload> | undefined;
  /** @param until in milliseconds since 1970 */
  add(token: string, claims: Readonly<JWTPayload>, until: number): void;
}

interface KeyEntry {
  readonly claims: Readonly<JWTPayload>;
  readonly from: number;
  readonly until: number;
}

/** @param maxTokens beyond this number, the least recently used token is removed */
export function createTokenCache(maxTokens: number): TokenCache {
  const entries = new Map<string, KeyEntry>();

  return {
    get(token) {
      const entry = entries.get(token);
      if (entry === undefined) return undefined;
      entries.delete(token);
      const now = Date.now();
      // Before `from`: the clock has been set back, and the token may not be valid yet.
      if (now < entry.from || now >= entry.until) return undefined;
      entries.set(token, entry);
      return entry.claims;
    },
    add(token, claims, until) {
      const from = Date.now();
      if (from >= until) return;
      entries.delete(token);
      entries.set(token, { claims, from, until });
      const [oldest] = entries.keys();
      if (entries.size > maxTokens && oldest !== undefined) entries.delete(oldest);
    },
  };
}

/** One signer whose tokens are trusted. */
export interface Signer {
  readonly expected: Expected;
  readonly keys: Keys;
}

export const invalidToken = "The token is not valid.";
export const expired = "The token has expired.";

/** @throws unauthenticated for a bad token, retryable if the keys can't be fetched */
export async function verify(token: string, { expected, keys }: Signer): Promise<JWTPayload> {
  const claims = await verifySignature(token, withUnavailable(keys.find), expected, {
    algorithms: [...expected.algorithms],
    clockTolerance: expected.clockTolerance,
    requiredClaims: ["exp", "sub"],
    ...(expected.issuers === undefined ? {} : { issuer: [...expected.issuers] }),
    ...(expected.audiences === undefined ? {} : { audience: [...expected.audiences] }),
  });
  if (typeof claims.sub !== "string" || claims.sub === "")
    throw unauthenticated(invalidToken, refusals.subject);
  if (!livesShortEnough(claims, expected.maxLifetime))
    throw unauthenticated(invalidToken, refusals.lifetime);
  // Compared with `true`, since an untyped `accept` may return anything.
  if (expected.accept !== undefined && expected.accept(claims) !== true) {
    throw unauthenticated(invalidToken, refusals.accept);
  }
  return claims;
}

function livesShortEnough({ iat, exp = 0 }: JWTPayload, maxLifetime: number | undefined): boolean {
  return maxLifetime === undefined || (typeof iat === "number" && exp - iat <= maxLifetime);
}

async function verifySignature(
  token: string,
  keys: JWTVerifyGetKey,
  expected: Expected,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (error instanceof KeysUnavailable) {
      const { cause } = error;
      throw Object.assign(
        retryable("The caller's token can't be verified right now.", retryAfterMs),
        { cause },
      );
    }
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      return verifyWithAny(token, error, expected, options);
    }
    throw toAuthenticationError(error, expected);
  }
}

/** For a token without a key id if the set has several keys of its kind, as during a rotation. */
async function verifyWithAny(
  token: string,
  candidates: errors.JWKSMultipleMatchingKeys,
  expected: Expected,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of candidates) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed))
        throw toAuthenticationError(error, expected);
    }
  }
  throw unauthenticated(invalidToken, refusals.signature);
}

/** An error that is not the token's fault stays as it is, and becomes 503. */
function toAuthenticationError(error: unknown, expected: Expected): unknown {
  if (!(error instanceof errors.JOSEError)) return error;
  const isExpired = error instanceof errors.JWTExpired;
  return unauthenticated(isExpired ? expired : invalidToken, whyRefused(error, expected));
}

/** Marks failures to fetch the keys as `KeysUnavailable`, since they say nothing about the token. */
function withUnavailable(find: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await find(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) throw error;
      if (error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      if (error instanceof KeysUnavailable) throw error;
      throw new KeysUnavailable("No key.", { cause: error });
    }
  };
}
