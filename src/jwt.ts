/**
 * Bearer tokens, verified against a key set. What is wrong with the token is the caller's fault (401);
 * a key set that can't be had is ours (503): a device that hears 401 would throw away a good session.
 */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import { retryable, unauthenticated } from "./errors.js";
import type { Principal } from "./layer.js";
import type { WriteRequest } from "./request.js";

/** The caller that a verified token names. */
export interface JwtPrincipal extends Principal {
  /** The token's `sub`. */
  readonly userId: string;
  /** All of the token's claims. */
  readonly claims: Readonly<JWTPayload>;
}

export type JwtAlgorithm = (typeof asymmetric)[number];

interface TokenOptions {
  /** The `iss` that a token must have. */
  readonly issuer: string;
  /** The `aud` that a token must have, or several of which it must have one. */
  readonly audience: string | readonly string[];
  /** Fewer than the default: RS, PS and ES in 256, 384 and 512, and EdDSA. */
  readonly algorithms?: readonly JwtAlgorithm[];
  /** Seconds by which clocks may differ. Default 0. */
  readonly clockTolerance?: number;
}

export type JwtOptions = TokenOptions &
  (
    | {
        /** Where the provider publishes its keys; https, except on loopback. Fetched when first needed, and kept for 10 minutes. */
        readonly jwksUri: string | URL;
        readonly jwks?: never;
        /** In place of the global `fetch`, for proxies and the like. */
        readonly fetch?: typeof fetch;
      }
    | {
        /** The provider's public keys themselves. */
        readonly jwks: JSONWebKeySet;
        readonly jwksUri?: never;
        readonly fetch?: never;
      }
  );

// Symmetric algorithms stay out: with one of them, whoever can verify can also sign.
// biome-ignore format: one family a line
const asymmetric = [
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

const retryAfterMs = 5_000;

/**
 * An authenticator for bearer tokens.
 * `authenticate: jwt({ jwksUri: "https://…/jwks.json", issuer: "https://…", audience: "my-api" })`
 *
 * @throws TypeError where the options can't be right
 */
export function jwt(options: JwtOptions): (request: WriteRequest) => Promise<JwtPrincipal> {
  const verifyOptions = checked(options);
  const keys = guarded(keySet(options));

  return async (request) => {
    const token = bearer(request.headers.get("authorization"));
    const claims = await verify(token, keys, verifyOptions);
    if (typeof claims.sub !== "string" || claims.sub === "") throw unauthenticated(invalid);
    return { userId: claims.sub, claims };
  };
}

const missing = "A bearer token is required.";
const invalid = "The token is not valid.";
const expired = "The token has expired.";

function bearer(header: string | null): string {
  const token = /^Bearer +([\w.~+/-]+=*) *$/i.exec(header ?? "")?.[1];
  if (token === undefined) throw unauthenticated(header === null ? missing : invalid);
  return token;
}

async function verify(
  token: string,
  keys: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (error instanceof KeysUnavailable) {
      throw Object.assign(
        retryable("The caller's token can't be verified just now.", retryAfterMs),
        {
          cause: error.cause,
        },
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

class KeysUnavailable extends Error {}

/** Tells the failures of finding a key from those of the token: only the former say nothing about the caller. */
function guarded(keys: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) throw error;
      if (error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw new KeysUnavailable("No key set.", { cause: error });
    }
  };
}

function keySet(options: JwtOptions): JWTVerifyGetKey {
  if (options.jwksUri !== undefined) {
    if (options.jwks !== undefined) throw new TypeError("jwt: give `jwksUri` or `jwks`, not both.");
    return createRemoteJWKSet(checkedUri(options.jwksUri), {
      timeoutDuration: 5_000,
      cooldownDuration: 30_000,
      cacheMaxAge: 10 * 60_000,
      ...(options.fetch === undefined ? {} : { [customFetch]: options.fetch }),
    });
  }
  if (options.jwks === undefined) throw new TypeError("jwt: `jwksUri` or `jwks` is required.");
  try {
    // A private key would only be noticed when the first token comes, and has no business here.
    if (options.jwks.keys.some((key) => "d" in key || "k" in key)) throw new TypeError("secret");
    return createLocalJWKSet(options.jwks);
  } catch {
    throw new TypeError(
      "jwt: `jwks` must be a JSON Web Key Set, `{ keys: [...] }`, of public keys.",
    );
  }
}

function checkedUri(given: string | URL): URL {
  if (!URL.canParse(given)) throw new TypeError("jwt: `jwksUri` must be an absolute URL.");
  const url = new URL(given);
  const loopback = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === "https:" || (url.protocol === "http:" && loopback)) return url;
  // Whoever can change the keys on their way can sign in as anybody.
  throw new TypeError("jwt: `jwksUri` must be https; http is for loopback alone.");
}

function checked(options: JwtOptions): JWTVerifyOptions {
  const { issuer, audience, algorithms = asymmetric, clockTolerance = 0 } = options;
  const audiences = typeof audience === "string" ? [audience] : audience;
  if (typeof issuer !== "string" || issuer === "")
    throw new TypeError("jwt: `issuer` is required.");
  if (!Array.isArray(audiences) || audiences.length === 0 || !audiences.every(isText)) {
    throw new TypeError("jwt: `audience` is required: a text or a list of texts.");
  }
  const foreign = algorithms.find((name) => !asymmetric.includes(name));
  if (foreign !== undefined || algorithms.length === 0) {
    throw new TypeError(`jwt: \`algorithms\` may name ${asymmetric.join(", ")}.`);
  }
  if (!Number.isFinite(clockTolerance) || clockTolerance < 0) {
    throw new TypeError("jwt: `clockTolerance` must be a number of seconds.");
  }
  return {
    issuer,
    audience: [...audiences],
    algorithms: [...algorithms],
    clockTolerance,
    requiredClaims: ["exp", "sub"],
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
