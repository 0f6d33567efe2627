/** Which claim of a provider's tokens is the same from sign-in to sign-out, whenever the token is renewed, and another one on each device. */
import type { Principal } from "../context.js";

const claims = {
  /** https://supabase.com/docs/guides/auth/jwt-fields */
  supabase: "session_id",
  /** In session tokens. https://clerk.com/docs/guides/sessions/session-tokens */
  clerk: "sid",
  /** Up to Keycloak 24 beside `session_state`, which had the same value. https://www.keycloak.org/docs/latest/upgrading/ */
  keycloak: "sid",
  /**
   * In both of the pool's tokens, unless token revocation is switched off for the app client.
   * https://docs.aws.amazon.com/cognito/latest/developerguide/token-revocation.html
   */
  cognito: "origin_jti",
} as const;

/** Identity providers whose session claim is known. */
export type SessionProvider = keyof typeof claims;

const noneAt = {
  auth0:
    "Auth0's access tokens name no session. Add a claim of your own in an Action (event.session.id), and name it: sessionClaim({ claim }).",
  firebase:
    "Firebase's ID tokens name no session; two devices may have signed in in the same second (auth_time). Let the app send a header of its own.",
} as const;

/**
 * For `ledger.device`: the session that a token belongs to stands for the device, where the client does not say which it is.
 *
 * @param of a provider; or the name of a claim, where it is yours
 * @throws TypeError for a provider whose tokens name no session
 * @example
 * createWrites({
 *   authenticate: jwt(supabase({ project })),
 *   ledger: { device: sessionClaim("supabase") },
 *   database,
 *   tables,
 * });
 */
export function sessionClaim(
  of: SessionProvider | { readonly claim: string },
): (request: unknown, principal: Principal) => string | undefined {
  const claim = claimOf(of);
  return (_request, principal) => {
    const value = principal.claims?.[claim];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
}

function claimOf(of: unknown): string {
  if (typeof of === "string") {
    if (Object.hasOwn(claims, of)) return claims[of as SessionProvider];
    if (Object.hasOwn(noneAt, of)) throw new TypeError(noneAt[of as keyof typeof noneAt]);
    throw new TypeError(
      `sessionClaim: "${of}" is no provider that it knows: ${Object.keys(claims).join(", ")}. Name the claim: sessionClaim({ claim }).`,
    );
  }
  const { claim } = (of ?? {}) as { readonly claim?: unknown };
  if (typeof claim === "string" && claim !== "") return claim;
  throw new TypeError("sessionClaim: give a provider's name, or { claim }, the name of a claim.");
}
