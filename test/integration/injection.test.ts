/**
 * Names and values that attack each database's quoting: in every place where a client's text could reach a statement, and in every shape of an upload.
 * Whatever is sent, no statement's text is ever another one than those of an upload that means no harm; values travel as parameters alone.
 */
import { type Kysely, type Logger, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { anonymous, createWrites, type Principal, type Writes } from "../../src/index.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";
import { long, partOf } from "../support/long.js";
import type { TestSchema } from "../support/schema.js";

/** In each of them, so that none is found in a statement by chance. */
const mark = "zq9";

/** Names that would end a quoted one, or mean something of their own. */
const attacks: readonly string[] = [
  `notes"; drop table notes; -- ${mark}`,
  `notes\`; drop table notes; -- ${mark}`,
  `notes]; drop table notes; -- ${mark}`,
  `notes'; drop table notes; -- ${mark}`,
  `notes\\"; drop table notes; -- ${mark}`,
  `notes\\'; drop table notes; # ${mark}`,
  `""${mark}""`,
  `\`\`${mark}\`\``,
  `"."${mark}`,
  `body" = 'x', "${mark}`,
  `body\` = 'x', \`${mark}`,
  `body", (select 1) as "${mark}`,
  `body\0"; ${mark}`,
  `body/*${mark}*/`,
  `body -- ${mark}`,
  `body;${mark}`,
  `body as ${mark}`,
  `${mark}.notes`,
  `notes.${mark}`,
  `excluded.${mark}`,
  `body->${mark}`,
  `body->>'$.${mark}'`,
  `body::${mark}`,
  `$1${mark}`,
  `?${mark}`,
  `:${mark}`,
  `@${mark}`,
  `\${${mark}}`,
  `%s${mark}`,
  `'||${mark}||'`,
  `\u02BC${mark}\uFF02`,
  `\uFF07; ${mark}`,
  `\u212A${mark}`,
  `${mark}\uD83C`,
  `${mark} `,
  `${mark}\n`,
  mark.repeat(100),
];

/** Names that exist somewhere, but are declared nowhere. */
const foreign: readonly string[] = [
  "NOTES",
  "public.notes",
  "main.notes",
  "notes.notes",
  "excluded.body",
  "excluded",
  "new.body",
  "Body",
  "ｂｏｄｙ",
  "bοdy",
  "powersync_ledger",
  "powersync_dead_letters",
  "pg_catalog.pg_class",
  "information_schema.tables",
  "mysql.user",
  "sqlite_master",
  "dual",
  "rowid",
  "_rowid_",
  "ctid",
  "tableoid",
  "*",
  "default",
  "null",
  "__proto__",
  "constructor",
  "toString",
];

const names: readonly string[] = [...attacks, ...foreign];

interface Entry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  readonly data?: object;
  readonly old?: object;
  readonly metadata?: string;
}

const number = { op_id: 0 };
/** The contract's own words. */
const inContract = ({ data, old, ...entry }: Entry) => ({
  ...entry,
  op_id: (number.op_id += 1),
  ...(data && { op_data: data }),
  ...(old && { previous_values: old }),
});
/** As the SDK writes an entry. */
const inSdk = ({ table, ...entry }: Entry) => ({
  ...entry,
  type: table,
  op_id: (number.op_id += 1),
  tx_id: 1,
});

/** Each shape of an upload, and where the answer has a transaction's result. The demo backends' has none. */
const shapes: Readonly<
  Record<string, { of(entries: readonly Entry[]): object; result(body: unknown): unknown }>
> = {
  transactions: {
    of: (entries) => ({
      client_id: `'${mark}"`,
      queue_id: `\`${mark}`,
      transactions: [{ crud: entries.map(inContract) }],
    }),
    result: (body) => (body as { readonly results: readonly unknown[] }).results[0],
  },
  crud: { of: (entries) => ({ crud: entries.map(inContract) }), result: (body) => body },
  "crud, as the SDK writes it": {
    of: (entries) => ({ client_id: mark, crud: entries.map(inSdk) }),
    result: (body) => body,
  },
  batch: { of: (entries) => ({ batch: entries }), result: () => undefined },
};

const put = (table: string, id: string, data: object): Entry => ({ op: "PUT", table, id, data });
const patch = (table: string, id: string, data: object): Entry => ({
  op: "PATCH",
  table,
  id,
  data,
});
const remove = (table: string, id: string): Entry => ({ op: "DELETE", table, id });

/** JSON text keeps a member named `__proto__`, which an object literal would not. */
const member = (name: string): object => JSON.parse(`{${JSON.stringify(name)}:"harm"}`) as object;

const success = { status: "success" };
const fatal = (error_code: string) => ({
  status: "fatal_error",
  failed_operation: { error_code, operation_index: 0 },
});

for (const [index, dialect] of dialects.entries()) {
  const available = await dialect.available();
  describe.skipIf(!available)(`injection on ${dialect.name}`, () => {
    const texts = new Set<string>();
    const parameters = new Set<unknown>();
    const log: Logger = ({ query }) => {
      // How many letters a statement names depends on how many wait.
      texts.add(query.sql.replace(/\((?:\?|\$\d+)(?:, (?:\?|\$\d+))*\)/g, "(…)"));
      for (const parameter of query.parameters) parameters.add(parameter);
    };
    let database: TestDatabase;
    let writes: Writes<Principal>;
    /** Every text that harmless uploads need. */
    let harmless: ReadonlySet<string>;

    beforeAll(async () => {
      database = await dialect.open({ log });
      await createNotes(database.db, dialect);
      writes = createWrites<Principal, TestSchema>({
        logger: false,
        authenticate: anonymous(`"${mark}'`),
        database: database.db,
        tables: {
          notes: { access: "everyone" },
          listed: { access: "everyone", table: "notes", columns: ["body"] },
          lenient: {
            access: "everyone",
            table: "notes",
            columns: ["body"],
            unknownColumns: "ignore",
          },
        },
        deadLetters: { open: Infinity },
        // It would send statements of its own at some time.
        ledger: { prune: false },
      });
      texts.clear();
      // Twice: the second time letters of the caller's wait, and are asked for what they would create.
      for (const shape of [...Object.keys(shapes), ...Object.keys(shapes)]) {
        const tables = ["notes", "listed", "lenient"];
        for (const table of tables) {
          await send(shape, put(table, "n1", { body: "changed" }));
          await send(shape, put(table, "n1", {}));
          await send(shape, patch(table, "n1", { body: "text" }));
          await send(shape, patch(table, "none", { body: "text" }));
          await send(shape, remove(table, "none"));
          await send(shape, put(table, "n2", { body: "new" }));
          await send(shape, remove(table, "n2"));
        }
        await send(shape, put("no_such_table", "n1", {}));
        await send(shape, put("notes", "n1", { no_such_column: 1 }));
        // Half of a pair: it is refused, and the schema is read again before that stands.
        await send(shape, put("notes", "n1", { body: "\ud800" }));
      }
      harmless = new Set(texts);
    });
    beforeEach(() => {
      texts.clear();
      parameters.clear();
    });
    afterAll(() => database.close());

    async function send(shape: string, ...entries: readonly Entry[]): Promise<unknown> {
      const { of, result } = shapes[shape] as (typeof shapes)[string];
      const response = await writes.handle({
        method: "POST",
        url: "/api/data",
        headers: new Headers({ "content-type": "application/json" }),
        body: async () => JSON.stringify(of(entries)),
        signal: new AbortController().signal,
      });
      // The demo backends' clients go on after any 200: what is fatal has been recorded.
      expect(response.status, response.body).toBe(200);
      return result(JSON.parse(response.body));
    }

    /** Nothing but what harmless uploads send, and nothing of the attack in any of it. */
    async function unharmed(): Promise<void> {
      const sent = [...texts];
      expect(sent.length).toBeGreaterThan(0);
      expect(sent.filter((text) => !harmless.has(text))).toEqual([]);
      expect(
        sent.filter((text) => text.includes(mark) || attacks.some((name) => text.includes(name))),
      ).toEqual([]);
      const { rows } = await sql`select id, body from notes order by id`.execute(database.db);
      expect(rows).toEqual([{ id: "n1", body: "text" }]);
    }

    // What comes through is the same in every shape: each database has one of them, and SQLite, which is quick, has all.
    const all = long || dialect.name.startsWith("SQLite");
    const some = Object.keys(shapes).filter((_, number) => all || number === index % 3);
    describe.each(some)("in %s", (shape) => {
      const answers = shape === "batch" ? () => undefined : (result: unknown) => result;
      const turn = Object.keys(shapes).indexOf(shape);
      // Where all shapes are tried, they share the names between them.
      const someNames = all ? partOf(names, turn) : names;

      it.each([
        ["PUT", 0, (table: string) => put(table, "n1", { body: "harm" })],
        ["PATCH", 1, (table: string) => patch(table, "n1", { body: "harm" })],
        ["DELETE", 2, (table: string) => remove(table, "n1")],
      ] as const)("tables by other names: %s", async (_op, nth, entry) => {
        // They are refused before it is looked at what they do, so the operations share them too.
        for (const name of partOf(names, turn + nth)) {
          const result = await send(shape, entry(name));
          if (answers(result)) expect(result, name).toMatchObject(fatal("UNKNOWN_TABLE"));
        }
        await unharmed();
      });

      it.each([
        ["notes", "PUT", put],
        ["listed", "PATCH", patch],
      ] as const)("columns by other names, in %s: %s", async (table, _op, entry) => {
        for (const name of [...someNames, "ID", "notes.body", '"body"', "`body`"]) {
          const result = await send(shape, entry(table, "n1", member(name)));
          if (answers(result)) expect(result, name).toMatchObject(fatal("FORBIDDEN_COLUMN"));
        }
        await unharmed();
      });

      it("columns by other names, where unknown ones are left out", async () => {
        for (const name of someNames) {
          const result = await send(
            shape,
            patch("lenient", "n1", { ...member(name), body: "text" }),
          );
          if (answers(result)) expect(result, name).toEqual(success);
        }
        await unharmed();
      });

      it("previous values, metadata, and members that no contract has", async () => {
        for (const name of someNames) {
          const more = { old: member(name), metadata: name, ...(member(`x${name}`) as object) };
          const result = await send(shape, { ...patch("notes", "n1", { body: "text" }), ...more });
          if (answers(result)) expect(result, name).toEqual(success);
        }
        await unharmed();
      });

      it("ids: a row of that very id, or none", async () => {
        for (const name of attacks) {
          const result = await send(shape, put("notes", name, { body: "new" }));
          const storable = name.isWellFormed() && !name.includes("\0");
          if (answers(result))
            expect(result, name).toMatchObject(storable ? success : fatal("INVALID_DATA"));
          if (storable) expect(await ids(database.db), name).toEqual(["n1", name].toSorted());
          if (storable) expect(parameters, name).toContain(name);
          const gone = await send(
            shape,
            patch("notes", name, { body: "x" }),
            remove("notes", name),
          );
          if (answers(gone) && storable) expect(gone, name).toEqual(success);
        }
        texts.delete("select id from notes");
        await unharmed();
      });

      it("values: stored as they are", async () => {
        for (const name of attacks) {
          const result = await send(shape, put("notes", "n1", { body: name }));
          const storable = name.isWellFormed() && !name.includes("\0");
          if (answers(result))
            expect(result, name).toMatchObject(storable ? success : fatal("INVALID_DATA"));
          if (!storable) continue;
          expect(await body(database.db), name).toBe(name);
          expect(parameters, name).toContain(name);
        }
        texts.delete("select body from notes");
        await send(shape, put("notes", "n1", { body: "text" }));
        await unharmed();
      });
    });
  });
}

async function createNotes(db: Kysely<TestSchema>, { family }: TestDialect): Promise<void> {
  const exact = family === "mysql" ? " character set utf8mb4 collate utf8mb4_bin" : "";
  await sql
    .raw(`create table notes (id varchar(400)${exact} primary key, body text${exact})`)
    .execute(db);
  await sql`insert into notes (id, body) values ('n1', 'text')`.execute(db);
}

async function ids(db: Kysely<TestSchema>): Promise<readonly unknown[]> {
  const { rows } = await sql<{ id: string }>`select id from notes`.execute(db);
  return rows.map(({ id }) => id).toSorted();
}

async function body(db: Kysely<TestSchema>): Promise<unknown> {
  const { rows } = await sql<{ body: string }>`select body from notes`.execute(db);
  return rows[0]?.body;
}
