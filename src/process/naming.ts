/** Names the columns that a refusal of the database is about: by the client's names for the client, and by the database's names for the operator. */
import type { Principal } from "../context.js";
import { isFatal } from "../errors.js";
import { aboutColumns, clientName } from "../pipeline/client-names.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import { type Blamed, RowTaken } from "../store/failures.js";
import type { Change, Store } from "../store/store.js";
import type { Failure } from "./attempted.js";
import type { Verdict } from "./classify.js";

const plainBlame: Blamed = { columns: [] };

/** Adds to a verdict the columns that the database blames. The database's own names are in `about`, which no client gets. */
export function named<P extends Principal, DB>(
  verdict: Verdict,
  { error, refused, during }: Pick<Failure, "error" | "refused" | "during">,
  store: Store,
  rules: Rules<P, DB>,
): Verdict {
  if (verdict.outcome !== "fatal" || isFatal(error)) return verdict;
  if (refused === undefined && during !== "commit") return verdict;
  const told =
    refused === undefined
      ? (store.blamed?.(error, undefined) ?? plainBlame)
      : blamedOf(error, refused.change, store, verdict.errorCode);
  const table = refused?.change.table;
  const rule = refused === undefined ? ruleOf(told, rules) : rules.get(refused.table);
  const names = told.columns.flatMap(
    (name) => (rule && clientName(rule, name, table?.columns.get(name))) ?? [],
  );
  const about = { ...told, table: table?.name ?? told.table ?? "" };
  if (verdict.errorCode === "FOREIGN_KEY_VIOLATION") {
    if (told.referred) return { ...verdict, message: "Other rows still refer to this row.", about };
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
  const told = store.blamed?.(error, table) ?? plainBlame;
  if (code !== "INVALID_DATA" || told.columns.length > 0) return told;
  // The library checks values before it sends them, except for types that only the database knows. If there is one such value, it is to blame.
  const unsure = Object.entries({ ...values, ...key }).filter(([name, value]) => {
    const column = table.columns.get(name);
    return column !== undefined && value !== null && store.isSure?.(column, value) === false;
  });
  return unsure.length === 1 ? { ...told, columns: unsure.map(([name]) => name) } : told;
}
