/**
 * Digits that a column does not keep are rounded as the database itself rounds them: the same text is written once through the library and once as
 * a literal of SQL, and both rows are compared. 60 rows for each database; with `LONG=1` 2,000. `SEED=…` repeats a run.
 */
import fc from "fast-check";
import { Kysely, MysqlDialect, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  anonymous,
  createTables,
  createWrites,
  type Principal,
  type Writes,
} from "../../src/index.js";
import { dialects } from "../support/databases.js";
import { long } from "../support/long.js";
import { createMysqlDatabase, mysqlPool } from "../support/mysql.js";
import type { TestSchema } from "../support/schema.js";
import { type MysqlServer, mysqlServers } from "../support/servers.js";

const rows = long ? 2_000 : 60;
const seed = Number(process.env["SEED"] ?? Math.trunc(Math.random() * 2 ** 31));

interface Column {
  readonly type: string;
  readonly values: fc.Arbitrary<string>;
  /** The literal, from what is sent. */
  readonly literal?: (value: string) => string;
}

/** Halves, and what is next to them, behind digits of any number. */
const digits = fc
  .tuple(
    fc.constantFrom(
      "",
      "0",
      "1",
      "00",
      "12",
      "99",
      "499",
      "999",
      "12345",
      "123456",
      "999999",
      "4999",
    ),
    fc.constantFrom(
      "5",
      "50",
      "500000",
      "4999999999",
      "50000000001",
      "49",
      "51",
      "9999999",
      "0000005",
      "3",
      "",
    ),
  )
  .map((parts) => parts.join(""));
const pointAnd = digits.map((fraction) => (fraction === "" ? "" : `.${fraction}`));

const moments = fc.oneof(
  fc.constantFrom(
    "2026-12-31 23:59:59",
    "2028-02-28 23:59:59",
    "2028-02-29 23:59:59",
    "2027-02-28 23:59:59",
    "1999-12-31 23:59:59",
    "2000-01-01 00:00:00",
    "1969-12-31 23:59:59",
    "1969-12-31 23:59:58",
    "1999-12-31 23:59:58",
    "1970-01-01 00:00:01",
    "2038-01-19 03:14:06",
    "1000-01-01 00:00:00",
    "9999-12-31 23:59:58",
  ),
  fc
    .integer({ min: -30_000_000_000, max: 200_000_000_000 })
    .map((at) => new Date(at * 1000).toISOString().slice(0, 19).replace("T", " ")),
);
const modern = fc
  .integer({ min: 100_000, max: 2_100_000_000 })
  .map((at) => new Date(at * 1000).toISOString().slice(0, 19).replace("T", " "));
const clocks = fc.oneof(
  fc.constantFrom("23:59:59", "12:59:59", "00:00:00", "00:00:01"),
  fc.integer({ min: 0, max: 86_399 }).map((at) => new Date(at * 1000).toISOString().slice(11, 19)),
);
const spans = fc
  .tuple(fc.constantFrom("", "-", ""), fc.oneof(clocks, fc.constantFrom("838:59:58", "100:59:59")))
  .map((parts) => parts.join(""));
const with_ = (whole: fc.Arbitrary<string>) =>
  fc.tuple(whole, pointAnd).map((parts) => parts.join(""));
const numbers = fc
  .tuple(
    fc.constantFrom("", "-", ""),
    fc.oneof(
      fc.constantFrom("0", "99999999", "9", "99"),
      fc.integer({ min: 0, max: 9_999_999 }).map(String),
    ),
    pointAnd,
  )
  .map((parts) => parts.join(""));
const small = fc
  .tuple(fc.constantFrom("", "-"), fc.integer({ min: 0, max: 9_999 }), pointAnd)
  .map((parts) => parts.join(""));
const intervals = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("", "3 days ", "-1 years 2 mons ", "1 week "),
      fc.constantFrom("", "-", "+"),
      with_(clocks),
    )
    .map((parts) => parts.join("")),
  fc
    .tuple(
      fc.constantFrom("PT", "P1DT2H", "P-1Y2M3DT4H5M", "PT-"),
      fc.integer({ min: 0, max: 99 }),
      pointAnd,
    )
    .map(([head, seconds, part]) => `${head}${seconds}${part}S`),
);

type Columns = Readonly<Record<string, Column>>;

const postgresColumns: Columns = {
  ...Object.fromEntries(
    [0, 1, 2, 3, 4, 5, 6].flatMap((scale): [string, Column][] => [
      [`t${scale}`, { type: `timestamp(${scale})`, values: with_(moments) }],
      [
        `z${scale}`,
        {
          type: `timestamptz(${scale})`,
          values: with_(moments),
          literal: (value) => `${value}+00`,
        },
      ],
    ]),
  ),
  plain: { type: "timestamptz", values: with_(moments), literal: (value) => `${value}+00` },
  time_0: { type: "time(0)", values: with_(clocks) },
  time_3: { type: "time(3)", values: with_(clocks) },
  time_6: { type: "time", values: with_(clocks) },
  timetz_2: { type: "timetz(2)", values: with_(clocks).map((at) => `${at}+02`) },
  numeric_2: { type: "numeric(10, 2)", values: numbers },
  numeric_9: { type: "numeric(20, 9)", values: numbers },
  money_: { type: "money", values: numbers },
  interval_0: { type: "interval(0)", values: intervals },
  interval_3: { type: "interval(3)", values: intervals },
  interval_6: { type: "interval", values: intervals },
};

/** Of a longer TIME, MySQL takes the last digit for the seventh: .12345678 and .123456780 are two times to it, and one to the library. */
const withSeven = (whole: fc.Arbitrary<string>) =>
  with_(whole).map((text) => text.replace(/(\.\d{7})\d+$/, "$1"));

const mysqlColumns: Columns = {
  ...Object.fromEntries(
    [0, 1, 2, 3, 4, 5, 6].map((scale) => [
      `d${scale}`,
      { type: `datetime(${scale})`, values: with_(moments) },
    ]),
  ),
  stamp_0: { type: "timestamp null", values: with_(modern) },
  stamp_3: { type: "timestamp(3) null", values: with_(modern) },
  time_0: { type: "time", values: withSeven(spans) },
  time_2: { type: "time(2)", values: withSeven(spans) },
  time_6: { type: "time(6)", values: withSeven(spans) },
  decimal_2: { type: "decimal(10, 2)", values: numbers },
  decimal_9: { type: "decimal(20, 9)", values: numbers },
  float_2: { type: "float(7, 2)", values: small },
  double_3: { type: "double(10, 3)", values: small },
};

interface Subject {
  readonly name: string;
  readonly columns: Columns;
  /** Before the literals are written. */
  readonly session?: string;
  available(): Promise<boolean>;
  open(): Promise<{ readonly db: Kysely<TestSchema>; close(): Promise<void> }>;
}

const subjects: readonly Subject[] = [
  ...dialects.flatMap((dialect): Subject[] =>
    dialect.family === "sqlite"
      ? []
      : [
          {
            name: dialect.name,
            columns: dialect.family === "postgres" ? postgresColumns : mysqlColumns,
            available: dialect.available,
            open: () => dialect.open({ connections: 1 }),
          },
        ],
  ),
  ...mysqlServers.map(inOtherMode),
];

/** The other way than the server's own default. */
function inOtherMode(server: MysqlServer): Subject {
  const mode = server.name === "MySQL" ? "TIME_TRUNCATE_FRACTIONAL" : "TIME_ROUND_FRACTIONAL";
  return {
    name: `${server.name}, ${mode}`,
    columns: mysqlColumns,
    available: server.available,
    open: async () => {
      const { url, drop } = await createMysqlDatabase(server);
      const pool = mysqlPool(url, { connectionLimit: 1 });
      pool.on("connection", (connection) => connection.query(`set session sql_mode = '${mode}'`));
      const db = new Kysely<TestSchema>({ dialect: new MysqlDialect({ pool }) });
      await createTables(db);
      return {
        db,
        close: async () => {
          await db.destroy();
          await drop();
        },
      };
    },
  };
}

for (const { name, columns, available, open } of subjects) {
  const isThere = await available();

  describe.skipIf(!isThere)(`digits on ${name}`, () => {
    let opened: Awaited<ReturnType<Subject["open"]>>;
    let writes: Writes<Principal>;
    const isPostgres = columns === postgresColumns;

    beforeAll(async () => {
      opened = await open();
      const { db } = opened;
      const all = Object.entries(columns).map(([column, { type }]) => `${column} ${type}`);
      for (const table of ["sent", "direct"]) {
        await sql
          .raw(`create table ${table} (id varchar(40) primary key, ${all.join(", ")})`)
          .execute(db);
      }
      if (!isPostgres) {
        await sql.raw("set time_zone = '+00:00'").execute(db);
        await sql.raw("set sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')").execute(db);
      } else await sql.raw("set time zone 'UTC'").execute(db);
      writes = createWrites<Principal, TestSchema>({
        authenticate: anonymous(),
        database: db,
        tables: { sent: { access: "everyone" } },
        ledger: false,
        parking: false,
        deadLetter: (letter) => letter,
        logger: false,
      });
    });
    afterAll(() => opened.close());

    const textOf = async (
      table: string,
    ): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> => {
      const texts = Object.keys(columns).map((column) =>
        isPostgres ? `${column}::text as ${column}` : `cast(${column} as char) as ${column}`,
      );
      const { rows: found } = await sql
        .raw<{ id: string }>(`select id, ${texts.join(", ")} from ${table}`)
        .execute(opened.db);
      return new Map(found.map((row) => [row.id, row]));
    };

    it(
      `rounds ${rows} values of ${Object.keys(columns).length} types as ${name} rounds a literal`,
      { timeout: 600_000 },
      async () => {
        const { db } = opened;
        const samples = Object.entries(columns).map(
          ([column, { values }], at) =>
            [column, fc.sample(values, { numRuns: rows, seed: seed + at })] as const,
        );
        const outcomes: string[] = [];
        const kept: string[] = [];
        let refused = 0;
        for (let row = 0; row < rows; row += 1) {
          const id = `r${row}`;
          const given = samples.map(([column, values]) => [column, values[row] ?? ""] as const);
          const result = await writes.processTransaction(
            { crud: [{ op: "PUT", table: "sent", id, op_data: Object.fromEntries(given) }] },
            { principal: { userId: "u" } },
          );
          const literals = given.map(([column, value]) => {
            const { literal = (each: string) => each } = columns[column] as Column;
            return [column, `'${literal(value)}'`] as const;
          });
          const insert = (some: typeof literals) =>
            sql
              .raw(
                `insert into direct (id, ${some.map(([column]) => column).join(", ")}) values ('${id}', ${some.map(([, text]) => text).join(", ")})`,
              )
              .execute(db);
          const direct = await insert(literals).then(
            () => true,
            () => false,
          );
          if (direct && result.status === "success") {
            kept.push(id);
            continue;
          }
          // One value of the row is refused: each for itself.
          for (const [at, [column, value]] of given.entries()) {
            const one = await writes.processTransaction(
              {
                crud: [
                  { op: "PUT", table: "sent", id: `${id}${column}`, op_data: { [column]: value } },
                ],
              },
              { principal: { userId: "u" } },
            );
            const [, literal] = literals[at] ?? [];
            const accepted = await sql
              .raw(`insert into direct (id, ${column}) values ('${id}${column}', ${literal})`)
              .execute(db)
              .then(
                () => true,
                () => false,
              );
            if (one.status === "success" && accepted) kept.push(`${id}${column}`);
            else if (
              one.status === "fatal_error" &&
              one.failedOperation.errorCode === "INVALID_DATA"
            ) {
              refused += 1;
              // The library's own bounds: no year of five digits, and no fraction in the last second of a TIME.
              if (accepted && !/^9999-12-31 23:59:59|^-?838:59:59/.test(value))
                outcomes.push(`${column} <- ${value}: refused, but ${name} takes it`);
            } else
              outcomes.push(
                `${column} <- ${value}: ${JSON.stringify(one)}, but ${name} ${accepted ? "takes" : "refuses"} it`,
              );
          }
        }
        const [sent, direct] = [await textOf("sent"), await textOf("direct")];
        for (const id of kept) {
          for (const column of Object.keys(columns)) {
            const [one, other] = [sent.get(id)?.[column], direct.get(id)?.[column]];
            const value = samples.find(([each]) => each === column)?.[1][
              Number(/\d+/.exec(id)?.[0])
            ];
            if (one !== other)
              outcomes.push(
                `${column} <- ${value}: ${String(one)}, but ${name} has ${String(other)}`,
              );
          }
        }
        expect(outcomes.slice(0, 30), `SEED=${seed}`).toEqual([]);
        expect(kept.length).toBeGreaterThan(rows / 2);
        expect(refused).toBeLessThan(rows);
      },
    );
  });
}
