/** `deferConstraints`: what can wait for COMMIT is checked there, on the way of an upload, of a retry and of a chain, and as the data's role. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createWrites,
  type Principal,
  rls,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";
import { type Supabase, supabases } from "../support/supabase.js";

type Schema = Record<string, Record<string, unknown>>;
type Config = Partial<WritesConfig<Principal, Schema>>;

const alice: Principal = { userId: "aaaaaaaa-0000-4000-8000-000000000001" };
const parent = "00000000-0000-4000-8000-000000000001";
const child = "00000000-0000-4000-8000-000000000002";
const absent = "00000000-0000-4000-8000-00000000000f";
const success = { status: "success" };
const put = (table: string, id: string, data: object) => ({ op: "PUT", table, id, op_data: data });

const tables: Readonly<Record<TestDialect["family"], readonly string[]>> = {
  postgres: [
    "create table folders (id text primary key, parent_id text references folders deferrable initially immediate, position integer unique deferrable initially immediate)",
  ],
  mysql: [
    "create table folders (id varchar(40) primary key, parent_id varchar(40) references folders (id), position integer unique)",
  ],
  sqlite: [
    "create table folders (id text primary key, parent_id text references folders, position integer)",
  ],
};

const rules = { folders: { access: "everyone" } } as const;
const childFirst = [put("folders", child, { parent_id: parent }), put("folders", parent, {})];

describe.each(dialects)("on $name", (dialect) => {
  let database: TestDatabase | undefined;
  let db: Kysely<Schema>;
  let events: WriteEvent[] = [];
  let lastOp = 0;
  beforeAll(async () => {
    if (!(await dialect.available())) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
    for (const statement of tables[dialect.family]) await sql.raw(statement).execute(db);
  });
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    events = [];
    await db.updateTable("folders").set({ parent_id: null }).execute();
    for (const table of ["folders", "powersync_dead_letters"]) await db.deleteFrom(table).execute();
  });
  afterAll(async () => database?.close());

  const open = (config: Config = {}) =>
    createWrites<Principal, Schema>({
      authenticate: () => alice,
      database: db,
      tables: rules,
      deferConstraints: true,
      logger: false,
      onEvent: (event) => void events.push(event),
      ...config,
    });
  const send = (writes: ReturnType<typeof open>, crud: readonly object[], clientId?: string) => {
    const entries = crud.map((entry) => ({ ...entry, op_id: (lastOp += 1) }));
    return writes.processTransaction(
      { crud: entries },
      { principal: alice, ...(clientId !== undefined && { clientId }) },
    );
  };
  const folders = () => db.selectFrom("folders").selectAll().orderBy("id").execute();

  if (dialect.family === "mysql") {
    it("is refused at the start, where the database is known by then", () => {
      expect(() => open()).toThrow(/^deferConstraints: mysql has no constraints that can wait/);
      expect(() => open({ deferConstraints: false })).not.toThrow();
    });

    it("is named by ready() and check() elsewhere, and nothing is the device's fault", async () => {
      const writes = open({ database: () => db });
      const problem = expect.stringMatching(/^deferConstraints: mysql has no .* Remedy: take/);
      expect(await writes.ready(alice)).toEqual({ ready: false, problems: [problem] });
      expect(await writes.check(undefined, { principal: alice })).toContainEqual({
        severity: "error",
        code: "not_deferrable",
        table: "",
        message: problem,
      });
      expect(await send(writes, childFirst)).toMatchObject({ status: "retryable_error" });
      expect(await db.selectFrom("powersync_dead_letters").selectAll().execute()).toEqual([]);
    });
    return;
  }

  it.each(["phone", undefined])("a child may come before its parent (client id %s)", async (id) => {
    const plain = open({ deferConstraints: false });
    // The second one is from a device that is known.
    for (let time = 0; time < 2; time += 1) {
      expect(await send(plain, childFirst, id)).toMatchObject({
        failedOperation: { errorCode: "FOREIGN_KEY_VIOLATION", operationIndex: 0 },
      });
      await db.deleteFrom("powersync_letter_rows").execute();
      await db.deleteFrom("powersync_dead_letters").execute();
      expect(await send(open(), childFirst, id)).toEqual(success);
      expect(await folders()).toMatchObject([{ id: parent }, { id: child, parent_id: parent }]);
      await db.updateTable("folders").set({ parent_id: null }).execute();
      await db.deleteFrom("folders").execute();
    }
  });

  it.runIf(dialect.family === "postgres")("two positions may be swapped", async () => {
    const both = [put("folders", parent, { position: 1 }), put("folders", child, { position: 2 })];
    expect(await send(open(), both)).toEqual(success);
    const swap = [
      { op: "PATCH", table: "folders", id: parent, op_data: { position: 2 } },
      { op: "PATCH", table: "folders", id: child, op_data: { position: 1 } },
    ];
    expect(await send(open({ deferConstraints: false }), swap)).toMatchObject({
      failedOperation: { errorCode: "UNIQUE_VIOLATION", operationIndex: 0 },
    });
    expect(await send(open(), swap)).toEqual(success);
    expect(await folders()).toMatchObject([{ position: 2 }, { position: 1 }]);
    const taken = [{ ...swap[0], op_data: { position: 1 } }];
    expect(await send(open(), taken)).toMatchObject({
      failedOperation: { errorCode: "UNIQUE_VIOLATION" },
    });
  });

  it("what fails at COMMIT is fatal, belongs to no operation, and leaves nothing", async () => {
    const crud = [put("folders", parent, {}), put("folders", child, { parent_id: absent })];
    const result = await send(open(), crud);
    expect(result).toMatchObject({
      status: "fatal_error",
      failedOperation: { errorCode: "FOREIGN_KEY_VIOLATION" },
    });
    expect(result).not.toHaveProperty("failedOperation.operationIndex");
    expect(await folders()).toEqual([]);
    // The connection's next transaction is as ever.
    expect(await send(open({ deferConstraints: false }), crud)).toMatchObject({
      failedOperation: { errorCode: "FOREIGN_KEY_VIOLATION", operationIndex: 1 },
    });
  });

  it("a letter is retried with it, and so is its chain", async () => {
    const writes = open();
    const orphan = [put("folders", child, { parent_id: absent })];
    expect(await send(writes, orphan, "phone")).toMatchObject({ status: "fatal_error" });
    // It needs the row that the letter would create, which shows at COMMIT alone.
    const below = [put("folders", parent, { parent_id: child })];
    expect(await send(writes, below, "phone")).toMatchObject({
      failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" },
    });
    const { letters } = await writes.deadLetters.list();
    const root = letters.find((letter) => letter.root === undefined)?.id ?? "";
    expect(letters).toHaveLength(2);
    expect(await writes.deadLetters.retry(root, { force: true })).toMatchObject({
      status: "failed",
      errorCode: "FOREIGN_KEY_VIOLATION",
    });
    const mended = [...orphan, put("folders", absent, {})];
    expect(await writes.deadLetters.edit(root, { crud: mended })).toEqual({ status: "edited" });
    expect(await writes.deadLetters.retry(root, { force: true })).toMatchObject({
      status: "retried",
    });
    expect(await folders()).toMatchObject([
      { id: parent, parent_id: child },
      { id: child, parent_id: absent },
      { id: absent },
    ]);
  });
});

describe.each(supabases)("with rls on $name", async (on) => {
  describe.skipIf(!(await on.available()))("", () => {
    let supabase: Supabase;
    beforeAll(async () => {
      supabase = await on.open();
      for (const statement of [
        "create table folders (id uuid primary key, parent_id uuid references folders deferrable initially immediate)",
        "alter table folders enable row level security",
        `create policy theirs on folders to ${supabase.roles.authenticated} using (true) with check (true)`,
        `grant select, insert, update, delete on folders to ${supabase.roles.authenticated}`,
      ])
        await sql.raw(statement).execute(supabase.admin);
    });
    afterAll(() => supabase?.close());

    it("a child may come before its parent", async () => {
      const writes = createWrites<Principal, Schema>({
        authenticate: () => alice,
        database: supabase.connect({ connections: 2 }) as unknown as Kysely<Schema>,
        tables: rules,
        rls: rls({ role: supabase.roles.authenticated }),
        deferConstraints: true,
        logger: false,
      });
      expect(await writes.processTransaction({ crud: childFirst }, { principal: alice })).toEqual(
        success,
      );
      const orphan = { crud: [put("folders", crypto.randomUUID(), { parent_id: absent })] };
      expect(await writes.processTransaction(orphan, { principal: alice })).toMatchObject({
        failedOperation: { errorCode: "FOREIGN_KEY_VIOLATION" },
      });
    });
  });
});

describe("in the memory store", () => {
  it("a child may come before its parent, and what is missing at the end is fatal", async () => {
    const store = memoryStore({
      tables: {
        folders: {
          columns: { id: "text", parent_id: "text" },
          references: { parent_id: "folders" },
        },
      },
    });
    const writes = createWrites({
      authenticate: () => alice,
      database: { open: () => store, key: () => "one" },
      tables: rules,
      deferConstraints: true,
      logger: false,
    });
    expect(await writes.ready(alice)).toEqual({ ready: true });
    expect(await writes.processTransaction({ crud: childFirst }, { principal: alice })).toEqual(
      success,
    );
    const orphan = { crud: [put("folders", "o", { parent_id: absent })] };
    const result = await writes.processTransaction(orphan, { principal: alice });
    expect(result).toMatchObject({ failedOperation: { errorCode: "FOREIGN_KEY_VIOLATION" } });
    expect(result).not.toHaveProperty("failedOperation.operationIndex");
    expect(store.rows("folders")).toHaveLength(2);
  });
});
