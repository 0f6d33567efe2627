/** Takes the bearer token from a request, chooses the signer that it can be from, and says who calls. */
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
import { isUnauthenticated, retryable, unauthenticated } from "../errors.js";
import type { Principal } from "../pipeline/layers.js";
import type { WriteRequest } from "../model.js";
import { type Keys, keysOf, KeysUnavailable, retryAfterMs } from "./keys.js";
import { checkExpected, type Expected, type JwtOptions } from "./options.js";

/** The caller that a verified token names. */
export interface JwtPrincipal extends Principal {
  /** The token's `sub`. */
  readonly userId: string;
  /** All of the token's claims, frozen: the same ones serve the token's next requests. */
  readonly claims: Readonly<JWTPayload>;
}

/** As many letters as Node takes for all headers together. Other hosts take more. */
const longestToken = 16_384;
const mostCachedTokens = 1_000;

/**
 * An authenticator for bearer tokens.
 * `authenticate: jwt({ jwksUri: "https://…/jwks.json", issuer: "https://…", audience: "my-api" })`
 *
 * With several signers a token counts where one of them is found to have signed it: `jwt([supabase(…), auth0(…)])`.
 *
 * @throws TypeError where the options can't be right
 */
export function jwt(
  options: JwtOptions | readonly JwtOptions[],
): (request: WriteRequest) => Promise<JwtPrincipal> {
  const all: readonly JwtOptions[] = "length" in options ? options : [options];
  if (all.length === 0) throw new TypeError("jwt: name at least one signer.");
  const signers = all.map((one): Trusted => ({ expected: checkExpected(one), keys: keysOf(one) }));
  const cache = createTokenCache(mostCachedTokens);

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

const missing = "A bearer token is required.";

function bearer(header: string | null): string {
  const token = /^Bearer +([\w.-]+) *$/i.exec(header ?? "")?.[1];
  if (token === undefined) throw unauthenticated(header === null ? missing : invalid);
  if (token.length > longestToken) throw unauthenticated(invalid);
  return token;
}

/** By what the token says of itself, which decides nothing but which signer it is held against: a stranger's token makes nobody fetch keys. */
function candidates(token: string, signers: readonly Trusted[]): readonly Trusted[] {
  const { alg, iss } = readUnverified(token);
  return signers.filter(
    ({ expected: { algorithms, issuers } }) =>
      algorithms.includes(alg) && (issuers === undefined || issuers.includes(iss)),
  );
}

function readUnverified(token: string): { readonly alg: string; readonly iss: string } {
  try {
    const { alg = "", kid = "", ...header } = decodeProtectedHeader(token);
    const { iss = "" } = decodeJwt(token);
    // Extensions that a token says must be understood; there is none that a bearer token needs.
    if ("crit" in header || "b64" in header) throw unauthenticated(invalid);
    if (typeof alg === "string" && typeof kid === "string" && isSpelledOut(token)) {
      return { alg, iss };
    }
  } catch {
    // Not a token at all.
  }
  throw unauthenticated(invalid);
}

/** A signature can be written in several ways, and the other parts are signed as they are written: one of them is the token's. */
function isSpelledOut(token: string): boolean {
  const signature = token.slice(token.lastIndexOf(".") + 1);
  return base64url.encode(base64url.decode(signature)) === signature;
}

interface Verified {
  readonly claims: JWTPayload;
  readonly signer: Trusted;
}

/** While one signer's keys can't be had, nobody knows whether it is its token: that is 503, unless another vouches for it. */
async function verifyWithFirst(token: string, signers: readonly Trusted[]): Promise<Verified> {
  let refusal: unknown = unauthenticated(invalid);
  let outage: unknown;
  for (const signer of signers) {
    try {
      return { claims: await verify(token, signer), signer };
    } catch (error) {
      if (!isUnauthenticated(error)) outage ??= error;
      else if (error.message === expired) refusal = error;
    }
  }
  throw outage ?? refusal;
}

/** Never past `exp`, nor past the age at which the keys are looked up again, so that a revoked key ends with them. */
function goodUntil({ exp = 0 }: JWTPayload, { expected, keys }: Trusted): number {
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

// One token against one signer. What is wrong with the token is the caller's fault (401); a key set that can't be had is ours (503).
/** A signer whose tokens count. */
interface Trusted {
  readonly expected: Expected;
  readonly keys: Keys;
}

const invalid = "The token is not valid.";
const expired = "The token has expired.";

/** @throws unauthenticated for a bad token, retryable where the keys can't be had */
async function verify(token: string, { expected, keys }: Trusted): Promise<JWTPayload> {
  const claims = await verifySignature(token, guarded(keys.find), {
    algorithms: [...expected.algorithms],
    clockTolerance: expected.clockTolerance,
    requiredClaims: ["exp", "sub"],
    ...(expected.issuers === undefined ? {} : { issuer: [...expected.issuers] }),
    ...(expected.audiences === undefined ? {} : { audience: [...expected.audiences] }),
  });
  if (typeof claims.sub !== "string" || claims.sub === "") throw unauthenticated(invalid);
  if (!livesShortEnough(claims, expected.maxLifetime)) throw unauthenticated(invalid);
  // Whatever else than `true` an untyped caller's function gives is no yes.
  if (expected.accept !== undefined && expected.accept(claims) !== true) {
    throw unauthenticated(invalid);
  }
  return claims;
}

function livesShortEnough({ iat, exp = 0 }: JWTPayload, maxLifetime: number | undefined): boolean {
  return maxLifetime === undefined || (typeof iat === "number" && exp - iat <= maxLifetime);
}

async function verifySignature(
  token: string,
  keys: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (error instanceof KeysUnavailable) {
      const { cause } = error;
      throw Object.assign(
        retryable("The caller's token can't be verified just now.", retryAfterMs),
        { cause },
      );
    }
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      return verifyWithAny(token, error, options);
    }
    throw judged(error);
  }
}

/** A token without a key id, while the set holds several keys of its kind, as it does while keys are rotated. */
async function verifyWithAny(
  token: string,
  candidates: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of candidates) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw judged(error);
    }
  }
  throw unauthenticated(invalid);
}

/** Whatever is not the token's fault stays as it is, which is answered 503. */
function judged(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return unauthenticated(expired);
  return error instanceof errors.JOSEError ? unauthenticated(invalid) : error;
}

/** Tells the failures of finding a key from those of the token: only the former say nothing about the caller. */
function guarded(find: JWTVerifyGetKey): JWTVerifyGetKey {
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

// Verified tokens, for a moment: a device that uploads in many requests is verified once. Refused ones are not kept.
interface TokenCache {
  /** The claims of a token that is still good. */
  get(token: string): Readonly<JWTPayload> | undefined;
  /** @param until in milliseconds since 1970 */
  add(token: string, claims: Readonly<JWTPayload>, until: number): void;
}

interface Entry {
  readonly claims: Readonly<JWTPayload>;
  readonly from: number;
  readonly until: number;
}

/** @param most tokens; the least recently used makes room */
export function createTokenCache(most: number): TokenCache {
  const entries = new Map<string, Entry>();

  return {
    get(token) {
      const entry = entries.get(token);
      if (entry === undefined) return undefined;
      entries.delete(token);
      const now = Date.now();
      // Before `from`, the clock has been set back, and the token may not be valid yet.
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
      if (entries.size > most && oldest !== undefined) entries.delete(oldest);
    },
  };
}
