/**
 * Whatever a client sends into a column of whatever type is stored exactly as it is meant, or refused with INVALID_DATA and nothing changed.
 * 200 values a type and database, on PGlite 50; with `LONG=1` 10,000. `SEED=…` repeats a run.
 */
import fc from "fast-check";
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anonymous, createWrites, type Principal, type Writes } from "../../src/index.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";
import { long } from "../support/long.js";
import type { TestSchema } from "../support/schema.js";
import { jsonOf, type Sent, type Verdict } from "./meaning.js";
import { anything } from "./sent-times.js";
import type { ValueColumn, ValueTable } from "./value-columns.js";
import { mariadbValues, mysqlValues } from "./values-mysql.js";
import { postgresValues } from "./values-postgres.js";
import { sqliteValues } from "./values-sqlite.js";

/** PGlite runs Postgres' own code, and takes by far the longest. */
const rowsOn = ({ name }: TestDialect) => (long ? 1_000 : name === "PGlite" ? 30 : 100);
const rounds = long ? 10 : 1;
const seed = Number(process.env["SEED"] ?? Math.trunc(Math.random() * 2 ** 31));

/** By the beginning of the database's name. */
const valueTables: Readonly<Record<string, ValueTable>> = {
  PGlite: postgresValues,
  Postgres: postgresValues,
  MariaDB: mariadbValues,
  MySQL: mysqlValues,
  SQLite: sqliteValues,
};

/** A value on its way into a column of a row, and what must become of it. */
interface Sample {
  readonly row: number;
  readonly column: string;
  readonly value: Sent;
  readonly verdict: Verdict;
}

interface Change {
  readonly op: "PUT" | "PATCH";
  readonly row: number;
  readonly samples: readonly Sample[];
}

interface Result {
  readonly status: string;
  readonly failed_operation?: { readonly error_code: string; readonly operation_index?: number };
}

for (const dialect of dialects) {
  const available = await dialect.available();
  const [, table] =
    Object.entries(valueTables).find(([name]) => dialect.name.startsWith(name)) ?? [];
  if (table === undefined) throw new Error(`There is no table of values for ${dialect.name}.`);

  describe.skipIf(!available)(`values on ${dialect.name}`, () => {
    let database: TestDatabase;
    let writes: Writes<Principal>;

    beforeAll(async () => {
      database = await dialect.open();
      await createTable(database.db, table);
      writes = writesTo(database.db);
    });
    afterAll(() => database.close());

    it(
      `${rowsOn(dialect) * rounds} for each of ${Object.keys(table.columns).length} types are stored as they are meant, or refused`,
      { timeout: 300_000 * rounds },
      async () => {
        const mismatches: string[] = [];
        for (let round = 0; round < rounds; round += 1) {
          mismatches.push(...(await runRound(dialect, database, writes, table, seed + round)));
          await sql`delete from samples`.execute(database.db);
        }
        expect(shortened(mismatches), `SEED=${seed}`).toEqual([]);
      },
    );
  });
}

async function createTable(db: Kysely<TestSchema>, table: ValueTable): Promise<void> {
  for (const statement of table.before) await sql.raw(statement).execute(db);
  const columns = Object.entries(table.columns).map(([name, { type }]) => `${name} ${type}`);
  await sql
    .raw(`create table samples (id varchar(40) primary key, ${columns.join(", ")})`)
    .execute(db);
}

function writesTo(db: Kysely<TestSchema>): Writes<Principal> {
  return createWrites<Principal, TestSchema>({
    authenticate: anonymous(),
    database: db,
    tables: { samples: { access: "everyone" } },
    onFatal: "skip",
    limits: { transactions: 100_000, bodyBytes: 2 ** 28 },
    // All of them are one request.
    timeouts: { requestMs: Infinity },
    // What is recorded is tested elsewhere, and would take most of the time here.
    deadLetter: (letter) => letter,
  });
}

/** Values that must be stored go into their row together; each of the others is a transaction of its own. */
async function runRound(
  dialect: TestDialect,
  { db }: TestDatabase,
  writes: Writes<Principal>,
  table: ValueTable,
  roundSeed: number,
): Promise<readonly string[]> {
  const rows = rowsOn(dialect);
  const samples = Object.entries(table.columns).flatMap(([column, of], index) =>
    sample(column, of, rows, roundSeed + index),
  );
  const mismatches: string[] = [];
  /** By row and column, the meaning of what it must hold now. */
  const state = new Map<string, string>();
  const send = (changes: readonly Change[]) => upload(writes, changes, dialect.concurrent ? 4 : 1);
  const settle = ({ row, column, verdict }: Sample): void => {
    if (verdict.must === "store" || verdict.must === "either")
      state.set(`${row} ${column}`, verdict.as);
  };

  const sure = grouped(
    samples.filter(({ verdict }) => verdict.must === "store"),
    ({ row }) => row,
  );
  const together = [...Array(rows).keys()].map((row): Change => ({
    op: "PUT",
    row,
    samples: sure.get(row) ?? [],
  }));
  const alone: Change[] = [];
  for (const [index, result] of (await send(together)).entries()) {
    const { row, samples: inRow } = together[index] as Change;
    if (result.status === "success") inRow.forEach(settle);
    // One of them is to blame: each for itself.
    else {
      alone.push({ op: "PUT", row, samples: [] });
      alone.push(...inRow.map((each): Change => ({ op: "PATCH", row, samples: [each] })));
    }
  }
  for (const each of samples.filter(({ verdict }) => verdict.must !== "store")) {
    // What must not be stored is sent to a row that mostly holds something.
    const row = each.verdict.must === "refuse" ? (each.row * 7 + 1) % rows : each.row;
    alone.push({ op: row % 2 === 0 ? "PUT" : "PATCH", row, samples: [each] });
  }
  for (const [index, result] of (await send(alone)).entries()) {
    const { samples: only } = alone[index] as Change;
    const [each] = only;
    if (each === undefined) continue;
    const stored = result.status === "success";
    if (stored) settle(each);
    if (
      stored
        ? each.verdict.must !== "refuse"
        : isInvalidData(result) && each.verdict.must !== "store"
    )
      continue;
    mismatches.push(`${named(table, each)}: ${said(result)}, must ${each.verdict.must}`);
  }
  const unknown = new Set(
    samples
      .filter(({ verdict }) => verdict.must === "any")
      .map(({ row, column }) => `${row} ${column}`),
  );
  const bySample = new Map(samples.map((each) => [`${each.row} ${each.column}`, each]));
  for (const [cell, stored] of await readAll(db, table)) {
    if (unknown.has(cell) || stored === (state.get(cell) ?? null)) continue;
    const each = bySample.get(cell);
    mismatches.push(
      `${each === undefined ? cell : named(table, each)}: ${difference(stored, state.get(cell) ?? null)}`,
    );
  }
  return mismatches;
}

/** Both from shortly before they part: of long values the beginning tells nothing. */
function difference(stored: string | null, must: string | null): string {
  const [one, other] = [stored ?? "", must ?? ""];
  let same = 0;
  while (same < one.length && one[same] === other[same]) same += 1;
  const from = Math.max(0, same - 20);
  const part = (value: string | null) => shown(value?.slice(from) ?? null);
  return `holds (from ${from}) ${part(stored)}, must hold ${part(must)}`;
}

/** Mostly what is made for the type, and now and then anything. */
function sample(
  column: string,
  { values, meaning }: ValueColumn,
  rows: number,
  of: number,
): readonly Sample[] {
  const mixed = fc.oneof({ weight: 9, arbitrary: values }, { weight: 1, arbitrary: anything });
  return fc
    .sample(mixed, { numRuns: rows, seed: of })
    .filter((value) => value !== null)
    .map((value, row): Sample => ({ row, column, value, verdict: meaning(value) }));
}

/** Through the whole of the endpoint: the body is JSON text, as it comes from a device. Several at once where there are connections. */
async function upload(
  writes: Writes<Principal>,
  changes: readonly Change[],
  lanes: number,
): Promise<readonly Result[]> {
  const size = Math.ceil(changes.length / lanes);
  const parts = Array.from({ length: lanes }, (_, lane) =>
    changes.slice(lane * size, (lane + 1) * size),
  );
  return (await Promise.all(parts.map((part) => uploadAll(writes, part)))).flat();
}

async function uploadAll(
  writes: Writes<Principal>,
  changes: readonly Change[],
): Promise<readonly Result[]> {
  const results: Result[] = [];
  // A retryable answer ends a batch; those behind it are sent again.
  while (results.length < changes.length) {
    const transactions = changes.slice(results.length).map(({ op, row, samples }) => {
      const data = samples.map(({ column, value }) => `"${column}":${jsonOf(value)}`);
      return `{"crud":[{"op":"${op}","table":"samples","id":"r${row}","op_data":{${data.join(",")}}}]}`;
    });
    const body = `{"transactions":[${transactions.join(",")}]}`;
    const response = await writes.handle({
      method: "POST",
      url: "/api/data",
      headers: new Headers({ "content-type": "application/json" }),
      body: async () => body,
      signal: new AbortController().signal,
    });
    const answer = JSON.parse(response.body) as { readonly results?: readonly Result[] };
    if (answer.results === undefined) throw new Error(response.body);
    results.push(...answer.results.filter(({ status }) => status !== "not_attempted"));
  }
  return results;
}

/** Every cell: its row and column, and the meaning of what it holds. */
async function readAll(
  db: Kysely<TestSchema>,
  { columns }: ValueTable,
): Promise<readonly (readonly [string, string | null])[]> {
  const names = Object.entries(columns).map(
    ([name, { read }]) => `${read === undefined ? name : read(name)} as ${name}`,
  );
  const { rows: found } = await sql
    .raw<Record<string, unknown>>(`select id, ${names.join(", ")} from samples`)
    .execute(db);
  return found.flatMap(({ id, ...cells }) =>
    Object.entries(cells).map(([name, cell]) => {
      const { text = String } = columns[name] as ValueColumn;
      return [`${String(id).slice(1)} ${name}`, cell === null ? null : text(String(cell))] as const;
    }),
  );
}

function isInvalidData({ failed_operation }: Result): boolean {
  return failed_operation?.error_code === "INVALID_DATA" && failed_operation.operation_index === 0;
}

function said({ status, failed_operation }: Result): string {
  return failed_operation === undefined
    ? status
    : `${failed_operation.error_code} at ${failed_operation.operation_index}`;
}

function shown(text: string | null): string {
  return text !== null && text.length > 120 ? `${text.slice(0, 120)}…` : String(text);
}

function named({ columns }: ValueTable, { column, value }: Sample): string {
  return `${columns[column]?.type} <- ${shown(jsonOf(value))}`;
}

/** Some of each type. */
function shortened(mismatches: readonly string[]): readonly string[] {
  const most = Number(process.env["MISMATCHES"] ?? 5);
  return [...grouped(mismatches, (each) => each.split(" <- ")[0]).values()].flatMap((each) =>
    each.length > most ? [...each.slice(0, most), `… and ${each.length - most} more`] : each,
  );
}

function grouped<T, K>(list: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of list) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
