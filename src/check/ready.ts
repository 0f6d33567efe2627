/** `writes.ready()`: whether uploads can be served, for the route that a load balancer queries. */
import type { WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import type { Emit } from "../events/emit.js";
import { countsVersions } from "../pipeline/conflict/compile.js";
import type { Database, Databases } from "../process/call.js";
import { withRemedy } from "../process/explain.js";
import { inspectionMs, inspectionTimeouts, type InspectPolicies } from "../rls/gate.js";
import { withinMs } from "../store/deadline.js";
import { roleOf } from "../rls/rls.js";
import type { InspectedRole, OwnTableProblem, OwnTablesUsed } from "../store/tables.js";
import type { Rules } from "../pipeline/rules.js";
import { noDeferral, ownTablesMissing, UnsuitableTable } from "../store/failures.js";
import type { Store } from "../store/store.js";
import type { Limits } from "../wire/limits.js";
import type { Readiness, Writes } from "../config/writes.js";
import { declaredParts, missingParts } from "./declared.js";

interface ReadyParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly rules: Rules<P, DB>;
  readonly limits: Limits;
  readonly databases: Databases<P>;
  readonly inspectPolicies: InspectPolicies | undefined;
  readonly draining: () => boolean;
  readonly emit: Emit;
}

type RoleName = InspectedRole["role"];

/** Never rejects. */
export function createReady<P extends Principal, DB>({
  config,
  rules,
  limits,
  databases,
  inspectPolicies,
  draining,
  emit,
}: ReadyParts<P, DB>): Writes<P>["ready"] {
  const used = usedTables(config);
  const declared = declaredParts(rules);
  const names = declared.tables.map(({ table }) => table);
  const options = { isolation: "plain", readOnly: true, timeouts: inspectionTimeouts } as const;

  /** Inspects a database as the role that writes the data. */
  const missing = async (store: Store, role: RoleName): Promise<readonly string[]> => {
    // A table that one role can see may be invisible to another.
    if (role === "unknown") return [];
    return store.unit(options, async (unit) => {
      if (role !== "login") await unit.become({ role: role.name, settings: [] });
      return missingParts(declared, await unit.inspect.columns(names));
    });
  };

  const inspect = async (
    { store, memory }: Database,
    role: RoleName,
  ): Promise<readonly string[]> => {
    if (config.deferConstraints === true && store.deferral !== true)
      return [noDeferral(store).message];
    const { own, settings, absent } = await store.unit(options, async (unit) => ({
      own: await unit.inspect.ownTables(used, { toWrite: true }),
      // Reported once per process, because nobody is refused for it.
      settings: memory.warned ? [] : await unit.inspect.settings(limits),
      absent:
        inspectPolicies === undefined
          ? missingParts(declared, await unit.inspect.columns(names))
          : [],
    }));
    memory.warned = true;
    if (settings.length > 0) {
      const problems = settings.map(({ message }) => message);
      emit({ type: "unsafe_settings", correlationId: crypto.randomUUID(), problems });
    }
    if (own.length + absent.length > 0) return [...ownProblems(own), ...absent];
    if (inspectPolicies === undefined) return [];
    const { problems } = await inspectPolicies(store, role);
    return problems.length > 0 ? problems : missing(store, role);
  };

  /** Calls share one inspection: however often they come, they take one connection, and one that hangs is not followed by others. */
  const shared = (database: Database, role: RoleName): Promise<readonly string[]> => {
    const { looking } = database.memory;
    const key = typeof role === "string" ? role : `role ${role.name}`;
    const underWay = looking.get(key);
    if (underWay !== undefined) return underWay;
    const look = inspect(database, role).finally(() => looking.delete(key));
    looking.set(key, look);
    return look;
  };

  const problemsOf = async (principal: P | undefined, correlationId: string) => {
    if (draining()) return ["The server is being stopped."];
    let store: Store | undefined;
    const look = async () => {
      const database = await databases.whose(principal);
      store = database?.store;
      return database === undefined ? [] : shared(database, inspectedRole(config, principal));
    };
    try {
      return await withinMs(inspectionMs, look());
    } catch (error) {
      const remedy = withRemedy(error, "ready", store);
      emit({ type: "error", correlationId, during: "ready", error, outcome: "ignored", ...remedy });
      return [problemOf(error, store)];
    }
  };

  return async (principal): Promise<Readiness> => {
    const correlationId = crypto.randomUUID();
    const problems = await problemsOf(principal, correlationId);
    if (problems.length === 0) return { ready: true };
    emit({ type: "not_ready", correlationId, problems });
    return { ready: false, problems };
  };
}

/** Tables that are missing are one problem with one remedy: usually all of them are. */
function ownProblems(own: readonly OwnTableProblem[]): readonly string[] {
  const missing = own.flatMap((problem) => problem.missing ?? []);
  const others = own.filter((problem) => problem.missing === undefined);
  return [
    ...(missing.length === 0 ? [] : [ownTablesMissing(missing)]),
    ...others.map(({ message }) => message),
  ];
}

/** Which of the library's own tables a configuration uses. */
export function usedTables<P extends Principal, DB>({
  ledger,
  parking,
  checkpoints,
  tables,
}: WritesConfig<P, DB>): OwnTablesUsed {
  return {
    ledger: ledger !== false,
    versions: countsVersions(tables),
    attempts: parking !== false,
    checkpoints: checkpoints === true,
  };
}

function inspectedRole<P extends Principal, DB>(
  { rls }: WritesConfig<P, DB>,
  principal: P | undefined,
): RoleName {
  if (typeof rls?.role === "function" && principal === undefined) return "unknown";
  const name = rls && (principal === undefined ? rls.role : roleOf(rls, principal));
  return typeof name === "string" ? { name } : "login";
}

/** The problem in the library's own words. The driver's text is only in the event. */
function problemOf(error: unknown, store: Store | undefined): string {
  if (error instanceof UnsuitableTable) return error.message;
  switch (store?.meaning(error)) {
    case "schema":
      return "The library's own tables are missing. Remedy: run createTables(database).";
    case "permission":
      return "The login role may not use the library's own tables, or a schema that a rule names. Remedy: grant it usage of the schema, and select, insert, update and delete on the tables.";
    default:
      return "The database can't be reached, has not answered in time, or can't be used. The log, and an `error` event, have the reason and, if it is known, the remedy.";
  }
}
