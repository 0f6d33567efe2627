/**
 * What drivers, JSON libraries and people write for a value: it is stored with its meaning, or it is INVALID_DATA. Nothing is taken for what the
 * database's own lenient reader would make of it.
 */
import pg from "pg";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresDialect,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  sql,
} from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  anonymous,
  createTables,
  createWrites,
  type Principal,
  type WriteEvent,
  type Writes,
} from "../../src/index.js";
import {
  createPostgresDatabase,
  databases,
  dialects,
  mysql,
  postgres,
  type TestDatabase,
} from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";

const everyone = { access: "everyone" } as const;

function writesTo(db: Kysely<TestSchema>, table: string): Writes<Principal> {
  return createWrites<Principal, TestSchema>({
    authenticate: anonymous(),
    database: db,
    tables: { [table]: everyone },
    logger: false,
  });
}

interface Spellings {
  readonly type: string;
  /** What is sent, and the database's own text of what is stored. */
  readonly stored: readonly (readonly [sent: unknown, text: string])[];
  readonly refused: readonly unknown[];
}

/** What no column but one of text or JSON takes. */
const objects: readonly unknown[] = [
  { type: "Buffer", data: [1, 2] },
  { $numberDecimal: "1" },
  { $date: "2026-01-01T00:00:00Z" },
  { x: 1, y: 2 },
  [[1]],
].flatMap((each) => [each, JSON.stringify(each)]);

const intervals: Spellings = {
  type: "interval",
  stored: [
    [{ hours: 2, minutes: 30 }, "02:30:00"],
    ['{"hours":2,"minutes":30}', "02:30:00"],
    [{ days: 3 }, "3 days"],
    [
      { years: 1, months: 2, days: -3, hours: 4, minutes: 5, seconds: 6, milliseconds: 7.008 },
      "1 year 2 mons -3 days +04:05:06.007008",
    ],
    [{ milliseconds: 0.001 }, "00:00:00.000001"],
    [{ milliseconds: -1500 }, "-00:00:01.5"],
    [{}, "00:00:00"],
    ["PT2H30M", "02:30:00"],
    ["P1Y2M3W4DT5H6M7.008S", "1 year 2 mons 25 days 05:06:07.008"],
    ["P-1DT-2H", "-1 days -02:00:00"],
    ["PT1.5H", "01:30:00"],
    ["1 year 2 mons -3 days +04:05:06.5", "1 year 2 mons -3 days +04:05:06.5"],
    ["@ 1 day 2 hours ago", "-1 days -02:00:00"],
    ["-00:00:01", "-00:00:01"],
    ["2 hours", "02:00:00"],
    ["PT0.0000015S", "00:00:00.000001"],
    [{ seconds: 1, milliseconds: 0.0017 }, "00:00:01.000002"],
  ],
  refused: [
    { hour: 2 },
    { hours: "2" },
    { hours: 2, weeks: 1 },
    { hours: null },
    { hours: Number.POSITIVE_INFINITY },
    '{"hours":"2"}',
    '{"hours":2',
    "{2}",
    [2],
    "[2]",
    "2,30",
    "2/30",
    5,
    "5",
    5.5,
    true,
    "true",
    "",
    "P",
    "PT",
    "P1H",
    "1 fortnight",
    "1 day 2",
    "12:60:00",
    "1-2",
    "infinity",
    "P1DT2H trailing",
    ...objects,
  ],
};

const postgresSpellings: Readonly<Record<string, Spellings>> = {
  intervals,
  interval_0: {
    type: "interval(0)",
    stored: [
      [{ hours: -1, milliseconds: 500 }, "-01:00:00"],
      ["PT1.5S", "00:00:02"],
      ["1 mon -00:00:01.5", "1 mon -00:00:02"],
      [{ seconds: 59, milliseconds: 500 }, "00:01:00"],
    ],
    refused: ["1.5"],
  },
  interval_list: {
    type: "interval[]",
    stored: [
      [[{ hours: 1 }, "PT2H"], "{01:00:00,02:00:00}"],
      ['{01:00:00,"1 day"}', '{01:00:00,"1 day"}'],
    ],
    refused: [["5"], "{5}", [{ hour: 1 }]],
  },
  tz: {
    type: "timestamptz",
    stored: [
      ["2026-01-01T00:00:00", "2026-01-01 00:00:00+00"],
      ["2026-01-01 02:00:00+02", "2026-01-01 00:00:00+00"],
      [new Date(0).toJSON(), "1970-01-01 00:00:00+00"],
    ],
    refused: [
      0,
      1_767_225_600,
      1_767_225_600_000,
      "1767225600",
      "26-01-01",
      "01/02/2026",
      "2026/01/02",
      "now",
      "infinity",
      "2026-01-01 10:00 PM",
      ...objects,
    ],
  },
  timetz: {
    type: "timetz",
    stored: [
      ["10:00:00", "10:00:00+00"],
      ["10:00:00Z", "10:00:00+00"],
      ["10:00:00.5+02", "10:00:00.5+02"],
      ["10:00-03:30", "10:00:00-03:30"],
    ],
    refused: ["now", "10:00 PM", 10, "10:00:00 Europe/Berlin", ...objects],
  },
  time: {
    type: "time",
    stored: [["10:00", "10:00:00"]],
    refused: ["10:00:00Z", "10:00:00+02", "10", "10:00 PM", ...objects],
  },
  numbers: {
    type: "numeric",
    stored: [
      ["1e3", "1000"],
      [1.5, "1.5"],
      ["-0.50", "-0.50"],
    ],
    refused: ["$1.00", "1,000", "1_000", "1.234,50", "0x10", "NaN", "infinity", ...objects],
  },
  money: {
    type: "money",
    stored: [
      ["1234.5", "$1,234.50"],
      [0.1 + 0.2, "$0.30"],
    ],
    refused: ["$1,234.50", "1,234", "1.234,50", "€1", ...objects],
  },
  truth: {
    type: "boolean",
    stored: [
      [1, "true"],
      ["1", "true"],
      ["t", "true"],
      ["f", "false"],
      [0, "false"],
      ["FALSE", "false"],
    ],
    refused: ["yes", "on", "off", "no", 2, "y", -1, ...objects],
  },
  bytes: {
    type: "bytea",
    stored: [["AQI=", "\\x0102"]],
    refused: ["\\x0102", "0x0102", "AQI", ...objects],
  },
  uid: {
    type: "uuid",
    stored: [
      ["{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
      ["a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    ],
    refused: ["a0eebc99", 1, "urn:uuid:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", ...objects],
  },
  bits: {
    type: "bit(3)",
    stored: [["101", "101"]],
    refused: [101, "5", "10", "1011", true, ...objects],
  },
  bits_v: {
    type: "bit varying(8)",
    stored: [["101", "101"]],
    refused: [101, 1, "5", true, ...objects],
  },
  net: {
    type: "cidr",
    stored: [["10.0.0.0/8", "10.0.0.0/8"]],
    refused: [10, 101, true, ...objects],
  },
  letter: { type: '"char"', stored: [["a", "a"]], refused: ["ab", "é", ...objects] },
  place: { type: "point", stored: [["(1,2)", "(1,2)"]], refused: [1, ...objects] },
  span: {
    type: "tstzrange",
    stored: [
      ["[2026-01-01,2026-01-02)", '["2026-01-01 00:00:00+00","2026-01-02 00:00:00+00")'],
      ['["2026-01-01 02:00:00+02",)', '["2026-01-01 00:00:00+00",)'],
      ["empty", "empty"],
      ["(-infinity,infinity)", "(-infinity,infinity)"],
    ],
    refused: ["[now,)", "2026-01-01", "[2026-01-01]", "[2026-01-01,2026-01-02) ]", 1, ...objects],
  },
  plain_span: {
    type: "tsrange",
    stored: [
      ["[2026-01-01 02:00:00+02,2026-01-02)", '["2026-01-01 00:00:00","2026-01-02 00:00:00")'],
    ],
    refused: ["[yesterday,)"],
  },
  day_span: {
    type: "daterange",
    stored: [["[2026-01-01,2026-01-02]", "[2026-01-01,2026-01-03)"]],
    refused: ["[2026-01-01 10:00,)"],
  },
  spans: {
    type: "tstzmultirange",
    stored: [
      ["{}", "{}"],
      [
        "{[2026-01-01,2026-01-02),[2026-02-01,)}",
        '{["2026-01-01 00:00:00+00","2026-01-02 00:00:00+00"),["2026-02-01 00:00:00+00",)}',
      ],
    ],
    refused: ["{[now,)}", "[2026-01-01,2026-01-02)", "{[2026-01-01,2026-01-02),}"],
  },
  prices: {
    type: "numeric(10,2)[]",
    stored: [
      ["{1.005,NULL}", "{1.01,NULL}"],
      ["[1.005]", "{1.01}"],
      [[1.005, "2"], "{1.01,2.00}"],
    ],
    refused: ["{NaN}", '{"1,5"}', [[1], [1, 2]]],
  },
};

for (const dialect of dialects.filter(({ family }) => family === "postgres")) {
  describe.skipIf(!(await dialect.available()))(`spellings on ${dialect.name}`, () => {
    let database: TestDatabase;
    let writes: Writes<Principal>;

    beforeAll(async () => {
      database = await dialect.open({ connections: 1 });
      const { db } = database;
      const columns = Object.entries(postgresSpellings).map(
        ([name, { type }]) => `${name} ${type}`,
      );
      await sql
        .raw(`create table spelled (id text primary key, ${columns.join(", ")})`)
        .execute(db);
      // A zone in which what has none would be another instant.
      await sql.raw("set time zone 'Asia/Kathmandu'").execute(db);
      writes = writesTo(db, "spelled");
    });
    afterAll(() => database.close());

    const put = async (column: string, value: unknown) => {
      const id = crypto.randomUUID();
      const result = await writes.processTransaction(
        { crud: [{ op: "PUT", table: "spelled", id, op_data: { [column]: value } }] },
        { principal: { userId: "u" } },
      );
      const { rows } = await sql
        .raw<{ text: string }>(
          `select set_config('TimeZone', 'UTC', true), ${column}::text as text from spelled where id = '${id}'`,
        )
        .execute(database.db);
      return { result, text: rows[0]?.text };
    };

    it.each(Object.entries(postgresSpellings))("%s", async (column, { stored, refused }) => {
      const outcomes: unknown[] = [];
      for (const [sent, must] of stored) {
        const { result, text } = await put(column, sent);
        if (text !== must) outcomes.push({ sent, must, text, result });
      }
      for (const sent of refused) {
        const { result, text } = await put(column, sent);
        const code = result.status === "fatal_error" ? result.failedOperation.errorCode : result;
        if (code !== "INVALID_DATA" || text !== undefined)
          outcomes.push({ refused: sent, text, code });
      }
      expect(outcomes).toEqual([]);
    });
  });
}

for (const dialect of databases.filter((each) => each === mysql)) {
  describe.skipIf(!(await dialect.available()))("JSON on MySQL, which keeps doubles", () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await dialect.open({ connections: 1 });
      await sql
        .raw("create table documents (id varchar(40) primary key, doc json)")
        .execute(database.db);
    });
    afterAll(() => database.close());

    const documents = [
      '{"n":0.1234567890123456789012}',
      "11633710880766206392.0",
      "[18446744073709551616]",
    ];

    it.each([
      ["takes such numbers", false, "success"],
      ["refuses them where the rule says exact", true, "fatal_error"],
    ] as const)("%s", async (_, exact, status) => {
      const writes = createWrites<Principal, TestSchema>({
        authenticate: anonymous(),
        database: database.db,
        tables: { documents: { ...everyone, exact } },
        logger: false,
      });
      const send = (id: string, doc: unknown) =>
        writes.processTransaction(
          { crud: [{ op: "PUT", table: "documents", id, op_data: { doc } }] },
          { principal: { userId: "u" } },
        );
      for (const doc of documents) expect(await send("a", doc)).toMatchObject({ status });
      for (const doc of [
        '{"0.1234567890123456789012":"0.1234567890123456789012"}',
        "[18446744073709551615, -1.5, 1e300]",
      ])
        expect(await send("b", doc)).toEqual({ status: "success" });
    });
  });
}

/** As postgres.js does: it asks the server for the types of parameters, and writes each by its own idea of the type. */
class InterpretingDriver implements Driver {
  readonly #pool: pg.Pool;
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }
  async init(): Promise<void> {}
  async acquireConnection(): Promise<DatabaseConnection> {
    return new InterpretingConnection(await this.#pool.connect());
  }
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as InterpretingConnection).client.query("begin");
  }
  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as InterpretingConnection).client.query("commit");
  }
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as InterpretingConnection).client.query("rollback");
  }
  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    (connection as InterpretingConnection).client.release();
  }
  async destroy(): Promise<void> {
    await this.#pool.end();
  }
}

class InterpretingConnection implements DatabaseConnection {
  readonly client: pg.PoolClient;
  constructor(client: pg.PoolClient) {
    this.client = client;
  }
  async executeQuery<R>({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const types = parameters.length === 0 ? [] : await this.#typesOf(text);
    const written = parameters.map((value, index) => interpreted(types[index] ?? "", value));
    const { rows, rowCount } = await this.client.query(text, written);
    return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) };
  }
  async #typesOf(text: string): Promise<readonly string[]> {
    await this.client.query(`prepare described as ${text}`);
    const { rows } = await this.client.query<{ types: string[] }>(
      "select parameter_types::text[] as types from pg_prepared_statements where name = 'described'",
    );
    await this.client.query("deallocate described");
    return rows[0]?.types ?? [];
  }
  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("Not needed.");
  }
}

function interpreted(type: string, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (type.startsWith("json")) return JSON.stringify(value);
  if (type.startsWith("timestamp") || type === "date") return new Date(String(value)).toISOString();
  return value;
}

describe.skipIf(!(await postgres.available()))(
  "a Postgres driver that interprets what it is given",
  () => {
    it("is refused by name before anything is written, and check() says what to use", async () => {
      const { url, drop } = await createPostgresDatabase();
      const plain = new Kysely<TestSchema>({
        dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) }),
      });
      const interpreting = new Kysely<TestSchema>({
        dialect: {
          createAdapter: () => new PostgresAdapter(),
          createDriver: () =>
            new InterpretingDriver(new pg.Pool({ connectionString: url, max: 1 })),
          createIntrospector: (db) => new PostgresIntrospector(db),
          createQueryCompiler: () => new PostgresQueryCompiler(),
        },
      });
      try {
        await createTables(plain);
        await sql`create table documents (id text primary key, doc jsonb, at timestamptz)`.execute(
          plain,
        );
        const events: WriteEvent[] = [];
        const writes = createWrites<Principal, TestSchema>({
          authenticate: anonymous(),
          database: interpreting,
          tables: { documents: everyone },
          logger: false,
          onEvent: (event) => void events.push(event),
        });
        const result = await writes.processTransaction(
          {
            crud: [
              {
                op: "PUT",
                table: "documents",
                id: "d",
                op_data: { doc: { a: 1 }, at: "2026-01-01T00:00:00.123456Z" },
              },
            ],
          },
          { principal: { userId: "u" } },
        );
        expect(result.status).toBe("retryable_error");
        const { rows } = await sql`select * from documents`.execute(plain);
        expect(rows).toEqual([]);
        expect(
          events.flatMap((event) => ("error" in event ? String(event.error) : [])),
        ).toContainEqual(expect.stringContaining("PostgresDialect with pg"));
        expect(await writes.check()).toContainEqual(
          expect.objectContaining({
            code: "table_unsuitable",
            message: expect.stringContaining("PostgresDialect with pg") as unknown,
          }),
        );
      } finally {
        await interpreting.destroy();
        await plain.destroy();
        await drop();
      }
    });
  },
);
