/**
 * Computes a hash of each row that a letter names, so that a retry can find out whether the row has changed.
 * Reads only columns that are certainly readable, because in most databases a refused statement ends the transaction.
 */
import type { Principal } from "../context.js";
import { keyOf } from "../pipeline/key.js";
import type { OpenUnit } from "../pipeline/operation.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import { type NamedRow, rowName, type RowState, type RowStates } from "../store/letters.js";
import type { Store, Values } from "../store/store.js";
import type { Column, Table } from "../store/tables.js";

/** The most rows that are read for one transaction, so that recording a letter stays cheap. */
const mostRead = 1_000;
/** The most UTF-16 code units of the tables and ids of all these rows. One id may be as long as a transaction. */
const mostOfNames = 128 * 1024;

/** The first rows that are within both limits. */
function within(rows: readonly NamedRow[]): readonly NamedRow[] {
  let room = mostOfNames;
  return rows.slice(0, mostRead).filter(({ table, id }) => {
    const length = table.length + id.length;
    if (length > room) return false;
    room -= length;
    return true;
  });
}

export interface RowStateReader {
  /** @param principal the sender of the rows; contains only the user id if nothing else is known */
  read(open: OpenUnit, rows: readonly NamedRow[], principal: Principal): Promise<RowStates>;
  /** The rows that have changed. Locks those that exist until the transaction ends. */
  changed(open: OpenUnit, before: RowStates, principal: Principal): Promise<readonly NamedRow[]>;
}

/** The rows of one client table, with the source table and their keys in it. */
interface Place {
  readonly table: Table;
  readonly rows: readonly NamedRow[];
  readonly keys: readonly Values[];
}

export function createRowStateReader<P extends Principal, DB>(rules: Rules<P, DB>): RowStateReader {
  const placesOf = async (
    open: OpenUnit,
    rows: readonly NamedRow[],
    principal: Principal,
  ): Promise<ReadonlyMap<string, Place>> => {
    const places = new Map<string, Place>();
    for (const [name, named] of Map.groupBy(rows, ({ table }) => table)) {
      const rule = rules.get(name);
      const place = rule && (await rowPlaceOf(open, rule, named, principal));
      if (place !== undefined) places.set(name, place);
    }
    return places;
  };

  return {
    read: async (open, all, principal) => {
      const columns: Record<string, readonly string[]> = {};
      const states: RowState[] = [];
      for (const [name, { table, rows, keys }] of await placesOf(open, within(all), principal)) {
        const found = await open.unit.fingerprint(table, keys);
        if (found === undefined) continue;
        columns[name] = found.columns;
        for (const [index, hash] of found.hashes.entries()) {
          const row = rows[index];
          if (hash !== undefined && row !== undefined) states.push({ ...row, hash });
        }
      }
      return { columns, rows: states, unread: all.length - states.length };
    },

    changed: async (open, before, principal) => {
      const now = new Map<string, string | null>();
      for (const [name, { table, rows, keys }] of await placesOf(open, before.rows, principal)) {
        const columns = before.columns[name] ?? [];
        const found = await open.unit.fingerprint(table, keys, { columns, lock: true });
        // If a column is gone, or may no longer be read, the rows can't be shown to be unchanged.
        if (found?.columns.length !== columns.length) continue;
        for (const [index, hash] of found.hashes.entries()) {
          const row = rows[index];
          if (hash !== undefined && row !== undefined) now.set(rowName(row), hash);
        }
      }
      return before.rows
        .filter((row) => now.get(rowName(row)) !== row.hash)
        .map(({ table, id }) => ({ table, id }));
    },
  };
}

/** The keys of rows of one table; an id that can't be a key is left out. `undefined`: the table, or a key column, does not exist. */
export async function rowPlaceOf<P extends Principal, DB>(
  { store, unit }: OpenUnit,
  rule: Rule<P, DB>,
  named: readonly NamedRow[],
  principal: Principal,
): Promise<Place | undefined> {
  const table = await unit.table(rule.table, rule.key.columns);
  if (table === undefined) return undefined;
  const columns = rule.key.columns.flatMap((name) => table.columns.get(name) ?? []);
  if (columns.length < rule.key.columns.length) return undefined;
  const rows: NamedRow[] = [];
  const keys: Values[] = [];
  for (const row of named) {
    const key = keyValues(store, rule, columns, row, principal);
    if (key === undefined) continue;
    rows.push(row);
    keys.push(key);
  }
  return { table, rows, keys };
}

/** The columns of the key that a client's id stands for. `undefined`: no row can have this id. */
function keyValues<P extends Principal, DB>(
  store: Store,
  rule: Rule<P, DB>,
  columns: readonly Column[],
  { id }: NamedRow,
  principal: Principal,
): Values | undefined {
  try {
    const parts = keyOf(rule, id, principal);
    return Object.fromEntries(
      columns.map((column) => [
        column.name,
        store.convert({ ...column, generated: false }, parts[column.name], false, true),
      ]),
    );
  } catch {
    return undefined;
  }
}
