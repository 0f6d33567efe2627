/** A verified caller's request, as the transactions in it see it. */
import type { CallContext, CommittedContext, Principal } from "../context.js";
import type { DatabaseCaller, Store } from "../store/store.js";
import type { Memory } from "./memory.js";

export interface Call<P extends Principal> extends CallContext<P> {
  readonly store: Store;
  readonly memory: Memory;
  /** What hooks outside the database transaction may know of it. */
  readonly shown: CommittedContext<P>;
  /** With `rls`: as whom its data is written. Ledger and dead letters are the login role's. */
  readonly caller?: DatabaseCaller;
  readonly clientId?: string;
  readonly queueId?: string;
  /** Without: transactions have no identity. */
  readonly ledger: boolean;
  /** A random uuid. */
  readonly requestId: string;
  /** False for clients that read the HTTP status alone: what fails fatally is always recorded. */
  readonly clientCanHandle: boolean;
  /** See `TransactionContext`. */
  readonly lossyNumbers: boolean;
}

/** Leaves out what is the library's own. */
export function shownContext<P extends Principal>(
  { correlationId, traceparent, signal, request, principal }: CallContext<P>,
  clientId: string | undefined,
): CommittedContext<P> {
  return {
    correlationId,
    ...(traceparent !== undefined && { traceparent }),
    signal,
    principal,
    ...(request && { request }),
    ...(clientId !== undefined && { clientId }),
  };
}
