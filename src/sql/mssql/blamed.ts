/** Finds out what an error of SQL Server is about. The message is in the session's language and quotes names; a value comes last. */
import type { Blamed } from "../../store/failures.js";
import type { SqlTable } from "../dialect.js";
import { numberOf } from "./errors.js";

const duplicate: ReadonlySet<number> = new Set([2601, 2627]);

/** Nothing is left for COMMIT to find. */
export function blamed(error: unknown, table: SqlTable | undefined): Blamed {
  const number = numberOf(error);
  if (table === undefined || number === undefined || !(error instanceof Error))
    return { columns: [] };
  const { columns, traits } = table;
  const { message } = error;
  const quoted = quotedNames(message);
  const known = (names: readonly string[]) => names.filter((name) => columns.has(name));
  const constraint = quoted.find((name) => traits?.constraints?.has(name) === true);
  const its = constraint === undefined ? [] : known(traits?.constraints?.get(constraint) ?? []);
  if (number === 547) {
    const [first] = quoted;
    const named = { ...(first !== undefined && { constraint: first }) };
    // Rows that still need this one, of another table or of its own: SAME TABLE REFERENCE. What lacks its parent breaks a FOREIGN KEY.
    if (/\bREFERENCE\b/.test(message)) return { columns: [], ...named, referred: true };
    return { columns: its, ...named };
  }
  if (duplicate.has(number))
    return { columns: its, ...(constraint !== undefined && { constraint }) };
  const named = quoted.find((name) => columns.has(name));
  return { columns: named === undefined ? [] : [named] };
}

/** Only the first quoted names: what follows is a value, and may contain anything. */
const mostNames = 2;

export function quotedNames(message: string): readonly string[] {
  const names: string[] = [];
  for (const [, double, single] of message.matchAll(/"((?:[^"]|"")+)"|'((?:[^']|'')+)'/g)) {
    names.push((double ?? single ?? "").replaceAll('""', '"').replaceAll("''", "'"));
    if (names.length === mostNames) break;
  }
  return names;
}
