/**
 * What SQLite refuses, skips or undoes by itself in a transaction that goes to it in one go: answered as if it had gone step by step, and the next one goes
 * in one go again.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isChosen } from "../support/chosen.js";
import { type FlightFile, openFlightFile } from "../support/flight-file.js";
import { sqliteDrivers } from "../support/sqlite-files.js";

const success = { status: "success" };
const fatal = (errorCode: string, operationIndex?: number) => ({
  status: "fatal_error",
  failedOperation: { errorCode, ...(operationIndex !== undefined && { operationIndex }) },
});

const schema = [
  `create table parents (id text primary key, owner_id text, name text)`,
  `create table children (id text primary key, parent_id text references parents deferrable initially deferred)`,
  `create table picky (
    id text primary key, owner_id text, code text unique on conflict rollback, size int check (size >= 0), name text
  )`,
  `create table lax (id text primary key, parent_id text, code text unique on conflict ignore)`,
  `create table taking (id text primary key, code text unique on conflict replace)`,
  `create table derived (id text primary key, who text, owner_id text generated always as (who) stored)`,
  `create table kept (id text primary key, author text, name text)`,
  `create table twins (id text, name text)`,
  // A row of these is deleted with its parent, and their triggers run for a table that has none.
  `create table watched (id text primary key, parent_id text references parents on delete cascade)`,
  `create trigger watching before delete on watched when old.id = 'rollback' begin select raise(rollback, 'No.'); end`,
  `create trigger keeping before delete on watched when old.id = 'abort' begin select raise(abort, 'No.'); end`,
  `create trigger failing before delete on watched when old.id = 'fail' begin select raise(fail, 'No.'); end`,
  `create trigger ignoring before delete on watched when old.id = 'ignore' begin select raise(ignore); end`,
];
const everyone = { access: "everyone" } as const;
const tables = {
  parents: { owner: "owner_id" },
  picky: { owner: "owner_id" },
  derived: { owner: "owner_id", columns: ["who"] },
  lax: { belongsTo: { parent_id: "parents" } },
  children: everyone,
  taking: everyone,
  twins: everyone,
  kept: { access: "everyone", insertOnly: ["author"] },
  watched: everyone,
};

const entry = (op: string) => (table: string, id: string, op_data?: object) => ({
  op,
  table,
  id,
  ...(op_data && { op_data }),
});
const [put, patch, remove] = [entry("PUT"), entry("PATCH"), entry("DELETE")];

describe.skipIf(!isChosen("sqlite")).each(sqliteDrivers)("in one go to SQLite by %s", (driver) => {
  let database: FlightFile;
  const open = async (more = "") => {
    database = await openFlightFile(driver, { tables: schema });
    database.other.exec(`
      insert into parents values ('p', 'alice', 'a'), ('q', 'alice', 'a'), ('bob''s', 'bob', 'a');
      insert into picky values ('taken', 'alice', 'x', 1, 'a'), ('row', 'alice', 'y', 1, 'a');
      insert into lax values ('taken', 'p', 'x'), ('row', 'p', 'y');
      insert into taking values ('taken', 'x'), ('row', 'y');
      insert into derived (id, who) values ('row', 'alice');
      insert into kept values ('row', 'ann', 'a');
      insert into twins values ('same', 'a'), ('same', 'b'), ('other', 'c'); ${more}`);
  };
  beforeEach(() => open());
  afterEach(() => database.close());

  const rowsOf = (table: string) =>
    database.other.prepare(`select * from ${table} order by 1, 2`).all();
  const everything = () =>
    Object.fromEntries([...Object.keys(tables), "lists"].map((table) => [table, rowsOf(table)]));
  /** Whoever has open letters has each transaction looked at. */
  const forget = () =>
    database.other.exec("delete from powersync_letter_rows; delete from powersync_dead_letters");
  /** So that the tables have been read, and the device is known. */
  const warm = async (config: Readonly<Record<string, unknown>> = {}) => {
    const sender = database.serve({ tables: { ...tables, lists: everyone }, ...config });
    for (const table of [...Object.keys(tables), "lists"])
      expect(await sender.send(remove(table, crypto.randomUUID()))).toEqual(success);
    await sender.send(put("lists", "00000000-0000-4000-8000-000000000002", { name: "warm" }));
    expect(await sender.send(patch("parents", "q", { name: "b" }))).toEqual(success);
    if (config["onEvent"] === undefined) expect(sender.flown().at(-1)).toBe(true);
    return sender;
  };

  const list = () => put("lists", "00000000-0000-4000-8000-000000000001", { name: "first" });
  const cases: Readonly<
    Record<string, readonly [crud: object[], answer: object, before?: string]>
  > = {
    "a unique value that undoes all": [
      [list(), put("picky", "new", { code: "x" }), patch("parents", "p", { name: "c" })],
      fatal("UNIQUE_VIOLATION", 1),
    ],
    "the same, by PATCH": [
      [list(), patch("picky", "row", { code: "x" }), patch("parents", "p", { name: "c" })],
      fatal("UNIQUE_VIOLATION", 1),
    ],
    "a unique value, by a PUT that the table would skip": [
      [list(), put("lax", "new", { code: "x", parent_id: "q" })],
      fatal("UNIQUE_VIOLATION", 1),
    ],
    "the same, by PATCH of such a row": [
      [list(), patch("lax", "row", { code: "x", parent_id: "q" })],
      fatal("UNIQUE_VIOLATION", 1),
    ],
    "a unique value, by a PUT that would take another row's place": [
      [list(), put("taking", "new", { code: "x" })],
      fatal("UNIQUE_VIOLATION", 1),
    ],
    "the same, by several PUTs": [
      [list(), put("taking", "new", { code: "z" }), put("taking", "newer", { code: "x" })],
      fatal("UNIQUE_VIOLATION", 2),
    ],
    "the same, by PATCH of another row": [
      [list(), patch("taking", "row", { code: "x" })],
      fatal("UNIQUE_VIOLATION", 1),
    ],
    "a check": [
      [list(), put("picky", "new", { size: -1 }), patch("parents", "p", { name: "c" })],
      fatal("CHECK_VIOLATION", 1),
    ],
    "a reference that waits for COMMIT": [
      [list(), put("children", "c", { parent_id: "nobody" })],
      fatal("FOREIGN_KEY_VIOLATION"),
    ],
    "another value in a column that is set once, by PATCH": [
      [list(), patch("kept", "row", { author: "ben" })],
      fatal("FORBIDDEN_COLUMN", 1),
    ],
    "the same, by PUT": [
      [list(), put("kept", "row", { author: "ben", name: "b" })],
      fatal("FORBIDDEN_COLUMN", 1),
    ],
    "a row that leaves its scope by a generated column": [
      [list(), patch("derived", "row", { who: "bob" })],
      fatal("UNAUTHORIZED", 1),
    ],
    ...Object.fromEntries(
      ["rollback", "abort", "fail"].map((action) => [
        `a trigger's raise(${action})`,
        [
          [list(), remove("parents", "p"), patch("parents", "q", { name: "c" })],
          // With FAIL, SQLite undoes nothing, and finds the reference to the parent.
          fatal(action === "fail" ? "FOREIGN_KEY_VIOLATION" : "CONSTRAINT_VIOLATION", 1),
          `insert into watched values ('${action}', 'p')`,
        ],
      ]),
    ),
  };

  it.each(Object.entries(cases))(
    "%s: refused, and nothing is left",
    async (_name, [crud, answer, before]) => {
      if (before !== undefined) database.other.exec(before);
      const sender = await warm();
      const rows = everything();
      expect(await sender.send(...crud)).toMatchObject(answer);
      expect(sender.flown()).toEqual([false]);
      expect(database.inTransaction()).toBe(false);
      expect(everything()).toEqual(rows);
      expect(await sender.repeat()).toMatchObject(answer);
      forget();
      // After two failures in a row, some go step by step.
      let flies = false;
      for (let more = 0; !flies; more += 1) {
        expect(more).toBeLessThan(9);
        expect(await sender.send(patch("parents", "q", { name: `${more}` }))).toEqual(success);
        flies = sender.flown().at(-1) === true;
      }
    },
  );

  it.each<[string, object[], string?]>([
    ["rows that a trigger keeps", [list(), remove("parents", "p")], "ignore"],
    ["a row that a trigger keeps", [list(), remove("watched", "ignore")], "ignore"],
    ["rows that have one key", [remove("twins", "same"), remove("twins", "same")]],
    ["one of several", [patch("twins", "same", { name: "z" })]],
  ])("%s: as if step by step", async (_name, crud, kept) => {
    const found: unknown[] = [];
    const hooks = { map: { before: async (each: unknown) => each } };
    for (const config of [{}, { hooks }]) {
      await database.close();
      await open(kept && `insert into watched values ('${kept}', 'p')`);
      let events: string[] = [];
      const sender = await warm({
        onEvent: ({ type }: { type: string }) => void events.push(type),
        ...config,
      });
      events = [];
      const { status } = await sender.send(...crud);
      const told = events.filter((type) => type.startsWith("row_"));
      found.push({ status, told, rows: everything() });
      expect(database.inTransaction()).toBe(false);
    }
    expect(found[0]).toEqual(found[1]);
  });

  it("a child before its parent, where constraints wait for COMMIT", async () => {
    const schemaOf = `create table apples (id text primary key, parent_id text references parents)`;
    database.other.exec(schemaOf);
    const config = { tables: { ...tables, lists: everyone, apples: everyone } };
    const sender = await warm({ ...config, deferConstraints: true });
    await sender.send(remove("apples", crypto.randomUUID()));
    const family = [put("apples", "a", { parent_id: "new" }), put("parents", "new", { name: "n" })];
    expect(await sender.send(...family)).toEqual(success);
    expect(sender.flown().at(-1)).toBe(true);
    const orphan = [put("apples", "b", { parent_id: "nobody" }), patch("parents", "q", {})];
    expect(await sender.send(...orphan)).toMatchObject(fatal("FOREIGN_KEY_VIOLATION"));
    expect(rowsOf("apples")).toEqual([{ id: "a", parent_id: "new" }]);
    expect(database.inTransaction()).toBe(false);
    forget();
    const eager = await warm(config);
    const swapped = [put("apples", "c", { parent_id: "late" }), put("parents", "late", {})];
    expect(await eager.send(...swapped)).toMatchObject(fatal("FOREIGN_KEY_VIOLATION", 0));
  });
});
