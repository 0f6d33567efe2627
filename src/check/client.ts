/** Compares the rules with the client's schema: what the client uploads, and how it would be answered. */
import type { Principal } from "../context.js";
import { isVersion } from "../pipeline/conflict/compile.js";
import { mutationTable } from "../pipeline/mutations.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import { InvalidValue } from "../store/failures.js";
import type { Store } from "../store/store.js";
import type { Column, InspectedTable } from "../store/tables.js";
import { mustBeSent } from "./database.js";
import { mismatch, type Mismatch } from "./mismatch.js";
import { untracked } from "./tracking.js";
import type { ClientColumnType, SyncedTable } from "./client-schema.js";

/** @param found the tables that exist, by rule */
export function againstClient<P extends Principal, DB>(
  rules: Rules<P, DB>,
  tables: readonly SyncedTable[],
  found: ReadonlyMap<string, InspectedTable>,
  store: Store,
  hasMutators: boolean,
): readonly Mismatch[] {
  const mismatches: Mismatch[] = [];
  for (const table of tables) {
    if (hasMutators && table.name === mutationTable) continue;
    const rule = rules.get(table.name);
    if (rule === undefined) {
      mismatches.push(
        mismatch(
          "warning",
          "rule_missing",
          table.name,
          undefined,
          `the client has this table, but there is no rule for it: a write to it is fatal UNKNOWN_TABLE. Add a rule, unless clients only read it.`,
        ),
      );
      continue;
    }
    mismatches.push(...tableMismatches(rule, table, found.get(table.name), store));
  }
  const names = new Set(tables.map(({ name }) => name));
  for (const rule of rules.values()) {
    // A rule that allows no operation exists only for other rules to refer to.
    if (names.has(rule.name) || rule.operations.size === 0) continue;
    mismatches.push(
      mismatch(
        "warning",
        "rule_unused",
        rule.name,
        undefined,
        `the client's schema has no synced table of this name. Name the rule as the client names the table, and write the database's name into "table".`,
      ),
    );
  }
  return mismatches;
}

function* tableMismatches<P extends Principal, DB>(
  rule: Rule<P, DB>,
  table: SyncedTable,
  found: InspectedTable | undefined,
  store: Store,
): Iterable<Mismatch> {
  const { columns, insertOnly } = table;
  const { name, operations } = rule;
  for (const { column, message } of untracked(rule, table))
    yield mismatch("error", "previous_untracked", name, column, message);
  if (insertOnly && !operations.has("PUT")) {
    yield mismatch(
      "warning",
      "operation_refused",
      name,
      undefined,
      `the client's table is insert-only and sends only PUT, which "operations" does not allow. Add PUT to it.`,
    );
  }
  if (!operations.has("PUT") && !operations.has("PATCH")) return;
  for (const column of columns) {
    const target = targetOf(rule, column.name, found);
    if (target === "refused") {
      const unsaid = rule.clientColumns === undefined;
      const why =
        unsaid && found?.columns.has(column.name) !== true
          ? `"${rule.table}" has no such column`
          : unsaid && found?.columns.get(column.name)?.numbered !== undefined
            ? "the database numbers it"
            : "the rule does not allow it";
      yield mismatch(
        "warning",
        "column_refused",
        name,
        column.name,
        `the client has a column "${column.name}", but ${why}: sending it is fatal FORBIDDEN_COLUMN. Add it to "columns". If clients only read it, write { ${column.name}: { readOnly: "ignore" } } there.`,
      );
    } else if (target !== undefined && !takes(store, target, column)) {
      yield mismatch(
        "error",
        "column_type",
        name,
        column.name,
        `"${column.name}" is ${column.type ?? ""} on the client, but ${target.type}${target.array ? "[]" : ""} in the database, which can't hold its values: they are INVALID_DATA. Change one of the types, or give the column a "convert".`,
      );
    }
  }
  if (!operations.has("PUT") || rule.clientColumns !== undefined) return;
  const sent = new Set(columns.map((column) => column.name));
  for (const column of found?.columns.values() ?? []) {
    // A rule that lists no columns uses the client's names unchanged, so names can be compared.
    if (!mustBeSent(rule, column) || sent.has(column.name) || rule.softDelete?.has(column.name))
      continue;
    yield mismatch(
      "error",
      "column_required",
      name,
      column.name,
      `"${column.name}" is NOT NULL and has no default, but the client's table does not have it: a PUT of a new row fails, unless a trigger fills it. Add it to the client's table, or let the server set it.`,
    );
  }
}

/** The database's column that stores a client's column unchanged. None if it is left out or converted. */
function targetOf<P extends Principal, DB>(
  rule: Rule<P, DB>,
  name: string,
  found: InspectedTable | undefined,
): Column | "refused" | undefined {
  // The version column is not written: it names the version on which a write is based.
  if (isVersion(name, rule)) return undefined;
  // Columns that the server sets are refused on purpose. Clients may have them to read.
  if (rule.serverColumns.has(name) || rule.insertColumns.has(name)) return undefined;
  if (rule.softDelete?.has(name) && !rule.clientColumns?.has(name)) return undefined;
  if (rule.key.columns.includes(name)) return undefined;
  if (rule.clientColumns === undefined) {
    if (found === undefined) return undefined;
    const column = found.columns.get(name);
    if (column !== undefined && !column.generated && column.numbered === undefined) return column;
    return rule.ignoreUnknown ? undefined : "refused";
  }
  const listed = rule.clientColumns.get(name);
  if (listed === undefined) return rule.ignoreUnknown ? undefined : "refused";
  if (listed.readOnly !== undefined || listed.convert || listed.references) return undefined;
  return found?.columns.get(listed.column);
}

/** Sample values of the client's type, in many forms. */
const samples: Readonly<Record<string, readonly unknown[]>> = {
  INTEGER: [0, 1, 2_000, 1_700_000_000_000],
  REAL: [0.5, 1.25],
  TEXT: [
    "",
    "a",
    "1",
    "true",
    "{}",
    "[]",
    "00000000-0000-4000-8000-000000000000",
    "2020-01-02",
    "2020-01-02T03:04:05Z",
    "03:04:05",
    "AAAA",
  ],
};

/** Whether the column accepts any of the samples. A column that accepts none is a mistake; with some, it depends on the actual values. */
function takes(store: Store, column: Column, { type = "" }: ClientColumnType): boolean {
  const kind = type.toUpperCase();
  const values = Object.hasOwn(samples, kind) ? samples[kind] : undefined;
  if (values === undefined || column.members !== undefined) return true;
  // Some conversions leave the refusal to the database.
  if (column.type === "uuid" && kind !== "TEXT") return false;
  if (column.length !== undefined && kind === "TEXT") return true;
  return values.some((value) => {
    try {
      store.convert(column, value, false);
      return true;
    } catch (error) {
      if (error instanceof InvalidValue) return false;
      throw error;
    }
  });
}
