/** Callers whose id is nearly another's: in a column of numbers, of UUIDs, of text that a collation compares loosely. On every database, and in the memory store. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { memoryStore, type MemoryType } from "../../src/store/memory.js";
import { isChosen } from "../support/chosen.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { long, partOf } from "../support/long.js";

interface Schema {
  notes: { id: string; owner_id: unknown; body: string | null };
  parts: { id: string; note_id: string; body: string | null };
}

/** A column, the id of a user whose row it holds, and others who must not be taken for that user. */
interface Case {
  readonly type: string;
  /** As SQL. */
  readonly stored: string;
  readonly owner: string;
  /** Their ids fit the column: it is simply not theirs. */
  readonly strangers?: readonly string[];
  /** What the column can't hold, or not in this spelling. */
  readonly unfit?: readonly string[];
  /** Other spellings of the very same. */
  readonly same?: readonly string[];
}

const uuid = "7c000000-0000-4000-8000-00000000000a";
const notNumbers = [
  "7abc",
  uuid,
  "007",
  "7.0",
  "7.00",
  "+7",
  "7e0",
  "7E0",
  "0x7",
  " 7",
  "7 ",
  "7\n",
  "7.",
  "-",
  "abc",
  "user_2abc",
  "Infinity",
  "NaN",
  "٧",
  "9".repeat(70),
];
const number = (type: string): Case => ({
  type,
  stored: "7",
  owner: "7",
  strangers: ["8", "-7", "0"],
  unfit: notNumbers,
});
const notUuids = [
  "user_2abc",
  "7c",
  "7",
  ` ${uuid}`,
  `${uuid} `,
  `{${uuid}}`,
  uuid.replaceAll("-", ""),
  "alice",
];
const uuids = (type: string, stored = `'${uuid}'`): Case => ({
  type,
  stored,
  owner: uuid,
  strangers: [uuid.replace("a", "b")],
  unfit: notUuids,
  same: [uuid.toUpperCase()],
});
const text = (type: string, more: Partial<Case> = {}): Case => ({
  type,
  stored: "'alice'",
  owner: "alice",
  strangers: ["Alice", "ALICE", "àlice", "alicé", "alice\u00ad", "alic", "ａlice", "0"],
  ...more,
});
const spaces = ["alice ", "alice  "];
/** Columns that name nobody. */
const nobody = (type: string, stored: string, ...unfit: string[]): Case => ({
  type,
  stored,
  owner: "",
  unfit: [...unfit, "alice", "1", "0", "true"],
});
const day: Omit<Case, "type"> = {
  stored: "'2020-01-02'",
  owner: "2020-01-02",
  strangers: ["2020-01-03"],
  unfit: [
    "2020-1-2",
    "20200102",
    "2020-01-02abc",
    "2020-01-02T00:00:00Z",
    "2020-02-31",
    "alice",
    "2020",
  ],
};

const cases: Readonly<Record<string, readonly Case[]>> = {
  postgres: [
    ...[
      "smallint",
      "integer",
      "bigint",
      "numeric",
      "numeric(20,0)",
      "numeric(10,2)",
      "real",
      "double precision",
    ].map(number),
    { ...number("smallint"), unfit: ["32768", "65543"] },
    {
      ...number("real"),
      stored: "16777216",
      owner: "16777216",
      strangers: ["16777214"],
      unfit: ["16777217"],
    },
    {
      ...number("double precision"),
      stored: "9007199254740992",
      owner: "9007199254740992",
      strangers: ["9007199254740990"],
      unfit: ["9007199254740993"],
    },
    {
      ...number("bigint"),
      stored: "9007199254740993",
      owner: "9007199254740993",
      strangers: ["9007199254740992"],
      unfit: ["9223372036854775808"],
    },
    uuids("uuid"),
    ...[
      "text",
      "varchar(40)",
      "citext",
      "nobody_text",
      "varchar(40) collate nobody",
      "text collate nobody",
    ].map((type) => text(type, { strangers: ["Alice", "àlice", "alice\u00ad", "0", ...spaces] })),
    text("char(40)", { unfit: spaces }),
    text("varchar(5)", { strangers: ["Alice"], unfit: ["alice1", "alice "] }),
    text("mood", { strangers: ["Alice"], unfit: ["bob", "alice "] }),
    { type: "date", ...day },
    nobody("boolean", "true", "t", "yes", "on"),
    nobody("jsonb", `'"alice"'`, '"alice"'),
    nobody("json", "'7'", "7", "07"),
    nobody("bytea", "'alice'", "YWxpY2U="),
    nobody("timestamptz", "'2020-01-02'", "2020-01-02", "2020-01-02T00:00:00Z"),
    nobody("time", "'01:02:03'", "01:02:03", "1:02:03"),
    nobody("interval", "'1 day'", "1 day", "24:00:00"),
    nobody("text[]", "'{alice}'", "{alice}", '["alice"]'),
    nobody("inet", "'10.0.0.1'", "10.0.0.1", "10.0.0.1/32"),
  ],
  mysql: [
    ...[
      "tinyint",
      "smallint",
      "mediumint",
      "int",
      "bigint",
      "int unsigned",
      "decimal(20,0)",
      "decimal(10,2)",
      "float",
      "double",
    ].map((type) => ({ ...number(type), ...(type.includes("unsigned") && { strangers: ["8"] }) })),
    { ...number("tinyint"), unfit: ["128", "263"] },
    {
      ...number("float"),
      stored: "16777216",
      owner: "8",
      strangers: [],
      unfit: ["16777216", "16777217"],
    },
    {
      ...number("double"),
      stored: "9007199254740992",
      owner: "9007199254740992",
      strangers: ["9007199254740990"],
      unfit: ["9007199254740993"],
    },
    {
      ...number("decimal(20,0)"),
      stored: "9007199254740993",
      owner: "9007199254740993",
      strangers: ["9007199254740992"],
      unfit: ["1".repeat(21)],
    },
    {
      ...number("bigint"),
      stored: "9007199254740993",
      owner: "9007199254740993",
      strangers: ["9007199254740992"],
      unfit: ["9223372036854775808"],
    },
    uuids("binary(16)", `unhex('${uuid.replaceAll("-", "")}')`),
    text("varchar(40)", { strangers: ["Alice", "àlice", "alice\u00ad", "0", ...spaces] }),
    text("text", { strangers: ["Alice", "àlice", "0", ...spaces] }),
    text("varchar(40) character set ascii", { strangers: ["Alice", "alice "], unfit: ["àlice"] }),
    text("varchar(40) character set latin1", {
      strangers: ["Alice", "àlice", "alice "],
      unfit: ["aliceł"],
    }),
    text("char(40)", { unfit: spaces }),
    text("varchar(5)", { strangers: ["Alice"], unfit: ["alice1", "alice "] }),
    text("enum('alice','7')", { strangers: ["7"], unfit: ["Alice", "1", "bob", "alice "] }),
    { type: "date", ...day },
    nobody("tinyint(1)", "1", "t", "yes"),
    nobody("bit(1)", "b'1'"),
    nobody("bit(8)", "7", "7", "\u0007"),
    nobody("json", `'"alice"'`, '"alice"'),
    nobody("varbinary(40)", "'alice'", "YWxpY2U="),
    nobody("blob", "'alice'", "YWxpY2U="),
    nobody("datetime", "'2020-01-02'", "2020-01-02", "2020-01-02 00:00:00", "20200102000000"),
    nobody("timestamp", "'2020-01-02'", "2020-01-02"),
    nobody("time", "'00:00:07'", "7", "00:00:07"),
    nobody("year", "2007", "7", "2007"),
    nobody("set('alice','bob')", "'alice'", "bob"),
  ],
  sqlite: [
    ...["integer", "int", "bigint", "decimal", "numeric", "decimal(10,2)", "real", "double"].map(
      number,
    ),
    {
      ...number("real"),
      stored: "9007199254740992",
      owner: "9007199254740992",
      strangers: ["9007199254740990"],
      unfit: ["9007199254740993"],
    },
    {
      ...number("integer"),
      stored: "9007199254740993",
      owner: "9007199254740993",
      strangers: ["9007199254740992"],
      unfit: ["9223372036854775808"],
    },
    uuids("uuid"),
    uuids("uuid", `'${uuid.toUpperCase()}'`),
    ...[
      "text",
      "varchar(40)",
      "text collate nocase",
      "text collate rtrim",
      "string",
      "",
      "collate nocase",
    ].map((type) => text(type, { strangers: ["Alice", "àlice", ...spaces] })),
    text("varchar(5)", { strangers: ["Alice"], unfit: ["alice1", "alice "] }),
    {
      type: "string",
      stored: "7",
      owner: "7",
      strangers: ["8", "7abc", "7x"],
      unfit: ["007", "7.0", "+7", "7e0", " 7"],
    },
    { type: "text", stored: "'7'", owner: "7", strangers: ["007", "7.0", "+7", "7e0", " 7", "7 "] },
    { type: "date", ...day },
    nobody("boolean", "1", "t"),
    nobody("json", "'7'", "7"),
    nobody("json", `'"alice"'`, '"alice"'),
    nobody("blob", "'alice'", "YWxpY2U="),
    nobody("timestamp", "'2020-01-02 00:00:00'", "2020-01-02", "2020-01-02 00:00:00"),
    nobody("time", "'00:00:07'", "7", "00:00:07"),
  ],
};

const config = (events: WriteEvent[]) => ({
  authenticate: () => ({ userId: "nobody" }),
  ledger: false as const,
  logger: false as const,
  onEvent: (event: WriteEvent) => void events.push(event),
});
const tables = {
  notes: { owner: "owner_id" },
  parts: { belongsTo: { note_id: "notes" } },
} as const;

type Entry = { op: string; table: string; id: string; op_data?: object };
const patch: Entry = { op: "PATCH", table: "notes", id: "n1", op_data: { body: "taken" } };
const remove: Entry = { op: "DELETE", table: "notes", id: "n1" };
const putOver: Entry = { op: "PUT", table: "notes", id: "n1", op_data: { body: "taken" } };
const put: Entry = { op: "PUT", table: "notes", id: "n2", op_data: { body: "new" } };
const part: Entry = { op: "PUT", table: "parts", id: "p1", op_data: { note_id: "n1", body: "x" } };
const nowhere: Entry = { op: "DELETE", table: "notes", id: "n9" };
const serverValue = { type: "server_value", table: "notes", column: "owner_id" };

function said(events: readonly WriteEvent[]) {
  return events
    .filter((event) => event.type === "server_value")
    .map(({ type, table, column }) => ({ type, table, column }));
}

describe.each(dialects)("$name", (dialect) => {
  let database: TestDatabase;
  let db: Kysely<Schema>;
  let available = true;
  const tablesMade = new Map<Case, string>();

  beforeAll(async () => {
    available = await dialect.available();
    if (!available) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
    await sql`create table parts (id varchar(40) primary key, note_id varchar(40), body varchar(40))`.execute(
      db,
    );
    if (dialect.family === "postgres") {
      for (const statement of [
        "create collation nobody (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "create domain nobody_text as text collate nobody",
        "create type mood as enum ('alice', 'Alice')",
      ])
        await sql.raw(statement).execute(db);
      if (dialect.name === "Postgres") await sql`create extension citext`.execute(db);
    }
  });
  afterAll(async () => {
    if (available) await database.close();
  });

  /** A table for each case, which is made once; both of its tests begin with the one row. */
  const notesOf = async (one: Case): Promise<string> => {
    const made = tablesMade.get(one);
    if (made !== undefined) return made;
    const notes = `notes${tablesMade.size + 1}`;
    tablesMade.set(one, notes);
    const columns = `id varchar(40) primary key, owner_id ${one.type}, body varchar(40)`;
    await sql.raw(`create table ${notes} (${columns})`).execute(db);
    return notes;
  };
  const run: Run = async (one, work) => {
    const notes = await notesOf(one);
    await sql`delete from ${sql.table(notes)}`.execute(db);
    await db.deleteFrom("parts").execute();
    await db.deleteFrom("powersync_dead_letters" as never).execute();
    await sql.raw(`insert into ${notes} values ('n1', ${one.stored}, 'as it was')`).execute(db);
    const events: WriteEvent[] = [];
    const writes = createWrites<{ userId: string }, Record<string, Record<string, unknown>>>({
      ...config(events),
      database: db as never,
      tables: {
        notes: { ...tables.notes, table: notes },
        parts: tables.parts,
      } as WritesConfig<{ userId: string }, Record<string, Record<string, unknown>>>["tables"],
    });
    const send: Send = async (userId, ...crud) => {
      events.length = 0;
      const result = await writes.processTransaction({ crud }, { principal: { userId } });
      return {
        result,
        said: said(events).map((each) => ({ ...each, table: each.table.replace(/\d+$/, "") })),
      };
    };
    await work(send, async () => {
      const { rows } =
        await sql<object>`select id, body from ${sql.table(notes)} order by id`.execute(db);
      const letters = await db
        .selectFrom("powersync_dead_letters" as never)
        .selectAll()
        .execute();
      return {
        rows,
        children: await db.selectFrom("parts").select("id").execute(),
        letters: letters.length,
      };
    });
  };
  it("check() names owners' columns that are no text", async ({ skip }) => {
    skip(!available);
    const types = { texts: "varchar(40)", numbers: "integer", documents: "json" };
    for (const [name, type] of Object.entries(types)) {
      const columns = `id varchar(40) primary key, owner_id ${type}`;
      await sql.raw(`create table ${name} (${columns})`).execute(db);
    }
    const owner = "owner_id";
    const found = await createWrites<{ userId: string }, Record<string, Record<string, unknown>>>({
      ...config([]),
      database: db as never,
      tables: { texts: { owner }, numbers: { owner }, documents: { owner } },
    }).check();
    expect(
      found.flatMap(({ severity, code, table, column, message }) =>
        code === "owner_type" ? [[severity, table, column, /json|int/.exec(message)?.[0]]] : [],
      ),
    ).toEqual([
      ["warning", "numbers", "owner_id", "int"],
      ["error", "documents", "owner_id", "json"],
    ]);
  });

  const more = dialect.name === "MariaDB" ? [uuids("uuid")] : [];
  attacks(
    [...(cases[dialect.family] ?? []), ...more].filter(
      ({ type }) => type !== "citext" || dialect.name === "Postgres",
    ),
    run,
    () => available,
  );
});

interface Sent {
  readonly result: object;
  readonly said: readonly object[];
}
type Send = (userId: string, ...crud: readonly Entry[]) => Promise<Sent>;

interface Stored {
  readonly rows: readonly object[];
  readonly children: readonly object[];
  readonly letters: number;
}
type Run = (
  one: Case,
  work: (send: Send, stored: () => Promise<Stored>) => Promise<void>,
) => Promise<void>;

const untouched = { rows: [{ id: "n1", body: "as it was" }], children: [] };

function attacks(all: readonly Case[], run: Run, available: () => boolean): void {
  beforeEach(({ skip }) => skip(!available()));

  it.each(all.map((one, turn) => [`${one.type} ${one.stored}`, one, turn] as const))(
    "%s: nobody but its owner",
    async (_, one, turn) => {
      // What fits no number, say, is the same for each type of numbers: they share the list.
      const shared = all.filter(({ unfit }) => unfit === one.unfit).length > 2;
      await run(one, async (send, stored) => {
        for (const [nr, userId] of (shared
          ? partOf(one.unfit ?? [], turn)
          : (one.unfit ?? [])
        ).entries()) {
          // What one hears, all do: the first tries everything.
          const all = [patch, remove, putOver, put, part, nowhere];
          for (const entry of nr === 0 || long ? all : [put]) {
            const what = `${JSON.stringify(userId)} ${entry.op} ${entry.id}`;
            expect({ what, ...(await send(userId, entry)) }).toMatchObject({
              what,
              result: { status: "retryable_error" },
              said: [serverValue],
            });
          }
        }
        // Nobody can undo what an attack has done.
        expect(await stored()).toEqual({ ...untouched, letters: 0 });
        for (const [nr, userId] of (one.strangers ?? []).entries()) {
          for (const entry of nr === 0 || long ? [patch, remove, putOver, part] : [patch]) {
            const what = `${JSON.stringify(userId)} ${entry.op}`;
            expect({ what, ...(await send(userId, entry)) }).toMatchObject({
              what,
              result: { failedOperation: { errorCode: "UNAUTHORIZED" } },
              said: [],
            });
          }
        }
        expect(await stored()).toMatchObject(untouched);
      });
    },
  );

  it.each(
    all
      .filter(({ owner }) => owner !== "")
      .map((one) => [`${one.type} ${one.stored}`, one] as const),
  )("%s: its owner, who makes rows of their own", async (_, one) => {
    for (const userId of [one.owner, ...(one.same ?? [])]) {
      await run(one, async (send, stored) => {
        if (one.stored.includes(one.owner) || one.same !== undefined || one.stored === "7") {
          await send(userId, patch);
          expect((await stored()).rows).toEqual([{ id: "n1", body: "taken" }]);
          await send(userId, part);
          expect((await stored()).children).toEqual([{ id: "p1" }]);
        }
        expect((await send(userId, put)).result).toEqual({ status: "success" });
        const own = { ...put, op: "PATCH", op_data: { body: "own" } };
        await send(userId, own);
        expect((await stored()).rows).toContainEqual({ id: "n2", body: "own" });
        await send(userId, { ...own, op: "DELETE" });
        expect((await stored()).rows).toHaveLength(1);
      });
    }
  });

  it("a client that sends its own id, which does not fit, is not at fault", async () => {
    const one = all.find(({ type }) => /^(int|integer|uuid)$/.test(type));
    if (one === undefined) return;
    await run(one, async (send, stored) => {
      const own = { ...put, op_data: { owner_id: "user_2abc" } };
      expect(await send("user_2abc", own)).toMatchObject({
        result: { status: "retryable_error" },
        said: [serverValue],
      });
      expect((await stored()).letters).toBe(0);
      // Somebody else's is the device's own mistake.
      expect(await send(one.owner, own)).toMatchObject({
        result: { failedOperation: { errorCode: "INVALID_DATA" } },
        said: [],
      });
      expect((await stored()).letters).toBe(1);
    });
  });
}

describe.runIf(isChosen("memory"))("the memory store", () => {
  const types: readonly Case[] = [
    ...["integer", "bigint", "decimal", "float"].map(number),
    {
      ...number("float"),
      stored: "9007199254740992",
      owner: "9007199254740992",
      strangers: ["9007199254740990"],
      unfit: ["9007199254740993"],
    },
    uuids("uuid"),
    text("text", { strangers: ["Alice", "àlice", ...spaces] }),
    { type: "date", ...day },
    nobody("boolean", "true", "t"),
    nobody("json", `'"alice"'`, '"alice"'),
    nobody("binary", "YWxpY2U=", "YWxpY2U="),
    nobody("timestamp", "'2020-01-02'", "2020-01-02"),
    nobody("time", "'01:02:03'", "01:02:03"),
  ];
  const run: Run = async (one, work) => {
    const store = memoryStore({
      tables: {
        notes: { columns: { id: "text", owner_id: one.type as MemoryType, body: "text" } },
        parts: { columns: { id: "text", note_id: "text", body: "text" } },
      },
    });
    const stored = one.stored.replace(/^'|'$/g, "");
    await store.transaction(
      (tx) => void tx.insert("notes", { id: "n1", owner_id: stored, body: "as it was" }),
    );
    const events: WriteEvent[] = [];
    const writes = createWrites({ ...config(events), database: store, tables });
    const send: Send = async (userId, ...crud) => {
      events.length = 0;
      const result = await writes.processTransaction({ crud }, { principal: { userId } });
      return { result, said: said(events) };
    };
    await work(send, async () => ({
      rows: store.rows("notes").map(({ id, body }) => ({ id, body })),
      children: store.rows("parts").map(({ id }) => ({ id })),
      letters: store.letters().length,
    }));
  };
  attacks(types, run, () => true);
});
