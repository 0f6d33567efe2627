/**
 * One token verified against one signer. A fault of the token is the caller's and becomes 401; keys that can't be fetched are the server's
 * fault and become 503.
 */
import {
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import { retryable, unauthenticated } from "../errors.js";
import { type Keys, KeysUnavailable, retryAfterMs } from "./keys.js";
import type { Expected } from "./options.js";

/** One signer whose tokens are trusted. */
export interface Signer {
  readonly expected: Expected;
  readonly keys: Keys;
}

export const invalid = "The token is not valid.";
export const expired = "The token has expired.";

/** @throws unauthenticated for a bad token, retryable where the keys can't be fetched */
export async function verify(token: string, { expected, keys }: Signer): Promise<JWTPayload> {
  const claims = await verifySignature(token, withUnavailable(keys.find), {
    algorithms: [...expected.algorithms],
    clockTolerance: expected.clockTolerance,
    requiredClaims: ["exp", "sub"],
    ...(expected.issuers === undefined ? {} : { issuer: [...expected.issuers] }),
    ...(expected.audiences === undefined ? {} : { audience: [...expected.audiences] }),
  });
  if (typeof claims.sub !== "string" || claims.sub === "") throw unauthenticated(invalid);
  if (!livesShortEnough(claims, expected.maxLifetime)) throw unauthenticated(invalid);
  // Compared with `true`, since an untyped `accept` may return anything.
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
    throw toAuthenticationError(error);
  }
}

/** For a token without a key id, where the set has several keys of its kind, as it has during a rotation. */
async function verifyWithAny(
  token: string,
  candidates: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of candidates) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed))
        throw toAuthenticationError(error);
    }
  }
  throw unauthenticated(invalid);
}

/** An error that is not the token's fault stays as it is, and becomes 503. */
function toAuthenticationError(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return unauthenticated(expired);
  return error instanceof errors.JOSEError ? unauthenticated(invalid) : error;
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
