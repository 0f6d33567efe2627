/**
 * With `rls`, nothing is written as a role that bypasses the policies. The role is inspected before a caller's first upload and then about once a
 * minute; uploads in between cost no extra statement.
 */
import type { WritesConfig } from "../config/config.js";
import type { CallContext, Principal } from "../context.js";
import { isRetryable, retryable } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import { withinMs } from "../store/deadline.js";
import { noRowSecurity } from "../store/failures.js";
import type { InspectedRole, PolicyReport } from "../store/tables.js";
import type { DatabaseCaller, Store } from "../store/store.js";
import { databaseCaller } from "./rls.js";

/** Reports whether the policies restrict the role that writes the data. */
export type InspectPolicies = (store: Store, role: InspectedRole["role"]) => Promise<PolicyReport>;

/** Returns the role and settings of the caller. Throws only `retryable`, if nothing may be written right now. */
export type Gate<P extends Principal> = (
  database: Gated,
  context: CallContext<P>,
) => Promise<DatabaseCaller>;

/** The time limits of a database transaction that only inspects. */
export const inspectionMs = 5_000;
export const inspectionTimeouts = {
  lockMs: 1_000,
  statementMs: 2_000,
  transactionMs: inspectionMs,
};

const goodForMs = 60_000;
const badForMs = 3_000;
/** The most roles of one database that are remembered. */
const maxRoles = 1_000;

/** Returns `undefined` without `rls`, when there is nothing to inspect. */
export function createInspectPolicies<P extends Principal, DB>({
  rls,
  tables,
  persist,
}: WritesConfig<P, DB>): InspectPolicies | undefined {
  if (rls === undefined) return undefined;
  const names = [...new Set(Object.entries(tables).map(([name, { table = name }]) => table))];
  return async (store, role) => {
    if (!store.rowSecurity) throw noRowSecurity(store);
    const granted = typeof rls.role === "string" && persist === undefined;
    return store.unit(
      { isolation: "plain", readOnly: true, timeouts: inspectionTimeouts },
      ({ inspect }) => inspect.policies({ role, tables: names, granted }),
    );
  };
}

/** A database, and what is remembered of its policies. */
interface Gated {
  readonly store: Store;
  readonly memory: { readonly policies: Map<string, PoliciesSeen> };
}

/** The result of an inspection. */
export interface PoliciesSeen {
  readonly report: Promise<PolicyReport>;
  /** The time from which the role is inspected again. */
  until: number;
}

export function createGate<P extends Principal, DB>(
  { rls }: WritesConfig<P, DB>,
  inspect: InspectPolicies | undefined,
  emit: Emit,
): Gate<P> | undefined {
  if (rls === undefined || inspect === undefined) return undefined;

  const look = (
    { store, memory: { policies: known } }: Gated,
    role: string,
    context: CallContext<P>,
  ): Promise<PolicyReport> => {
    const last = known.get(role);
    if (last !== undefined && performance.now() < last.until) return last.report;
    // Concurrent requests share this inspection. It takes its connection before any of the requests has one, so it can't wait for them.
    const report = withinMs(inspectionMs, inspect(store, role === "" ? "login" : { name: role }));
    const latest: PoliciesSeen = { report, until: Number.POSITIVE_INFINITY };
    known.delete(role);
    known.set(role, latest);
    if (known.size > maxRoles) known.delete(known.keys().next().value as string);
    report.then(
      ({ problems, complete }) => {
        latest.until =
          performance.now() + (problems.length === 0 && complete ? goodForMs : badForMs);
        if (problems.length > 0) emit({ type: "not_ready", ...correlated(context), problems });
      },
      () => {
        // A failed inspection is not remembered.
        if (known.get(role) === latest) known.delete(role);
      },
    );
    return report;
  };

  return async (database, context) => {
    try {
      const caller = databaseCaller(rls, context.principal);
      const { problems } = await look(database, caller.role ?? "", context);
      if (problems.length > 0)
        throw retryable("The server is not set up for writing right now.", badForMs);
      return caller;
    } catch (error) {
      if (isRetryable(error)) throw error;
      const remedy = database.store.remedy?.(error);
      emit({
        type: "error",
        ...correlated(context),
        during: "rls",
        error,
        outcome: "retryable",
        ...(remedy !== undefined && { remedy }),
      });
      throw retryable("The caller's changes can't be written right now.");
    }
  };
}
