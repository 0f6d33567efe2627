/** What application code sees of a write is in the database's own values, so that it can be compared with `stored()`; and what it puts in is converted. */
import Database from "better-sqlite3";
import {
  Kysely,
  MysqlDialect,
  PGliteDialect,
  PostgresDialect,
  type RawBuilder,
  sql,
  SqliteDialect,
} from "kysely";
import mysql from "mysql2";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import {
  type Committed,
  type CrudEntry,
  createTables,
  createWrites,
  type Principal,
  type Write,
  type WriteEvent,
  type WriteOutcome,
  type Writes,
} from "../../src/index.js";
import type { Native, StoredRow } from "../../src/store/store.js";
import { memoryStore, type MemoryTransaction } from "../../src/store/memory.js";
import { isChosen } from "../support/chosen.js";
import { createPostgresDatabase, type Row } from "../support/databases.js";
import { createMysqlDatabase } from "../support/mysql.js";
import { nodeSqlite } from "../support/node-sqlite.js";
import { startPglite } from "../support/pglite.js";
import { mysqlServers, postgresAvailable } from "../support/servers.js";

type AnyDatabase = Record<string, Record<string, unknown>>;
type MaybePromise<T> = T | Promise<T>;

/** Of a context what these tests use, whatever the store. */
interface Context {
  stored(): Promise<StoredRow | undefined>;
}
type Look = (write: Write, context: Context) => MaybePromise<Write | void>;

/** What an application adds. */
interface Added {
  readonly rule?: { readonly authorize: (write: Write, context: Context) => MaybePromise<void> };
  readonly authorize?: (write: Write, context: Context) => MaybePromise<void>;
  readonly map?: (
    entry: CrudEntry,
    context: Context,
    next: (entry: CrudEntry) => Promise<Write | null>,
  ) => MaybePromise<Write | null>;
  readonly persist?: (
    write: Write,
    context: Context,
    next: (write: Write) => Promise<WriteOutcome>,
  ) => MaybePromise<WriteOutcome>;
  readonly hooks?: {
    readonly map?: { readonly after: Look };
    readonly authorize?: { readonly before?: Look; readonly after?: Look };
    readonly persist?: {
      readonly before?: Look;
      readonly after?: (
        outcome: WriteOutcome,
        context: Context,
        write: Write,
      ) => MaybePromise<void>;
    };
    readonly committed?: (committed: Committed) => void;
  };
}

interface Opened {
  writes(added: Added): Writes<Principal>;
  /** The row's time and its long number as the database itself writes them, and the rest as it is. */
  raw(): Promise<Row | undefined>;
  /** Of the table with the odd name. */
  odd(): Promise<readonly unknown[]>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

interface On {
  readonly name: string;
  readonly kind: "postgres" | "mysql" | "sqlite" | "memory";
  available(): Promise<boolean>;
  open(): Promise<Opened>;
}

const id = "00000000-0000-4000-8000-000000000001";
const digits = "123456789012345678901234567890.1234567891";
const tables = (rule: Added["rule"]) => ({
  facts: { access: "everyone" as const, ...rule },
  odd: { access: "everyone" as const },
  elsewhere: { access: "everyone" as const, table: "no_such_table" },
});

interface SqlParts {
  readonly dialect: ConstructorParameters<typeof Kysely>[0]["dialect"];
  readonly statements: readonly string[];
  readonly text: (column: string) => RawBuilder<string>;
  readonly drop?: () => Promise<void>;
}

async function openSql({ dialect, statements, text, drop }: SqlParts): Promise<Opened> {
  const db = new Kysely<AnyDatabase>({ dialect });
  for (const statement of statements) await sql.raw(statement).execute(db);
  await createTables(db);
  return {
    writes: ({ rule, ...added }) =>
      createWrites<Principal, AnyDatabase>({
        authenticate: () => alice.principal,
        database: db,
        tables: tables(rule),
        logger: false,
        onEvent,
        ...added,
      }),
    raw: async () =>
      db
        .selectFrom("facts")
        .select(["done", "doc", "n", "label", text("big").as("big")])
        .select([text("at").as("at_text"), text("exact").as("exact_text")])
        .executeTakeFirst(),
    odd: async () => {
      const { rows } = await sql<{
        value: unknown;
      }>`select ${sql.id("__proto__")} as value from odd`.execute(db);
      return rows.map(({ value }) => value);
    },
    reset: async () => {
      for (const table of ["facts", "odd", "powersync_ledger", "powersync_dead_letters"])
        await db.deleteFrom(table).execute();
    },
    close: async () => {
      await db.destroy();
      await drop?.();
    },
  };
}

const onPostgres = [
  `create table facts (id uuid primary key, done boolean, at timestamptz, doc jsonb, n integer, big bigint,
    exact numeric(40, 10), label text)`,
  `create table odd (id uuid primary key, "__proto__" text)`,
];
const onMysql = (uuid: string) => [
  `create table facts (id ${uuid} primary key, done boolean, at datetime(6), doc json, n integer, big bigint,
    exact decimal(40, 10), label text)`,
  `create table odd (id ${uuid} primary key, \`__proto__\` text)`,
];
const onSqlite = [
  `create table facts (id uuid primary key, done boolean, at datetime, doc json, n integer, big bigint, exact text, label text)`,
  `create table odd (id uuid primary key, "__proto__" text)`,
];
const cast = (column: string) => sql<string>`cast(${sql.id(column)} as char)`;
const castText = (column: string) => sql<string>`cast(${sql.id(column)} as text)`;

const all: readonly On[] = [
  {
    name: "Postgres",
    kind: "postgres",
    available: postgresAvailable,
    open: async () => {
      const { url, drop } = await createPostgresDatabase();
      const options = "-c timezone=UTC";
      const pool = guardPool(new pg.Pool({ connectionString: url, max: 2, options }));
      const dialect = new PostgresDialect({ pool });
      return openSql({ dialect, statements: onPostgres, text: castText, drop });
    },
  },
  {
    name: "PGlite",
    kind: "postgres",
    available: async () => isChosen("pglite"),
    open: async () =>
      openSql({
        dialect: new PGliteDialect({ pglite: await startPglite() }),
        statements: ["set timezone = 'UTC'", ...onPostgres],
        text: castText,
      }),
  },
  ...mysqlServers.map((server): On => ({
    name: server.name,
    kind: "mysql",
    available: server.available,
    open: async () => {
      const { url, drop } = await createMysqlDatabase(server);
      // With the one setting that the documentation asks for.
      const pool = mysql.createPool({ uri: url, connectionLimit: 2, timezone: "Z" });
      const dialect = new MysqlDialect({ pool });
      return openSql({ dialect, statements: onMysql(server.uuid), text: cast, drop });
    },
  })),
  ...(["better-sqlite3", "node:sqlite"] as const).map((driver): On => ({
    name: `SQLite (${driver})`,
    kind: "sqlite",
    available: async () => isChosen("sqlite"),
    open: async () => {
      const database = driver === "node:sqlite" ? nodeSqlite(":memory:") : new Database(":memory:");
      const dialect = new SqliteDialect({ database });
      return openSql({ dialect, statements: onSqlite, text: castText });
    },
  })),
  {
    name: "memory",
    kind: "memory",
    available: async () => isChosen("memory"),
    open: async () => {
      const store = memoryStore({
        tables: {
          facts: {
            columns: {
              id: "uuid",
              done: "boolean",
              at: "timestamp",
              doc: "json",
              n: "integer",
              big: "bigint",
              exact: { type: "decimal", precision: 40, scale: 10 },
              label: "text",
            },
          },
          odd: { columns: JSON.parse('{"id": "uuid", "__proto__": "text"}') as { id: "uuid" } },
        },
      });
      return {
        writes: ({ rule, ...added }) =>
          createWrites<Principal, Native<MemoryTransaction>>({
            authenticate: () => alice.principal,
            database: store,
            tables: tables(rule),
            logger: false,
            onEvent,
            ...added,
          }),
        raw: async () => {
          const [row] = store.rows("facts");
          if (row === undefined) return undefined;
          // No more of a time can be seen from outside.
          const at = row["at"] instanceof Date ? row["at"].toISOString() : null;
          const { at: _, exact, ...others } = row;
          return { ...others, at_text: at?.replace("T", " "), exact_text: exact };
        },
        odd: async () => store.rows("odd").map((row) => Object.entries(row)[1]?.[1]),
        reset: () => store.clear(),
        close: async () => {},
      };
    },
  },
];

const alice = { principal: { userId: "alice" }, clientId: "phone" };
const success = { status: "success" };
let events: WriteEvent[] = [];
const onEvent = (event: WriteEvent) => void events.push(event);

/** As a client sends them. */
const sent = {
  done: 1,
  at: "2026-07-01T12:00:00.123456+02:00",
  doc: '{"a": [1, "x", null], "b": {}}',
  n: "7",
  big: "9007199254740993",
  exact: digits,
  label: "one",
};

describe.each(all)("on $name", ({ kind, available, open }) => {
  let opened: Opened | undefined;
  beforeAll(async () => {
    if (await available()) opened = await open();
  });
  afterAll(() => opened?.close());
  beforeEach(async ({ skip }) => {
    skip(opened === undefined);
    events = [];
    await opened?.reset();
  });

  const use = (): Opened => {
    if (opened === undefined) throw new Error("The database is not open.");
    return opened;
  };
  let opId = 0;
  const send = (added: Added, op: string, data: object, table = "facts") => {
    opId += 1;
    const entry = { op, table, id, op_id: opId, op_data: data };
    return use()
      .writes(added)
      .processTransaction({ crud: [entry] }, alice);
  };
  const give = async (data: object = sent) => expect(await send({}, "PUT", data)).toEqual(success);
  const errors = () => events.filter(({ type }) => type === "error");

  /** What each of the places is shown, beside what is stored. */
  async function shown(data: object) {
    const seen: Record<string, Row> = {};
    let stored: Row = {};
    const note = (place: string) => async (write: Write, context: Context) => {
      const { id: _, ...row } = { ...(await context.stored()) };
      stored = row;
      seen[place] = { ...write.values };
    };
    const added: Added = {
      rule: { authorize: note("rule") },
      authorize: note("authorize"),
      hooks: {
        map: { after: note("after map") },
        authorize: { before: note("before authorize"), after: note("after authorize") },
        persist: {
          before: note("before persist"),
          after: (_, context, write) => note("after persist")(write, context),
        },
        committed: ({ writes }) => {
          for (const { values } of writes) seen["committed"] = { ...values };
        },
      },
    };
    expect(await send(added, "PATCH", data)).toEqual(success);
    expect(errors()).toEqual([]);
    return { seen, stored };
  }

  it("what each place is shown equals what is stored", async () => {
    await give();
    const { seen, stored } = await shown(sent);
    const expected = kind === "postgres" ? withDigits(stored) : stored;
    for (const [place, values] of Object.entries(seen)) {
      // A custom map's own hook stands before the conversion of what it gives.
      expect(values, place).toEqual(expected);
    }
    expect(Object.keys(seen)).toHaveLength(8);
  });

  it("has the types that the driver gives", async () => {
    await give();
    const { seen } = await shown(sent);
    const { done, at, doc, n, big, exact } = seen["rule"] ?? {};
    expect(n).toBe(7);
    expect(big).toBe("9007199254740993");
    expect(exact).toBe(digits);
    if (kind !== "sqlite") expect(at).toEqual(new Date("2026-07-01T10:00:00.123Z"));
    if (kind === "postgres" || kind === "memory") {
      expect(done).toBe(true);
      expect(doc).toEqual({ a: [1, "x", null], b: {} });
    }
  });

  it("what nobody has touched keeps every digit", async () => {
    const { seen } = await (async () => {
      await give({ label: "none" });
      return shown(sent);
    })();
    expect(seen["rule"]).toBeDefined();
    const raw = await use().raw();
    expect(raw).toMatchObject({ exact_text: digits });
    const time = kind === "memory" ? "2026-07-01 10:00:00.123" : "2026-07-01 10:00:00.123456";
    expect(raw?.["at_text"]).toContain(time);
  });

  it("what a hook passes on unchanged in a new object keeps every digit", async () => {
    const copy: Look = (write) => ({ ...write, values: { ...write.values, label: "two" } });
    const added: Added = {
      hooks: {
        map: { after: copy },
        authorize: { before: copy, after: copy },
        persist: { before: copy },
      },
    };
    expect(await send(added, "PUT", sent)).toEqual(success);
    const raw = await use().raw();
    expect(raw).toMatchObject({ exact_text: digits, label: "two" });
    const time = kind === "memory" ? "2026-07-01 10:00:00.123" : "2026-07-01 10:00:00.123456";
    expect(raw?.["at_text"]).toContain(time);
  });

  const places = ["map", "before authorize", "after authorize", "before persist"] as const;
  const at = (place: (typeof places)[number], look: Look): Added => {
    switch (place) {
      case "map":
        return { hooks: { map: { after: look } } };
      case "before authorize":
        return { hooks: { authorize: { before: look } } };
      case "after authorize":
        return { hooks: { authorize: { after: look } } };
      case "before persist":
        return { hooks: { persist: { before: look } } };
    }
  };

  it.each(places)("what a hook puts in is converted: %s", async (place) => {
    await give({ ...sent, label: "stored" });
    const before = await use().raw();
    // Wire values, a Date, and what `stored()` gives.
    const puts: readonly ((stored: StoredRow) => Row)[] = [
      () => ({ done: 0, at: "2027-01-01T00:00:00.654321Z", doc: '{"c": 1}', n: "8", big: "5" }),
      () => ({ done: "t", at: new Date("2027-01-01T00:00:00.654Z"), doc: { c: [1] }, n: 8 }),
      (stored) => Object.fromEntries(Object.entries(stored).filter(([name]) => name !== "id")),
    ];
    const results: unknown[] = [];
    for (const put of puts) {
      const look: Look = async (write, context) => {
        const stored = await context.stored();
        return { ...write, values: { ...write.values, ...put(stored ?? {}) } };
      };
      expect(await send(at(place, look), "PATCH", { label: "sent" })).toEqual(success);
      expect(errors()).toEqual([]);
      results.push(asJson(await use().raw()));
      await use().reset();
      await give({ ...sent, label: "stored" });
    }
    const [wire, date, copied] = results as Record<string, unknown>[];
    expect(wire?.["at_text"]).toContain(
      kind === "memory" ? "2027-01-01 00:00:00.654" : "2027-01-01 00:00:00.654321",
    );
    expect(Number(wire?.["done"])).toBe(0);
    expect(wire).toMatchObject({ n: 8, doc: { c: 1 } });
    expect(String(wire?.["big"])).toBe("5");
    expect(date?.["at_text"]).toContain("2027-01-01 00:00:00.654");
    expect(Number(date?.["done"])).toBe(1);
    expect(date).toMatchObject({ n: 8, doc: { c: [1] }, label: "sent" });
    // A Date that was read has milliseconds; the rest is as it was.
    const { at_text, ...others } = asJson(before);
    expect(copied).toMatchObject({ ...others, label: "stored" });
    expect(String(copied?.["at_text"]).slice(0, 23)).toBe(String(at_text).slice(0, 23));
  });

  it("what a map of the application's own gives is converted, and shown so", async () => {
    let seen: Row = {};
    const added: Added = {
      map: ({ op, table, id: row, opData }) => ({ op, table, id: row, values: { ...opData } }),
      authorize: ({ values }) => {
        seen = { ...values };
      },
    };
    expect(await send(added, "PUT", sent)).toEqual(success);
    const raw = await use().raw();
    expect(raw).toMatchObject({ exact_text: digits });
    expect(seen["n"]).toBe(7);
    if (kind !== "sqlite") expect(seen["at"]).toBeInstanceOf(Date);
    expect(await send({ ...added }, "PATCH", { n: "1.5" })).toMatchObject({
      failedOperation: { errorCode: "INVALID_DATA", operationIndex: 0 },
    });
  });

  it("a persist of the application's own gets the values of a table that the database lacks", async () => {
    const got: Write[] = [];
    const added: Added = {
      persist: (write) => {
        got.push(write);
        return { effect: "written" };
      },
    };
    expect(await send({ ...added, map: mapsAnything }, "PUT", sent, "elsewhere")).toEqual(success);
    expect(got).toMatchObject([{ table: "elsewhere", id, values: sent }]);
    expect(errors()).toEqual([]);
  });

  it("a persist of the application's own is shown the database's values of a table that is there", async () => {
    let seen: Row = {};
    const added: Added = {
      persist: (write, _, next) => {
        seen = { ...write.values };
        return next({ ...write, values: { ...write.values, done: 0 } });
      },
    };
    expect(await send(added, "PUT", sent)).toEqual(success);
    expect(seen).toMatchObject({ n: 7, big: "9007199254740993", exact: digits });
    expect(Number((await use().raw())?.["done"])).toBe(0);
  });

  it.each([
    { name: "without hooks", added: {} },
    { name: "seen by hooks", added: { authorize: () => undefined } satisfies Added },
    {
      name: "in a new object",
      added: {
        hooks: {
          authorize: { after: (write) => ({ ...write, values: { ...write.values } }) },
        },
      } satisfies Added,
    },
  ])("a column called __proto__ is one like any other: $name", async ({ added }) => {
    const data = JSON.parse('{"__proto__": "value"}') as object;
    expect(await send(added, "PUT", data, "odd")).toEqual(success);
    expect(await use().odd()).toEqual(["value"]);
    const object = JSON.parse('{"__proto__": {"admin": true}}') as object;
    await send(added, "PATCH", object, "odd");
    expect(Object.hasOwn(Object.prototype, "admin")).toBe(false);
  });

  it.each(["map", "before authorize"] as const)(
    "an object that a hook changes in place is written, or the write is not answered as success: %s",
    async (place) => {
      await give();
      let changed = false;
      const look: Look = ({ values }) => {
        const { doc } = values;
        // Some drivers read JSON as text, which nobody changes in place.
        if (typeof doc !== "object" || doc === null) return;
        Object.assign(doc, { changed: true });
        changed = true;
      };
      const result = await send(at(place, look), "PATCH", { doc: '{"a": 1}' });
      if (result.status !== "success" || !changed) return;
      const { doc } = asJson(await use().raw());
      expect(doc).toMatchObject({ changed: true });
    },
  );

  it("authorize is shown the database's values of what a hook before it has put in", async () => {
    let seen: Row = {};
    const added: Added = {
      hooks: {
        authorize: { before: (write) => ({ ...write, values: { ...write.values, n: "8" } }) },
      },
      authorize: ({ values }) => {
        seen = { ...values };
      },
    };
    expect(await send(added, "PUT", sent)).toEqual(success);
    expect(seen["n"]).toBe(8);
  });

  it("committed is shown the database's values of what a hook has put in", async () => {
    let seen: Row = {};
    const added: Added = {
      hooks: {
        authorize: { after: (write) => ({ ...write, values: { ...write.values, n: "8" } }) },
        committed: ({ writes }) => {
          seen = { ...writes[0]?.values };
        },
      },
    };
    expect(await send(added, "PUT", sent)).toEqual(success);
    expect(seen["n"]).toBe(8);
  });
});

const mapsAnything: NonNullable<Added["map"]> = ({ op, table, id: row, opData }) => ({
  op,
  table,
  id: row,
  values: { ...opData },
});

/** PGlite reads a `bigint` as a number or a bigint. */
function withDigits(row: Row): Row {
  return { ...row, big: String(row["big"]) };
}

function asJson(row: Row | undefined): Row {
  return JSON.parse(
    JSON.stringify(row ?? {}, (name, value: unknown) =>
      // Some drivers read JSON as text.
      name === "doc" && typeof value === "string" ? (JSON.parse(value) as unknown) : value,
    ),
  ) as Row;
}
