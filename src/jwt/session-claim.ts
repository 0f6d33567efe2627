/** The claim of a provider's tokens that names the session: it stays the same from sign-in to sign-out, and differs between devices. */
import { didYouMean } from "../config/nearest.js";
import type { Principal } from "../context.js";

const claims = {
  /** https://supabase.com/docs/guides/auth/jwt-fields */
  supabase: "session_id",
  /** In session tokens. https://clerk.com/docs/guides/sessions/session-tokens */
  clerk: "sid",
  /** Keycloak up to version 24 also has `session_state`, with the same value. https://www.keycloak.org/docs/latest/upgrading/ */
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
    "sessionClaim: Auth0's access tokens do not name the session. Add a claim of your own in an Action (event.session.id), then name it: sessionClaim({ claim }).",
  firebase:
    "sessionClaim: Firebase's ID tokens do not name the session, and two devices may have the same auth_time. Have the app send a header of its own, and read it in ledger.device.",
} as const;

/**
 * Makes the function for `ledger.device`: the token's session identifies the device if the client does not.
 *
 * @param of a provider, or the name of a claim of your own
 * @throws TypeError for a provider whose tokens do not name the session
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
      `sessionClaim: there is no provider "${of}". ${didYouMean(of, Object.keys(claims))} For another provider, name its claim: sessionClaim({ claim }).`,
    );
  }
  const { claim } = (of ?? {}) as { readonly claim?: unknown };
  if (typeof claim === "string" && claim !== "") return claim;
  throw new TypeError(
    "sessionClaim takes the name of a provider, or { claim } with the name of a claim.",
  );
}
