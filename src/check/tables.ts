/** Reads what the database says of the tables that the rules name. */
import type { Transaction } from "kysely";
import type { Principal } from "../pipeline/layers.js";
import type { Mismatch } from "./types.js";
import type { Own, OwnTable, OwnTables } from "../sql/tables.js";
import { type Connection, UnsuitableTable } from "../sql/dialect.js";
import { dialectOf } from "../sql/dialects.js";
import { comparedExactly } from "../sql/scope.js";
import { sourceTable, type TableSchema, toSchema } from "../sql/schema.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import { type Found, mismatch, tableMissing } from "./database.js";

/** What has been read, once for each table by the name that the rules have for it. */
interface Reading {
  readonly own: readonly Mismatch[];
  /** By rule. */
  readonly tables: ReadonlyMap<string, Found | Mismatch>;
  /** Of tables that columns refer to by `references`. */
  readonly schemas: ReadonlyMap<string, TableSchema | undefined>;
}

export async function readTables<P extends Principal, DB>(
  transaction: Transaction<DB>,
  rules: Rules<P, DB>,
  own: Own,
): Promise<Reading> {
  const tx = transaction as unknown as Connection;
  const tables = new Map<string, Found | Mismatch>();
  const schemas = new Map<string, TableSchema | undefined>();
  for (const rule of rules.values()) {
    tables.set(rule.name, await readTable(tx, rule));
    for (const { references } of rule.clientColumns?.values() ?? []) {
      if (references === undefined || schemas.has(references.table)) continue;
      schemas.set(references.table, await readSchema(tx, references.table));
    }
  }
  return { own: await ownTables(transaction, own), tables, schemas };
}

async function readTable<P extends Principal, DB>(
  tx: Connection,
  rule: Rule<P, DB>,
): Promise<Found | Mismatch> {
  const { readConstraints } = dialectOf(tx);
  try {
    const schema = await readSchema(tx, rule.table);
    if (schema === undefined) return tableMissing(rule);
    const constraints = await readConstraints(tx, schema.source);
    const owner = rule.owner === undefined ? undefined : schema.columns.get(rule.owner);
    const exactOwner = owner !== undefined && comparedExactly(tx, owner);
    return { schema, constraints, exactOwner };
  } catch (error) {
    if (!(error instanceof UnsuitableTable)) throw error;
    return mismatch("error", "table_unsuitable", rule.name, undefined, error.message);
  }
}

async function readSchema(tx: Connection, table: string): Promise<TableSchema | undefined> {
  const source = sourceTable(tx, table);
  const columns = await dialectOf(tx).readColumns(tx, source);
  return columns.length === 0 ? undefined : toSchema(source, columns);
}

/** What each got last, so that tables of an earlier version are known by its absence. */
const newest: readonly [OwnTable, string][] = [
  ["powersync_ledger", "request" satisfies keyof OwnTables["powersync_ledger"]],
  ["powersync_dead_letters", "closed_at" satisfies keyof OwnTables["powersync_dead_letters"]],
];

async function ownTables<DB>(tx: Transaction<DB>, own: Own): Promise<readonly Mismatch[]> {
  const missing: Mismatch[] = [];
  const on = own.on(tx) as unknown as Connection;
  for (const [table, column] of newest) {
    const columns = await dialectOf(on).readColumns(on, sourceTable(on, table));
    if (columns.some(({ name }) => name === column)) continue;
    const what = columns.length === 0 ? "is missing" : "is of an earlier version";
    const message = `The library's own table "${own.nameOf(table)}" ${what}: run createTables. Until then writes wait on the device.`;
    missing.push({ severity: "error", code: "own_tables_missing", table, message });
  }
  return missing;
}

// One rule, held against the other tables that it refers to.
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
