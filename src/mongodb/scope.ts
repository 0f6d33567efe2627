/** Decides whether a document is in a scope: by the rule's `owner`, its `scope`, and the documents that it belongs to. Everything is read from the transaction's snapshot. */
import type { Document, Filter } from "mongodb";
import {
  type Condition,
  type Held,
  memberColumns,
  membershipsOf,
  type NewMember,
  ownerColumnsOf,
} from "../store/conditions.js";
import { InvalidValue } from "../store/failures.js";
import { heldValue, ownerValue } from "../store/owners.js";
import type { Values } from "../store/change.js";
import type { ParentScope, Scope, Table } from "../store/tables.js";
import type { MongoTable } from "./columns.js";
import { columnIn, exactly, filterOf, findOther, type Sending } from "./commands.js";
import { convert, isSame, ownerKind, view } from "./values.js";

/** What a rule's `scope` returns: a filter on the rule's own collection. `true`: no restriction. */
export type MongoScope = true | Filter<Document>;

/** Whether a value is a filter that restricts something. `undefined` in a filter is refused, because the driver would take it for null. */
export function isFilter(given: unknown): given is Filter<Document> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return false;
  const prototype: unknown = Object.getPrototypeOf(given);
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return plain && Object.keys(given).length > 0 && isWhole(given);
}

function isWhole(value: unknown): boolean {
  if (value === undefined || typeof value === "function") return false;
  if (typeof value !== "object" || value === null || "_bsontype" in value) return true;
  return Object.values(value).every(isWhole);
}

/** Adds the scope's expression to a filter, for reading and for writing. */
export function filterIn(scope: Scope | undefined, filter: Filter<Document>): Filter<Document> {
  return scope?.expression === undefined ? filter : { $and: [filter, expressionOf(scope)] };
}

/** @throws TypeError if it is not a filter: an empty scope must not mean that everybody may write */
function expressionOf({ table, expression }: Scope): Filter<Document> {
  if (isFilter(expression)) return expression;
  throw new TypeError(`The scope of ${table} must be a filter that is not empty, or true.`);
}

/** Adds the scope's owner and expression to a filter. */
export function ownedFilter(
  table: Table,
  scope: Scope | undefined,
  filter: Filter<Document>,
): Filter<Document> {
  if (scope?.owner === undefined) return filterIn(scope, filter);
  const column = columnIn(table, scope.owner.column);
  const owned = exactly(column, ownerOf(table, scope.owner.column, scope.owner.userId));
  return filterIn(scope, { $and: [filter, owned] });
}

/** The fields on which the scope depends, without those of its expression. */
export function fieldsOf(table: Table, scope: Scope | undefined): readonly string[] {
  if (scope === undefined) return [];
  const { owner, condition, parents } = scope;
  const columns = [
    ...(owner === undefined ? [] : [owner.column]),
    ...(condition === undefined ? [] : ownerColumnsOf(condition.holds)),
    ...(condition === undefined ? [] : membershipsOf(condition.holds).map(({ by }) => by)),
    ...parents.map(({ column }) => column),
  ];
  return columns.map((name) => columnIn(table, name).field);
}

/** Whether a document satisfies the scope. Its expression is not checked: the document was found by a filter that contains it. */
export async function isInScope(
  sending: Sending,
  table: Table,
  scope: Scope | undefined,
  document: Document,
): Promise<boolean> {
  if (scope === undefined) return true;
  const { owner, condition, parents } = scope;
  if (owner !== undefined && !isOwned(table, owner.column, owner.userId, document)) return false;
  if (condition !== undefined && !(await holds(sending, table, condition, document))) return false;
  for (const parent of parents) {
    const query = await parentQuery(sending, table, parent, document);
    if (query === "unnamed" && parent.optional) continue;
    if (typeof query === "string") return false;
    const { table: collection, filter, fields } = query;
    const found = await findOther(sending, collection, filter, fields);
    if (found === null || !(await isInScope(sending, collection, parent.scope, found)))
      return false;
  }
  return true;
}

/** The query that finds a document's parent. */
export interface ParentQuery {
  readonly table: MongoTable;
  /** The key that the parent must have. */
  readonly key: Values;
  readonly filter: Filter<Document>;
  readonly fields: readonly string[];
}

/** `unnamed`: the document names no parent. `impossible`: it names a value that no document of the parents' collection can have. */
export async function parentQuery(
  sending: Sending,
  table: Table,
  { column, table: name, by, scope }: ParentScope,
  document: Document,
): Promise<ParentQuery | "unnamed" | "impossible"> {
  const value: unknown = document[columnIn(table, column).field] ?? null;
  if (value === null) return "unnamed";
  const parents = await knownTable(sending, name, [by]);
  const sought = soughtIn(parents, by, value);
  if (sought === undefined) return "impossible";
  const key = { [by]: sought };
  const filter = filterIn(scope, filterOf(parents, key));
  return { table: parents, key, filter, fields: fieldsOf(parents, scope) };
}

function isOwned(table: Table, column: string, userId: string, document: Document): boolean {
  const value: unknown = document[columnIn(table, column).field];
  return value !== undefined && isSame(value, ownerOf(table, column, userId));
}

/** The tables in which the condition looks for members. */
export function tablesOf(condition: Condition): readonly string[] {
  return membershipsOf(condition).map(({ table }) => table);
}

async function holds(
  sending: Sending,
  table: Table,
  given: NonNullable<Scope["condition"]>,
  document: Document,
): Promise<boolean> {
  const { holds: condition, userId, without } = given;
  if ("anyOf" in condition) {
    for (const each of condition.anyOf)
      if (await holds(sending, table, { ...given, holds: each }, document)) return true;
    return false;
  }
  if ("isOwner" in condition) return isOwned(table, condition.isOwner, userId, document);
  const { table: name, row, user, by, where } = condition.isMember;
  const value: unknown = document[columnIn(table, by).field] ?? null;
  if (value === null) return false;
  const members = await knownTable(sending, name, memberColumns(condition.isMember));
  const sought = soughtIn(members, row, value);
  if (sought === undefined) return false;
  const filter = {
    $and: [
      filterOf(members, { [row]: sought, [user]: ownerOf(members, user, userId) }),
      ...where.map((held) => heldFilter(members, held)),
      ...(without?.table === name ? [{ $nor: leftOut(sending, members, without) }] : []),
    ],
  };
  return (await findOther(sending, members, filter, [], members.inexact)) !== null;
}

function leftOut({ written }: Sending, table: Table, { key }: NewMember): Filter<Document>[] {
  const byKey = filterOf(table, key);
  return written === undefined ? [byKey] : [byKey, { _id: { $eq: written } } as Filter<Document>];
}

/**
 * Whether the document would be in the scope, judged before the write. Needed if members are looked up in a view, which would show the written document
 * itself. Otherwise true, without a query.
 */
export async function isInBefore(
  sending: Sending,
  table: Table,
  scope: Scope | undefined,
  document: Document,
): Promise<boolean> {
  return !(await asksViews(sending, scope)) || isInScope(sending, table, scope, document);
}

/** Whether the scope looks up members in a view. */
export async function asksViews(sending: Sending, scope: Scope | undefined): Promise<boolean> {
  if (scope === undefined) return false;
  const { condition, parents } = scope;
  if (condition?.writes !== undefined) {
    for (const member of membershipsOf(condition.holds))
      if ((await knownTable(sending, member.table, memberColumns(member))).view) return true;
  }
  for (const parent of parents) if (await asksViews(sending, parent.scope)) return true;
  return false;
}

/** @throws ServerValue if the field can't hold one of the values */
function heldFilter(table: Table, { column: name, oneOf }: Held): Filter<Document> {
  const column = columnIn(table, name);
  const kind = ownerKind(column);
  const values = oneOf.map((value) =>
    value === null
      ? null
      : heldValue({ convert, view }, kind, { table: table.name, column, value }),
  );
  return { $or: values.map((value) => exactly(column, value)) };
}

/** A referring value, converted to the type of the column that it refers to. `undefined`: no document can have such a value. */
function soughtIn(table: Table, column: string, value: unknown): unknown {
  const of = columnIn(table, column);
  try {
    return convert(of, view(of, value), false, true);
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}

async function knownTable(
  sending: Sending,
  name: string,
  columns: readonly string[],
): Promise<MongoTable> {
  const table = await sending.tableOf(name, columns);
  if (table === undefined) throw new Error(`There is no collection ${name} right now.`);
  return table;
}

/** The caller's id as the column stores it. @throws ServerValue if the column can't hold it */
function ownerOf({ name, ...rest }: Table, column: string, userId: string): unknown {
  const known = columnIn({ name, ...rest }, column);
  return ownerValue({ convert, view }, ownerKind(known), { table: name, column: known, userId });
}

/**
 * Checks that the fields and collections that the scope names exist, and that the caller's id fits them, even if there is no document to judge.
 *
 * @throws ServerValue if an owner field (parents' and members' included) can't hold the caller's id, or a members' field can't hold the values that the
 * configuration compares it with
 */
export async function checkScope(sending: Sending, scope: Scope | undefined): Promise<void> {
  if (scope === undefined) return;
  const { table: name, owner, condition, expression, parents } = scope;
  const named = [...(owner ? [owner.column] : []), ...parents.map(({ column }) => column)];
  const table = await knownTable(sending, name, named);
  if (expression !== undefined) expressionOf(scope);
  if (owner !== undefined) ownerOf(table, owner.column, owner.userId);
  if (condition !== undefined) {
    const { holds: all, userId } = condition;
    for (const column of ownerColumnsOf(all)) ownerOf(table, column, userId);
    for (const member of membershipsOf(all)) {
      columnIn(table, member.by);
      const members = await knownTable(sending, member.table, memberColumns(member));
      columnIn(members, member.row);
      ownerOf(members, member.user, userId);
      for (const held of member.where) heldFilter(members, held);
    }
  }
  for (const { column, table: other, by, scope: further } of parents) {
    columnIn(table, column);
    columnIn(await knownTable(sending, other, [by]), by);
    await checkScope(sending, further);
  }
}
