/** What to do about a failure that the operator has to mend, where it is known. */
import type { ErrorEvent } from "../events.js";
import type { Store } from "../store/store.js";

/** What the application's own statements are sent in. */
const ofData: readonly ErrorEvent["during"][] = ["map", "authorize", "persist", "commit"];

const ownTables =
  "run createTables(database) for the library's own tables; writes wait on the device until then";
const ownGrants =
  "grant the login role select, insert, update and delete on the library's own tables (powersync_…)";

/** To be spread into an event. */
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
        ? "bring the database and the rules together (a migration that has not run, a name in a rule or a hook); writes.check() says where they differ"
        : ownTables;
    case "permission":
      return isOfData
        ? `grant the login role what it lacks on ${place}; writes.check() says what that is`
        : ownGrants;
    case "exhausted":
      return "make the column that the database numbers larger, or reset its sequence";
    case "outage":
      return "see that the database runs, can be reached from here, and takes writes";
    default:
      return undefined;
  }
}
