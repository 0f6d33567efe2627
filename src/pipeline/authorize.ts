/** The default `authorize`: checks the rule's operations, then the rule's `authorize`, then the global one. `persist` enforces the scope, in its statement. */
import type { WritesConfig } from "../config/config.js";
import { fatal, ofApplication } from "../errors.js";
import type { Principal } from "../context.js";
import type { Convert } from "./convert.js";
import type { LayerFunction, Layers } from "./layers.js";
import { refuseFalse } from "./returned.js";
import type { Rules } from "./rules.js";
import { stateOf } from "./operation.js";
import type { Write } from "../model.js";

/** Throws fatal UNKNOWN_TABLE, fatal FORBIDDEN_OPERATION, or what the checks throw. */
export function authorizer<P extends Principal, DB>(
  rules: Rules<P, DB>,
  added: WritesConfig<P, DB>["authorize"],
  convert: Convert,
): LayerFunction<Layers<P, DB>["authorize"]> {
  return (write, context) => {
    const rule = rules.get(write.table);
    if (rule === undefined) {
      throw fatal("UNKNOWN_TABLE", "The table is not writable here.");
    }
    if (!rule.operations.has(write.op)) {
      throw fatal("FORBIDDEN_OPERATION", `${write.op} is not allowed on this table.`);
    }
    const { authorize } = rule;
    if (authorize === undefined && added === undefined) return approved(write);
    const state = stateOf(context);
    state.row = { table: write.table, id: write.id };
    // Converts the values that a hook has set since `map`.
    return (async () => {
      const judged = await convert.write(write, rule, context, state, "pass");
      if (authorize !== undefined) {
        const said: unknown = await ofApplication(() => authorize(judged, context));
        refuseFalse(`tables.${write.table}.authorize`, said);
      }
      if (added !== undefined) {
        const said: unknown = await ofApplication(() => added(judged, context));
        refuseFalse("authorize", said);
      }
      return approved(judged);
    })();
  };
}

/** Frozen, so that an approved write can't change in place: a hook that wants other values has to return another write. */
function approved(write: Write): Write {
  Object.freeze(write.values);
  return Object.freeze(write);
}

/** @throws Error if a hook has changed the table, the row or the operation of an approved write */
export function sameRow(approved: Write, replaced: Write): void {
  if (
    approved.op !== replaced.op ||
    approved.table !== replaced.table ||
    approved.id !== replaced.id
  ) {
    throw new Error(
      "A hook after the authorization changed the table, the id or the operation of a write.",
    );
  }
}
