/** The option `rls`: the role that writes a caller's data, and what policies can read about the caller. */
import type { Principal } from "../context.js";
import type { DatabaseCaller } from "../store/store.js";
import { stringifyJson } from "../wire/serialize.js";

/** Options of `rls()`. */
export interface RlsOptions<P extends Principal> {
  /**
   * The role that writes the data: its name, or a function of the principal. Never take it from the request. The login role must be allowed to become
   * it (`grant the_role to the_login_role`). Default: the login role.
   */
  readonly role?: string | ((principal: P) => string);
  /** The value of `setting`: an object, which is written as JSON, or text. Default: the principal's `claims`, to which `sub` (the `userId`) and `role` are added if missing. */
  readonly claims?: (principal: P) => object | string;
  /** The setting in which policies find the claims. Default `request.jwt.claims`, as with Supabase and PostgREST. */
  readonly setting?: string;
  /** More settings for policies to read, by name: `{ "app.user_id": principal.userId }`. */
  readonly settings?: (principal: P) => Readonly<Record<string, string>>;
}

const defaultSetting = "request.jwt.claims";

/**
 * Checks the options of `config.rls`, for Postgres and PGlite. The data is written as the role, with the caller's claims in `request.jwt.claims`, so
 * that the database's own policies decide. Role and claims end with the transaction, so that the next caller on the connection does not get them.
 *
 * To have the principal's type inferred, annotate it, `(principal: Caller) => …`, or set `config.rls` to the options without calling `rls`.
 *
 * @throws TypeError if the name of a role or a setting is not valid
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

/** @throws TypeError for what is not a role's name, and for `none`, by which Postgres means the login role */
function checkRole(role: unknown): asserts role is string {
  if (typeof role !== "string" || role === "" || role === "none" || !isStorable(role)) {
    throw new TypeError(
      'rls: the role must be the name of a database role. An empty text and "none" are not allowed.',
    );
  }
}

/** @throws TypeError for a setting of the database itself: only names with a dot are the application's */
function checkSetting(name: string): void {
  if (!/^[a-z_][\w$]*(?:\.[a-z_][\w$]*)+$/i.test(name)) {
    throw new TypeError(
      `rls: ${JSON.stringify(name)} is not the name of a setting of your own. Use a name with a dot, such as "app.user_id".`,
    );
  }
}

/** Whether Postgres can store the text: without NUL, and without half of a surrogate pair. */
function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/**
 * Returns the role and the settings with which a caller's data is written. Also throws what the application's functions throw.
 *
 * @throws TypeError if they return no role or no claims, or text that no setting can hold
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

/** `undefined` means the login role. */
export function roleOf<P extends Principal>(
  { role }: RlsOptions<P>,
  principal: P,
): string | undefined {
  if (typeof role !== "function") return role;
  const chosen = role(principal);
  checkRole(chosen);
  return chosen;
}

/** The verified claims override the defaults. */
function defaultClaims({ userId, claims }: Principal, role: string | undefined): object {
  return { sub: userId, ...(role !== undefined && { role }), ...claims };
}

function claimsText(claims: unknown): string {
  if (typeof claims !== "string" && (typeof claims !== "object" || claims === null)) {
    throw new TypeError("rls: `claims` must return an object or text.");
  }
  const text = typeof claims === "string" ? claims : stringifyJson(claims);
  // JSON can contain both, but a policy's `::jsonb` can't read them: every statement would fail as if the data were wrong.
  if (!isStorable(text) || unreadable.test(text)) {
    throw new TypeError(
      "rls: the claims contain a character that Postgres can't store: NUL, or half of a surrogate pair.",
    );
  }
  return text;
}

/** An escape of NUL or of half a surrogate pair. An escaped backslash before the letter `u` does not count. */
const unreadable = /(?<!\\)(?:\\\\)*\\u(?:0000|[dD][89a-fA-F])/;
