/**
 * What rows are like, so that it can be told later whether they still are: a hash of each.
 * Only what is sure to be readable is asked for, because on most databases a refused statement ends the transaction.
 */
import { sql } from "kysely";
import { sha256 } from "../wire/digest.js";
import type { NamedRow } from "../dead-letters/payload.js";
import type { Principal } from "../pipeline/layers.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import type { Access, Column, Connection } from "./dialect.js";
import { dialectOf } from "./dialects.js";
import { keyOf } from "./write.js";
import { isRow, type Target, type Values } from "./statements.js";
import { type Catalog, sourceTable } from "./schema.js";

/** As JSON in the letter. */
export interface RowStates {
  /** By the client's table: the source table's columns that were read. One that is added later is no change of the row. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  readonly rows: readonly RowState[];
  /** Rows that could not be read: no rule, no grant, an id that is none of its table's; or beyond the bound. */
  readonly unread: number;
}

interface RowState extends NamedRow {
  /** Hex SHA-256. `null`: there was no such row. */
  readonly hash: string | null;
}

/** Rows of one transaction. Those beyond are not read: to record a letter must stay a small thing. */
const mostRows = 1_000;
/** Rows in one statement. */
const chunk = 50;

export interface RowStateReader {
  /** At most one statement for 50 rows, and two for a table. */
  read(tx: Connection, rows: readonly NamedRow[]): Promise<RowStates>;
  /** The rows that are not as they were. Locks those that are there, where a database knows such locks, until the transaction ends. */
  changed(tx: Connection, then: RowStates): Promise<readonly NamedRow[]>;
}

/** The readable part of a client's table, and where the rows are in it. */
interface Place {
  readonly table: string;
  readonly columns: readonly Column[];
  readonly lockable: boolean;
  readonly targets: readonly { readonly row: NamedRow; readonly target: Target }[];
}

export function createRowStateReader<P extends Principal, DB>(
  rules: Rules<P, DB>,
  catalog: Catalog,
): RowStateReader {
  const placesOf = async (
    tx: Connection,
    rows: readonly NamedRow[],
  ): Promise<ReadonlyMap<string, Place>> => {
    const byTable = new Map<string, NamedRow[]>();
    for (const row of rows) {
      const known = byTable.get(row.table);
      if (known === undefined) byTable.set(row.table, [row]);
      else known.push(row);
    }
    const places = new Map<string, Place>();
    for (const [table, named] of byTable) {
      const rule = rules.get(table);
      const place = rule && (await placeOf(tx, rule, named, catalog));
      if (place !== undefined) places.set(table, place);
    }
    return places;
  };

  return {
    read: async (tx, all) => {
      const places = await placesOf(tx, all.slice(0, mostRows));
      const columns: Record<string, readonly string[]> = {};
      const states: RowState[] = [];
      for (const [table, place] of places) {
        columns[table] = place.columns.map(({ name }) => name);
        states.push(...(await statesOf(tx, place)));
      }
      return { columns, rows: states, unread: all.length - states.length };
    },

    changed: async (tx, then) => {
      const places = await placesOf(tx, then.rows);
      const now = new Map<string, string | null>();
      for (const [table, place] of places) {
        const columns = (then.columns[table] ?? []).map((name) =>
          place.columns.find((column) => column.name === name),
        );
        // A column is gone, or may not be read any more: nobody can say that the row is as it was.
        if (columns.some((column) => column === undefined)) continue;
        if (place.lockable) await lock(tx, place);
        const known = { ...place, columns: columns.filter((column) => column !== undefined) };
        for (const { id, hash } of await statesOf(tx, known)) now.set(nameOf({ table, id }), hash);
      }
      return then.rows
        .filter((row) => now.get(nameOf(row)) !== row.hash)
        .map(({ table, id }) => ({ table, id }));
    },
  };
}

function nameOf({ table, id }: NamedRow): string {
  return JSON.stringify([table, id]);
}

async function placeOf<P extends Principal, DB>(
  tx: Connection,
  rule: Rule<P, DB>,
  rows: readonly NamedRow[],
  catalog: Catalog,
): Promise<Place | undefined> {
  const { table, key } = rule;
  const { access: ask, convert, comparable = () => true } = dialectOf(tx);
  const schema = await catalog.read(tx, table);
  if (schema === undefined || !key.columns.every((name) => schema.names.has(name)))
    return undefined;
  const access: Access = (await ask?.(tx, sourceTable(tx, table))) ?? {
    readable: schema.names,
    lockable: false,
  };
  const columns = [...schema.columns.values()].filter(({ name }) => access.readable.has(name));
  const keys = columns.filter(({ name }) => key.columns.includes(name));
  if (keys.length < key.columns.length) return undefined;
  const keyValues = ({ id }: NamedRow): Values | undefined => {
    try {
      const parts = keyOf(rule, id);
      const values = keys.map((column) => {
        const value = convert({ ...column, generated: false }, parts[column.name], false);
        return [column, value] as const;
      });
      if (!values.every(([column, value]) => comparable(column, value))) return undefined;
      return Object.fromEntries(values.map(([{ name }, value]) => [name, value]));
    } catch {
      // No row has such an id.
      return undefined;
    }
  };
  const targets = rows.flatMap((row) => {
    const values = keyValues(row);
    return values === undefined ? [] : [{ row, target: { table, key: values, scope: undefined } }];
  });
  return { table, columns, lockable: access.lockable, targets };
}

async function statesOf(tx: Connection, { columns, targets }: Place): Promise<RowState[]> {
  const texts = dialectOf(tx).fingerprint(columns);
  const one = ({ target }: Place["targets"][number], index: number) =>
    tx
      .selectFrom(target.table)
      .select([
        sql<unknown>`${sql.lit(index)}`.as("n"),
        ...texts.map((text, at) => sql<unknown>`${text}`.as(`t${at}`)),
      ])
      .where(isRow(target));
  const states: RowState[] = [];
  for (const some of chunks(targets)) {
    const [first, ...others] = some.map(one);
    if (first === undefined) break;
    const found = await others.reduce((all, each) => all.unionAll(each), first).execute();
    const byRow = new Map<number, string[][]>();
    for (const { n, ...rest } of found as readonly Record<string, unknown>[]) {
      const row = texts.map((_, at) => String(rest[`t${at}`]));
      byRow.set(Number(n), [...(byRow.get(Number(n)) ?? []), row]);
    }
    for (const [index, { row }] of some.entries()) {
      // One, unless the database does not hold the key unique.
      const rows = byRow
        .get(index)
        ?.map((each) => JSON.stringify(each))
        .toSorted();
      states.push({ ...row, hash: rows === undefined ? null : await sha256(rows) });
    }
  }
  return states;
}

/** A statement of its own: what it returns may be less than what may be read, where policies hide rows from updates. */
async function lock(tx: Connection, { table, targets }: Place): Promise<void> {
  const { rowLock } = dialectOf(tx);
  if (rowLock === undefined) return;
  for (const some of chunks(targets)) {
    const any = sql.join(
      some.map(({ target }) => sql`(${isRow(target)})`),
      sql` or `,
    );
    await tx
      .selectFrom(table)
      .select(sql.lit(1).as("n"))
      .where(sql<boolean>`(${any})`)
      .modifyEnd(rowLock)
      .execute();
  }
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / chunk) }, (_, index) =>
    items.slice(index * chunk, (index + 1) * chunk),
  );
}
