/** The keys that a signer's tokens are held against, wherever they come from. */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import {
  checkJwksCache,
  checkSecret,
  checkUri,
  type JwksOptions,
  type JwtOptions,
  type SecretOptions,
} from "./options.js";
import { remoteKeys } from "./remote-keys.js";

export interface Keys {
  /** @throws JWKSNoMatchingKey, JWKSMultipleMatchingKeys: the token's fault. Anything else is not. */
  readonly find: JWTVerifyGetKey;
  /** When the keys will be looked up again, in milliseconds since 1970. */
  freshUntil(): number;
}

/** @throws TypeError where the options can't be right */
export function keysOf(options: JwtOptions): Keys {
  const given = [options.jwksUri, options.jwks, options.secret].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new TypeError("jwt: give one of `jwksUri`, `jwks` and `secret`.");
  }
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
    // A private key would only be noticed when the first token comes, and has no business here.
    if (jwks.keys.some((key) => "d" in key || "k" in key)) throw new TypeError("secret");
    return keyFinder(jwks, strictKeyIds);
  } catch {
    throw new TypeError(
      "jwt: `jwks` must be a JSON Web Key Set, `{ keys: [...] }`, of public keys.",
    );
  }
}

/**
 * A key that names no id fits every token, as with PowerSync's service; one that names an id fits tokens with that id, and, unless `strict`, those
 * without any.
 *
 * @throws JWKSInvalid where it is no key set
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
