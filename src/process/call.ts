/** A verified caller's request, as the transactions in it see it. */
import type { Kysely } from "kysely";
import type { WritesConfig } from "../config.js";
import { correlated } from "../events.js";
import type { Identify } from "./identity.js";
import type { CallContext, CommittedContext, Principal } from "../pipeline/layers.js";
import type { DatabaseCaller } from "../rls/rls.js";

export interface Call<P extends Principal, DB> extends CallContext<P> {
  readonly database: Kysely<DB>;
  /** With `rls`: as whom its data is written. Ledger and dead letters are the login role's. */
  readonly caller?: DatabaseCaller;
  readonly clientId?: string;
  readonly queueId?: string;
  readonly identify: Identify;
  /** A random uuid. */
  readonly requestId: string;
  /** False for clients that read the HTTP status alone: what fails fatally is recorded, always. */
  readonly clientCanHandle: boolean;
  /** See `TransactionContext`. */
  readonly lossyNumbers: boolean;
}

/** What hooks outside the database transaction may know of it. */
export function publicContext<P extends Principal, DB>(call: Call<P, DB>): CommittedContext<P> {
  const { signal, request, principal, clientId } = call;
  return {
    ...correlated(call),
    signal,
    principal,
    ...(request && { request }),
    ...(clientId !== undefined && { clientId }),
  };
}

/** The caller's database. Throws what the application's own function throws. */
export async function databaseOf<P extends Principal, DB>(
  { database }: WritesConfig<P, DB>,
  principal: P,
): Promise<Kysely<DB>> {
  return typeof database === "function" ? database(principal) : database;
}

/** @throws TypeError where there is a database for each tenant, and none is named */
export async function databaseFor<P extends Principal, DB>(
  config: WritesConfig<P, DB>,
  principal: P | undefined,
): Promise<Kysely<DB>> {
  if (principal !== undefined) return databaseOf(config, principal);
  if (typeof config.database !== "function") return config.database;
  throw new TypeError("`database` is a function: say whose by `{ principal }`.");
}
