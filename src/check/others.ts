/** One rule, held against the other tables that it refers to. */
import type { Principal } from "../layer.js";
import type { Mismatch } from "./mismatch.js";
import type { TableSchema } from "../persist/schema.js";
import type { Rule } from "../rules.js";
import { type Found, mismatch } from "./database.js";

/** @param schemas of the tables that `references` names */
export function* againstOthers<P extends Principal, DB>(
  { name, parents, clientColumns }: Rule<P, DB>,
  found: ReadonlyMap<string, Found>,
  schemas: ReadonlyMap<string, TableSchema | undefined>,
): Iterable<Mismatch> {
  for (const { column, rule, by } of parents) {
    // Where the table or its key is missing, its own rule has said so.
    const columns = found.get(rule.name)?.schema.columns;
    if (columns === undefined || columns.has(by) || rule.key.columns.includes(by)) continue;
    yield mismatch(
      "error",
      "column_missing",
      name,
      column,
      `belongsTo.${column} refers to "${rule.table}" by "${by}", a column that it does not have.`,
    );
  }
  for (const [client, { references }] of clientColumns ?? []) {
    if (references === undefined) continue;
    const { table, match, take } = references;
    const schema = schemas.get(table);
    if (schema === undefined) {
      yield mismatch(
        "error",
        "table_missing",
        name,
        client,
        `columns.${client} refers to the table "${table}", which the database does not have.`,
      );
      continue;
    }
    for (const column of new Set([match, take])) {
      if (schema.columns.has(column)) continue;
      yield mismatch(
        "error",
        "column_missing",
        name,
        client,
        `columns.${client} refers to "${table}" by "${column}", a column that it does not have.`,
      );
    }
  }
}
