/** Whether the write path may serve: for the route that a load balancer asks. */
import type { Kysely } from "kysely";
import type { WritesConfig } from "../config.js";
import { roleOf } from "../rls/rls.js";
import type { Emit } from "../events.js";
import { inspectionMs, type InspectPolicies } from "../rls/gate.js";
import type { Principal } from "../pipeline/layers.js";
import type { Dialect, Inspected } from "../sql/dialect.js";
import type { Own, OwnTables } from "../sql/tables.js";
import { dialectOf } from "../sql/dialects.js";
import { within } from "../store/deadline.js";
import type { Readiness, Writes } from "../writes.js";

interface ReadyParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly own: Own;
  readonly inspectPolicies: InspectPolicies<DB> | undefined;
  readonly draining: () => boolean;
  readonly emit: Emit;
}

type Role = Inspected["role"];

/** Never rejects. */
export function createReady<P extends Principal, DB>({
  config,
  own,
  inspectPolicies,
  draining,
  emit,
}: ReadyParts<P, DB>): Writes<P>["ready"] {
  const databases = new WeakMap<Kysely<DB>, Map<string, Promise<readonly string[]>>>();

  const inspect = async (database: Kysely<DB>, role: Role): Promise<readonly string[]> => {
    await readOwnTables(own.on(database), config);
    return inspectPolicies === undefined ? [] : (await inspectPolicies(database, role)).problems;
  };

  /** One at a time: however often somebody asks, it takes one connection, and one that hangs is not followed by others. */
  const shared = (database: Kysely<DB>, role: Role): Promise<readonly string[]> => {
    const running = databases.get(database) ?? new Map<string, Promise<readonly string[]>>();
    databases.set(database, running);
    const key = typeof role === "string" ? role : `role ${role.name}`;
    const underWay = running.get(key);
    if (underWay !== undefined) return underWay;
    const looking = inspect(database, role).finally(() => running.delete(key));
    running.set(key, looking);
    return looking;
  };

  const problemsOf = async (principal: P | undefined, correlationId: string) => {
    if (draining()) return ["The server is being stopped."];
    let dialect: Dialect | undefined;
    const look = async () => {
      const database = await databaseFor(config, principal);
      if (database === undefined) return [];
      dialect = dialectOf(database);
      return shared(database, inspectedRole(config, principal));
    };
    try {
      return await within(inspectionMs, look());
    } catch (error) {
      emit({ type: "error", correlationId, during: "ready", error, outcome: "ignored" });
      return [problemOf(error, dialect)];
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

function inspectedRole<P extends Principal, DB>(
  { rls }: WritesConfig<P, DB>,
  principal: P | undefined,
): Role {
  if (typeof rls?.role === "function" && principal === undefined) return "unknown";
  const name = rls && (principal === undefined ? rls.role : roleOf(rls, principal));
  return typeof name === "string" ? { name } : "login";
}

/** `undefined`: there is one for each principal, and none was given. */
async function databaseFor<P extends Principal, DB>(
  { database }: WritesConfig<P, DB>,
  principal: P | undefined,
): Promise<Kysely<DB> | undefined> {
  if (typeof database !== "function") return database;
  return principal === undefined ? undefined : database(principal);
}

/** Nothing has these keys; a database that answers has the tables, and their newest columns. */
async function readOwnTables<P extends Principal, DB>(
  own: Kysely<OwnTables>,
  { ledger, parking, checkpoints }: WritesConfig<P, DB>,
): Promise<void> {
  if (ledger !== false) {
    await own
      .selectFrom("powersync_ledger")
      .select("applied_at")
      .where("identity", "=", "")
      .executeTakeFirst();
  }
  await own
    .selectFrom("powersync_dead_letters")
    .select("closed_at")
    .where("id", "=", "")
    .executeTakeFirst();
  if (parking !== false) {
    await own
      .selectFrom("powersync_attempts")
      .select("attempts")
      .where("content", "=", "")
      .executeTakeFirst();
  }
  if (checkpoints === true) {
    await own
      .selectFrom("powersync_checkpoints")
      .select("client_id")
      .where("id", "=", "")
      .executeTakeFirst();
  }
}

/** In words of the library's own; the driver's are in the event. */
function problemOf(error: unknown, dialect: Dialect | undefined): string {
  switch (dialect?.meaning(error)) {
    case "schema":
      return "The library's own tables are missing, or are those of another version. Mend: run createTables(database).";
    case "permission":
      return "The login role may not use the library's own tables. Mend: grant it select, insert, update and delete on them.";
    default:
      return "The database can't be reached, has not answered in time, or can't be used; an event has the reason.";
  }
}
