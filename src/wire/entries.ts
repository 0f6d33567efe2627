/**
 * Reads what a client sends. Each member is read under the write API's name and under the names that PowerSync's SDKs give it. Only names that are listed here
 * are read, and the client's objects are passed on unchanged.
 */
import { badRequest } from "../errors.js";
import type { CrudEntry, CrudTransaction, Identifiable, OpData, Operation } from "../model.js";
import { stringifyJson } from "./serialize.js";
import { isSliceOver, nextSlice, stepsOfLook } from "./slices.js";
import { Unread } from "./survey.js";

/** The first name is the contract's own. */
type Names = readonly [string, ...string[]];

const transactionIdNames: Names = ["transaction_id", "transactionId", "tx_id"];
const namesOfTable: Names = ["table", "type"];
const opIdNames: Names = ["op_id", "opId", "clientId"];
const opDataNames: Names = ["op_data", "opData", "data"];
const previousValuesNames: Names = ["previous_values", "previousValues", "old"];
const shapeNames: Names = ["transactions", "crud", "batch"];

const namesOfEntry = [
  namesOfTable,
  opIdNames,
  transactionIdNames,
  opDataNames,
  previousValuesNames,
] as const;
const namesOfTransaction = [
  transactionIdNames,
  ["crud", "batch"],
] as const satisfies readonly Names[];

type Members = Readonly<Record<string, unknown>>;

/** The members of a value. A value that is not an object has none. */
export function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null ? (value as Members) : {};
}

/** Whether a member is present. `null` counts as absent. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** A member's value under whichever of its names it was sent. */
function given(members: Members, names: Names): unknown {
  for (const name of names) if (isGiven(members[name])) return members[name];
  return undefined;
}

/** Two names of the same member with different values, if there are any. */
function differingNames(
  members: Members,
  all: readonly Names[],
): readonly [one: string, other: string] | undefined {
  for (const names of all) {
    let first: string | undefined;
    for (const name of names) {
      if (!isGiven(members[name])) continue;
      if (first === undefined) first = name;
      else if (!isSame(members[first], members[name])) return [first, name];
    }
  }
  return undefined;
}

/** Whether two values are the same JSON, regardless of the order of keys. A value that contains one object twice counts as different; parsed JSON never does. */
function isSame(one: unknown, other: unknown): boolean {
  const seen = new Set<unknown>();
  const pairs = [[one, other] as const];
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const [left, right] = pair;
    if (Object.is(left, right)) continue;
    const isList = Array.isArray(left);
    const [lefts, rights] = [membersOf(left), membersOf(right)];
    if (left !== lefts || right !== rights || isList !== Array.isArray(right) || seen.has(left))
      return false;
    seen.add(left);
    const keys = Object.keys(lefts);
    if (keys.length !== Object.keys(rights).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(rights, key)) return false;
      pairs.push([lefts[key], rights[key]]);
    }
  }
  return true;
}

/** What is wrong with a transaction. */
export interface Fault {
  /** Safe to show. */
  readonly message: string;
  /** Absent if no single operation is at fault. */
  readonly operationIndex?: number;
}

/** Reads a transaction that the validator has accepted. It is a fault if one member has different values under two names. */
export function transactionOf(
  raw: object,
  operations: readonly object[],
  path: "crud" | "batch",
): CrudTransaction | Fault {
  const members = raw as Members;
  const differing = differingNames(members, namesOfTransaction);
  if (differing !== undefined) return { message: differ(differing) };
  const crud: CrudEntry[] = [];
  for (const [operationIndex, entry] of operations.entries()) {
    const differing = differingNames(entry as Members, namesOfEntry);
    if (differing !== undefined) {
      return { message: `${path}[${operationIndex}]: ${differ(differing)}`, operationIndex };
    }
    crud.push(entryOf(entry as Members));
  }
  const id = given(members, transactionIdNames) as number | undefined;
  const transactionId = id ?? commonId(crud);
  // Clients of demo backends read only the HTTP status, so they are never asked.
  const handling = path === "crud" ? handlingIn(members) : undefined;
  return {
    ...(transactionId !== undefined && { transactionId }),
    ...(handling !== undefined && { handling }),
    crud,
  };
}

/** `undefined`: the value is absent, or the contract does not define it. */
function handlingIn({ handling }: Members): number | undefined {
  return Number.isInteger(handling) && (handling as number) >= 0 && (handling as number) < 2 ** 31
    ? (handling as number)
    : undefined;
}

function differ([one, other]: readonly [string, string]): string {
  return `"${one}" and "${other}" are two names of one member, and have different values.`;
}

/** The entries' transaction id, if they all have the same. */
function commonId<T>(crud: readonly { readonly transactionId?: T }[]): T | undefined {
  const id = crud[0]?.transactionId;
  return crud.every((entry) => entry.transactionId === id) ? id : undefined;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function entryOf(raw: Members): CrudEntry {
  // The validator has checked the types and the required members.
  const entry: Mutable<CrudEntry> = {
    op: raw["op"] as Operation,
    table: given(raw, namesOfTable) as string,
    id: raw["id"] as string,
  };
  const opId = given(raw, opIdNames);
  const transactionId = given(raw, transactionIdNames);
  const opData = given(raw, opDataNames);
  const previousValues = given(raw, previousValuesNames);
  const { metadata } = raw;
  if (opId !== undefined) entry.opId = opId as number;
  if (transactionId !== undefined) entry.transactionId = transactionId as number;
  if (opData !== undefined) entry.opData = opData as OpData;
  if (previousValues !== undefined) entry.previousValues = previousValues as OpData;
  if (isGiven(metadata)) entry.metadata = metadata as string;
  return entry;
}

/**
 * What the identity of a refused transaction is taken of: its ids and what it says of its rows, as far as they can be read. The same as that of
 * the transaction itself, where only a limit stood in its way. `undefined`: its ids can't be read. In slices, for no limit of operations holds here.
 */
export async function identifiable(raw: unknown): Promise<Identifiable | undefined> {
  const { crud, batch } = membersOf(raw);
  const operations: readonly unknown[] = [crud, batch].find((each) => Array.isArray(each)) ?? [];
  if (operations.length === 0) return undefined;
  let transactionId = idOf(raw, transactionIdNames);
  if (transactionId === null) return undefined;
  const common = idOf(operations[0], transactionIdNames);
  let isCommon = transactionId === undefined;
  for (const [index, entry] of operations.entries()) {
    if (index % stepsOfLook === 0 && isSliceOver()) await nextSlice();
    if (idOf(entry, opIdNames) === null) return undefined;
    isCommon &&= idOf(entry, transactionIdNames) === common;
  }
  if (isCommon) transactionId = common ?? undefined;
  // One at a time, because there may be very many.
  const entries = { [Symbol.iterator]: () => readings(operations) };
  const handling = handlingIn(membersOf(raw));
  return {
    ...(transactionId !== undefined && { transactionId }),
    ...(handling !== undefined && { handling }),
    crud: entries,
  };
}

/** `undefined`: there is no id. `null`: the id is invalid, or there are two different ones, so it can't be used. */
function idOf(value: unknown, names: Names): number | null | undefined {
  const members = membersOf(value);
  const id = given(members, names);
  if (id === undefined) return undefined;
  return Number.isSafeInteger(id) && differingNames(members, [names]) === undefined
    ? (id as number)
    : null;
}

function* readings(
  operations: readonly unknown[],
): Generator<Identifiable["crud"] extends Iterable<infer Entry> ? Entry : never> {
  for (const entry of operations) {
    const members = membersOf(entry);
    const opId = idOf(entry, opIdNames);
    const id = typeof opId === "number" && { opId };
    // An entry that contradicts itself is used as a whole.
    yield entry !== members || differingNames(members, namesOfEntry) !== undefined
      ? { op: undefined, table: undefined, id: undefined, opData: entry, ...id }
      : {
          op: members["op"],
          table: given(members, namesOfTable),
          id: members["id"],
          opData: given(members, opDataNames),
          ...id,
        };
  }
}

/** An entry of a stored payload, as far as it can be read. */
export interface StoredEntry {
  readonly op?: unknown;
  readonly table?: unknown;
  readonly id?: unknown;
  /** Empty if there is none. */
  readonly data: Members;
}

/** The row that an entry of a stored payload names, and its values, even if the entry is invalid in other ways. */
export function rowOf(entry: unknown): StoredEntry {
  const members = membersOf(entry);
  return {
    op: members["op"],
    table: given(members, namesOfTable),
    id: members["id"],
    data: membersOf(given(members, opDataNames)),
  };
}

/** Whether a stored payload contradicts itself: in its list of entries, or in what an entry says about its row. */
export async function isAmbiguous(payload: unknown): Promise<boolean> {
  const members = membersOf(payload);
  const [, entriesNames] = namesOfTransaction;
  if (differingNames(members, [entriesNames]) !== undefined) return true;
  const entries = given(members, entriesNames);
  if (!Array.isArray(entries)) return false;
  for (const [index, entry] of entries.entries()) {
    if (index % stepsOfLook === 0 && isSliceOver()) await nextSlice();
    if (differingNames(membersOf(entry), [namesOfTable, opDataNames]) !== undefined) return true;
  }
  return false;
}

/**
 * Converts a request of older demo clients, where the method is the operation and the body is one row, to an upload of the demo backends' shape.
 *
 * @throws badRequest(400) for a body that is not a row
 */
export function uploadOfRow(op: Operation, body: unknown): unknown {
  const members = membersOf(body);
  const isRow = isGiven(given(members, namesOfTable)) || isGiven(given(members, opDataNames));
  if (!isRow || Array.isArray(body) || isGiven(given(members, shapeNames))) {
    throw badRequest(400, 'Expected a JSON object with "table" and "data".');
  }
  const { client_id, clientId, queue_id, queueId, ...entry } = members;
  // Two different values under two names, as for any other member: it is unknown which one is meant.
  const named = isGiven(entry["op"]) && entry["op"] !== op ? [op, entry["op"]] : op;
  const ofDevice = typeof clientId === "string";
  const row = { ...withRowId(entry), ...(!ofDevice && { clientId }), op: named };
  // A part of the body exceeds the limits, so nothing of the row is read.
  const unread = Object.values(row).find((value) => value instanceof Unread);
  return {
    client_id,
    queue_id,
    queueId,
    ...(ofDevice && { clientId }),
    batch: unread === undefined ? [row] : new Unread(stringifyJson([row]), unread.excess),
  };
}

/** These clients send the row's id among its columns. */
function withRowId(entry: Members): Members {
  const name = opDataNames.find((each) => isGiven(entry[each]));
  if (name === undefined || isGiven(entry["id"]) || Array.isArray(entry[name])) return entry;
  const { id, ...data } = membersOf(entry[name]);
  return isGiven(id) ? { ...entry, id, [name]: data } : entry;
}
