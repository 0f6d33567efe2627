/** The columns that the rules of a letter's tables allow, as comment lines for the editor. */
import type { Principal } from "../../context.js";
import type { WritesConfig } from "../../config/config.js";

export function columnHelp(
  tables: readonly string[],
  config: Pick<WritesConfig<Principal, unknown>, "tables">,
): readonly string[] {
  return tables.map((name) => {
    const rule = Object.hasOwn(config.tables, name) ? config.tables[name] : undefined;
    if (rule === undefined) return `${name}: no rule is for this table, so it can't be written.`;
    const { columns, operations } = rule;
    const names = Array.isArray(columns)
      ? (columns as readonly string[])
      : columns === undefined
        ? undefined
        : Object.keys(columns);
    const set = [...Object.keys(rule.set ?? {}), ...Object.keys(rule.setOnInsert ?? {})];
    return [
      `${name}: ${names === undefined ? "every column of the table" : names.join(", ")}`,
      ...(set.length === 0 ? [] : [`set by the server: ${set.join(", ")}`]),
      ...(operations === undefined ? [] : [`operations: ${operations.join(", ")}`]),
    ].join("; ");
  });
}
