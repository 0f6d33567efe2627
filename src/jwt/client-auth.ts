/**
 * Settings for `jwt()` from the `client_auth` section of a PowerSync service's own configuration, so that writes are let in by whom the service lets
 * sync: its keys, its audiences, its lifetimes.
 * https://docs.powersync.com/configuration/auth/custom
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
import type { ProviderOptions } from "./providers.js";

/** The section, as it is in the service's YAML after its variables have been filled in. */
export interface PowerSyncClientAuth {
  readonly jwks_uri?: string | readonly string[];
  /** Public keys, and shared ones (`kty: oct`, `k` in base64url). */
  readonly jwks?: { readonly keys: readonly JWK[] };
  readonly audience?: readonly string[];
  /** As PowerSync Cloud's configuration calls those beside the instance's URL. */
  readonly additional_audiences?: readonly string[];
  readonly supabase?: boolean;
  /** Counts with `supabase: true` alone, as in the service. */
  readonly supabase_jwt_secret?: string;
  /** Refuses a `jwks_uri` whose host is written as a loopback or private address. Names are not resolved here. */
  readonly block_local_jwks?: boolean;
  /** A matter of the service's network: not looked at. */
  readonly jwks_reject_ip_ranges?: readonly string[];
}

/** What the service knows from elsewhere. */
export interface ClientAuthOptions extends Omit<ProviderOptions, "clockTolerance"> {
  /** PowerSync Cloud: the instance's URL, which is an audience there. */
  readonly instanceUrl?: string;
  /** With `supabase: true`: the project's reference, which the service takes from its connection to `db.<reference>.supabase.co`. */
  readonly supabaseProject?: string;
}

type Claims = Pick<
  JwtOptions,
  "issuer" | "audience" | "clockTolerance" | "maxLifetime" | "tokenCacheMs"
>;

// The service's own numbers, in seconds.
const clockTolerance = 60;
const day = 86_400;
const supabaseLifetime = 7 * day + 1_200;

// biome-ignore format: one family a line
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
 * `authenticate: jwt(clientAuth(config.client_auth))`
 *
 * As the service does: the audience is required, the issuer is not looked at, a token lives for a day at most (Supabase's for a week), clocks may
 * differ by a minute, and a token without a key id is held against keys without one. Stricter than the service: `sub` must be text, secrets must be
 * long enough for their algorithm, and keys are not fetched by plain http.
 *
 * @throws TypeError where the section trusts nobody, or what can't be trusted
 */
export function clientAuth(
  section: PowerSyncClientAuth,
  options: ClientAuthOptions = {},
): readonly JwtOptions[] {
  if (typeof section !== "object" || section === null) {
    throw new TypeError("clientAuth: the service's configuration has no `client_auth` section.");
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
      "clientAuth: `audience` is required, or `instanceUrl` with PowerSync Cloud: without one the service lets nobody in.",
    );
  }
  const all = [...trusted, ...supabaseKeys(section, supabaseProject, supabase, fetching)];
  if (all.length > 0) return all;
  throw new TypeError("clientAuth: the section names no keys: `jwks`, `jwks_uri` or `supabase`.");
}

function audiences(
  name: "audience" | "additional_audiences",
  section: PowerSyncClientAuth,
): readonly string[] {
  const given: unknown = section[name] ?? [];
  // Of a text, every letter would be an audience.
  if (!Array.isArray(given))
    throw new TypeError(`clientAuth: \`${name}\` must be a list of texts.`);
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
    secret: decoded(k),
    ...(kid === undefined || kid === "" ? {} : { keyId: kid }),
  };
}

function decoded(k: string): Uint8Array {
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
    // The service then speaks IPv4 alone.
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
