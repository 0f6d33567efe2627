/** One token against one signer. What is wrong with the token is the caller's fault (401); a key set that can't be had is ours (503). */
import {
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import { retryable, unauthenticated } from "../errors.js";
import type { Keys } from "./keys.js";
import type { Expected } from "./options.js";
import { KeysUnavailable, retryAfterMs } from "./remote-keys.js";

/** A signer whose tokens count. */
export interface Trusted {
  readonly expected: Expected;
  readonly keys: Keys;
}

export const invalid = "The token is not valid.";
export const expired = "The token has expired.";

/** @throws unauthenticated for a bad token, retryable where the keys can't be had */
export async function verify(token: string, { expected, keys }: Trusted): Promise<JWTPayload> {
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
