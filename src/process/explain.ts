/** Explains a failure: names the columns that a refusal of the database is about, and tells the operator the remedy, if one is known. */
import type { Principal } from "../context.js";
import { isFatal, origin } from "../errors.js";
import { aboutColumns, clientName } from "../pipeline/column-messages.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import { type Blamed, RowTaken } from "../store/failures.js";
import type { Change, Store } from "../store/store.js";
import type { Failure } from "./attempt.js";
import type { Verdict } from "./classify.js";
import type { ErrorEvent } from "../events/events.js";

const plainBlame: Blamed = { columns: [] };

/** Adds to a verdict the columns that the database blames. The database's own names are in `about`, which no client gets. */
export function withColumns<P extends Principal, DB>(
  verdict: Verdict,
  { error, refused, during }: Pick<Failure, "error" | "refused" | "during">,
  store: Store,
  rules: Rules<P, DB>,
): Verdict {
  if (verdict.outcome !== "fatal" || isFatal(error)) return verdict;
  if (refused === undefined && during !== "commit") return verdict;
  const blamed =
    refused === undefined
      ? (store.blamed?.(error, undefined) ?? plainBlame)
      : blamedOf(error, refused.change, store, verdict.errorCode);
  const table = refused?.change.table;
  const rule = refused === undefined ? ruleOf(blamed, rules) : rules.get(refused.table);
  const names = blamed.columns.flatMap(
    (name) => (rule && clientName(rule, name, table?.columns.get(name))) ?? [],
  );
  const about = { ...blamed, table: table?.name ?? blamed.table ?? "" };
  if (verdict.errorCode === "FOREIGN_KEY_VIOLATION") {
    if (blamed.referred)
      return { ...verdict, message: "Other rows still refer to this row.", about };
    if (names.length === 1)
      return {
        ...verdict,
        ...aboutColumns(names, "The row that it refers to does not exist."),
        about,
      };
  }
  return { ...verdict, ...aboutColumns(names, verdict.message), about };
}

/** The only rule for a table, if there is just one: a constraint that was deferred to COMMIT does not say which operation broke it. */
function ruleOf<P extends Principal, DB>(
  { table }: Blamed,
  rules: Rules<P, DB>,
): Rule<P, DB> | undefined {
  const [rule, another] = [...rules.values()].filter(
    (each) => each.table.slice(each.table.lastIndexOf(".") + 1) === table,
  );
  return another === undefined ? rule : undefined;
}

function blamedOf(error: unknown, change: Change, store: Store, code: string): Blamed {
  const { table, key, values } = change;
  if (error instanceof RowTaken) return { columns: Object.keys(key) };
  const blamed = store.blamed?.(error, table) ?? plainBlame;
  if (code !== "INVALID_DATA" || blamed.columns.length > 0) return blamed;
  // The library checks values before it sends them, except for types that only the database knows. If there is one such value, it is to blame.
  const unsure = Object.entries({ ...values, ...key }).filter(([name, value]) => {
    const column = table.columns.get(name);
    return column !== undefined && value !== null && store.isSure?.(column, value) === false;
  });
  return unsure.length === 1 ? { ...blamed, columns: unsure.map(([name]) => name) } : blamed;
}

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
