/** What the examples beside this file have in common: each gives these services, with its own library. */
import type { Kysely } from "kysely";
import { anonymous, type WritesConfig } from "../../src/index.js";

/** Whose backend is not on Kysely leaves Kysely's schema out. */
type Config = WritesConfig<{ userId: string }, unknown>;

/** Asked inside the write transaction, on its connection. */
export type Services = Required<Pick<Config, "authorize" | "hooks" | "mutators">>;

export function configFor(database: Kysely<unknown>, services: Services): Config {
  return {
    // Your own: see docs/authentication.md.
    authenticate: anonymous(),
    database,
    tables: { lists: { owner: "owner_id" } },
    ...services,
  };
}

/** The mutation's arguments, which a schema would check: see docs/mutations.md. */
export function userIn(args: unknown): string {
  return String((args as { readonly user?: unknown }).user);
}
