/** `writes.check()`: every mismatch between rules, database and client's schema is named, on every database; and where all fits, none. */
import { column, Schema, Table } from "@powersync/common";
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anonymous,
  type CheckOptions,
  type ClientSchema,
  createWrites,
  type Mismatch,
  type Principal,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";
import { itWhere } from "../support/it-where.js";
import { mysqlServer } from "../support/servers.js";
import type { TestSchema } from "../support/schema.js";
import { createRuleTables, type RuleSchema } from "../support/rule-tables.js";

type Tables = WritesConfig<Principal, RuleSchema>["tables"];

const alice = { principal: { userId: "alice" } };

/** What can be wrong with a table: one of each. */
function badTables(dialect: TestDialect): readonly string[] {
  const inexact = {
    sqlite: "text collate nocase",
    mysql: "varchar(40) collate utf8mb4_general_ci",
    postgres: "text collate nobody",
  }[dialect.family];
  const exact = dialect.family === "mysql" ? "varchar(40) collate utf8mb4_bin" : "varchar(40)";
  const uuid = dialect.uuids ? "uuid" : mysqlServer.uuid;
  return [
    ...(dialect.family === "postgres"
      ? [
          "create collation nobody (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        ]
      : []),
    `create table good (id ${uuid} primary key, owner_id ${exact}, title text not null, size integer, day date)`,
    `create table keyless (id ${exact}, body ${exact})`,
    `create table half_keyed (id ${exact}, body ${exact}, unique (id, body))`,
    `create table flags (id boolean primary key, body ${exact})`,
    `create table letters (id ${inexact} primary key, owner_id ${inexact}, name ${exact} not null)`,
    `create table sums (id ${exact} primary key, a integer, b integer generated always as (a + 1) stored)`,
    `create table must (id ${exact} primary key, a ${exact} not null, b integer not null default 1, c ${exact} not null)`,
  ];
}

for (const dialect of dialects) {
  describe.skipIf(!(await dialect.available()))(dialect.name, () => {
    let database: TestDatabase;
    let db: Kysely<RuleSchema>;
    const statements: string[] = [];

    beforeAll(async () => {
      database = await dialect.open({
        connections: 1,
        log: ({ query }) => void statements.push(query.sql),
      });
      db = await createRuleTables(database);
      for (const statement of badTables(dialect)) await sql.raw(statement).execute(db);
    });
    beforeEach(() => void (statements.length = 0));
    afterAll(() => database.close());

    const check = (tables: Tables, schema?: ClientSchema, options?: CheckOptions<Principal>) =>
      createWrites<Principal, RuleSchema>({
        authenticate: anonymous(),
        database: db,
        tables,
      }).check(schema, options);
    const found = async (tables: Tables, schema?: ClientSchema, options = alice) =>
      (await check(tables, schema, options)).map(short);

    it("finds nothing where all fits, and writes nothing", async () => {
      const good: Tables = {
        good: { owner: "owner_id" },
        stamped: {
          columns: ["body"],
          set: { updated_by: () => sql`upper('x')` },
          setOnInsert: { created_by: ({ principal }) => principal.userId },
          delete: { set: { deleted_at: () => "now" } },
          authorize: () => undefined,
        },
        lists: { owner: "owner_id" },
        todos: { belongsTo: { list_id: "lists" } },
        members: { id: ["list_id", "user_name"], belongsTo: { list_id: "lists" } },
        books: {
          id: "uuid",
          columns: {
            title: true,
            author_id: {
              column: "author",
              references: { table: "authors", match: "uuid", take: "number" },
            },
          },
          scope: (eb, { principal }) => eb("books.title", "=", principal.userId),
        },
      };
      const schema = new Schema({
        good: new Table({
          owner_id: column.text,
          title: column.text,
          size: column.integer,
          day: column.text,
        }),
        lists: new Table({
          name: column.text,
          owner_id: column.text,
          created_at: column.text,
          settings: column.text,
          labels: column.text,
        }),
        todos: new Table({
          list_id: column.text,
          description: column.text,
          completed: column.integer,
          position: column.real,
          created_at: column.text,
        }),
        stamped: new Table(
          {
            body: column.text,
            created_by: column.text,
            updated_by: column.text,
            deleted_at: column.text,
          },
          { insertOnly: true },
        ),
        members: new Table(
          { list_id: column.text, user_name: column.text, role: column.text },
          { viewName: "people" },
        ),
        books: new Table({ title: column.text, author_id: column.text }),
        drafts: new Table({ anything: column.text }, { localOnly: true }),
      });
      const collations =
        dialect.family === "mysql"
          ? ["warning collation stamped id", "warning collation members user_name"]
          : [];
      expect(await found(good, schema)).toEqual(collations);
      expect(await found(good, schema.toJSON() as ClientSchema)).toEqual(collations);
      expect(await found(good)).toEqual(collations);
      expect(statements.length).toBeGreaterThan(0);
      const writing = /^\s*(insert|update|delete|create|alter|drop|commit)/i;
      // SQLite's lock is a DELETE of nothing.
      expect(statements.filter((text) => writing.test(text) && !text.includes("where 0"))).toEqual(
        [],
      );
    });

    it.each<[string, Tables, readonly string[]]>([
      [
        "a table that is not there",
        { good: { table: "goods", authorize: () => undefined } },
        ["error table_missing good"],
      ],
      [
        "a key that is not there",
        { good: { id: "uid", owner: "owner_id" } },
        ["error key_missing good uid"],
      ],
      [
        "a table without a key",
        { keyless: { scope: () => sql<boolean>`1 = 1` } },
        ["error key_not_unique keyless id"],
      ],
      [
        "a key that is unique only together with another column",
        { half_keyed: { scope: () => sql<boolean>`1 = 1` } },
        ["error key_not_unique half_keyed id"],
      ],
      [
        "half of a key of two columns",
        { members: { id: "user_name", authorize: () => undefined } },
        ["error key_not_unique members user_name"],
      ],
      [
        "a key that can't hold an id",
        { flags: { authorize: () => undefined } },
        ["error key_type flags id"],
      ],
      [
        "a column that is listed and not there",
        {
          good: {
            owner: "owner_id",
            columns: { title: true, text: "txt", old: { column: "gone", readOnly: "ignore" } },
          },
        },
        ["error column_missing good txt"],
      ],
      [
        "an owner that is not there",
        { good: { owner: "owner" } },
        ["error column_missing good owner"],
      ],
      [
        "a soft delete that is not there",
        { good: { owner: "owner_id", delete: { set: { gone_at: () => 1 } } } },
        ["error column_missing good gone_at"],
      ],
      [
        "a server's column that is not there",
        {
          good: { owner: "owner_id", columns: ["title"], setOnInsert: { by: () => 1 } },
        },
        ["error column_missing good by"],
      ],
      [
        "a reference that is not there",
        { todos: { belongsTo: { list: "lists" } }, lists: { owner: "owner_id" } },
        ["error column_missing todos list"],
      ],
      [
        "a reference to what is not there",
        {
          todos: { belongsTo: { list_id: { table: "lists", by: "nr" } } },
          lists: { owner: "owner_id" },
        },
        ["error column_missing todos list_id"],
      ],
      [
        "a look-up in a table that is not there",
        {
          todos: {
            columns: {
              description: true,
              a: { column: "list_id", references: { table: "gone", match: "a", take: "b" } },
            },
            authorize: () => undefined,
          },
        },
        ["error table_missing todos a"],
      ],
      [
        "a look-up by columns that are not there",
        {
          todos: {
            columns: {
              description: true,
              a: { column: "list_id", references: { table: "lists", match: "uid", take: "id" } },
            },
            authorize: () => undefined,
          },
        },
        ["error column_missing todos a"],
      ],
      [
        "a computed column that clients may write",
        { sums: { columns: ["a", "b"], authorize: () => undefined } },
        ["error column_generated sums b"],
      ],
      [
        "a computed column that clients send and that is left out",
        { sums: { columns: { a: true, b: { readOnly: "ignore" } }, authorize: () => undefined } },
        [],
      ],
      [
        "what must be there and can't be sent",
        { must: { columns: ["a"], authorize: () => undefined } },
        ["error column_required must c"],
      ],
      [
        "the same where it is read-only",
        { must: { columns: { a: true, c: { readOnly: "ignore" } }, authorize: () => undefined } },
        ["error column_required must c"],
      ],
      [
        "but not where the server sets it",
        {
          must: {
            columns: ["a"],
            setOnInsert: { c: () => "x" },
            authorize: () => undefined,
          },
        },
        [],
      ],
      [
        "nor where nobody makes rows",
        { must: { columns: ["a"], operations: ["PATCH"], authorize: () => undefined } },
        [],
      ],
      ["nothing of a table that is everybody's", { good: { access: "everyone" } }, []],
      ["nothing of one that nobody writes", { good: { operations: [] } }, []],
      [
        "a scope by a column that is not there",
        { good: { scope: (eb) => eb("nothing" as never, "=", 1 as never) } },
        ["error scope_fails good"],
      ],
      [
        "a scope that throws",
        {
          good: {
            scope: () => {
              throw new Error("broken");
            },
          },
        },
        ["error scope_fails good"],
      ],
    ])("names %s", async (_name, tables, expected) => {
      const ours = (await found(tables)).filter((each) => !each.startsWith("warning collation"));
      expect(ours).toEqual(expected);
    });

    it("names keys and owners that take other letters for the same", async () => {
      expect(await found({ letters: { owner: "owner_id" } })).toEqual([
        "warning collation letters id",
        "warning collation letters owner_id",
      ]);
      expect(await found({ good: { owner: "owner_id" } })).toEqual([]);
    });

    it("says what to change, and where", async () => {
      const [first, ...others] = await check({ good: { id: "uid", owner: "owner_id" } });
      expect(others).toEqual([]);
      expect(first).toEqual({
        severity: "error",
        code: "key_missing",
        table: "good",
        column: "uid",
        message: `tables.good: "good" has no column "uid", which should hold the client's row id. Name the key's column in "id", or a list of columns.`,
      } satisfies Mismatch);
    });

    it("gives the database's own words for a scope that fails, and tries none without a caller", async () => {
      const tables: Tables = { good: { scope: () => sql<boolean>`no_such_thing = 1` } };
      expect(await check(tables)).toEqual([]);
      const [failure] = await check(tables, undefined, alice);
      expect(failure?.cause).toBeInstanceOf(Error);
      expect(failure?.message).toMatch(/no_such_thing/);
    });

    it("says what becomes of what the client has", async () => {
      const tables: Tables = {
        good: {
          owner: "owner_id",
          columns: ["owner_id", "day", "size"],
          set: { title: () => "x" },
        },
        must: { authorize: () => undefined },
        unused: { table: "good", owner: "owner_id" },
        keyed: {
          table: "good",
          owner: "owner_id",
          columns: ["size", "title"],
          operations: ["PATCH"],
          unknownColumns: "ignore",
        },
        parents: { table: "good", owner: "owner_id", operations: [] },
      };
      const schema = new Schema({
        good: new Table({
          title: column.text,
          owner_id: column.integer,
          day: column.real,
          size: column.real,
          colour: column.text,
        }),
        must: new Table({ a: column.text, d: column.text }),
        keyed: new Table({ size: column.text, colour: column.text }, { insertOnly: true }),
        elsewhere: new Table({ a: column.text }),
        local: new Table({ a: column.text }, { localOnly: true }),
      });
      const expected = [
        "warning column_refused good colour",
        "error column_type good day",
        "error column_type good size",
        "error column_required must c",
        "warning column_refused must d",
        "warning operation_refused keyed",
        "warning rule_missing elsewhere",
        "warning rule_unused unused",
      ];
      const named = (mismatches: readonly string[]) =>
        mismatches.filter((each) => !each.includes(" collation ")).toSorted();
      expect(named(await found(tables, schema))).toEqual(expected.toSorted());
      expect(named(await found(tables, schema.toJSON() as ClientSchema))).toEqual(
        expected.toSorted(),
      );
    });

    itWhere(dialect.uuids)("knows that a number is no uuid", async () => {
      const schema = new Schema({
        todos: new Table({ list_id: column.integer, description: column.text }),
      });
      const tables: Tables = {
        todos: { columns: ["list_id", "description"], authorize: () => undefined },
      };
      expect(await found(tables, schema)).toEqual(["error column_type todos list_id"]);
    });

    itWhere(/^(Postgres|PGlite)/.test(dialect.name))(
      "knows which keys an upsert can go by",
      async () => {
        for (const statement of [
          "create table deferred (id text, body text, unique (id) deferrable initially deferred)",
          "create table partial (id text, body text)",
          "create unique index on partial (id) where body is not null",
          "create table folded (id text, body text)",
          "create unique index on folded (lower(id))",
          "create table included (id text, body text)",
          "create unique index on included (id) include (body)",
          "create view seen as select * from included",
          "create table split (id text primary key, body text) partition by hash (id)",
        ])
          await sql.raw(statement).execute(db);
        const tables = Object.fromEntries(
          ["deferred", "partial", "folded", "included", "seen", "split"].map((table) => [
            table,
            { authorize: () => undefined },
          ]),
        );
        expect(await found(tables)).toEqual([
          "error key_not_unique partial id",
          "error key_not_unique folded id",
        ]);
        await sql`create table counted (id integer generated always as identity primary key)`.execute(
          db,
        );
        const counted = { authorize: () => undefined };
        expect(await found({ counted })).toEqual(["error key_generated counted id"]);
        expect(await found({ counted: { ...counted, operations: ["PATCH"] } })).toEqual([]);
      },
    );

    itWhere(dialect.family === "mysql")("names a table whose writes can't be undone", async () => {
      await sql`create table loose (id varchar(40) collate utf8mb4_bin primary key) engine = MyISAM`.execute(
        db,
      );
      const [first, ...others] = await check(
        { loose: { authorize: () => undefined } },
        undefined,
        alice,
      );
      expect(first).toMatchObject({ severity: "error", code: "table_unsuitable", table: "loose" });
      expect(first?.message).toContain("Use InnoDB");
      expect(others).toEqual([]);
    });

    itWhere(dialect.name.startsWith("SQLite"))(
      "knows keys that stand for the rowid, and views",
      async () => {
        await sql`create table numbered (id integer primary key, body text)`.execute(db);
        await sql`create table without (id text primary key, body text) without rowid`.execute(db);
        await sql`create view shown as select * from numbered`.execute(db);
        await sql`create table partly (id text, body text)`.execute(db);
        await sql`create unique index partly_id on partly (id) where body is not null`.execute(db);
        const authorize = () => undefined;
        const tables: Tables = {
          numbered: { authorize },
          without: { authorize },
          shown: { authorize },
          partly: { authorize },
        };
        // A view takes what a trigger is for.
        expect(await found(tables)).toEqual([
          "warning key_number numbered id",
          "warning key_number shown id",
          ...["PUT", "PATCH", "DELETE"].map(() => "error not_writable shown"),
          "error key_not_unique partly id",
        ]);
      },
    );

    it("finds the library's own tables missing", async () => {
      const bare = await dialect.open({ bare: true });
      try {
        const writes = createWrites({
          authenticate: anonymous(),
          database: bare.db,
          tables: { lists: { owner: "owner_id" } },
        });
        const mismatches = await writes.check(undefined, alice);
        expect(mismatches.map(short)).toEqual([
          "error own_tables_missing powersync_ledger",
          "error own_tables_missing powersync_devices",
          "error own_tables_missing powersync_accounts",
          "error own_tables_missing powersync_named",
          "error own_tables_missing powersync_dead_letters",
          "error own_tables_missing powersync_letter_parts",
          "error own_tables_missing powersync_letter_rows",
          "error own_tables_missing powersync_attempts",
        ]);
        expect(mismatches[0]?.message).toContain("run createTables");
      } finally {
        await bare.close();
      }
    });

    it("finds them of another version's form, and not by the names that they were given", async () => {
      const other = await dialect.open();
      const checked = async (ownTables?: WritesConfig<Principal, TestSchema>["ownTables"]) => {
        const writes = createWrites({
          authenticate: anonymous(),
          database: other.db,
          tables: { lists: { owner: "owner_id" } },
          ...(ownTables && { ownTables }),
        });
        return (await writes.check()).map(({ code, message }) => `${code}: ${message}`);
      };
      try {
        expect(await checked()).toEqual([]);
        expect(await checked({ names: { powersync_ledger: "app_ledger" } })).toEqual([
          expect.stringMatching(/^own_tables_missing: .*"app_ledger" is missing/),
        ]);
        await sql`alter table powersync_dead_letters rename column closed_at to closed`.execute(
          other.db,
        );
        expect(await checked()).toEqual([
          expect.stringMatching(
            /^own_tables_missing: .*"powersync_dead_letters" is of another version's form: it has no column "closed_at"/,
          ),
        ]);
      } finally {
        await other.close();
      }
    });

    it("looks at the database of the caller that it is given", async () => {
      const writes = createWrites<Principal, RuleSchema>({
        authenticate: anonymous(),
        database: ({ userId }) => {
          expect(userId).toBe("alice");
          return db;
        },
        tables: { good: { id: "uid", access: "everyone" } },
      });
      await expect(writes.check()).rejects.toThrow(TypeError);
      await expect(writes.check()).rejects.toThrow("{ principal }");
      expect((await writes.check(undefined, alice)).map(short)).toEqual([
        "error key_missing good uid",
      ]);
    });

    it.each([
      null,
      {},
      { tables: {} },
      { tables: [{ name: "a" }] },
      { tables: [{ columns: [] }] },
      { tables: [{ name: "a", columns: [1] }] },
    ])("takes no %j for a schema", async (schema) => {
      await expect(check({ good: { access: "everyone" } }, schema as ClientSchema)).rejects.toThrow(
        TypeError,
      );
      expect(statements).toEqual([]);
    });
  });
}

function short({ severity, code, table, column: named }: Mismatch): string {
  return [severity, code, table, named].filter((part) => part !== undefined).join(" ");
}
