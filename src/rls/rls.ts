/** Row-level security, as the application says it: as which role a caller's data is written, and what the policies get to know of the caller. */
import type { Principal } from "../context.js";
import type { DatabaseCaller } from "../store/store.js";
import { stringifyJson } from "../wire/serialize.js";

/** Options of `rls()`. */
export interface RlsOptions<P extends Principal> {
  /**
   * The role that writes the data: its name, or a function of the principal. Never a request's text. Default: the role that the pool logs in as.
   * The login role must be allowed to become it (`grant the_role to the_login_role`).
   */
  readonly role?: string | ((principal: P) => string);
  /** What is put into `setting`: an object, as JSON, or text as it is. Default: the principal's `claims`, with `sub` (the `userId`) and `role` where they have none. */
  readonly claims?: (principal: P) => object | string;
  /** Where policies find the claims. Default `request.jwt.claims`, as Supabase and PostgREST have it. */
  readonly setting?: string;
  /** More settings for policies to read, by name: `{ "app.user_id": principal.userId }`. */
  readonly settings?: (principal: P) => Readonly<Record<string, string>>;
}

const defaultSetting = "request.jwt.claims";

/**
 * `rls: rls({ role: "authenticated" })`: the data is written as that role, with the caller's claims in `request.jwt.claims`, so that the database's
 * own policies decide. Role and claims end with the transaction: nothing of one caller is left on the connection for the next. Postgres and PGlite.
 * Its functions' principal is inferred where it is annotated, `(principal: Caller) => …`, and where `config.rls` is the options alone.
 *
 * @throws TypeError for a name that can't be a role's or a setting's
 *
 * @example
 * createWrites({ authenticate, database, tables, rls: rls({ role: "authenticated" }) });
 */
export function rls<P extends Principal>(options: RlsOptions<P> = {}): RlsOptions<P> {
  const { role, setting = defaultSetting } = options;
  if (role !== undefined && typeof role !== "function") checkRole(role);
  checkSetting(setting);
  return options;
}

/** @throws TypeError. `none` is no role: it means the login role again. */
function checkRole(role: unknown): asserts role is string {
  if (typeof role !== "string" || role === "" || role === "none" || !isStorable(role)) {
    throw new TypeError('rls: the role must be the name of a role, and not empty or "none".');
  }
}

/** @throws TypeError for what is not an application's own setting: those of the database's have no dot in their name */
function checkSetting(name: string): void {
  if (!/^[a-z_][\w$]*(?:\.[a-z_][\w$]*)+$/i.test(name)) {
    throw new TypeError(
      `rls: ${JSON.stringify(name)} is no setting of your own; it needs a name such as "app.user_id".`,
    );
  }
}

/** Text that Postgres can hold. */
function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

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
    if (typeof value !== "string" || !isStorable(value)) {
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
  if (!isStorable(text) || unreadable.test(text)) {
    throw new TypeError("rls: the claims hold a character that Postgres can't store.");
  }
  return text;
}

/** An escape of NUL or of half a surrogate pair, and no escaped backslash in front of these letters. */
const unreadable = /(?<!\\)(?:\\\\)*\\u(?:0000|[dD][89a-fA-F])/;
