/** Takes the bearer token from a request, chooses the signer that it can be from, and says who calls. */
import { base64url, decodeJwt, decodeProtectedHeader, type JWTPayload } from "jose";
import { isUnauthenticated, unauthenticated } from "../errors.js";
import type { Principal } from "../layer.js";
import type { WriteRequest } from "../request.js";
import { createTokenCache } from "./cache.js";
import { keysOf } from "./keys.js";
import { checkExpected, type JwtOptions } from "./options.js";
import { expired, invalid, type Trusted, verify } from "./verify.js";

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
