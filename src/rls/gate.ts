/**
 * Under `rls` nothing is written as a role that the policies do not bind. Looked at before a caller's first upload, and again now and then;
 * in between it costs no statement.
 */
import type { Kysely } from "kysely";
import { begin, type TransactionSettings } from "../sql/transaction.js";
import type { WritesConfig } from "../config.js";
import { databaseCaller, type DatabaseCaller } from "./rls.js";
import { isRetryable, retryable } from "../errors.js";
import { correlated, type Emit } from "../events.js";
import type { CallContext, Principal } from "../pipeline/layers.js";
import type { Connection, Inspected, Inspection } from "../sql/dialect.js";
import { dialectOf } from "../sql/dialects.js";
import { sourceTable } from "../sql/schema.js";
import { within } from "../store/deadline.js";

/** Whether the policies bind the role that the data is written as. */
export type InspectPolicies<DB> = (
  database: Kysely<DB>,
  role: Inspected["role"],
) => Promise<Inspection>;

/** Who the caller is to the database; `undefined` without `rls`. Throws `retryable` alone, where nothing may be written just now. */
export type Gate<P extends Principal, DB> = (
  database: Kysely<DB>,
  context: CallContext<P>,
) => Promise<DatabaseCaller | undefined>;

/** Of each kind of database transaction that only looks. */
export const inspectionMs = 5_000;
const inspectionTimeouts = { lockMs: 1_000, statementMs: 2_000, transactionMs: inspectionMs };

const goodForMs = 60_000;
const badForMs = 3_000;
/** Roles of one database that are remembered. */
const maxRoles = 1_000;

/** `undefined` without `rls`: there is nothing to inspect. */
export function createInspectPolicies<P extends Principal, DB>(
  config: WritesConfig<P, DB>,
  settings: TransactionSettings,
): InspectPolicies<DB> | undefined {
  const { rls } = config;
  if (rls === undefined) return undefined;
  const names = [
    ...new Set(Object.entries(config.tables).map(([name, { table = name }]) => table)),
  ];
  return (database, role) =>
    begin(
      database,
      { ...settings, isolation: undefined, timeouts: inspectionTimeouts },
      async (transaction) => {
        const tx = transaction as unknown as Connection;
        const { rowSecurity } = dialectOf(tx);
        if (rowSecurity === undefined)
          throw new TypeError("rls: this database has no row-level security; Postgres has.");
        return rowSecurity.inspect(tx, {
          role,
          tables: names.map((name) => sourceTable(tx, name)),
          granted: typeof rls.role === "string" && config.persist === undefined,
        });
      },
    );
}

interface Looked {
  readonly inspection: Promise<Inspection>;
  until: number;
}

export function createGate<P extends Principal, DB>(
  { rls }: WritesConfig<P, DB>,
  inspect: InspectPolicies<DB> | undefined,
  emit: Emit,
): Gate<P, DB> {
  if (rls === undefined || inspect === undefined) return async () => undefined;
  const databases = new WeakMap<Kysely<DB>, Map<string, Looked>>();

  const look = (
    database: Kysely<DB>,
    role: string,
    context: CallContext<P>,
  ): Promise<Inspection> => {
    const known = databases.get(database) ?? new Map<string, Looked>();
    databases.set(database, known);
    const last = known.get(role);
    if (last !== undefined && performance.now() < last.until) return last.inspection;
    // Whoever comes meanwhile waits for the same one, which takes its connection before any of them has one.
    const inspection = within(
      inspectionMs,
      inspect(database, role === "" ? "login" : { name: role }),
    );
    const looked: Looked = { inspection, until: Number.POSITIVE_INFINITY };
    known.delete(role);
    known.set(role, looked);
    if (known.size > maxRoles) known.delete(known.keys().next().value as string);
    inspection.then(
      ({ problems, complete }) => {
        looked.until =
          performance.now() + (problems.length === 0 && complete ? goodForMs : badForMs);
        if (problems.length > 0) emit({ type: "not_ready", ...correlated(context), problems });
      },
      () => {
        // Nothing has been learned.
        if (known.get(role) === looked) known.delete(role);
      },
    );
    return inspection;
  };

  return async (database, context) => {
    try {
      const caller = databaseCaller(rls, context.principal);
      const { problems } = await look(database, caller.role ?? "", context);
      if (problems.length > 0)
        throw retryable("The server is not set up for writing just now.", badForMs);
      return caller;
    } catch (error) {
      if (isRetryable(error)) throw error;
      emit({ type: "error", ...correlated(context), during: "rls", error, outcome: "retryable" });
      throw retryable("The caller's changes can't be written just now.");
    }
  };
}
