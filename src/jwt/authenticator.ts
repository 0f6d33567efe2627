/** `jwt()`: takes the bearer token from a request, finds the signer that it may be from, and gives the caller's principal. */
import { base64url, decodeJwt, decodeProtectedHeader, type JWTPayload } from "jose";
import type { Principal } from "../context.js";
import { isUnauthenticated, unauthenticated } from "../errors.js";
import type { WriteRequest } from "../model.js";
import { keysOf } from "./keys.js";
import { checkExpected, type JwtOptions } from "./options.js";
import { expired, invalid, type Signer, verify } from "./verify.js";

/** The caller that a verified token names. */
export interface JwtPrincipal extends Principal {
  /** The token's `sub`. */
  readonly userId: string;
  /** All of the token's claims. They are frozen, since the token's next requests share them. */
  readonly claims: Readonly<JWTPayload>;
}

/** In characters: Node's limit for all headers together. Other hosts accept more. */
const maxTokenLength = 16_384;
const maxCachedTokens = 1_000;

/**
 * Makes the `authenticate` function for bearer tokens. It rejects with 401 for a bad token, and with 503 where the signer's keys can't be
 * fetched.
 *
 * With several signers, a token is accepted where one of them has signed it.
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
  const all: readonly JwtOptions[] = "length" in options ? options : [options];
  if (all.length === 0) throw new TypeError("jwt: name at least one signer.");
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

const missing = "A bearer token is required.";

function bearer(header: string | null): string {
  const token = /^Bearer +([\w.-]+) *$/i.exec(header ?? "")?.[1];
  if (token === undefined) throw unauthenticated(header === null ? missing : invalid);
  if (token.length > maxTokenLength) throw unauthenticated(invalid);
  return token;
}

/** Chooses by the token's unverified claims. They decide only which signers are tried, so that a stranger's token causes no fetch of keys. */
function candidates(token: string, signers: readonly Signer[]): readonly Signer[] {
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
    // `crit` lists extensions that must be understood, and `b64` is one. A bearer token needs none.
    if ("crit" in header || "b64" in header) throw unauthenticated(invalid);
    if (typeof alg === "string" && typeof kid === "string" && isCanonical(token)) {
      return { alg, iss };
    }
  } catch {
    // It is no JWT.
  }
  throw unauthenticated(invalid);
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

/** Where a signer's keys can't be fetched, the token may be that signer's. So it is 503 and not 401, unless another signer has signed it. */
async function verifyWithFirst(token: string, signers: readonly Signer[]): Promise<Verified> {
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
  /** Gives the claims of a token that need not be verified again yet. */
  get(token: string): Readonly<JWTPayload> | undefined;
  /** @param until in milliseconds since 1970 */
  add(token: string, claims: Readonly<JWTPayload>, until: number): void;
}

interface Entry {
  readonly claims: Readonly<JWTPayload>;
  readonly from: number;
  readonly until: number;
}

/** @param maxTokens where there are more, the least recently used is removed */
export function createTokenCache(maxTokens: number): TokenCache {
  const entries = new Map<string, Entry>();

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
