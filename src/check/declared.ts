/** The tables and columns that the rules name, with the options that name them, and the messages for those that are missing. */
import { nearestTo } from "../config/nearest.js";
import type { Principal } from "../context.js";
import { membershipsIn, type Rule, type Rules } from "../pipeline/rules.js";
import { type Membership, ownerColumnsOf } from "../store/conditions.js";
import type { Mismatch } from "./mismatch.js";

export function tableMissing<P extends Principal, DB>({ name, table }: Rule<P, DB>): Mismatch {
  const message = `tables.${name}: the database has no table "${table}" that this login role can see. Create it, give its name in "table", or grant the role access to it.`;
  return { severity: "error", code: "table_missing", table: name, message };
}

export function keyMissing(table: string, column: string): string {
  return `"${table}" has no column "${column}", which should hold the client's row id. Name the key's column in "id", or a list of columns.`;
}

/** @param known the columns that the table has */
export function columnMissing(
  table: string,
  column: string,
  by: string,
  known: Iterable<string>,
): string {
  const near = nearestTo(column, [...known]);
  const remedy =
    near === undefined ? "Create it," : `Did you mean "${near}"? If not, create the column,`;
  return `"${table}" has no column "${column}", which ${by} names. ${remedy} or remove it from the rule. Until then, writes wait on the device.`;
}

interface Use {
  /** The place in the rule. */
  readonly by: string;
  readonly writes: boolean;
  /** Whether clients' values are written to it. */
  readonly sent?: true;
}

/** By column, the part of the rule that names it. */
export function usesOf<P extends Principal, DB>(
  rule: Rule<P, DB>,
): ReadonlyMap<string, [Use, ...Use[]]> {
  const uses = new Map<string, [Use, ...Use[]]>();
  const add = (column: string, by: string, writes: boolean, sent?: true): void => {
    const use = { by, writes, ...(sent && { sent }) };
    const known = uses.get(column);
    if (known === undefined) uses.set(column, [use]);
    else known.push(use);
  };
  for (const [client, { column, readOnly }] of rule.clientColumns ?? []) {
    // A column that is never written need not exist.
    if (readOnly === undefined) add(column, `columns.${client}`, true, true);
  }
  for (const column of rule.serverColumns.keys()) add(column, `set.${column}`, true);
  for (const column of rule.insertColumns.keys()) add(column, `setOnInsert.${column}`, true);
  for (const column of rule.insertOnly.keys()) add(column, "insertOnly", false);
  for (const column of rule.softDelete?.keys() ?? []) add(column, `delete.set.${column}`, true);
  const { merging = [], version, readable = [] } = rule.conflict ?? {};
  for (const column of merging) add(column, "conflict", column === version);
  for (const column of readable) add(column, "conflict.readable", false);
  for (const column of ownerColumns(rule)) add(column, namedBy(rule, column), false);
  for (const { column } of rule.parents) add(column, `belongsTo.${column}`, false);
  for (const { by } of membershipsIn(rule))
    if (!rule.key.columns.includes(by)) add(by, "scope.isMember.by", false);
  return uses;
}

/** The columns that a rule compares with the caller's id, by the source database's names. */
export function ownerColumns<P extends Principal, DB>({
  owner,
  condition,
}: Rule<P, DB>): ReadonlySet<string> {
  return new Set([
    ...(owner === undefined ? [] : [owner]),
    ...(condition === undefined ? [] : ownerColumnsOf(condition)),
  ]);
}

/** The option that names the column. */
export function namedBy<P extends Principal, DB>({ owner }: Rule<P, DB>, column: string): string {
  return column === owner ? "owner" : "scope.isOwner";
}

/** Whether clients may send the column. */
export function sendable<P extends Principal, DB>(rule: Rule<P, DB>, column: string): boolean {
  if (rule.serverColumns.has(column) || rule.insertColumns.has(column)) return false;
  if (rule.clientColumns === undefined) return rule.softDelete?.has(column) !== true;
  return [...rule.clientColumns.values()].some(
    (each) => each.column === column && each.readOnly === undefined,
  );
}

/** The columns of the members' table, each with the option that names it. */
export function memberUses({
  row,
  user,
  where,
}: Membership): readonly (readonly [column: string, by: string])[] {
  return [
    [row, "scope.isMember.row"],
    [user, "scope.isMember.user"],
    ...where.map(({ column }) => [column, `scope.isMember.where.${column}`] as const),
  ];
}

/** A column that must exist. */
interface Declared {
  readonly table: string;
  readonly column: string;
  /** The message if it does not exist, with the remedy. `known`: the columns that the table has. */
  message(known: Iterable<string>): string;
}

/** Everything that the rules name, each rule's table first. */
export interface DeclaredParts {
  readonly tables: readonly { readonly table: string; readonly message: string }[];
  readonly columns: readonly Declared[];
}

export function declaredParts<P extends Principal, DB>(rules: Rules<P, DB>): DeclaredParts {
  const tables = new Map<string, string>();
  const columns: Declared[] = [];
  const referred: { readonly table: string; readonly message: string }[] = [];
  for (const rule of rules.values()) {
    const { name, table, key, parents } = rule;
    const say = (message: string) => `tables.${name}: ${message}`;
    const named = (place: string, column: string, by: string) =>
      columns.push({
        table: place,
        column,
        message: (known) => say(columnMissing(place, column, by, known)),
      });
    if (!tables.has(table)) tables.set(table, tableMissing(rule).message);
    for (const column of key.columns)
      columns.push({ table, column, message: () => say(keyMissing(table, column)) });
    for (const [column, [{ by }]] of usesOf(rule)) named(table, column, by);
    for (const { column, rule: parent, by } of parents)
      named(parent.table, by, `belongsTo.${column}`);
    for (const membership of membershipsIn(rule)) {
      const { table: members } = membership;
      const message = `scope.isMember names the table "${members}", which the database does not have. Create it, or correct the name.`;
      referred.push({ table: members, message: say(message) });
      for (const [column, by] of memberUses(membership)) named(members, column, by);
    }
    const record = rule.conflict?.record;
    if (record !== undefined) {
      const message = `conflict.record names the table "${record}", which the database does not have. Create it, or correct the name.`;
      referred.push({ table: record, message: say(message) });
    }
    for (const [client, { references }] of rule.clientColumns ?? []) {
      if (references === undefined) continue;
      const message = `columns.${client} refers to the table "${references.table}", which the database does not have. Create it, or correct the name.`;
      referred.push({ table: references.table, message: say(message) });
      for (const column of new Set([references.match, references.take]))
        named(references.table, column, `columns.${client}`);
    }
  }
  for (const { table, message } of referred) if (!tables.has(table)) tables.set(table, message);
  return { tables: [...tables].map(([table, message]) => ({ table, message })), columns };
}

/** What is missing, with one message for each table and column. @param found the columns of each of `tables`; empty: there is no such table */
export function missingParts(
  { tables, columns }: DeclaredParts,
  found: readonly ReadonlySet<string>[],
): readonly string[] {
  const by = new Map(tables.map(({ table }, index) => [table, found[index] ?? new Set<string>()]));
  const absent = tables.filter(({ table }) => by.get(table)?.size === 0);
  const lacking = columns.filter(({ table, column }) => {
    const known = by.get(table);
    return known !== undefined && known.size > 0 && !known.has(column);
  });
  const said = new Map<string, string>();
  for (const { table, column, message } of lacking) {
    const key = `${table}.${column}`;
    if (!said.has(key)) said.set(key, message(by.get(table) ?? []));
  }
  return [...absent.map(({ message }) => message), ...said.values()];
}
