/** Whether the client's schema tracks the values that a rule's `conflict` needs. Without them, every write would be CONFLICT_BASE_MISSING. */
import type { Principal } from "../context.js";
import { answerName } from "../pipeline/column-messages.js";
import type { Conflict } from "../pipeline/conflict/compile.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import { sendable } from "./declared.js";
import { type ClientSchema, type SyncedTable, syncedTables } from "./client-schema.js";

interface Untracked {
  readonly column?: string;
  /** The problem, with its remedy. */
  readonly message: string;
}

/** @throws TypeError for the first strategy whose values are not tracked */
export function refuseUntracked<P extends Principal, DB>(
  rules: Rules<P, DB>,
  schema: ClientSchema,
): void {
  for (const table of syncedTables(schema, "schema")) {
    const rule = rules.get(table.name);
    const [first] = rule === undefined ? [] : untracked(rule, table);
    if (first !== undefined) throw new TypeError(`tables.${table.name}: ${first.message}`);
  }
}

export function* untracked<P extends Principal, DB>(
  rule: Rule<P, DB>,
  table: SyncedTable,
): Iterable<Untracked> {
  const { conflict } = rule;
  // Rows of an insert-only table are never changed, so there are no conflicts.
  if (conflict === undefined || table.insertOnly) return;
  const { tracked } = table;
  for (const [strategy, columns, always] of needed(rule, conflict, table)) {
    if (columns.length === 0) continue;
    const example = `new Table({ … }, { trackPrevious: ${strategy === "changed" ? "true" : `{ columns: ${JSON.stringify(columns)} }`} })`;
    const lacking = columns.filter((column) => tracked?.columns?.includes(column) === false);
    if (tracked === undefined || lacking.length > 0) {
      const [column] = tracked === undefined ? columns : lacking;
      yield {
        ...(column !== undefined && { column }),
        message: `conflict.${strategy} needs the value of "${column ?? ""}" before a change, which the client's table does not track. Track it in the client's schema: ${example}.`,
      };
    } else if (always && tracked.onlyWhenChanged === true) {
      const [column] = columns;
      yield {
        ...(column !== undefined && { column }),
        message: `conflict.${strategy} needs the previous values of columns that have not changed, which the client's table does not send. Remove onlyWhenChanged from its trackPrevious: ${example}.`,
      };
    }
  }
}

/** By strategy: the client's columns, and whether they are needed even if they have not changed. */
function needed<P extends Principal, DB>(
  rule: Rule<P, DB>,
  { version, added, changed, merging }: Conflict<P, DB>,
  { columns }: SyncedTable,
): readonly (readonly [strategy: string, columns: readonly string[], always: boolean])[] {
  const own = columns
    .map(({ name }) => [name, rule.clientColumns?.get(name)?.column ?? name] as const)
    .filter(([, column]) => sendable(rule, column) && !merging.has(column))
    .map(([name]) => name);
  return [
    ["version", version === undefined ? [] : [answerName(version, rule)], true],
    ["add", [...added.keys()].map((column) => answerName(column, rule)), false],
    ["changed", changed === undefined ? [] : own, changed === "reject"],
  ];
}
