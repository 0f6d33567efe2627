/**
 * What a dead letter would create, as hashes that rows are looked for by: of the user, the source table and the converted key, so that it does
 * not matter by which of the client's tables a row is named, or how its key is spelled.
 */
import type { Principal } from "../context.js";
import { keyOf } from "../pipeline/key.js";
import type { OpenUnit } from "../pipeline/operation.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import type { NamedRow } from "../store/letters.js";
import type { Values } from "../store/store.js";
import type { Column, Table } from "../store/tables.js";
import { isAmbiguous, rowOf } from "../wire/entries.js";
import { sha256 } from "../wire/serialize.js";
import { isSliceOver, nextSlice, stepsOfLook } from "../wire/slices.js";
import { entriesOf } from "./payload.js";

/** Rows of one letter. A larger one stands for every row of its tables that is not found. */
const mostCreated = 10_000;

/** Whose letters: with the database that shares the library's own tables. */
export interface Owner {
  readonly open: OpenUnit;
  /** Of somebody of whom only the id is known, no more than that. */
  readonly principal: Principal;
  /** What stands for more than a row, made once for all of them. */
  readonly wide?: Map<string, string>;
}

/** A row as it is looked for. */
export interface SoughtRow {
  /** What a letter that would create it is indexed by; the row itself first. */
  readonly hashes: readonly string[];
  /** Where it would be, if that can be told. */
  readonly at?: { readonly table: Table; readonly key: Values };
}

export interface Created {
  /** Everything that a payload would create. What can't be read may create anything. */
  ofPayload(owner: Owner, payload: unknown): Promise<readonly string[]>;
  /** What a letter is indexed by that would create this row, in all spellings of it, and no other. */
  row(owner: Owner, row: NamedRow): Promise<readonly string[]>;
  /** By the client's names. */
  named(owner: Owner, row: NamedRow): Promise<SoughtRow>;
  /** A row of a source table, in any spelling of its name, by values of its columns. */
  source(owner: Owner, table: string, values: Values): Promise<SoughtRow>;
}

export function createCreated<P extends Principal, DB>(rules: Rules<P, DB>): Created {
  const referred = referredColumns(rules);

  const located = async ({ open, principal }: Owner, { table: name, id }: NamedRow) => {
    const rule = rules.get(name);
    const table = rule && (await open.unit.table(rule.table, rule.key.columns));
    if (rule === undefined || table === undefined) return undefined;
    try {
      const raw = keyOf(rule, id, principal);
      // A part that is the caller's may not be known.
      if (Object.values(raw).some((part) => part === undefined || part === null)) return undefined;
      const key = convertedValues(open, table, raw);
      return key && { rule, table, key, said: told(open, table, key, raw) };
    } catch {
      return undefined;
    }
  };

  const hashesOf = async (
    owner: Owner,
    row: NamedRow,
    its: Awaited<ReturnType<typeof located>>,
  ): Promise<readonly string[]> => [
    ...(its ? [await rowHash(owner, its.rule.table, pairs(its.key, its.said))] : []),
    await clientHash(owner, row),
  ];

  const named: Created["named"] = async (owner, row) => {
    const its = await located(owner, row);
    const table = its?.rule.table ?? row.table;
    return {
      hashes: [
        ...(await hashesOf(owner, row, its)),
        await tableHash(owner, table),
        ...(its ? [await tableHash(owner, row.table)] : []),
        await anyHash(owner),
      ],
      ...(its && { at: { table: its.table, key: its.key } }),
    };
  };

  /** Values by which other rules' rows refer to it, beside its key. */
  const otherHashes = async (
    owner: Owner,
    { clientColumns, table: source }: Rule<P, DB>,
    table: Table,
    data: Values,
  ): Promise<readonly string[]> => {
    const wanted = referred.get(folded(source));
    if (wanted === undefined) return [];
    const hashes: string[] = [];
    for (const [sent, value] of Object.entries(data)) {
      const column = clientColumns === undefined ? sent : clientColumns.get(sent)?.column;
      if (column === undefined || !wanted.has(folded(column)) || value === null) continue;
      const raw = { [column]: value };
      const stored = convertedValues(owner.open, table, raw);
      const said = stored === undefined ? raw : told(owner.open, table, stored, raw);
      hashes.push(await rowHash(owner, source, pairs(stored ?? raw, said)));
    }
    return hashes;
  };

  return {
    row: async (owner, row) => hashesOf(owner, row, await located(owner, row)),

    named,

    ofPayload: async (owner, payload) => {
      const entries = entriesOf(payload);
      const hashes = new Set<string>();
      const tables = new Set<string>();
      let rows = 0;
      if (entries.length === 0 || (await isAmbiguous(payload))) return [await anyHash(owner)];
      for (const [index, entry] of entries.entries()) {
        if (index % stepsOfLook === 0 && isSliceOver()) await nextSlice();
        const { op, table, id, data } = rowOf(entry);
        // Whatever else it may be, it may be a PUT.
        if (op === "PATCH" || op === "DELETE") continue;
        if (typeof table !== "string") return [await anyHash(owner)];
        const rule = rules.get(table);
        tables.add(rule?.table ?? table);
        rows += 1;
        if (rows > mostCreated) continue;
        if (typeof id !== "string") {
          hashes.add(await tableHash(owner, rule?.table ?? table));
          continue;
        }
        const its = await located(owner, { table, id });
        if (its === undefined) {
          hashes.add(await clientHash(owner, { table, id }));
          continue;
        }
        hashes.add(await rowHash(owner, its.rule.table, pairs(its.key, its.said)));
        for (const hash of await otherHashes(owner, its.rule, its.table, data)) hashes.add(hash);
      }
      if (rows <= mostCreated) return [...hashes];
      return Promise.all([...tables].map((table) => tableHash(owner, table)));
    },

    source: async (owner, name, values) => {
      const same = [...rules.values()].filter(({ table }) => folded(table) === folded(name));
      const [rule] = same;
      const table = rule && (await owner.open.unit.table(rule.table));
      const named = table ? byColumns(table, values) : values;
      const key = table && convertedValues(owner.open, table, named);
      const said = table && key ? told(owner.open, table, key, named) : values;
      const [value, ...others] = Object.values(said);
      const text = foldedText(value);
      const clients =
        text === undefined || others.length > 0
          ? []
          : await Promise.all(
              same.map((each) => clientHash(owner, { table: each.name, id: String(value) })),
            );
      return {
        hashes: [
          await rowHash(owner, name, pairs(key ?? values, said)),
          ...clients,
          await tableHash(owner, name),
          await anyHash(owner),
        ],
        ...(table && key && { at: { table, key } }),
      };
    },
  };
}

/** By source table, folded: the columns by which rows of other tables refer to its rows. */
function referredColumns<P extends Principal, DB>(
  rules: Rules<P, DB>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const referred = new Map<string, Set<string>>();
  const add = (table: string, column: string): void => {
    const columns = referred.get(folded(table)) ?? new Set();
    referred.set(folded(table), columns.add(folded(column)));
  };
  for (const { clientColumns, parents } of rules.values()) {
    for (const { rule, by } of parents) add(rule.table, by);
    for (const { references } of clientColumns?.values() ?? []) {
      if (references !== undefined) add(references.table, references.match);
    }
  }
  return referred;
}

/** The table's own names of the columns. */
function byColumns({ columns }: Table, values: Values): Values {
  const names = new Map(Array.from(columns.keys(), (name) => [folded(name), name]));
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [names.get(folded(name)) ?? name, value]),
  );
}

/** `undefined`: no row has these values. */
function convertedValues(
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

/** What converted values are to application code, or as they came: a store's own objects, and expressions, have no text of their own. */
function told({ store }: OpenUnit, { columns }: Table, values: Values, raw: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const column = columns.get(name);
      const shown = column === undefined ? undefined : store.view(column, value);
      return [name, foldedText(shown) === undefined ? raw[name] : shown];
    }),
  );
}

type Pairs = readonly (readonly [column: string, value: string])[];

/** @param said see `told` */
function pairs(values: Values, said: Values): Pairs {
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
function foldedText(value: unknown): string | undefined {
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

function rowHash(owner: Owner, table: string, values: Pairs): Promise<string> {
  return hashFor(owner, "row", folded(table), values);
}

/** For a row of which nothing more can be told. */
function clientHash(owner: Owner, { table, id }: NamedRow): Promise<string> {
  return hashFor(owner, "client", table, foldedText(id));
}

function tableHash(owner: Owner, table: string): Promise<string> {
  return wideHash(owner, "table", folded(table));
}

function anyHash(owner: Owner): Promise<string> {
  return wideHash(owner, "any");
}

async function wideHash(owner: Owner, ...what: readonly string[]): Promise<string> {
  const name = what.join();
  const hash = owner.wide?.get(name) ?? (await hashFor(owner, ...what));
  owner.wide?.set(name, hash);
  return hash;
}
