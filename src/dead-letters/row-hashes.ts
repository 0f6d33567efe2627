/** Computes the hashes by which a row is found among the rows that dead letters would create: by its key, by the client's id, and by membership. */
import type { Principal } from "../context.js";
import type { OpenUnit, Mapped } from "../pipeline/operation.js";
import type { NamedRow } from "../store/letters.js";
import type { Values } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";
import type { Column, Table } from "../store/tables.js";
import { membershipsIn, type Rule, type Rules } from "../pipeline/rules.js";

/** Whose letters are meant: the user, and the database, because several databases may share the library's own tables. */
export interface Owner {
  readonly open: OpenUnit;
  /** Contains only the user id if nothing else is known about the user. */
  readonly principal: Principal;
  /** A cache of the hashes that cover more than one row. */
  readonly wide?: Map<string, string>;
}

type Pairs = readonly (readonly [column: string, value: string])[];

/** @param said the values as application code sees them, or as they were sent. Used if a converted value is an expression and has no text. */
export function pairs(values: Values, said: Values): Pairs {
  return Object.entries(values)
    .map(
      ([name, value]) => [folded(name), foldedText(value) ?? foldedText(said[name]) ?? ""] as const,
    )
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * The name of a table or column for comparison, without schema, underscores and capitals: one rule may name the schema and another not, and plugins
 * may write `aB` as `a_b`. Treating two tables as one only causes an unnecessary dependant. Treating one table as two would lose a change.
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

/** The hash of a row by the client's table and id, which are known even if the key can't be converted. */
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

/** The values under the table's own column names. */
export function byColumns({ columns }: Table, values: Values): Values {
  const names = new Map(Array.from(columns.keys(), (name) => [folded(name), name]));
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [names.get(folded(name)) ?? name, value]),
  );
}

/** The values as the columns store them. `undefined`: no row can have these values. */
export function convertedValues(
  { store }: OpenUnit,
  { columns }: Table,
  values: Values,
): Values | undefined {
  try {
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        const column: Column | undefined = columns.get(name);
        if (column === undefined) throw new Error("There is no such column.");
        return [name, store.convert({ ...column, generated: false }, value, false, true)];
      }),
    );
  } catch {
    return undefined;
  }
}

/** Converted values as application code sees them. The raw value is used if that has no text, as for an expression. */
export function told({ store }: OpenUnit, { columns }: Table, values: Values, raw: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const column = columns.get(name);
      const shown = column === undefined ? undefined : store.view(column, value);
      return [name, foldedText(shown) === undefined ? raw[name] : shown];
    }),
  );
}

interface LocatedRow<P extends Principal, DB> {
  readonly rule: Pick<Rule<P, DB>, "clientColumns" | "table">;
  readonly table: Table;
  readonly key: Values;
}

type MemberHashes<P extends Principal, DB> = (
  owner: Owner,
  its: LocatedRow<P, DB>,
  made: Pick<Mapped, "data" | "columns">,
) => Promise<readonly string[]>;

/**
 * Creates the function that computes the hashes of a row of members, if the row may make its sender a member. A write that is refused because there is no
 * membership does not know the membership's key, only the user and the row. A row without a user counts as well, because the server may set the user. A row
 * of another user does not count.
 */
export function createMemberHashes<P extends Principal, DB>(
  rules: Rules<P, DB>,
): MemberHashes<P, DB> {
  const wanted = Map.groupBy([...rules.values()].flatMap(membershipsIn), ({ table }) =>
    folded(table),
  );
  return async (owner, { rule, table, key }, made) => {
    const memberships = wanted.get(folded(rule.table));
    if (memberships === undefined) return [];
    const values = valuesOf(rule, made, key);
    const hashes = new Set<string>();
    for (const { row, user } of memberships) {
      const [of, whose] = [values.get(folded(row)), values.get(folded(user))];
      if (of === undefined || of === null) continue;
      if (whose !== undefined && foldedText(whose) !== foldedText(owner.principal.userId)) continue;
      const raw = byColumns(table, { [row]: of });
      const stored = convertedValues(owner.open, table, raw);
      const said = stored === undefined ? raw : told(owner.open, table, stored, raw);
      hashes.add(await rowHash(owner, rule.table, pairs(stored ?? raw, said)));
    }
    return [...hashes];
  };
}

/** The values by the source table's column names, folded. */
function valuesOf<P extends Principal, DB>(
  { clientColumns }: LocatedRow<P, DB>["rule"],
  { data, columns }: Pick<Mapped, "data" | "columns">,
  key: Values,
): ReadonlyMap<string, unknown> {
  const sent = Object.entries(data).map(([name, value]) => {
    const column = columns === "source's" ? undefined : clientColumns?.get(name)?.column;
    return [folded(column ?? name), value] as const;
  });
  return new Map([
    ...sent,
    ...Object.entries(key).map(([name, value]) => [folded(name), value] as const),
  ]);
}
