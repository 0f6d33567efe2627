/** Converts a write to the data by which the statement merges it, according to the rule's `conflict`: what an existing row must hold, and how it changes. */
import type { Principal } from "../../context.js";
import { fatal } from "../../errors.js";
import type { MergedChange, Added, Merge, Stamp } from "../../store/change.js";
import { parseJson } from "../../wire/parse-json.js";
import { type Asked, asStored, baseMissing, baseOf, versionOf, stampSent } from "./base.js";
import { answerName } from "../column-messages.js";

/** A change that merges, and the row as the device had it before. */
export interface Merging {
  readonly change: MergedChange;
  readonly base: ReadonlyMap<string, unknown>;
  /** The client's name of a value that was not sent, although an existing row would need it. */
  readonly missing?: string;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

interface Draft {
  readonly values: Record<string, unknown>;
  readonly insertOnly: string[];
  readonly merge: Mutable<Merge>;
  readonly base: ReadonlyMap<string, unknown>;
  missing?: string;
}

/** Throws fatal CONFLICT_BASE_MISSING if a PATCH or DELETE lacks what its strategy needs. A PUT needs it only if the row exists. */
export async function mergingOf<P extends Principal, DB>(asked: Asked<P, DB>): Promise<Merging> {
  const { change, conflict, rule } = asked;
  const { version, changed, resolve } = conflict;
  const draft: Draft = {
    values: { ...change.values },
    insertOnly: [...(change.insertOnly ?? [])],
    merge: {},
    base: await baseOf(asked),
  };
  if (version !== undefined) await countVersion(version, draft, asked);
  if (changed !== undefined) compare(changed, draft, asked);
  if (change.op !== "DELETE") {
    stamp(draft, asked);
    add(draft, asked);
    keepMost(draft, asked);
  }
  const { missing } = draft;
  const decidesAlone = resolve !== undefined && version === undefined && changed === undefined;
  if (decidesAlone) draft.merge.never = true;
  const { values, insertOnly, merge } = draft;
  return {
    change: { ...change, values, ...(change.op === "PUT" && { insertOnly }), merge },
    base: draft.base,
    ...(missing !== undefined && { missing: answerName(missing, rule) }),
  };
}

function lack<P extends Principal, DB>(
  column: string,
  draft: Draft,
  { change, rule }: Asked<P, DB>,
): void {
  if (change.op !== "PUT") throw baseMissing(answerName(column, rule));
  draft.missing ??= column;
  draft.merge.never = true;
}

async function countVersion<P extends Principal, DB>(
  column: string,
  draft: Draft,
  asked: Asked<P, DB>,
): Promise<void> {
  const { values, merge, base } = draft;
  const { change, rule } = asked;
  delete values[column];
  merge.version = await versionOf(column, base, asked);
  if (merge.version.base === undefined) throw baseMissing(answerName(column, rule));
  if (merge.version.base === "new") draft.missing = column;
  if (change.op !== "DELETE" || Object.keys(values).length > 0)
    values[column] = asStored(column, 1, asked);
}

/** Compares the row with what the device had. For a DELETE, all columns that the device tracks are compared, because it is unknown which of them mattered. */
function compare<P extends Principal, DB>(
  changed: "reject" | "merge",
  draft: Draft,
  asked: Asked<P, DB>,
): void {
  const { op, values } = asked.change;
  const { base, merge } = draft;
  const isDelete = op === "DELETE";
  const own = (column: string) => isOwn(column, asked);
  const sent = isDelete ? [] : Object.keys(values).filter(own);
  const tracked = [...base.keys()].filter(own);
  if (isDelete && tracked.length === 0) throw baseMissing();
  for (const column of sent) if (!base.has(column)) lack(column, draft, asked);
  const each = changed === "reject" || isDelete ? tracked : sent.filter((one) => base.has(one));
  const merges = changed === "merge" && !isDelete;
  merge.unchanged = each.map((column) => ({
    column,
    oneOf: merges ? [base.get(column), values[column]] : [base.get(column)],
  }));
}

/** A column that clients may send, and whose value is what they send. */
function isOwn<P extends Principal, DB>(column: string, { rule, conflict }: Asked<P, DB>): boolean {
  const { serverColumns, insertColumns, softDelete, clientColumns } = rule;
  if (conflict.merging.has(column)) return false;
  if (serverColumns.has(column) || insertColumns.has(column)) return false;
  if (clientColumns === undefined) return softDelete?.has(column) !== true;
  return [...clientColumns.values()].some(
    (each) => each.column === column && each.readOnly === undefined,
  );
}

function stamp<P extends Principal, DB>(draft: Draft, asked: Asked<P, DB>): void {
  const { rowStamp, stamps } = asked.conflict;
  const { values, base, merge } = draft;
  const found: Stamp[] = [];
  /** @param columns the columns of the stamp: it is needed only if the write has one of them */
  const take = (column: string, columns: readonly string[] | undefined): void => {
    const value = stampSent(column, values[column], asked);
    if (value !== undefined) {
      values[column] = value;
      found.push({ column, value, ...(columns && { columns }) });
      return;
    }
    if (columns?.every((each) => !Object.hasOwn(values, each))) return;
    if (!base.has(column)) return lack(column, draft, asked);
    // Without a new stamp, or within the same tick of the device's clock, the write is the latest only if the row's stamp has not changed.
    merge.unchanged = [...(merge.unchanged ?? []), { column, oneOf: [base.get(column)] }];
  };
  if (rowStamp !== undefined) take(rowStamp, undefined);
  for (const column of new Set(stamps.values())) {
    const columns = [...stamps.keys()].filter((each) => stamps.get(each) === column);
    take(column, columns);
    if (found.at(-1)?.column !== column || asked.change.op === "PUT") continue;
    // A column that was set to its previous value is not sent, but the device meant that value at the time of the stamp.
    for (const each of columns) {
      if (Object.hasOwn(values, each)) continue;
      if (base.has(each)) values[each] = base.get(each);
      else lack(each, draft, asked);
    }
  }
  if (found.length > 0) merge.stamps = found;
}

function add<P extends Principal, DB>(draft: Draft, asked: Asked<P, DB>): void {
  const { values, base, merge } = draft;
  const found: Added[] = [];
  for (const [column, { min, max }] of asked.conflict.added) {
    if (!Object.hasOwn(values, column)) continue;
    if (!base.has(column)) {
      lack(column, draft, asked);
      continue;
    }
    const number = (value: unknown) => asStored(column, value ?? 0, asked);
    found.push({
      column,
      yours: number(values[column]),
      base: number(base.get(column)),
      ...(min !== undefined && { min: number(min) }),
      ...(max !== undefined && { max: number(max) }),
    });
  }
  if (found.length > 0) merge.added = found;
}

/** `union`, `greatest` and `least`. They ignore NULL: an existing row keeps its value. */
function keepMost<P extends Principal, DB>(draft: Draft, asked: Asked<P, DB>): void {
  const { values, insertOnly, merge } = draft;
  for (const strategy of ["union", "greatest", "least"] as const) {
    const found: string[] = [];
    for (const column of asked.conflict[strategy]) {
      if (!Object.hasOwn(values, column)) continue;
      if (values[column] === null) {
        if (asked.change.op === "PUT") insertOnly.push(column);
        else delete values[column];
        continue;
      }
      if (strategy === "union") refuseNoList(column, asked);
      found.push(column);
    }
    if (found.length > 0) merge[strategy] = found;
  }
}

const plainTypes = ["string", "number", "bigint", "boolean"];

/** Refuses a list with elements that databases compare in different ways. */
function refuseNoList<P extends Principal, DB>(
  column: string,
  { change: { table, values }, rule, state: { store } }: Asked<P, DB>,
): void {
  const found = table.columns.get(column);
  const seen = found && store.view(found, values[column]);
  const list = typeof seen === "string" ? listOf(seen) : seen;
  if (Array.isArray(list) && list.every((each) => plainTypes.includes(typeof each))) return;
  const name = answerName(column, rule);
  throw fatal("INVALID_DATA", "The value is not a list of texts, numbers and booleans.", {
    column: name,
  });
}

function listOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
