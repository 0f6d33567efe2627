/** Compares one rule with its table in the database. */
import type { Principal } from "../context.js";
import type { Rule } from "../pipeline/rules.js";
import type { Column, InspectedTable } from "../store/tables.js";
import { error, warning, type Mismatch } from "./mismatch.js";
import { isNumberType, numericKeyWarning } from "../pipeline/column-messages.js";
import { columnMissing, keyMissing, usesOf, sendable } from "./declared.js";
import { ownerMismatches } from "./access.js";

/** @param asLogin the data is written by the role that looks */
export function againstDatabase<P extends Principal, DB>(
  rule: Rule<P, DB>,
  table: InspectedTable,
  asLogin: boolean,
): readonly Mismatch[] {
  return [
    ...keyMismatches(rule, table),
    ...columnMismatches(rule, table),
    ...requiredColumns(rule, table),
    ...ownerMismatches(rule, table),
    ...(asLogin ? grantMismatches(rule, table) : []),
  ];
}

/** Types of a single column by which no row can be found. */
const noKey = /^(bool|json|float|real|double|money|xml|point)/;

function* keyMismatches<P extends Principal, DB>(
  { name, table, key, operations }: Rule<P, DB>,
  { columns, unique, inexact }: InspectedTable,
): Iterable<Mismatch> {
  const found = key.columns.flatMap((column) => columns.get(column) ?? []);
  for (const column of key.columns.filter((each) => !columns.has(each))) {
    yield error("key_missing", name, column, keyMissing(table, column));
  }
  if (found.length < key.columns.length) return;
  const names = key.columns.map((column) => `"${column}"`).join(", ");
  if (unique !== undefined && !unique.some((each) => sameSet(each, key.columns))) {
    const message = `no primary key or unique index of "${table}" consists of ${names}, so one id could mean several rows, and a PUT can't find its row. Create one (a partial index does not count), or name the key in "id".`;
    yield error(
      "key_not_unique",
      name,
      key.columns.length === 1 ? key.columns[0] : undefined,
      message,
    );
  }
  for (const { name: column, type, array, generated } of found) {
    if (array || (found.length === 1 && noKey.test(type))) {
      yield error(
        "key_type",
        name,
        column,
        `"${column}" is of type ${type}${array ? "[]" : ""}, which can't hold a client's row id. Use text or uuid, or name another key in "id".`,
      );
    }
    if (found.length === 1 && !array && !generated && isNumberType(type)) {
      yield warning("key_number", name, column, numericKeyWarning(table, found[0] as Column));
    }
    if (generated && operations.has("PUT")) {
      yield error(
        "key_generated",
        name,
        column,
        `the database generates "${column}", so every PUT is refused. Remove PUT from "operations", or choose a key that clients can fill.`,
      );
    }
    if (inexact.has(column)) {
      yield warning(
        "collation",
        name,
        column,
        `"${column}" has a collation that treats different letters as equal, so two ids of a client can be one row. Give it a binary collation.`,
      );
    }
  }
}

const verbsOf = { PUT: "insert", PATCH: "update", DELETE: "delete" } as const;

/** Operations for which the login role lacks a right, or which the table, being a view, does not accept. */
function* grantMismatches<P extends Principal, DB>(
  { name, table, operations, softDelete, put }: Rule<P, DB>,
  { may, unique }: InspectedTable,
): Iterable<Mismatch> {
  if (may === undefined) return;
  for (const op of operations) {
    const verb = op === "DELETE" && softDelete !== undefined ? "update" : verbsOf[op];
    if (may.has(verb)) continue;
    yield error(
      "not_writable",
      name,
      undefined,
      // Nothing but a view has no keys at all.
      unique === undefined
        ? `"${table}" is a view through which this login role can't ${verb} rows, so every ${op} waits on the device. Name a table behind the view in "table", give the view a trigger or a rule where the database has them for views, grant what is missing, or remove ${op} from "operations".`
        : `this login role may not ${verb} rows of "${table}", so every ${op} waits on the device. Grant it, or remove ${op} from "operations".`,
    );
  }
  if (operations.has("PUT") && put !== "insert" && may.has("insert") && !may.has("update")) {
    yield warning(
      "not_writable",
      name,
      undefined,
      `the login role may insert into "${table}" but not update it, so a PUT of an existing row changes nothing. Write put: "insert" in the rule, or grant update.`,
    );
  }
}

function* columnMismatches<P extends Principal, DB>(
  rule: Rule<P, DB>,
  { columns }: InspectedTable,
): Iterable<Mismatch> {
  const { name, table } = rule;
  for (const [column, uses] of usesOf(rule)) {
    const known = columns.get(column);
    const [first] = uses;
    if (known === undefined) {
      yield error(
        "column_missing",
        name,
        column,
        columnMissing(table, column, first.by, columns.keys()),
      );
      continue;
    }
    const writing = uses.find(({ writes }) => writes);
    if (known.generated && writing !== undefined) {
      yield error(
        "column_generated",
        name,
        column,
        `the database computes "${column}", so writing it by ${writing.by} is refused. Remove it, or mark it { readOnly: "ignore" }.`,
      );
    }
    const sent = uses.find((use) => use.sent);
    if (known.numbered !== undefined && !known.generated && sent !== undefined) {
      yield warning(
        "column_numbered",
        name,
        column,
        `the database numbers "${column}", but ${sent.by} lets clients write it: they can take numbers that the database would give to other rows, whose PUT is then refused. Remove it, or mark it { readOnly: "ignore" }.`,
      );
    }
  }
}

/** Columns that an INSERT needs and that no PUT can provide. */
function* requiredColumns<P extends Principal, DB>(
  rule: Rule<P, DB>,
  { columns }: InspectedTable,
): Iterable<Mismatch> {
  if (!rule.operations.has("PUT")) return;
  for (const column of columns.values()) {
    if (mustBeSent(rule, column) && !sendable(rule, column.name)) {
      yield error(
        "column_required",
        rule.name,
        column.name,
        `"${column.name}" is NOT NULL and has no default, but no client may send it and the server does not set it: a PUT of a new row fails, unless a trigger fills it. Add it to "columns", or let the server set it: setOnInsert: { ${column.name}: … }.`,
      );
    }
  }
}

/** Whether a new row needs the client's value for this column. */
export function mustBeSent<P extends Principal, DB>(rule: Rule<P, DB>, column: Column): boolean {
  const { name, nullable, hasDefault, generated } = column;
  if (nullable || hasDefault || generated || rule.key.columns.includes(name)) return false;
  return (
    name !== rule.ownerColumn &&
    name !== rule.conflict?.version &&
    !rule.serverColumns.has(name) &&
    !rule.insertColumns.has(name)
  );
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each) => other.includes(each));
}
