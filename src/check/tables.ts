/** What the database says of the tables that the rules name, and each rule held against the other tables that it refers to. */
import type { Principal } from "../context.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import { UnsuitableTable } from "../store/failures.js";
import type { InspectedTable, OwnTablesUsed } from "../store/inspect.js";
import type { Unit } from "../store/store.js";
import { mismatch, tableMissing } from "./database.js";
import type { Mismatch } from "./types.js";

/** A rule's table as it is. */
export type Found = InspectedTable;

interface Reading {
  readonly own: readonly Mismatch[];
  /** By rule. */
  readonly tables: ReadonlyMap<string, Found | Mismatch>;
  /** Tables that columns refer to by `references`. */
  readonly referenced: ReadonlyMap<string, InspectedTable | undefined>;
}

export async function readTables<P extends Principal, DB>(
  unit: Unit,
  rules: Rules<P, DB>,
  used: OwnTablesUsed,
): Promise<Reading> {
  const tables = new Map<string, Found | Mismatch>();
  const referenced = new Map<string, InspectedTable | undefined>();
  for (const rule of rules.values()) {
    tables.set(rule.name, await readTable(unit, rule));
    for (const { references } of rule.clientColumns?.values() ?? []) {
      if (references === undefined || referenced.has(references.table)) continue;
      referenced.set(references.table, await unit.inspect.table(references.table));
    }
  }
  const own = (await unit.inspect.ownTables(used)).map(({ table, message }): Mismatch => ({
    severity: "error",
    code: "own_tables_missing",
    table,
    message,
  }));
  return { own, tables, referenced };
}

async function readTable<P extends Principal, DB>(
  unit: Unit,
  rule: Rule<P, DB>,
): Promise<Found | Mismatch> {
  try {
    return (await unit.inspect.table(rule.table)) ?? tableMissing(rule);
  } catch (error) {
    if (!(error instanceof UnsuitableTable)) throw error;
    return mismatch("error", "table_unsuitable", rule.name, undefined, error.message);
  }
}

/** @param referenced the tables that `references` names */
export function* againstOthers<P extends Principal, DB>(
  { name, parents, clientColumns }: Rule<P, DB>,
  tables: ReadonlyMap<string, Found>,
  referenced: ReadonlyMap<string, InspectedTable | undefined>,
): Iterable<Mismatch> {
  for (const { column, rule, by } of parents) {
    // Where the table or its key is missing, its own rule has said so.
    const columns = tables.get(rule.name)?.columns;
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
    const found = referenced.get(table);
    if (found === undefined) {
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
      if (found.columns.has(column)) continue;
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
