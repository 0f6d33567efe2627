/** What a refusal of the database's is about: the client's names of the columns for the client, the database's own for the operator. */
import type { Principal } from "../context.js";
import { isFatal } from "../errors.js";
import { aboutColumns, clientName } from "../pipeline/client-names.js";
import type { Rules } from "../pipeline/rules.js";
import { type Blamed, RowTaken } from "../store/failures.js";
import type { Change, Store } from "../store/store.js";
import type { Failure } from "./attempted.js";
import type { Verdict } from "./classify.js";

const plainBlame: Blamed = { columns: [] };

/** The verdict with the columns that the database tells. What only the database knows is in `about`, which no client gets. */
export function named<P extends Principal, DB>(
  verdict: Verdict,
  { error, refused }: Pick<Failure, "error" | "refused">,
  store: Store,
  rules: Rules<P, DB>,
): Verdict {
  if (verdict.outcome !== "fatal" || refused === undefined || isFatal(error)) return verdict;
  const { change, table: client } = refused;
  const { table } = change;
  const told = blamedOf(error, change, store, verdict.errorCode);
  const rule = rules.get(client);
  const names = told.columns.flatMap(
    (name) => (rule && clientName(rule, name, table.columns.get(name))) ?? [],
  );
  const about = { table: table.name, ...told };
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

function blamedOf(error: unknown, change: Change, store: Store, code: string): Blamed {
  const { table, key, values } = change;
  if (error instanceof RowTaken) return { columns: Object.keys(key) };
  const told = store.blamed?.(error, table) ?? plainBlame;
  if (code !== "INVALID_DATA" || told.columns.length > 0) return told;
  // Where the database alone knows what fits a type, and there is one value of such a type, it is that one.
  const unsure = Object.entries({ ...values, ...key }).filter(([name, value]) => {
    const column = table.columns.get(name);
    return column !== undefined && value !== null && store.isSure?.(column, value) === false;
  });
  return unsure.length === 1 ? { ...told, columns: unsure.map(([name]) => name) } : told;
}
