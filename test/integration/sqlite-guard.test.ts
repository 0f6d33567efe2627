/** A guarded SQLite database: which statements are kept, and that a kept one behaves as one that has just been prepared. */
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { Kysely, sql, type SqliteDatabase, SqliteDialect } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { guardDatabase } from "../../adapters/sqlite.js";
import { isChosen } from "../support/chosen.js";
import { type SqliteDriver, sqliteDrivers, sqliteFile } from "../support/sqlite-files.js";

interface Raw {
  prepare(text: string): object;
  exec(text: string): unknown;
  function(name: string, options: { readonly varargs: true }, run: () => string): unknown;
  close(): void;
}

function openRaw(file: string, driver: SqliteDriver, bigInts = false): Raw {
  return driver === "node:sqlite"
    ? new DatabaseSync(file, { readBigInts: bigInts })
    : new Database(file, { timeout: 0 }).defaultSafeIntegers(bigInts);
}

describe.skipIf(!isChosen("sqlite")).each(sqliteDrivers)("a guarded database of %s", (driver) => {
  let file: string;
  let remove: () => void;
  let raw: Raw;
  /** Another connection to the file. */
  let other: Raw;
  let database: SqliteDatabase;
  /** The texts that the driver has prepared. */
  let prepared: string[];
  let isOpen: boolean;

  beforeEach(() => {
    ({ file, remove } = sqliteFile());
    raw = openRaw(file, driver);
    other = openRaw(file, driver);
    isOpen = true;
    raw.exec("pragma journal_mode = wal");
    raw.exec("create table items (id integer primary key, name text unique)");
    raw.exec("insert into items values (1, 'one'), (2, 'two')");
    prepared = [];
    const prepare = raw.prepare.bind(raw);
    raw.prepare = (text) => {
      prepared.push(text);
      return prepare(text);
    };
    database = guardDatabase(raw);
  });
  afterEach(() => {
    if (isOpen) database.close();
    other.close();
    remove();
  });

  const all = (text: string, ...parameters: unknown[]) =>
    // As plain objects: those of node:sqlite have no prototype.
    database
      .prepare(text)
      .all(parameters)
      .map((row) => ({ ...(row as object) }));
  const run = (text: string, ...parameters: unknown[]) => database.prepare(text).run(parameters);
  const insert = "insert into items (id, name) values (?, ?)";
  const names = "select name from items order by id";
  const kysely = () => new Kysely<never>({ dialect: new SqliteDialect({ database }) });

  describe("keeps", () => {
    it.each([
      "select name from items",
      "  SELECT count(*) as n from items",
      "insert into items (name) values ('a') on conflict do nothing returning id",
      "update items set name = name",
      "delete from items where 0",
      "replace into items (id, name) values (1, 'one')",
      "with one as (select 1 as n) select n from one",
    ])("%s", (text) => {
      const { reader } = database.prepare(text);
      for (const _ of [1, 2, 3]) {
        if (reader) all(text);
        else run(text);
      }
      expect(prepared).toEqual([text]);
    });

    it("the words of a transaction", async () => {
      const db = kysely();
      const work = () =>
        db.transaction().execute(async (tx) => {
          for (const word of ["savepoint a", "rollback to a", "release a"])
            await sql.raw(word).execute(tx);
        });
      await work();
      expect(prepared).toEqual(["begin", "savepoint a", "rollback to a", "release a", "commit"]);
      await work();
      expect(prepared).toHaveLength(5);
    });

    it("the 200 that were used last", () => {
      const text = (n: number) => `select ${n} as n`;
      for (let n = 1; n <= 200; n += 1) all(text(n));
      all(text(1));
      all(text(201));
      prepared = [];
      for (const n of [1, 3, 200, 201]) expect(all(text(n))).toEqual([{ n }]);
      expect(prepared).toEqual([]);
      expect(all(text(2))).toEqual([{ n: 2 }]);
      expect(prepared).toEqual([text(2)]);
    });
  });

  describe("does not keep", () => {
    it.each([
      "pragma foreign_keys",
      "explain select name from items",
      "select * from items",
      "select items.* from items",
      "update items set name = name returning *",
      `select '${"x".repeat(4_000)}' as long`,
      "/* whatever */ select 1 as n",
      "create table if not exists more (id integer)",
      "vacuum",
      "analyze",
    ])("%s", (text) => {
      const { reader } = database.prepare(text);
      if (reader) all(text);
      else run(text);
      expect(prepared).toEqual([text, text]);
    });

    it("what large parameters belong to, which node:sqlite would hold", () => {
      const text = "select length(?) as n";
      const sent = ["x".repeat(50_001), Buffer.alloc(50_001), "x"];
      expect(sent.map((each) => all(text, each))).toEqual([
        [{ n: 50_001 }],
        [{ n: 50_001 }],
        [{ n: 1 }],
      ]);
      expect(prepared).toEqual([text, text, text]);
      expect(all(text, "x".repeat(50_000))).toEqual([{ n: 50_000 }]);
      expect(prepared).toHaveLength(3);
    });
  });

  it("gives what Kysely reads of the driver", async () => {
    const db = kysely();
    const done = await sql`insert into items (name) values ('three')`.execute(db);
    expect(done).toMatchObject({ insertId: 3n, numAffectedRows: 1n, rows: [] });
    const { rows } = await sql`insert into items (name) values ('four') returning id, name`.execute(
      db,
    );
    expect(rows).toEqual([expect.objectContaining({ id: 4, name: "four" })]);
    expect(all("select 1 as a, 2 as a")).toEqual([{ a: 2 }]);
    expect(all("select ? as a, ? as b", null, Buffer.from("x"))[0]).toMatchObject({ a: null });
  });

  it("reads integers as the driver has been set to", () => {
    const big = guardDatabase(openRaw(file, driver, true));
    for (const _ of [1, 2]) {
      expect(big.prepare("select 9007199254740993 as n").all([])).toEqual([
        expect.objectContaining({ n: 9007199254740993n }),
      ]);
      expect(all("select 3 as n")).toEqual([{ n: 3 }]);
    }
    big.close();
  });

  it("iterates with a statement of its own, beside which the same text can be used", async () => {
    const read: unknown[] = [];
    const iterate = () => database.prepare(names).iterate([]);
    for (const outer of iterate()) read.push(outer, ...iterate(), ...all(names));
    const two = [{ name: "one" }, { name: "two" }];
    const plain = read.map((row) => ({ ...(row as object) }));
    expect(plain).toEqual(two.flatMap((outer) => [outer, ...two, ...two]));

    const streamed: unknown[] = [];
    const query = kysely()
      .selectFrom("items" as never)
      .select("name" as never);
    for await (const row of query.stream()) streamed.push(row, ...all(query.compile().sql));
    expect(streamed).toHaveLength(6);
  });

  it("lets a function of the application's run the statement that calls it, if the driver does", () => {
    const text = "select name, inner() as found from items order by id";
    let depth = 0;
    let deepest = 1;
    raw.function("inner", { varargs: true }, () => {
      depth += 1;
      try {
        return depth < deepest ? JSON.stringify(all(text)) : "-";
      } finally {
        depth -= 1;
      }
    });
    const level = (found: string) => [
      { name: "one", found },
      { name: "two", found },
    ];
    expect(all(text)).toEqual(level("-"));
    deepest = 3;
    if (driver === "better-sqlite3") expect(() => all(text)).toThrow("busy executing a query");
    else expect(all(text)).toEqual(level(JSON.stringify(level(JSON.stringify(level("-"))))));
    deepest = 1;
    expect(all(text)).toEqual(level("-"));
  });

  describe("after a change of the schema", () => {
    it.each(["its own", "another connection's"])("gives new columns (%s)", (whose) => {
      const change = (text: string) => (whose === "its own" ? run(text) : other.exec(text));
      const texts = ["select * from items where id = 1", "select id, name from items where id = 1"];
      const read = () => texts.map((text) => all(text)[0]);
      expect(read()).toEqual([
        { id: 1, name: "one" },
        { id: 1, name: "one" },
      ]);
      change("alter table items add column note text default 'new'");
      expect(read()).toEqual([
        { id: 1, name: "one", note: "new" },
        { id: 1, name: "one" },
      ]);
      change("alter table items drop column note");
      expect(read()).toEqual([
        { id: 1, name: "one" },
        { id: 1, name: "one" },
      ]);
    });

    it.each(["its own", "another connection's"])(
      "writes to a table that was made again (%s)",
      (whose) => {
        const change = (text: string) => (whose === "its own" ? run(text) : other.exec(text));
        run(insert, 3, "three");
        change("drop table items");
        expect(() => run(insert, 4, "four")).toThrow("no such table: items");
        change("create table items (name text, more text, id integer)");
        run(insert, 4, "four");
        expect(all("select * from items")).toEqual([{ name: "four", more: null, id: 4 }]);
        expect(all(names)).toEqual([{ name: "four" }]);
      },
    );

    it("sees triggers, indexes and what a view shows", () => {
      run("create view shown as select name from items");
      expect(all("select name from shown where name = 'one'")).toHaveLength(1);
      run("drop view shown");
      run("create view shown as select upper(name) as name from items");
      expect(all("select name from shown where name = 'one'")).toHaveLength(0);
      run(insert, 3, "three");
      run("create trigger also after insert on items begin delete from items where id = 1; end");
      run(insert, 4, "four");
      expect(all(names)).toEqual([{ name: "two" }, { name: "three" }, { name: "four" }]);
    });

    it("reads a temporary table that hides another, until it is dropped", () => {
      expect(all(names)).toHaveLength(2);
      run("create temp table items (id integer, name text)");
      expect(all(names)).toHaveLength(0);
      run(insert, 1, "temporary");
      expect(all(names)).toEqual([{ name: "temporary" }]);
      run("drop table temp.items");
      expect(all(names)).toHaveLength(2);
    });

    it("follows attached databases", () => {
      const [first, second] = [sqliteFile(), sqliteFile()];
      for (const each of [first, second]) {
        run("attach ? as beside", each.file);
        run("create table beside.notes (text text)");
        run("insert into beside.notes (text) values (?)", each.file);
        expect(all("select text from beside.notes")).toEqual([{ text: each.file }]);
        expect(all("select text from notes")).toEqual([{ text: each.file }]);
        run("detach beside");
        expect(() => all("select text from beside.notes")).toThrow("no such table");
      }
      first.remove();
      second.remove();
    });

    it("obeys settings of the connection", () => {
      run("create table parts (item integer references items (id))");
      const part = "insert into parts (item) values (?)";
      const setting = "select foreign_keys as on_ from pragma_foreign_keys";
      run("pragma foreign_keys = off");
      run(part, 7);
      expect(all(setting)).toEqual([{ on_: 0 }]);
      run("pragma foreign_keys = on");
      expect(() => run(part, 8)).toThrow("FOREIGN KEY constraint failed");
      expect(all(setting)).toEqual([{ on_: 1 }]);
    });
  });

  it("uses a statement again that has failed", () => {
    for (const _ of [1, 2]) {
      expect(() => run(insert, 3, "two")).toThrow("UNIQUE constraint failed: items.name");
      expect(() => run(insert, 3, {})).toThrow();
      run(insert, 3, "three");
      run("delete from items where id = 3");
    }
    other.exec("begin immediate");
    run("begin");
    expect(() => run(insert, 3, "three")).toThrow("database is locked");
    run("rollback");
    other.exec("rollback");
    run("begin");
    run(insert, 3, "three");
    run("commit");
    expect(all(names)).toHaveLength(3);
  });

  it("holds no lock between uses", () => {
    run(insert, 3, "three");
    expect(all(names)).toHaveLength(3);
    // Reads one row of several.
    expect(all("select name from items limit 1")).toHaveLength(1);
    other.exec("insert into items values (4, 'four')");
    const checkpoint = guardDatabase(other).prepare("pragma wal_checkpoint(truncate)");
    expect(checkpoint.all([])).toEqual([expect.objectContaining({ busy: 0, log: 0 })]);
    other.exec("vacuum");
    run("vacuum");
    other.exec("drop table items");
    expect(() => all(names)).toThrow("no such table");
  });

  it("closes, and then says what the driver says", () => {
    all(names);
    run("begin");
    run(insert, 3, "three");
    database.close();
    isOpen = false;
    expect(() => database.prepare(names)).toThrow("not open");
    // Rolled back, and the lock is gone.
    other.exec("insert into items values (3, 'three')");
  });

  it.runIf(driver === "node:sqlite")("recovers where the connection is opened again", () => {
    all(names);
    raw.close();
    (raw as DatabaseSync).open();
    expect(() => all(names)).toThrow("finalized");
    expect(all(names)).toHaveLength(2);
  });

  it("is given back by a second call, which keeps nothing more", () => {
    expect(guardDatabase(database)).toBe(database);
    expect(Object.keys(database)).toEqual(["prepare", "close"]);
  });
});

describe("guardDatabase", () => {
  it.each([
    ["a file's name", "app.db"],
    ["nothing", undefined],
    ["null", null],
    ["a promise", Promise.resolve(new Database(":memory:"))],
    ["a function", () => new Database(":memory:")],
    ["Kysely", new Kysely({ dialect: new SqliteDialect({ database: new Database(":memory:") }) })],
    ["a dialect", new SqliteDialect({ database: new Database(":memory:") })],
    ["an adapter", { prepare: () => ({}), close: () => undefined }],
  ])("says what it takes, where it is given %s", (_, given) => {
    expect(() => guardDatabase(given as never)).toThrow(
      new TypeError(
        'guardDatabase: give it an open database, as in guardDatabase(new Database("app.db")) with better-sqlite3 or guardDatabase(new DatabaseSync("app.db")) with node:sqlite.',
      ),
    );
  });
});
