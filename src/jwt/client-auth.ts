/**
 * `clientAuth()`: options of `jwt()` made from the `client_auth` section of a PowerSync service's configuration, so that the endpoint accepts
 * the same tokens as the service. https://docs.powersync.com/configuration/auth/custom
 */
import { base64url, type JWK } from "jose";
import {
  isLoopback,
  type JwksOptions,
  type JwksUriOptions,
  type JwtAlgorithm,
  type JwtOptions,
  type JwtSecretAlgorithm,
  type SecretOptions,
} from "./options.js";
import type { ProviderOptions } from "./provider-options.js";

/** The section of the service's YAML, after its variables have been replaced by their values. */
export interface PowerSyncClientAuth {
  readonly jwks_uri?: string | readonly string[];
  /** Public keys, and shared keys (`kty: oct`, `k` in base64url). */
  readonly jwks?: { readonly keys: readonly JWK[] };
  readonly audience?: readonly string[];
  /** PowerSync Cloud's name for audiences beside the instance's URL. */
  readonly additional_audiences?: readonly string[];
  readonly supabase?: boolean;
  /** Used with `supabase: true` only, as in the service. */
  readonly supabase_jwt_secret?: string;
  /** Refuses a `jwks_uri` whose host is a loopback or private address. Host names are not resolved. */
  readonly block_local_jwks?: boolean;
  /** Ignored: it is about the service's network. */
  readonly jwks_reject_ip_ranges?: readonly string[];
}

/** What the service takes from other sections of its configuration. */
export interface ClientAuthOptions extends Omit<ProviderOptions, "clockTolerance"> {
  /** The instance's URL, which is an audience with PowerSync Cloud. */
  readonly instanceUrl?: string;
  /** With `supabase: true`, the project's reference, which the service takes from its connection to `db.<reference>.supabase.co`. */
  readonly supabaseProject?: string;
}

type Claims = Pick<
  JwtOptions,
  "issuer" | "audience" | "clockTolerance" | "maxLifetime" | "tokenCacheMs"
>;

// The service's own values, in seconds.
const clockTolerance = 60;
const day = 86_400;
const supabaseLifetime = 7 * day + 1_200;

const algorithms: readonly JwtAlgorithm[] = [
  "RS256",
  "RS384",
  "RS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
];

/**
 * Makes options of `jwt()` that accept the tokens which the service accepts.
 *
 * As in the service, the audience is required, the issuer is not checked, a token lives for a day at most (Supabase's for a week), clocks may
 * differ by a minute, and a token without a key id is verified with keys without one. It is stricter than the service in three ways: `sub`
 * must be a string, secrets must be long enough for their algorithm, and keys are not fetched by plain http.
 *
 * @example
 * const authenticate = jwt(clientAuth(serviceConfig.client_auth));
 *
 * @throws TypeError for a section without keys, or with values that are unsafe
 */
export function clientAuth(
  section: PowerSyncClientAuth,
  options: ClientAuthOptions = {},
): readonly JwtOptions[] {
  if (typeof section !== "object" || section === null) {
    throw new TypeError(
      "clientAuth: the first argument must be the `client_auth` section of the service's configuration.",
    );
  }
  const { instanceUrl, supabaseProject, tokenCacheMs, ...fetching } = options;
  const shared = {
    issuer: false,
    clockTolerance,
    ...(tokenCacheMs === undefined ? {} : { tokenCacheMs }),
  } as const;
  const audience = [
    ...audiences("audience", section),
    ...audiences("additional_audiences", section),
    ...(instanceUrl === undefined ? [] : [instanceUrl]),
  ];
  const claims: Claims = { ...shared, audience, maxLifetime: day };
  const supabase: Claims = {
    ...shared,
    audience: "authenticated",
    maxLifetime: supabaseLifetime,
  };
  const uris = typeof section.jwks_uri === "string" ? [section.jwks_uri] : (section.jwks_uri ?? []);
  const trusted: readonly JwtOptions[] = [
    ...inlineKeys(section.jwks?.keys ?? [], claims),
    ...uris.map((uri) => published(uri, section, claims, fetching)),
  ];
  if (trusted.length > 0 && audience.length === 0) {
    throw new TypeError(
      "clientAuth: `audience` is required (with PowerSync Cloud, `instanceUrl`). Without one, the service accepts no token.",
    );
  }
  const all = [...trusted, ...supabaseKeys(section, supabaseProject, supabase, fetching)];
  if (all.length > 0) return all;
  throw new TypeError(
    "clientAuth: the section names no keys. Give it `jwks`, `jwks_uri` or `supabase`.",
  );
}

function audiences(
  name: "audience" | "additional_audiences",
  section: PowerSyncClientAuth,
): readonly string[] {
  const given: unknown = section[name] ?? [];
  // A string would be spread into single characters.
  if (!Array.isArray(given))
    throw new TypeError(`clientAuth: \`${name}\` must be a list of strings.`);
  return given as readonly string[];
}

function inlineKeys(
  keys: readonly JWK[],
  claims: Claims,
): readonly (JwksOptions | SecretOptions)[] {
  const publicKeys = keys.filter((key) => key.kty !== "oct");
  return [
    ...(publicKeys.length === 0
      ? []
      : [{ ...claims, jwks: { keys: publicKeys }, algorithms, strictKeyIds: true }]),
    ...keys.filter((key) => key.kty === "oct").map((key) => sharedKey(key, claims)),
  ];
}

function sharedKey({ kid, alg, k }: JWK, claims: Claims): SecretOptions {
  const secretAlgorithms: readonly JwtSecretAlgorithm[] = ["HS256", "HS384", "HS512"];
  const algorithm = secretAlgorithms.find((name) => name === alg);
  if (algorithm === undefined || typeof k !== "string") {
    throw new TypeError(
      "clientAuth: a key of `kty: oct` needs `k`, and `alg` HS256, HS384 or HS512.",
    );
  }
  return {
    ...claims,
    algorithms: [algorithm],
    secret: secretBytes(k),
    ...(kid === undefined || kid === "" ? {} : { keyId: kid }),
  };
}

function secretBytes(k: string): Uint8Array {
  try {
    return base64url.decode(k);
  } catch {
    throw new TypeError("clientAuth: `k` must be base64url.");
  }
}

function published(
  uri: string,
  { block_local_jwks: blockLocal }: PowerSyncClientAuth,
  claims: Claims,
  fetching: Omit<ProviderOptions, "clockTolerance" | "tokenCacheMs">,
): JwksUriOptions {
  if (blockLocal === true && URL.canParse(uri) && isLocal(new URL(uri).hostname)) {
    throw new TypeError(
      "clientAuth: `jwks_uri` is a local address, which `block_local_jwks` refuses.",
    );
  }
  return { ...claims, ...fetching, jwksUri: uri, algorithms, strictKeyIds: true };
}

function isLocal(hostname: string): boolean {
  return (
    isLoopback(hostname) ||
    /^(?:0\.|10\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|192\.168\.)/.test(hostname) ||
    // With this option the service uses IPv4 only, so an IPv6 address is refused.
    hostname.startsWith("[")
  );
}

function supabaseKeys(
  section: PowerSyncClientAuth,
  project: string | undefined,
  claims: Claims,
  fetching: Omit<ProviderOptions, "clockTolerance" | "tokenCacheMs">,
): readonly JwtOptions[] {
  if (section.supabase !== true) return [];
  const { supabase_jwt_secret: secret } = section;
  if (project === undefined && secret === undefined) {
    throw new TypeError(
      "clientAuth: `supabase: true` needs `supabaseProject`, or `supabase_jwt_secret`.",
    );
  }
  if (project !== undefined && !/^\w+$/.test(project)) {
    throw new TypeError("clientAuth: `supabaseProject` must be the project's reference.");
  }
  return [
    ...(secret === undefined ? [] : [{ ...claims, algorithms: ["HS256"] as const, secret }]),
    ...(project === undefined
      ? []
      : [
          published(
            `https://${project}.supabase.co/auth/v1/.well-known/jwks.json`,
            section,
            claims,
            fetching,
          ),
        ]),
  ];
}
