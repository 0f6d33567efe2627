/** Columns that keep fewer digits of a decimal or of a second than clients send. */
import type { Principal } from "../context.js";
import type { Rule } from "../pipeline/rules.js";
import { InvalidValue } from "../store/failures.js";
import type { Store } from "../store/store.js";
import type { Column, InspectedTable } from "../store/tables.js";
import { sendable } from "./declared.js";
import { mismatch, type Mismatch } from "./mismatch.js";

/** A time from `toISOString()`, one from Dart, and the sum 0.1 + 0.2. */
const fractions = [
  "2026-01-02T03:04:05.678Z",
  "2026-01-02T03:04:05.678901Z",
  "03:04:05.678",
  "03:04:05.678901",
  "03:04:05.678901+00",
  "PT5.678S",
  "PT5.678901S",
  "0.30000000000000004",
] as const;

export function* digitMismatches<P extends Principal, DB>(
  rule: Rule<P, DB>,
  { columns }: InspectedTable,
  store: Store,
): Iterable<Mismatch> {
  const { name, exact, operations } = rule;
  if (operations.size === 0) return;
  for (const column of columns.values()) {
    const identifies = exact.identifying.has(column.name);
    const decided = exact.said.get(column.name) ?? exact.otherwise;
    const writable = sendable(rule, column.name) && !column.generated;
    const isKey = rule.key.columns.includes(column.name);
    if (identifies ? !isKey && !writable : decided !== undefined || !writable) continue;
    const example = exampleOf(store, column);
    if (example === undefined || (!identifies && example.stored === example.sent)) continue;
    const what = `"${column.name}" is ${digitsType(column)}`;
    yield identifies
      ? mismatch(
          "warning",
          "key_rounds",
          name,
          column.name,
          `${what}, and identifies the row, so nothing is rounded: a value with more digits, such as ${example.sent}, is INVALID_DATA. Give the column as many digits as clients send.`,
        )
      : mismatch(
          "warning",
          "column_rounds",
          name,
          column.name,
          `${what}: ${example.sent} is stored as ${example.stored}. Give the column as many digits as clients send. Otherwise write exact: false to allow rounding, or exact: true to refuse such values as INVALID_DATA.`,
        );
  }
}

function digitsType({ type, array, precision, scale = 0 }: Column): string {
  const sizes = precision === undefined ? String(scale) : `${precision}, ${scale}`;
  return `${type}(${sizes})${array ? "[]" : ""}`;
}

/** A value that the column would round, and the result. */
function exampleOf(
  store: Store,
  column: Column,
): { readonly sent: string; readonly stored: string } | undefined {
  for (const sent of fractions) {
    const value = column.array ? [sent] : sent;
    const stored = converted(store, column, value, false);
    if (stored === undefined || converted(store, column, value, true) !== undefined) continue;
    return { sent, stored };
  }
  return undefined;
}

function converted(
  store: Store,
  column: Column,
  value: unknown,
  exact: boolean,
): string | undefined {
  try {
    return shown(store.convert({ ...column, generated: false }, value, false, exact));
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}

/** Points in time in UTC, independent of the process's time zone. */
function shown(stored: unknown): string {
  if (Array.isArray(stored)) return stored.map(shown).join();
  return stored instanceof Date ? stored.toISOString() : String(stored);
}
