/** What PowerSync's SDKs send for a value, and what each database makes of it: a part of `docs/types.md`. */
import { type Kysely, sql } from "kysely";
import { createWrites } from "../../src/index.js";
import { databases, type TestDialect } from "../../test/support/databases.js";
import { code, table } from "./markdown.js";

type Schema = Record<string, Record<string, unknown>>;

const names = ["Postgres", "MySQL", "MariaDB", "SQLite"] as const;
type Types = readonly [postgres: string, mysql: string, mariadb: string, sqlite: string];

const of = (type: string): Types => [type, type, type, type];
const instant: Types = ["timestamptz", "datetime(6)", "datetime(6)", "datetime"];
const coarse: Types = ["timestamptz(0)", "datetime", "datetime", "datetime"];
const millis: Types = ["timestamptz(3)", "datetime(3)", "datetime(3)", "datetime"];
const uuid: Types = ["uuid", "char(36)", "uuid", "uuid"];
const json: Types = ["jsonb", "json", "json", "json"];
const binary: Types = ["bytea", "varbinary(8)", "varbinary(8)", "blob"];

/** Who makes it so, what is sent as JSON, and the columns that it goes into. */
const samples: readonly (readonly [by: string, sent: unknown, types: Types])[] = [
  ...[instant, millis, coarse].flatMap((types) => [
    ["JavaScript: `toISOString()`", "2026-07-01T12:00:00.567Z", types] as const,
    ["Dart: `toIso8601String()`", "2026-07-01T12:00:00.567890Z", types] as const,
    ['.NET: `ToString("o")`', "2026-07-01T12:00:00.5678901Z", types] as const,
    ["Kotlin, Go, Rust: nine digits", "2026-07-01T12:00:00.567890123Z", types] as const,
  ]),
  ["Swift: `ISO8601DateFormatter`", "2026-07-01T12:00:00Z", instant],
  ["Python: `isoformat()`", "2026-07-01T12:00:00.567890+00:00", instant],
  ["SQLite: `datetime('now')`", "2026-07-01 12:00:00", instant],
  ["SQLite: `unixepoch()`", 1_782_907_200, instant],
  ["all: a boolean", 1, of("boolean")],
  ["a JSON library: a boolean", true, of("boolean")],
  ["`0.1 + 0.2`", 0.1 + 0.2, of("decimal(10,2)")],
  ["`0.1 + 0.2`", 0.1 + 0.2, ["double precision", "double", "double", "double"]],
  ["a fraction, where whole numbers are kept", 1.5, of("decimal(10,0)")],
  ["a fraction, where whole numbers are kept", 1.5, of("integer")],
  ["an integer of 64 bits, as text", "9007199254740993", of("bigint")],
  ["Swift: `UUID().uuidString`", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", uuid],
  ["all: JSON as text", '{"a":1}', json],
  ["bytes as base64", "AP8=", binary],
];

export async function sdkValues(): Promise<string> {
  const columns: (readonly string[])[] = [];
  for (const [index, name] of names.entries()) {
    const dialect = databases.find((each) => each.name.startsWith(name));
    if (dialect === undefined || !(await dialect.available()))
      throw new Error(`${name} does not answer, and docs/types.md is made from a real run.`);
    columns.push(await runOn(dialect, index));
  }
  return table(
    ["Sent by", "Value", ...names],
    samples.map(([by, sent], at) => [
      by,
      code(JSON.stringify(sent)),
      ...columns.map((cells) => cells[at] ?? ""),
    ]),
  );
}

async function runOn(dialect: TestDialect, index: number): Promise<readonly string[]> {
  const { db: opened, close } = await dialect.open();
  const db = opened as unknown as Kysely<Schema>;
  try {
    const columns = samples.map(([, , types], at) => `c${at} ${types[index]}`);
    await sql
      .raw(`create table samples (id varchar(40) primary key, ${columns.join(", ")})`)
      .execute(db);
    let last = 0;
    const send = async (column: string, sent: unknown, exact: boolean) => {
      const writes = createWrites<{ userId: string }, Schema>({
        authenticate: () => ({ userId: "alice" }),
        database: db,
        tables: { samples: { access: "everyone", exact } },
        ledger: false,
        // A server that is busy with other work is no answer.
        timeouts: { statementMs: 60_000, transactionMs: 120_000, lockMs: 60_000 },
        logger: false,
      });
      const id = String((last += 1));
      const crud = [{ op: "PUT", table: "samples", id, op_data: { [column]: sent } }];
      const result = await writes.processTransaction({ crud }, { principal: { userId: "alice" } });
      if (result.status === "retryable_error")
        throw new Error(`${dialect.name}: ${result.message}`);
      return { id, isStored: result.status === "success" };
    };
    const cells: string[] = [];
    for (const [at, [, sent, types]] of samples.entries()) {
      const { id, isStored } = await send(`c${at}`, sent, false);
      const { isStored: isKept } = await send(`c${at}`, sent, true);
      const outcome = async () => {
        if (!isStored) return "refused";
        if (isKept) return "stored";
        const stored = await readAs(db, dialect, `c${at}`, id);
        // SQLite stores digits beyond a declared scale, too.
        return stored === code(String(sent))
          ? "stored; refused with `exact`"
          : `rounded to ${stored}`;
      };
      cells.push(`${code(types[index] ?? "")}: ${await outcome()}`);
    }
    return cells;
  } finally {
    await close();
  }
}

async function readAs(
  db: Kysely<Schema>,
  { family }: TestDialect,
  column: string,
  id: string,
): Promise<string> {
  const name = sql.id(column);
  // Whatever the connection's zone is.
  const text = {
    postgres: sql`to_json(${name}) #>> '{}'`,
    mysql: sql`cast(${name} as char)`,
    sqlite: sql`cast(${name} as text)`,
  }[family];
  const { rows } = await sql<{
    text: string;
  }>`select ${text} as text from samples where id = ${id}`.execute(db);
  return code(rows[0]?.text ?? "");
}
