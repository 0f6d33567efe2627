/** What the examples in this folder share. Each implements these services with a different library. */
import type { Kysely } from "kysely";
import { anonymous, type WritesConfig } from "../../src/index.js";

/** `unknown` stands for Kysely's schema, which a backend without Kysely does not have. */
type Config = WritesConfig<{ userId: string }, unknown>;

/** Functions that run inside the write transaction, on its connection. */
export type Services = Required<Pick<Config, "authorize" | "hooks" | "mutators">>;

export function configFor(database: Kysely<unknown>, services: Services): Config {
  return {
    // Replace this with your own: see docs/authentication.md.
    authenticate: anonymous(),
    database,
    tables: { lists: { owner: "owner_id" } },
    ...services,
  };
}

/** Reads the user from a mutation's arguments. An application would check them with a schema: see docs/mutations.md. */
export function userIn(args: unknown): string {
  return String((args as { readonly user?: unknown }).user);
}
