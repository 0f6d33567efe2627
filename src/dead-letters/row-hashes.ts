/** The hashes by which rows are found among those that dead letters would create. */
import type { Principal } from "../context.js";
import type { OpenUnit } from "../pipeline/operation.js";
import type { NamedRow } from "../store/letters.js";
import type { Values } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";

/** Whose letters are meant: the user, and the database, because several databases may share the library's own tables. */
export interface Owner {
  readonly open: OpenUnit;
  /** Holds the user id alone if no more is known of the user. */
  readonly principal: Principal;
  /** A cache of the hashes that cover more than one row. */
  readonly wide?: Map<string, string>;
}

export type Pairs = readonly (readonly [column: string, value: string])[];

/** @param said the values as application code sees them, or as they came: used where a converted value is an expression and has no text */
export function pairs(values: Values, said: Values): Pairs {
  return Object.entries(values)
    .map(
      ([name, value]) => [folded(name), foldedText(value) ?? foldedText(said[name]) ?? ""] as const,
    )
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * The name of a table or column for comparison, without schema, underscores and capitals: one rule may name the schema and another not, and plugins
 * may write `aB` as `a_b`. Taking two tables for one only makes an unnecessary dependant; taking one table for two would lose a change.
 */
export function folded(name: string): string {
  return name
    .slice(name.lastIndexOf(".") + 1)
    .replaceAll("_", "")
    .toLowerCase();
}

const uuidText = /^\{?[\da-f]{4}(?:-?[\da-f]{4}){7}\}?$/i;

/** One text for all spellings that some database treats as equal. `undefined`: the value has no text. */
export function foldedText(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return uuidText.test(value)
        ? value.replace(/[{}-]/g, "").toLowerCase()
        : value.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trimEnd();
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    default:
      if (value instanceof Date) return String(value.getTime());
      if (!(value instanceof Uint8Array)) return undefined;
      return Array.from(value, (byte) => (byte + 0x100).toString(16).slice(1)).join("");
  }
}

function hashFor({ open, principal }: Owner, ...what: readonly unknown[]): Promise<string> {
  return sha256([open.store.place, principal.userId, ...what]);
}

export function rowHash(owner: Owner, table: string, values: Pairs): Promise<string> {
  return hashFor(owner, "row", folded(table), values);
}

/** The hash of a row by the client's table and id, which are known even where the key can't be converted. */
export function clientHash(owner: Owner, { table, id }: NamedRow): Promise<string> {
  return hashFor(owner, "client", table, foldedText(id));
}

export function tableHash(owner: Owner, table: string): Promise<string> {
  return wideHash(owner, "table", folded(table));
}

export function anyHash(owner: Owner): Promise<string> {
  return wideHash(owner, "any");
}

async function wideHash(owner: Owner, ...what: readonly string[]): Promise<string> {
  const name = what.join();
  const hash = owner.wide?.get(name) ?? (await hashFor(owner, ...what));
  owner.wide?.set(name, hash);
  return hash;
}
