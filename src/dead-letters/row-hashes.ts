/** The hashes that rows are looked for by among what dead letters would create. */
import type { Principal } from "../context.js";
import type { OpenUnit } from "../pipeline/operation.js";
import type { NamedRow } from "../store/letters.js";
import type { Values } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";

/** Whose letters: with the database that shares the library's own tables. */
export interface Owner {
  readonly open: OpenUnit;
  /** Of somebody of whom only the id is known, no more than that. */
  readonly principal: Principal;
  /** What stands for more than a row, made once for all of them. */
  readonly wide?: Map<string, string>;
}

export type Pairs = readonly (readonly [column: string, value: string])[];

/** @param said what they are to application code, or as they came: where a converted value is an expression, that is all that can be told */
export function pairs(values: Values, said: Values): Pairs {
  return Object.entries(values)
    .map(
      ([name, value]) => [folded(name), foldedText(value) ?? foldedText(said[name]) ?? ""] as const,
    )
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * A name of a table or column, without its schema: one rule may name a table with it, another without, and plugins may write `aB` as `a_b`. To take
 * two tables for one makes a dependant of what might have been answered; the other way, a change would be lost.
 */
export function folded(name: string): string {
  return name
    .slice(name.lastIndexOf(".") + 1)
    .replaceAll("_", "")
    .toLowerCase();
}

const uuidText = /^\{?[\da-f]{4}(?:-?[\da-f]{4}){7}\}?$/i;

/** One text for all spellings that some database takes for the same. `undefined`: it has none. */
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

/** For a row of which nothing more can be told. */
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
