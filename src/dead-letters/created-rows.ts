/**
 * Indexes the rows that a dead letter would create, as hashes of the user, the source table and the converted key. A row is therefore found
 * whichever client table names it, and however its key is spelled.
 */
import type { Principal } from "../context.js";
import { keyOf } from "../pipeline/key.js";
import type { Mapping } from "../pipeline/mapping.js";
import type { Mapped, Targets } from "../pipeline/operation.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import type { NamedRow } from "../store/letters.js";
import type { Values } from "../store/store.js";
import type { Table } from "../store/tables.js";
import { isAmbiguous, rowOf, type StoredEntry } from "../wire/entries.js";
import { isSliceOver, nextSlice, stepsOfLook } from "../wire/slices.js";
import { entriesOf } from "./payload.js";
import {
  anyHash,
  clientHash,
  folded,
  foldedText,
  type Owner,
  pairs,
  rowHash,
  tableHash,
  byColumns,
  convertedValues,
  told,
  createMemberHashes,
} from "./row-hashes.js";

/** The most rows that are indexed for a letter. A larger letter stands for every missing row of its tables. */
const mostCreated = 10_000;

/** A row that is looked for among the rows that letters would create. */
export interface SoughtRow {
  /** The hashes under which a letter that would create the row may be indexed; the row's own first. */
  readonly hashes: readonly string[];
  /** Where the row would be stored, if that is known. */
  readonly at?: { readonly table: Table; readonly key: Values };
}

export interface Created {
  /**
   * The hashes of everything that a payload would create. A payload that can't be read may create anything, and so may an operation that the
   * application maps in an unknown way.
   */
  ofPayload(
    owner: Owner,
    payload: unknown,
    targets: Targets | undefined,
  ): Promise<readonly string[]>;
  /** The hashes of this row alone, without those that cover more than one row. */
  row(owner: Owner, row: NamedRow): Promise<readonly string[]>;
  /** The hash of a letter that names this row, when it is unknown what the letter would make of it. */
  sent(owner: Owner, row: NamedRow): Promise<string>;
  /** Finds a row by the client's table and id. */
  named(owner: Owner, row: NamedRow): Promise<SoughtRow>;
  /** Finds a row by its source table, in any spelling, and values of its columns. */
  source(owner: Owner, table: string, values: Values): Promise<SoughtRow>;
}

/** What an operation would write, and whether its columns have the client's or the source table's names. */
interface Becoming extends Omit<StoredEntry, "op"> {
  readonly op?: unknown;
  readonly columns: Mapped["columns"];
}

/** @param mapping absent if every operation writes the row that it names */
export function createCreated<P extends Principal, DB>(
  rules: Rules<P, DB>,
  mapping: Mapping | undefined,
): Created {
  const referred = referredColumns(rules);
  const memberHashes = createMemberHashes(rules);

  const located = async ({ open, principal }: Owner, { table: name, id }: NamedRow) => {
    const rule = rules.get(name);
    const table = rule && (await open.unit.table(rule.table, rule.key.columns));
    if (rule === undefined || table === undefined) return undefined;
    try {
      const raw = keyOf(rule, id, principal);
      // The key may have a part from the principal that is unknown.
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

  /** Hashes by the columns other than the key through which rows of other tables refer to this row. */
  const otherHashes = async (
    owner: Owner,
    { clientColumns, table: source }: Rule<P, DB>,
    table: Table,
    { data, columns }: Pick<Becoming, "data" | "columns">,
  ): Promise<readonly string[]> => {
    const wanted = referred.get(folded(source));
    if (wanted === undefined) return [];
    const hashes: string[] = [];
    for (const [name, value] of Object.entries(data)) {
      const isSource = columns === "source's" || clientColumns === undefined;
      const column = isSource ? name : clientColumns.get(name)?.column;
      if (column === undefined || !wanted.has(folded(column)) || value === null) continue;
      const raw = { [column]: value };
      const stored = convertedValues(owner.open, table, raw);
      const said = stored === undefined ? raw : told(owner.open, table, stored, raw);
      hashes.push(await rowHash(owner, source, pairs(stored ?? raw, said)));
    }
    return hashes;
  };

  /** `null`: the operation writes nothing. `undefined`: what it writes is unknown. */
  const becoming = async (
    entry: StoredEntry,
    operation: Targets[number] | undefined,
  ): Promise<Becoming | null | undefined> => {
    if (mapping === undefined) return { ...entry, columns: "client's" };
    // If a hook has changed the payload, the targets no longer belong to it.
    const isSame =
      operation !== undefined &&
      entry.op === operation.sent.op &&
      entry.table === operation.sent.table &&
      entry.id === operation.sent.id;
    if (!isSame) return undefined;
    return operation.target === undefined ? mapping.predict(operation.sent) : operation.target;
  };

  return {
    row: async (owner, row) => hashesOf(owner, row, await located(owner, row)),

    named,

    sent: clientHash,

    ofPayload: async (owner, payload, targets) => {
      const entries = entriesOf(payload);
      const hashes = new Set<string>();
      const tables = new Set<string>();
      let rows = 0;
      let anything = false;
      if (entries.length === 0 || (await isAmbiguous(payload))) return [await anyHash(owner)];
      for (const [index, stored] of entries.entries()) {
        if (index % stepsOfLook === 0 && isSliceOver()) await nextSlice();
        const entry = rowOf(stored);
        const made = await becoming(entry, targets?.[index]);
        if (made === undefined) {
          anything = true;
          const { table, id } = entry;
          if (hashes.size < mostCreated && typeof table === "string" && typeof id === "string")
            hashes.add(await clientHash(owner, { table, id }));
          continue;
        }
        // An unknown `op` might be a PUT.
        if (made === null || made.op === "PATCH" || made.op === "DELETE") continue;
        const { table, id } = made;
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
          // The application's `split` may still turn the id into a key of this table.
          if (rule?.key.split !== undefined) hashes.add(await tableHash(owner, rule.table));
          continue;
        }
        hashes.add(await rowHash(owner, its.rule.table, pairs(its.key, its.said)));
        for (const hash of await otherHashes(owner, its.rule, its.table, made)) hashes.add(hash);
        for (const hash of await memberHashes(owner, its, made)) hashes.add(hash);
      }
      if (anything) hashes.add(await anyHash(owner));
      if (anything || rows <= mostCreated) return [...hashes];
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

/** By source table (folded name): the columns through which rows of other tables refer to its rows. */
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
