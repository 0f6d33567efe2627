/** `commit: "per-request"` where constraints wait for COMMIT: whatever the transactions of a request do to each other's, they are answered as one by one. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createWrites,
  type Principal,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { dialects, type TestDatabase } from "../support/databases.js";

type Schema = Record<string, Record<string, unknown>>;
type Config = Partial<WritesConfig<Principal, Schema>>;
type Crud = readonly object[];

const alice: Principal = { userId: "alice" };
const put = (table: string, id: string, data: object = {}) => ({
  op: "PUT",
  table,
  id,
  op_data: data,
});
const remove = (table: string, id: string) => ({ op: "DELETE", table, id });
const mutation = (id: string, args: object) =>
  put("powersync_mutations", id, { name: "note", args: JSON.stringify(args) });

const names = ["refs", "children", "groups", "owners", "parents", "signals", "folders", "notes"];
const tables = {
  postgres: [
    "create table parents (id text primary key)",
    "create table owners (id text primary key)",
    "create table groups (id text primary key)",
    "create table children (id text primary key, parent_id text references parents deferrable initially deferred, owner_id text references owners on delete cascade)",
    "create table refs (id text primary key, child_id text references children deferrable initially deferred, group_id text references groups on delete cascade)",
    "create table signals (id text primary key, child text, parent text)",
    "create table folders (id text primary key, parent_id text references folders deferrable initially immediate)",
    "create table notes (id text primary key, body text)",
    `create function heard() returns trigger language plpgsql as $$ begin
      if new.child is not null then insert into children (id, parent_id) values (new.id, new.child); end if;
      if new.parent is not null then insert into parents (id) values (new.parent); end if;
      return null; end $$`,
    "create trigger heard after insert on signals for each row execute function heard()",
  ],
  sqlite: [
    "create table parents (id text primary key)",
    "create table owners (id text primary key)",
    "create table groups (id text primary key)",
    "create table children (id text primary key, parent_id text references parents deferrable initially deferred, owner_id text references owners on delete cascade)",
    "create table refs (id text primary key, child_id text references children DEFERRABLE  INITIALLY\n  DEFERRED, group_id text references groups on delete cascade)",
    "create table signals (id text primary key, child text, parent text)",
    "create table folders (id text primary key, parent_id text references folders)",
    "create table notes (id text primary key, body text)",
    `create trigger heard_child after insert on signals when new.child is not null
      begin insert into children (id, parent_id) values (new.id, new.child); end`,
    `create trigger heard_parent after insert on signals when new.parent is not null
      begin insert into parents (id) values (new.parent); end`,
  ],
} as const;

/** What stands in `body` is done with a `tx`. */
async function act(tx: Kysely<Schema>, body: unknown): Promise<void> {
  const [what, id] = String(body).split(" ");
  if (what === "child") await tx.insertInto("children").values({ id, parent_id: "p" }).execute();
  if (what === "parent") await tx.insertInto("parents").values({ id: "p" }).execute();
}

const rules = Object.fromEntries(names.map((name) => [name, { access: "everyone" as const }]));
const persist: Config["persist"] = async (write, { tx }, next) => {
  const outcome = await next(write);
  await act(tx as unknown as Kysely<Schema>, write.op === "DELETE" ? "" : write.values["body"]);
  return outcome;
};
const mutators: Config["mutators"] = {
  note: async (args: unknown, { tx }) =>
    act(tx as unknown as Kysely<Schema>, (args as { body: string }).body),
};

interface Scenario {
  readonly config?: Config;
  readonly before?: Crud;
  readonly transactions: readonly Crud[];
  readonly answers: readonly ("success" | "FOREIGN_KEY_VIOLATION")[];
  readonly together?: true;
}

const held = ["FOREIGN_KEY_VIOLATION", "success"] as const;
const scenarios: Readonly<Record<string, Scenario>> = {
  "a reference before its row": {
    transactions: [[put("children", "c", { parent_id: "p" })], [put("parents", "p")]],
    answers: held,
  },
  "a row that is gone, and comes again": {
    before: [put("parents", "p"), put("children", "c", { parent_id: "p" })],
    transactions: [[remove("parents", "p")], [put("parents", "p")]],
    answers: ["FOREIGN_KEY_VIOLATION", "success"],
  },
  "triggers that write both": {
    transactions: [[put("signals", "s", { child: "p" })], [put("signals", "t", { parent: "p" })]],
    answers: held,
  },
  "keys that delete both": {
    before: [
      put("owners", "o"),
      put("groups", "g"),
      put("children", "c", { owner_id: "o" }),
      put("refs", "r", { child_id: "c", group_id: "g" }),
    ],
    transactions: [[remove("owners", "o")], [remove("groups", "g")]],
    answers: held,
  },
  "code of the application's that writes both": {
    config: { persist },
    transactions: [
      [put("notes", "n", { body: "child c" })],
      [put("notes", "m", { body: "parent" })],
    ],
    answers: held,
  },
  "mutators that write both": {
    config: { mutators },
    transactions: [[mutation("1", { body: "child c" })], [mutation("2", { body: "parent" })]],
    answers: held,
  },
  "with deferConstraints, a key that can wait": {
    config: { deferConstraints: true },
    transactions: [[put("folders", "c", { parent_id: "p" })], [put("folders", "p")]],
    answers: held,
  },
  "without it, the same key": {
    transactions: [[put("folders", "p")], [put("folders", "c", { parent_id: "p" })]],
    answers: ["success", "success"],
    together: true,
  },
  "rows that no such constraint is about": {
    transactions: [[put("notes", "n", { body: "child c" })], [put("notes", "m")]],
    answers: ["success", "success"],
    together: true,
  },
  "the same, with deferConstraints": {
    config: { deferConstraints: true },
    transactions: [[put("notes", "n")], [put("notes", "m")]],
    answers: ["success", "success"],
    together: true,
  },
};

describe.each(dialects.filter(({ family }) => family !== "mysql"))("on $name", (dialect) => {
  let database: TestDatabase | undefined;
  let db: Kysely<Schema>;
  beforeAll(async () => {
    if (!(await dialect.available())) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
    for (const statement of tables[dialect.family === "sqlite" ? "sqlite" : "postgres"])
      await sql.raw(statement).execute(db);
  });
  beforeEach(({ skip }) => skip(database === undefined));
  afterAll(async () => database?.close());

  const clear = async () => {
    for (const name of [...names, "powersync_dead_letters", "powersync_letter_rows"])
      await db.deleteFrom(name).execute();
  };
  const rows = async () => {
    const all: Record<string, unknown> = {};
    for (const name of names)
      all[name] = await db.selectFrom(name).selectAll().orderBy("id").execute();
    return all;
  };

  it.each(Object.entries(scenarios))("%s", async (_, scenario) => {
    const { config, before, transactions, answers, together = false } = scenario;
    const events: WriteEvent[] = [];
    const open = (more: Config) =>
      createWrites<Principal, Schema>({
        authenticate: () => alice,
        database: db,
        tables: rules,
        onFatal: "skip",
        logger: false,
        onEvent: (event) => void events.push(event),
        ...config,
        ...more,
      });
    let opId = 0;
    const run = async (writes: ReturnType<typeof open>, device: string) => {
      await clear();
      const send = async (...sent: readonly Crud[]) =>
        writes.processBatch(
          {
            client_id: device,
            transactions: sent.map((crud) => ({
              crud: crud.map((entry) => ({ ...entry, op_id: (opId += 1) })),
            })),
          },
          { principal: alice },
        );
      // So that the device is known.
      await send(before ?? [put("notes", "first")]);
      events.length = 0;
      const results = await send(...transactions);
      const told = events.filter((event) => event.type === "transaction");
      return { results, rows: await rows(), statements: told.map(({ statements }) => statements) };
    };
    const alone = open({});
    const grouping = open({ commit: "per-request" });
    let expected = await run(alone, `alone ${crypto.randomUUID()}`);
    expect(
      expected.results.map((result) =>
        result.status === "fatal_error" ? result.failedOperation.errorCode : result.status,
      ),
    ).toEqual(answers);
    expected = await run(alone, `alone ${crypto.randomUUID()}`);
    // The first time nobody has read the tables yet.
    for (let time = 0; time < 2; time += 1) {
      const got = await run(grouping, `together ${crypto.randomUUID()}`);
      expect({ results: got.results, rows: got.rows }).toEqual({
        results: expected.results,
        rows: expected.rows,
      });
      expect(got.statements.map((count) => count > 0)).toEqual([true, !together]);
      // And from then on nothing is begun in vain.
      if (!together && time > 0) expect(got.statements).toEqual(expected.statements);
    }
  });
});

describe("in the memory store", () => {
  const column = { id: "text", parent_id: "text" } as const;
  const open = (deferred: boolean, config: object = {}) => {
    const store = memoryStore({
      tables: {
        parents: { columns: { id: "text" } },
        children: {
          columns: column,
          references: { parent_id: { table: "parents", deferred } },
        },
        owners: { columns: { id: "text" } },
        owned: {
          columns: column,
          references: { parent_id: { table: "owners", onDelete: "cascade" } },
        },
        notes: { columns: { id: "text" } },
      },
    });
    const statements: number[] = [];
    const access = { access: "everyone" } as const;
    const writes = createWrites({
      authenticate: () => alice,
      database: { open: () => store, key: () => "one" },
      tables: { parents: access, children: access, owners: access, owned: access, notes: access },
      commit: "per-request",
      onFatal: "skip",
      logger: false,
      onEvent: (event: WriteEvent) => {
        if (event.type === "transaction") statements.push(event.statements);
      },
      ...config,
    });
    const send = async (...transactions: readonly Crud[]) => {
      let opId = 0;
      const results = await writes.processBatch(
        {
          client_id: "phone",
          transactions: transactions.map((crud) => ({
            crud: crud.map((entry) => ({ ...entry, op_id: (opId += 1) })),
          })),
        },
        { principal: alice },
      );
      return {
        results: results.map(({ status }) => status),
        together: statements.every((count, index) => index === 0 || count === 0),
      };
    };
    return send;
  };
  const orphan: Crud = [put("children", "c", { parent_id: "p" })];
  const parent: Crud = [put("parents", "p")];
  const note = (id: string): Crud => [put("notes", id)];

  it("a reference that waits keeps its transactions apart, and so does code of the application's", async () => {
    const apart = { results: ["fatal_error", "success"], together: false };
    expect(await open(true)(orphan, parent)).toEqual(apart);
    expect(await open(false, { deferConstraints: true })(orphan, parent)).toEqual(apart);
    const both = { results: ["success", "success"], together: true };
    expect(await open(true)(note("n"), note("m"))).toEqual(both);
    expect(await open(true)([put("owners", "o")], [remove("owners", "o")])).toEqual(both);
    expect(await open(false)(parent, orphan)).toEqual(both);
    const hooks = { map: { before: async (entry: unknown) => entry } };
    expect(await open(false, { hooks })(note("n"), note("m"))).toEqual(both);
    expect(await open(true, { hooks })(note("n"), note("m"))).toEqual({ ...both, together: false });
  });
});
