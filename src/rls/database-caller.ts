/** Who a principal is to the database: the role and the settings that its data is written with. */
import { stringifyJson } from "../json.js";
import type { Principal } from "../layer.js";
import {
  checkRole,
  checkSetting,
  type DatabaseCaller,
  defaultSetting,
  type RlsOptions,
  storable,
} from "./rls.js";

/**
 * Throws what the application's functions throw.
 *
 * @throws TypeError where they give no role, no claims, or what no setting can hold: nobody's data is written as somebody else for that
 */
export function databaseCaller<P extends Principal>(
  rls: RlsOptions<P>,
  principal: P,
): DatabaseCaller {
  const role = roleOf(rls, principal);
  const claims = rls.claims === undefined ? defaultClaims(principal, role) : rls.claims(principal);
  const others = Object.entries(rls.settings?.(principal) ?? {});
  for (const [name, value] of others) {
    checkSetting(name);
    if (typeof value !== "string" || !storable(value)) {
      throw new TypeError(
        `rls: the value of the setting ${name} must be text that Postgres can hold.`,
      );
    }
  }
  return {
    ...(role !== undefined && { role }),
    settings: [[rls.setting ?? defaultSetting, claimsText(claims)], ...others],
  };
}

/** Absent: the login role. */
export function roleOf<P extends Principal>(
  { role }: RlsOptions<P>,
  principal: P,
): string | undefined {
  if (typeof role !== "function") return role;
  const chosen = role(principal);
  checkRole(chosen);
  return chosen;
}

/** What `authenticate` has verified comes first. */
function defaultClaims({ userId, claims }: Principal, role: string | undefined): object {
  return { sub: userId, ...(role !== undefined && { role }), ...claims };
}

function claimsText(claims: unknown): string {
  if (typeof claims !== "string" && (typeof claims !== "object" || claims === null)) {
    throw new TypeError("rls: `claims` must give an object or text.");
  }
  const text = typeof claims === "string" ? claims : stringifyJson(claims);
  // JSON can write these two, and no policy's `::jsonb` can read them: every statement would fail, and as if the data were wrong.
  if (!storable(text) || unreadable.test(text)) {
    throw new TypeError("rls: the claims hold a character that Postgres can't store.");
  }
  return text;
}

/** An escape of NUL or of half a surrogate pair, and no escaped backslash in front of these letters. */
const unreadable = /(?<!\\)(?:\\\\)*\\u(?:0000|[dD][89a-fA-F])/;
