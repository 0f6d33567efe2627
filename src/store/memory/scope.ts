/** Decides whether a row is in a scope: a rule's `owner`, its `scope`, and the rows that it belongs to. */
import { membershipsOf, ownerColumnsOf } from "../conditions.js";
import { InvalidValue } from "../failures.js";
import { ownerValue } from "../owners.js";
import type { StoredRow } from "../store.js";
import type { Column, OwnerKind, Scope } from "../tables.js";
import { columnOf, type Rows, viewRow } from "./rows.js";
import type { Definition, Row } from "./tables.js";
import { convert, type MemoryType, type Stored, view } from "./values.js";

/** The rows of a table, as the transaction sees them right now. */
export type ReadRows = (table: string) => readonly StoredRow[];

/** What a rule's `scope` returns for a memory store. `true`: no restriction. */
export type MemoryScope = true | ((row: StoredRow, rows: ReadRows) => boolean);

/** The first argument of a rule's `scope`. */
export interface MemoryScopeBuilder {
  /**
   * Makes a scope that holds if some row of another table matches.
   *
   * @example
   * scope: ({ exists }, { principal }) =>
   *   exists("members", (member, row) => member.list_id === row.id && member.user_name === principal.userId)
   */
  exists(table: string, matches: (other: StoredRow, row: StoredRow) => boolean): MemoryScope;
}

export const scopeBuilder: MemoryScopeBuilder = {
  exists: (table, matches) => (row, rows) => rows(table).some((other) => matches(other, row)),
};

/** @throws TypeError for an invalid scope, because a missing one must not mean that everybody may write */
export function isInScope(rows: Rows, scope: Scope | undefined, row: Row): boolean {
  if (scope === undefined) return true;
  const table = rows.table(scope.table);
  return (
    ownerHolds(table, scope, row) &&
    conditionHolds(rows, table, scope, row) &&
    expressionHolds(rows, table, scope, row) &&
    scope.parents.every(({ column, table: name, by, optional, scope: further }) => {
      const value = row[column] ?? null;
      if (value === null) return optional;
      const parents = rows.table(name);
      return rows
        .matching(parents, { [by]: asStored(parents, by, value) })
        .some(([, parent]) => isInScope(rows, further, parent));
    })
  );
}

function ownerHolds(table: Definition, { owner }: Scope, row: Row): boolean {
  if (owner === undefined) return true;
  const column = columnOf(table, owner.column);
  const value = row[owner.column] ?? null;
  return value === ownerOf(table, column, owner.userId);
}

function conditionHolds(rows: Rows, table: Definition, scope: Scope, row: Row): boolean {
  if (scope.condition === undefined) return true;
  const { holds, userId } = scope.condition;
  if ("anyOf" in holds) {
    return holds.anyOf.some((each) =>
      conditionHolds(rows, table, { ...scope, condition: { holds: each, userId } }, row),
    );
  }
  if ("isOwner" in holds)
    return ownerHolds(table, { ...scope, owner: { column: holds.isOwner, userId } }, row);
  const { table: name, row: refers, user, by } = holds.isMember;
  const members = rows.table(name);
  const value = row[by] ?? null;
  if (value === null) return false;
  const id = ownerOf(members, columnOf(members, user), userId);
  return rows
    .matching(members, { [refers]: asStored(members, refers, value) })
    .some(([, member]) => member[user] === id);
}

/** @throws ServerValue if an owner column, including those of parents and members, can't hold the caller's id */
export function checkOwners(rows: Rows, scope: Scope | undefined): void {
  if (scope === undefined) return;
  const { owner, condition, parents } = scope;
  const table = rows.table(scope.table);
  if (owner !== undefined) ownerOf(table, columnOf(table, owner.column), owner.userId);
  if (condition !== undefined) {
    const { holds, userId } = condition;
    for (const column of ownerColumnsOf(holds)) ownerOf(table, columnOf(table, column), userId);
    for (const { table: name, user } of membershipsOf(holds)) {
      const members = rows.table(name);
      ownerOf(members, columnOf(members, user), userId);
    }
  }
  for (const parent of parents) checkOwners(rows, parent.scope);
}

function ownerOf({ name: table }: Definition, column: Column, userId: string): unknown {
  return ownerValue({ convert, view }, ownerKind(column), { table, column, userId });
}

const ownerKinds: Readonly<Partial<Record<MemoryType, OwnerKind>>> = {
  text: "text",
  integer: "number",
  bigint: "number",
  decimal: "number",
  float: "number",
  uuid: "uuid",
  date: "date",
};

export function ownerKind({ type, array }: Column): OwnerKind | undefined {
  return array ? undefined : ownerKinds[type as MemoryType];
}

/** `undefined`: no row can have this value. */
function asStored(table: Definition, column: string, value: unknown): Stored | undefined {
  try {
    return convert(columnOf(table, column), value, false, true);
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}

function expressionHolds(rows: Rows, table: Definition, { expression }: Scope, row: Row): boolean {
  if (expression === undefined || expression === true) return true;
  checkExpression(table.name, expression);
  const read: ReadRows = (name) => {
    const other = rows.table(name);
    return rows.matching(other, {}).map(([, each]) => viewRow(other, each));
  };
  const verdict: unknown = expression(viewRow(table, row), read);
  if (typeof verdict === "boolean") return verdict;
  throw new TypeError(`The scope of ${table.name} must give true or false.`);
}

type ScopeFunction = Exclude<MemoryScope, true>;

function checkExpression(table: string, given: unknown): asserts given is ScopeFunction {
  if (typeof given === "function") return;
  throw new TypeError(`The scope of ${table} must be a function of the row, or true.`);
}

/** Checks, without reading rows, that the tables and columns of a scope exist and that its expression is valid. Throws if not. */
export function checkScope(rows: Rows, scope: Scope): void {
  const { table: name, owner, condition, expression, parents } = scope;
  const table = rows.table(name);
  const members = condition === undefined ? [] : membershipsOf(condition.holds);
  for (const member of members) {
    columnOf(table, member.by);
    for (const column of [member.row, member.user]) columnOf(rows.table(member.table), column);
  }
  const owners = condition === undefined ? [] : ownerColumnsOf(condition.holds);
  for (const column of owners) columnOf(table, column);
  if (expression !== undefined && expression !== true) checkExpression(name, expression);
  const columns = [...(owner ? [owner.column] : []), ...parents.map(({ column }) => column)];
  for (const column of columns) columnOf(table, column);
  for (const parent of parents) {
    columnOf(rows.table(parent.table), parent.by);
    if (parent.scope !== undefined) checkScope(rows, parent.scope);
  }
}
