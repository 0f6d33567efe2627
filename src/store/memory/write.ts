/** Changes of rows, each judged before and after: `Unit.write`. */
import { Contention } from "../failures.js";
import type { Change, Effect, Values } from "../store.js";
import type { Rows } from "./rows.js";
import { isInScope } from "./scope.js";
import type { Row } from "./tables.js";

/** @throws MemoryError for what the table does not take, Contention where a row is there of which somebody relies on it that it is not */
export function writeChange(rows: Rows, change: Change): Effect {
  const { op, key, values, scope } = change;
  const table = rows.table(change.table.name);
  const found = rows.find(table, key);
  const judged = (row: Row): Effect => (isInScope(rows, scope, row) ? "written" : "left");
  if (found === undefined) {
    if (op !== "PUT") return "absent";
    return judged(rows.insert(table, { ...values, ...key }));
  }
  if (change.seenAbsent === true) {
    throw new Contention("The row was not there when context.stored() was asked, and now it is.");
  }
  if (!isInScope(rows, scope, found[1])) return "foreign";
  switch (op) {
    case "PUT":
      return judged(rows.update(table, found, without(values, change.insertOnly)));
    case "PATCH":
      return judged(rows.update(table, found, values));
    case "DELETE":
      // A soft delete may leave the scope.
      if (Object.keys(values).length > 0) rows.update(table, found, values);
      else rows.remove(table, found);
      return "written";
  }
}

function without(values: Values, names: readonly string[] = []): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}
