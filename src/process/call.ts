/** A verified caller's request, as the transactions in it see it. */
import type { CallContext, CommittedContext, Principal } from "../context.js";
import { correlated } from "../events.js";
import type { DatabaseCaller, Store } from "../store/store.js";
import type { Identify } from "./identity.js";

export interface Call<P extends Principal> extends CallContext<P> {
  readonly store: Store;
  /** With `rls`: as whom its data is written. Ledger and dead letters are the login role's. */
  readonly caller?: DatabaseCaller;
  readonly clientId?: string;
  readonly queueId?: string;
  readonly identify: Identify;
  /** A random uuid. */
  readonly requestId: string;
  /** False for clients that read the HTTP status alone: what fails fatally is always recorded. */
  readonly clientCanHandle: boolean;
  /** See `TransactionContext`. */
  readonly lossyNumbers: boolean;
}

/** What hooks outside the database transaction may know of it. */
export function publicContext<P extends Principal>(call: Call<P>): CommittedContext<P> {
  const { signal, request, principal, clientId } = call;
  return {
    ...correlated(call),
    signal,
    principal,
    ...(request && { request }),
    ...(clientId !== undefined && { clientId }),
  };
}
