/** Whether the write path may serve: for the route that a load balancer asks. */
import type { WritesConfig } from "../config.js";
import type { Principal } from "../context.js";
import type { Emit } from "../events.js";
import { countsVersions } from "../pipeline/conflict-columns.js";
import type { Database, Databases } from "../process/call.js";
import { inspectionMs, inspectionTimeouts, type InspectPolicies } from "../rls/gate.js";
import { withinMs } from "../store/deadline.js";
import { roleOf } from "../rls/rls.js";
import type { InspectedRole, OwnTablesUsed } from "../store/tables.js";
import { noDeferral } from "../store/failures.js";
import type { Store } from "../store/store.js";
import type { Limits } from "../wire/limits.js";
import type { Readiness, Writes } from "../writes.js";

interface ReadyParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
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
  limits,
  databases,
  inspectPolicies,
  draining,
  emit,
}: ReadyParts<P, DB>): Writes<P>["ready"] {
  const used = usedTables(config);

  const inspect = async (
    { store, memory }: Database,
    role: RoleName,
  ): Promise<readonly string[]> => {
    if (config.deferConstraints === true && store.deferral !== true)
      return [noDeferral(store).message];
    const { own, settings } = await store.unit(
      { isolation: "plain", readOnly: true, timeouts: inspectionTimeouts },
      async (unit) => ({
        own: await unit.inspect.ownTables(used),
        // Once is enough: nobody is refused for it.
        settings: memory.warned ? [] : await unit.inspect.settings(limits),
      }),
    );
    memory.warned = true;
    if (settings.length > 0) {
      const problems = settings.map(({ message }) => message);
      emit({ type: "unsafe_settings", correlationId: crypto.randomUUID(), problems });
    }
    if (own.length > 0) return own.map(({ message }) => message);
    return inspectPolicies === undefined ? [] : (await inspectPolicies(store, role)).problems;
  };

  /** One at a time: however often somebody asks, it takes one connection, and one that hangs is not followed by others. */
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
      emit({ type: "error", correlationId, during: "ready", error, outcome: "ignored" });
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

/** In words of the library's own; the driver's are in the event. */
function problemOf(error: unknown, store: Store | undefined): string {
  switch (store?.meaning(error)) {
    case "schema":
      return "The library's own tables are missing. Remedy: run createTables(database).";
    case "permission":
      return "The login role may not use the library's own tables. Remedy: grant it select, insert, update and delete on them.";
    default:
      return "The database can't be reached, has not answered in time, or can't be used; an event has the reason.";
  }
}
