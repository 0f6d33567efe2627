/** Row-level security, as the application says it: as which role a caller's data is written, and what the policies get to know of the caller. */
import type { Principal } from "../layer.js";

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

/** Who a caller is to the database. */
export interface DatabaseCaller {
  /** Absent: the login role. */
  readonly role?: string;
  readonly settings: readonly (readonly [name: string, value: string])[];
}

export const defaultSetting = "request.jwt.claims";

/**
 * `rls: rls({ role: "authenticated" })`: the data is written as that role, with the caller's claims in `request.jwt.claims`, so that the database's
 * own policies decide. Role and claims end with the transaction: nothing of one caller is left on the connection for the next. Postgres and PGlite.
 * Its functions' principal is inferred where it is annotated, `(principal: Caller) => …`, and where `config.rls` is the options alone.
 *
 * @throws TypeError for a name that can't be a role's or a setting's
 */
export function rls<P extends Principal>(options: RlsOptions<P> = {}): RlsOptions<P> {
  const { role, setting = defaultSetting } = options;
  if (role !== undefined && typeof role !== "function") checkRole(role);
  checkSetting(setting);
  return options;
}

/** @throws TypeError. `none` is no role: it means the login role again. */
export function checkRole(role: unknown): asserts role is string {
  if (typeof role !== "string" || role === "" || role === "none" || !storable(role)) {
    throw new TypeError('rls: the role must be the name of a role, and not empty or "none".');
  }
}

/** @throws TypeError for what is not an application's own setting: those of the database's have no dot in their name */
export function checkSetting(name: string): void {
  if (!/^[a-z_][\w$]*(?:\.[a-z_][\w$]*)+$/i.test(name)) {
    throw new TypeError(
      `rls: ${JSON.stringify(name)} is no setting of your own; it needs a name such as "app.user_id".`,
    );
  }
}

/** Text that Postgres can hold. */
export function storable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}
