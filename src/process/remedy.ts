/** What the operator can do about a failure, if that is known. */
import { origin } from "../errors.js";
import type { ErrorEvent } from "../events/events.js";
import type { Store } from "../store/store.js";

/** The stages in which statements on the application's own tables are sent. */
const ofData: readonly ErrorEvent["during"][] = ["map", "authorize", "persist", "commit"];

const ownTables =
  "run createTables(database) for the library's own tables; writes wait on the device until then";
const ownGrants =
  "grant the login role select, insert, update and delete on the library's own tables (powersync_…)";

/** The remedy as a member to spread into an event. */
export function withRemedy(
  error: unknown,
  during: ErrorEvent["during"],
  store: Pick<Store, "meaning" | "remedy"> | undefined,
  table?: string,
): { readonly remedy?: string } {
  const remedy = store?.remedy?.(error) ?? remedyFor(error, during, store, table);
  return remedy === undefined ? {} : { remedy };
}

function remedyFor(
  error: unknown,
  during: ErrorEvent["during"],
  store: Pick<Store, "meaning"> | undefined,
  table: string | undefined,
): string | undefined {
  const isOfData = ofData.includes(during);
  const place = table === undefined ? "the tables that the rules name" : `"${table}"`;
  switch (store?.meaning(error)) {
    case "schema":
      return isOfData
        ? "make the database and the rules agree (a migration may not have run, or a name in a rule or a hook may be wrong); writes.check() says where they differ"
        : ownTables;
    case "permission":
      return isOfData
        ? `grant the login role what it lacks on ${place}; writes.check() says what that is`
        : ownGrants;
    case "exhausted":
      return "give the column that the database numbers a larger type, or reset its sequence";
    case "outage":
      return "make sure that the database runs, can be reached from here, and accepts writes";
    default:
      return httpErrorRemedy(error, during);
  }
}

const ofHooks: readonly ErrorEvent["during"][] = ["validate", "map", "authorize", "persist"];

/** For an error with which a web framework refuses a request, such as Koa's `ctx.throw(403)` or Nest's `ForbiddenException`: here it refuses nothing. */
export function httpErrorRemedy(error: unknown, during: ErrorEvent["during"]): string | undefined {
  const thrown = origin(error);
  if (!(thrown instanceof Error)) return undefined;
  const { status } = thrown as { readonly status?: unknown };
  if (typeof status !== "number" || status < 400 || status > 499) return undefined;
  if (during === "authenticate") {
    return "to refuse the caller, throw unauthenticated() or forbidden() of powersync-writes; another error is taken for a bug, and answered 503";
  }
  return ofHooks.includes(during)
    ? "to refuse the write, throw fatal(code, message) of powersync-writes; another error is taken for a bug, and the write waits on the device"
    : undefined;
}
