/** Ready-made options of `jwt()` for common providers: the URL of the keys, the issuer, and the checks of the claims. */
import { anything, defined } from "../config/kinds.js";
import type { JwksUriOptions, SecretOptions } from "./options.js";
import {
  base,
  checkedList,
  checkedText,
  checkNames,
  claimNames,
  common,
  givenOptions,
  namesOneOf,
  type ProviderOptions,
} from "./provider-options.js";

/** A project that Supabase hosts is named by its reference, `abcdefghijklmnopqrst`; any other by the URL of its API. */
export type SupabaseProject = ({ readonly project: string } | { readonly url: string | URL }) & {
  /** Default `authenticated`. */
  readonly audience?: string;
};

/**
 * Supabase Auth with JWT signing keys (ES256, RS256). For a project that still signs with its JWT secret, see {@link supabaseSecret};
 * during the migration from one to the other, use `jwt([supabase(…), supabaseSecret(…)])`.
 * https://supabase.com/docs/guides/auth/signing-keys
 *
 * @example
 * jwt(supabase({ project: "abcdefghijklmnopqrst" }));
 */
export function supabase(options: SupabaseProject & ProviderOptions): JwksUriOptions {
  checkNames("supabase", options, supabaseNames);
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
 * Supabase Auth with the project's legacy JWT secret (HS256). Whoever has that secret can sign in as anyone, so prefer signing keys.
 * https://supabase.com/docs/guides/auth/jwts
 *
 * @example
 * jwt(supabaseSecret({ project: "abcdefghijklmnopqrst", secret: SUPABASE_JWT_SECRET }));
 */
export function supabaseSecret(
  options: SupabaseProject &
    Pick<ProviderOptions, "clockTolerance" | "tokenCacheMs"> & { readonly secret: string },
): SecretOptions {
  // Nothing is fetched, so the options for that are unknown.
  checkNames("supabaseSecret", options, { ...supabaseNames, secret: anything }, claimNames);
  const { clockTolerance, tokenCacheMs, secret } = options;
  return {
    ...givenOptions({ clockTolerance, tokenCacheMs }),
    ...supabaseClaims("supabaseSecret", options),
    algorithms: ["HS256"],
    secret,
  };
}

function supabaseClaims(name: string, options: SupabaseProject) {
  const { audience = "authenticated" } = options;
  if ("url" in options) return { issuer: `${base(name, "url", options.url)}/auth/v1`, audience };
  const project = checkedText(name, "project", options.project, /^[a-z0-9]+$/);
  return { issuer: `https://${project}.supabase.co/auth/v1`, audience };
}

/**
 * Clerk's session tokens. They have no `aud`; the issuer identifies the instance.
 * https://clerk.com/docs/guides/sessions/manual-jwt-verification
 *
 * @example
 * jwt(clerk({ frontendApi: "https://clerk.example.com", authorizedParties: ["https://app.example.com"] }));
 */
export function clerk(
  options: ProviderOptions & {
    /** The instance's Frontend API URL: `https://clerk.example.com`, `https://….clerk.accounts.dev`. */
    readonly frontendApi: string | URL;
    /** The origins for which a token may have been issued (`azp`). A token without `azp`, as native apps get, is accepted. Default: all. */
    readonly authorizedParties?: readonly string[];
    /** For tokens of a template that sets `aud`. Default: `aud` is not checked. */
    readonly audience?: string | readonly string[];
  },
): JwksUriOptions {
  checkNames("clerk", options, {
    frontendApi: anything,
    authorizedParties: defined({ ...anything, words: "a list of origins" }),
    audience: defined({ ...anything, words: "a text or a list" }),
  });
  const issuer = base("clerk", "frontendApi", options.frontendApi);
  const { authorizedParties, audience = false } = options;
  return {
    ...common(options),
    jwksUri: `${issuer}/.well-known/jwks.json`,
    issuer,
    audience,
    algorithms: ["RS256"],
    // The user of a pending session has not completed the sign-in yet.
    accept: ({ azp, sts }) =>
      sts !== "pending" &&
      (azp === undefined || authorizedParties === undefined || namesOneOf(authorizedParties, azp)),
  };
}

/**
 * Auth0's access tokens for an API.
 * https://auth0.com/docs/secure/tokens/access-tokens/validate-access-tokens
 *
 * @example
 * jwt(auth0({ domain: "tenant.eu.auth0.com", audience: "https://api.example.com" }));
 */
export function auth0(
  options: ProviderOptions & {
    /** `tenant.eu.auth0.com`, or a domain of your own. */
    readonly domain: string;
    /** The API's identifier, exactly as Auth0 has it. */
    readonly audience: string | readonly string[];
  },
): JwksUriOptions {
  checkNames("auth0", options, { domain: anything, audience: anything });
  const domain = checkedText("auth0", "domain", options.domain, /^[a-z0-9.-]+(?::\d+)?$/i);
  return {
    ...common(options),
    jwksUri: `https://${domain}/.well-known/jwks.json`,
    issuer: `https://${domain}/`,
    audience: options.audience,
    algorithms: ["RS256", "PS256"],
  };
}

/**
 * Firebase Authentication's ID tokens. The emulator's tokens are not signed, and are never accepted.
 * https://firebase.google.com/docs/auth/admin/verify-id-tokens
 *
 * @example
 * jwt(firebase({ projectId: "my-project-1" }));
 */
export function firebase(
  options: ProviderOptions & { readonly projectId: string },
): JwksUriOptions {
  checkNames("firebase", options, { projectId: anything });
  const projectId = checkedText("firebase", "projectId", options.projectId, /^[a-z0-9.:-]+$/i);
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
 *
 * @example
 * jwt(cognito({ userPoolId: "eu-west-1_AbCdEfGhI", clientIds: ["1example23456789"] }));
 */
export function cognito(
  options: ProviderOptions & {
    /** `eu-west-1_AbCdEfGhI`, which contains the region. */
    readonly userPoolId: string;
    /** The ids of the app clients whose users may write. */
    readonly clientIds: readonly string[];
    /** Which of the pool's two tokens the devices send. Default `access`. */
    readonly tokenUse?: "access" | "id";
  },
): JwksUriOptions {
  checkNames("cognito", options, { userPoolId: anything, clientIds: anything, tokenUse: anything });
  const { clientIds, tokenUse = "access" } = options;
  const userPoolId = checkedText(
    "cognito",
    "userPoolId",
    options.userPoolId,
    /^[a-z0-9-]+_[a-z0-9]+$/i,
  );
  if (tokenUse !== "access" && tokenUse !== "id") {
    throw new TypeError('cognito: `tokenUse` must be "access" or "id".');
  }
  const region = userPoolId.slice(0, userPoolId.indexOf("_"));
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const issuer = `https://cognito-idp.${region}.${domain}/${userPoolId}`;
  const clients = checkedList("cognito", "clientIds", clientIds);
  return {
    ...common(options),
    jwksUri: `${issuer}/.well-known/jwks.json`,
    issuer,
    // The client is in `aud` of an ID token, and in `client_id` of an access token.
    audience: tokenUse === "id" ? clients : false,
    algorithms: ["RS256"],
    accept: (claims) =>
      claims["token_use"] === tokenUse &&
      (tokenUse === "id" || namesOneOf(clients, claims["client_id"])),
  };
}

/**
 * Keycloak's access tokens. `aud` comes from an audience mapper or from client roles; `azp` is the client to which the token was issued.
 * `audience` or `clientIds` is required, since the realm issues tokens to other clients too.
 * https://www.keycloak.org/docs/latest/server_admin/#audience-support
 *
 * @example
 * jwt(keycloak({ realmUrl: "https://id.example.com/realms/main", audience: "my-api" }));
 */
export function keycloak(
  options: ProviderOptions & {
    /** `https://id.example.com/realms/main` */
    readonly realmUrl: string | URL;
    readonly audience?: string | readonly string[];
    /** The clients to which a token may have been issued (`azp`). */
    readonly clientIds?: readonly string[];
  },
): JwksUriOptions {
  checkNames("keycloak", options, {
    realmUrl: anything,
    audience: defined({ ...anything, words: "a text or a list" }),
    clientIds: defined({ ...anything, words: "a list of the clients' ids" }),
  });
  const issuer = base("keycloak", "realmUrl", options.realmUrl);
  const { audience = false, clientIds } = options;
  if (audience === false && clientIds === undefined) {
    throw new TypeError("keycloak: `audience` or `clientIds` is required.");
  }
  const clients = clientIds && checkedList("keycloak", "clientIds", clientIds);
  return {
    ...common(options),
    jwksUri: `${issuer}/protocol/openid-connect/certs`,
    issuer,
    audience,
    // The same keys sign ID tokens ("ID") and logout tokens ("Logout").
    accept: ({ typ, azp }) =>
      typ === "Bearer" && (clients === undefined || namesOneOf(clients, azp)),
  };
}

const supabaseNames = { project: anything, url: anything, audience: anything };
