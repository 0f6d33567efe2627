/** Settings for `jwt()`, ready-made: where each provider publishes its keys, how it names itself, and what its tokens say. */
import type { JwksUriOptions, SecretOptions } from "./options.js";

/** What every provider's settings may say beside its own. */
export type ProviderOptions = Pick<
  JwksUriOptions,
  "clockTolerance" | "tokenCacheMs" | "jwksCache" | "fetch" | "allowLoopbackHttp"
>;

/** A project hosted by Supabase by its reference, `abcdefghijklmnopqrst`; any other by the URL of its API. */
export type SupabaseProject = ({ readonly project: string } | { readonly url: string | URL }) & {
  /** Default `authenticated`. */
  readonly audience?: string;
};

/**
 * Supabase Auth with JWT signing keys (ES256, RS256). For a project that still signs with its JWT secret, see {@link supabaseSecret};
 * for one on its way from one to the other, `jwt([supabase(…), supabaseSecret(…)])`.
 * https://supabase.com/docs/guides/auth/signing-keys
 */
export function supabase(options: SupabaseProject & ProviderOptions): JwksUriOptions {
  const { issuer, audience } = supabaseClaims("supabase", options);
  return {
    ...common(options),
    jwksUri: `${issuer}/.well-known/jwks.json`,
    issuer,
    audience,
    algorithms: ["ES256", "RS256"],
  };
}

/**
 * Supabase Auth with the project's legacy JWT secret (HS256). Whoever has that secret can sign in as anybody: prefer signing keys.
 * https://supabase.com/docs/guides/auth/jwts
 */
export function supabaseSecret(
  options: SupabaseProject &
    Pick<ProviderOptions, "clockTolerance" | "tokenCacheMs"> & { readonly secret: string },
): SecretOptions {
  const { clockTolerance, tokenCacheMs, secret } = options;
  return {
    ...given({ clockTolerance, tokenCacheMs }),
    ...supabaseClaims("supabaseSecret", options),
    algorithms: ["HS256"],
    secret,
  };
}

function supabaseClaims(name: string, options: SupabaseProject) {
  const { audience = "authenticated" } = options;
  if ("url" in options) return { issuer: `${base(name, "url", options.url)}/auth/v1`, audience };
  const project = text(name, "project", options.project, /^[a-z0-9]+$/);
  return { issuer: `https://${project}.supabase.co/auth/v1`, audience };
}

/**
 * Clerk's session tokens. They have no `aud`; the issuer is the instance's own.
 * https://clerk.com/docs/guides/sessions/manual-jwt-verification
 */
export function clerk(
  options: ProviderOptions & {
    /** The instance's Frontend API URL: `https://clerk.example.com`, `https://….clerk.accounts.dev`. */
    readonly frontendApi: string | URL;
    /** Origins that may have asked for the token (`azp`). A token without any, as of a native app, is let in. Default: all. */
    readonly authorizedParties?: readonly string[];
    /** For tokens of a template that sets `aud`. Default: none is looked for. */
    readonly audience?: string | readonly string[];
  },
): JwksUriOptions {
  const issuer = base("clerk", "frontendApi", options.frontendApi);
  const { authorizedParties, audience = false } = options;
  return {
    ...common(options),
    jwksUri: `${issuer}/.well-known/jwks.json`,
    issuer,
    audience,
    algorithms: ["RS256"],
    // A pending session has still something to do before it is signed in.
    accept: ({ azp, sts }) =>
      sts !== "pending" &&
      (azp === undefined || authorizedParties === undefined || names(authorizedParties, azp)),
  };
}

/**
 * Auth0's access tokens for an API.
 * https://auth0.com/docs/secure/tokens/access-tokens/validate-access-tokens
 */
export function auth0(
  options: ProviderOptions & {
    /** `tenant.eu.auth0.com`, or a domain of your own. */
    readonly domain: string;
    /** The API's identifier, to the letter. */
    readonly audience: string | readonly string[];
  },
): JwksUriOptions {
  const domain = text("auth0", "domain", options.domain, /^[a-z0-9.-]+(?::\d+)?$/i);
  return {
    ...common(options),
    jwksUri: `https://${domain}/.well-known/jwks.json`,
    issuer: `https://${domain}/`,
    audience: options.audience,
    algorithms: ["RS256", "PS256"],
  };
}

/**
 * Firebase Authentication's ID tokens. Those of the emulator are not signed, and never let in.
 * https://firebase.google.com/docs/auth/admin/verify-id-tokens
 */
export function firebase(
  options: ProviderOptions & { readonly projectId: string },
): JwksUriOptions {
  const projectId = text("firebase", "projectId", options.projectId, /^[a-z0-9.:-]+$/i);
  const { clockTolerance = 0 } = options;
  return {
    ...common(options),
    jwksUri:
      "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
    issuer: `https://securetoken.google.com/${projectId}`,
    audience: projectId,
    algorithms: ["RS256"],
    accept: ({ auth_time: since }) =>
      typeof since === "number" && since <= Date.now() / 1_000 + clockTolerance,
  };
}

/**
 * Tokens of an Amazon Cognito user pool.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
 */
export function cognito(
  options: ProviderOptions & {
    /** `eu-west-1_AbCdEfGhI`: the region is in it. */
    readonly userPoolId: string;
    /** Of the app clients whose users may write. */
    readonly clientIds: readonly string[];
    /** Which of the pool's two tokens the devices send. Default `access`. */
    readonly tokenUse?: "access" | "id";
  },
): JwksUriOptions {
  const { clientIds, tokenUse = "access" } = options;
  const userPoolId = text("cognito", "userPoolId", options.userPoolId, /^[a-z0-9-]+_[a-z0-9]+$/i);
  if (tokenUse !== "access" && tokenUse !== "id") {
    throw new TypeError('cognito: `tokenUse` must be "access" or "id".');
  }
  const region = userPoolId.slice(0, userPoolId.indexOf("_"));
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const issuer = `https://cognito-idp.${region}.${domain}/${userPoolId}`;
  const clients = list("cognito", "clientIds", clientIds);
  return {
    ...common(options),
    jwksUri: `${issuer}/.well-known/jwks.json`,
    issuer,
    // An access token says in `client_id` what an ID token says in `aud`.
    audience: tokenUse === "id" ? clients : false,
    algorithms: ["RS256"],
    accept: (claims) =>
      claims["token_use"] === tokenUse &&
      (tokenUse === "id" || names(clients, claims["client_id"])),
  };
}

/**
 * Keycloak's access tokens. An `aud` comes from an audience mapper, or from client roles; `azp` is the client that asked for the token.
 * At least one of the two must be named: other clients of the realm get tokens too.
 * https://www.keycloak.org/docs/latest/server_admin/#audience-support
 */
export function keycloak(
  options: ProviderOptions & {
    /** `https://id.example.com/realms/main` */
    readonly realmUrl: string | URL;
    readonly audience?: string | readonly string[];
    /** Clients that may have asked for the token (`azp`). */
    readonly clientIds?: readonly string[];
  },
): JwksUriOptions {
  const issuer = base("keycloak", "realmUrl", options.realmUrl);
  const { audience = false, clientIds } = options;
  if (audience === false && clientIds === undefined) {
    throw new TypeError("keycloak: `audience` or `clientIds` is required.");
  }
  const clients = clientIds && list("keycloak", "clientIds", clientIds);
  return {
    ...common(options),
    jwksUri: `${issuer}/protocol/openid-connect/certs`,
    issuer,
    audience,
    // The same keys sign ID tokens ("ID") and logout tokens ("Logout").
    accept: ({ typ, azp }) => typ === "Bearer" && (clients === undefined || names(clients, azp)),
  };
}

function common(options: ProviderOptions): ProviderOptions {
  const { clockTolerance, tokenCacheMs, jwksCache, fetch, allowLoopbackHttp } = options;
  return given({ clockTolerance, tokenCacheMs, jwksCache, fetch, allowLoopbackHttp });
}

type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

function given<T extends object>(options: T): Given<T> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Given<T>;
}

function names(known: readonly string[], value: unknown): boolean {
  return typeof value === "string" && known.includes(value);
}

function text(provider: string, name: string, value: unknown, form: RegExp): string {
  if (typeof value === "string" && form.test(value)) return value;
  throw new TypeError(`${provider}: \`${name}\` is required, in the form that the provider shows.`);
}

function list(provider: string, name: string, value: readonly string[]): readonly string[] {
  if (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => typeof one === "string" && one !== "")
  ) {
    return [...value];
  }
  throw new TypeError(`${provider}: \`${name}\` must be a list of texts, and not empty.`);
}

/** Without a slash at its end: that is how issuers are written. */
function base(provider: string, name: string, value: string | URL): string {
  if (!URL.canParse(value)) {
    throw new TypeError(`${provider}: \`${name}\` must be an absolute URL.`);
  }
  const { origin, pathname, search, hash } = new URL(value);
  if (search !== "" || hash !== "") {
    throw new TypeError(`${provider}: \`${name}\` must be a URL without query and fragment.`);
  }
  return `${origin}${pathname.replace(/\/+$/, "")}`;
}
