/**
 * Random shapes of tables (triggers that decline, rules, views, policies, keys) and random sequences of writes of two users: the answers, the rows, and
 * what the triggers have done are what a plain model of the rule says, and nothing is ever retryable. 30 shapes a database; 200 with `LONG=1`.
 */
import fc from "fast-check";
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWrites, rls, type TableRule, type WriteEvent } from "../../src/index.js";
import { betterSqlite3 } from "../support/databases.js";
import { long } from "../support/long.js";
import { supabaseOnPglite, supabaseOnPostgres } from "../support/supabase.js";
import { postgresAvailable } from "../support/servers.js";

type Schema = Record<string, Record<string, unknown>>;
type Caller = { userId: string };
type User = keyof typeof users;

const users = {
  alice: "aaaaaaaa-0000-4000-8000-000000000001",
  bob: "bbbbbbbb-0000-4000-8000-000000000002",
} as const;

interface Shape {
  readonly rule: "owner" | "belongsTo" | "scope" | "everyone";
  readonly kind: "table" | "view" | "instead of" | "deferrable";
  readonly composite: boolean;
  readonly onInsert: "nothing" | "elsewhere";
  readonly onUpdate: "nothing" | "newest wins" | "rule";
  readonly onDelete: "nothing" | "soft" | "trash" | "rule";
  readonly stamped: boolean;
  readonly policies: boolean;
  readonly put: "merge" | "insert";
}

interface Entry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly id: string;
  readonly data: {
    readonly body?: string;
    readonly n?: number;
    readonly circle?: User;
  };
}

interface Sent {
  readonly user: User;
  readonly crud: readonly Entry[];
}

interface Row {
  readonly owner: User;
  readonly circle: User | null;
  readonly body: string | null;
  readonly n: number | null;
  readonly gone: number;
}

interface State {
  readonly rows: Map<string, Row>;
  /** What triggers have done in place of a statement. */
  readonly effects: string[];
}

/** `undefined`: UNAUTHORIZED, and so on. */
type Said = "written" | "missing" | "declined" | "UNAUTHORIZED" | "UNIQUE_VIOLATION";

function inScope({ rule }: Shape, user: User, { owner, circle }: Row): boolean {
  if (rule === "owner") return owner === user;
  return rule === "everyone" || circle === user;
}

/** The rule, in words as plain as can be. */
function apply(shape: Shape, user: User, { op, id, data }: Entry, state: State): Said {
  const { rows, effects } = state;
  const { kind, onInsert, onUpdate, onDelete, policies, put } = shape;
  // What a trigger on a view's table makes of its trigger's statement, that one does not tell.
  const declined: Said = kind === "instead of" ? "written" : "declined";
  const row = rows.get(id);
  // Whose it is, is sent where the rule does not fill it in.
  const sent = op === "PUT" && shape.rule !== "owner" ? { ...data, owner: user } : data;
  if (row === undefined) {
    if (op !== "PUT") return "missing";
    if (onInsert === "elsewhere" && data.body === "drop") {
      effects.push(`insert ${id}`);
      return "declined";
    }
    const made: Row = { circle: null, body: null, n: null, ...data, owner: user, gone: 0 };
    rows.set(id, made);
    return inScope(shape, user, made) ? "written" : "UNAUTHORIZED";
  }
  if (!inScope(shape, user, row)) return "UNAUTHORIZED";
  if (op === "PUT" && put === "insert") {
    const isSame = Object.entries(sent).every(([name, value]) => row[name as keyof Row] === value);
    return isSame ? "written" : "UNIQUE_VIOLATION";
  }
  // What a rule sends in place of a statement is sent as the table's owner, whom no policy binds.
  const byRule = op === "DELETE" && onDelete === "rule";
  if (policies && row.owner !== user && !byRule) return "UNAUTHORIZED";
  if (op === "DELETE") {
    if (onDelete === "nothing" || (onDelete === "trash" && row.gone === 1)) {
      rows.delete(id);
      return "written";
    }
    rows.set(id, { ...row, gone: 1 });
    if (onDelete !== "rule") effects.push(`delete ${id}`);
    return declined;
  }
  if (onUpdate === "newest wins" && (data.n ?? row.n ?? 0) < (row.n ?? 0)) {
    effects.push(`update ${id}`);
    return declined;
  }
  const changed = { ...row, ...sent };
  rows.set(id, changed);
  return inScope(shape, user, changed) ? "written" : "UNAUTHORIZED";
}

const ids = ["a.1", "b.1", "c.1"];
const entry: fc.Arbitrary<Entry> = fc.record({
  op: fc.constantFrom("PUT", "PUT", "PATCH", "DELETE"),
  id: fc.constantFrom(...ids),
  data: fc.record(
    {
      body: fc.constantFrom("x", "y", "drop"),
      n: fc.integer({ min: 0, max: 3 }),
      circle: fc.constantFrom("alice", "bob"),
    },
    { requiredKeys: ["body"] },
  ),
});
const sequence: fc.Arbitrary<readonly Sent[]> = fc.array(
  fc.record({
    user: fc.constantFrom<User>("alice", "alice", "bob"),
    crud: fc.array(entry, { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 6, maxLength: 12 },
);

function shapes(family: "postgres" | "sqlite"): fc.Arbitrary<Shape> {
  const only = <T>(all: readonly T[], some: readonly T[]) =>
    fc.constantFrom(...(family === "postgres" ? all : some));
  return fc
    .record<Shape>({
      rule: fc.constantFrom("owner", "belongsTo", "scope", "everyone"),
      kind: only<Shape["kind"]>(
        ["table", "table", "view", "instead of", "deferrable"],
        ["table", "instead of"],
      ),
      composite: fc.boolean(),
      onInsert: fc.constantFrom("nothing", "elsewhere"),
      onUpdate: only<Shape["onUpdate"]>(
        ["nothing", "newest wins", "rule"],
        ["nothing", "newest wins"],
      ),
      onDelete: only<Shape["onDelete"]>(
        ["nothing", "soft", "trash", "rule"],
        ["nothing", "soft", "trash"],
      ),
      stamped: fc.boolean(),
      policies: only([true, false], [false]),
      put: fc.constantFrom("merge", "merge", "insert"),
    })
    .map((shape) => ({
      ...shape,
      // A view's own trigger would have to say what its table's has done.
      ...(shape.kind === "instead of" && { onInsert: "nothing", policies: false }),
      // A view's policies are asked as its owner.
      ...(shape.kind === "view" && { policies: false }),
    }));
}

function statementsOf(shape: Shape, family: "postgres" | "sqlite"): readonly string[] {
  const { kind, composite, onInsert, onUpdate, onDelete, stamped, policies } = shape;
  const key = composite ? "id, part" : "id";
  const at = (row: string) => `${row}.id${composite ? ` || '.' || ${row}.part` : ""}`;
  const isRow = (row: string) => `id = ${row}.id${composite ? ` and part = ${row}.part` : ""}`;
  const columns = ["id", ...(composite ? ["part"] : []), "owner", "circle", "body", "n", "gone"];
  const assigned = ["owner", "circle", "body", "n", "gone"].map((each) => `${each} = new.${each}`);
  const owner = family === "postgres" ? "uuid default auth.uid()" : "text";
  const made = [
    `create table items (id text not null, part text, owner ${owner}, circle text, body text, n integer, gone integer not null default 0, note text default 'none', primary key (${key})${kind === "deferrable" ? " deferrable" : ""})`,
  ];
  const note = (verb: string, row: string) =>
    `insert into effects values ('${verb} ' || ${at(row)})`;
  const fits = `coalesce(new.n, 0) < coalesce(old.n, 0)`;
  const soft = `update items set gone = 1 where ${isRow("old")}`;
  const trashed = onDelete === "trash" ? "old.gone = 0" : "true";
  const toView = [
    `insert into items (${columns.join(", ")}) values (${columns.map((each) => (each === "gone" ? "coalesce(new.gone, 0)" : `new.${each}`)).join(", ")})`,
    `update items set ${assigned.join(", ")} where ${isRow("old")}`,
    `delete from items where ${isRow("old")}`,
  ] as const;
  if (family === "sqlite") {
    const trigger = (name: string, when: string, on: string, ...steps: readonly string[]) =>
      `create trigger ${name} ${when} on ${on.replace("?", "")} begin ${steps.join("; ")}; end`;
    const stop = "select raise(ignore)";
    if (stamped)
      made.push(
        `create trigger stamp after update on items when new.note is not 'stamped' begin update items set note = 'stamped' where ${isRow("new")}; end`,
      );
    if (onInsert === "elsewhere")
      made.push(
        `create trigger on_insert before insert on items when new.body = 'drop' and not exists (select 1 from items where ${isRow("new")}) begin ${note("insert", "new")}; ${stop}; end`,
      );
    if (onUpdate === "newest wins")
      made.push(
        `create trigger on_update before update on items when ${fits} begin ${note("update", "new")}; ${stop}; end`,
      );
    if (onDelete !== "nothing")
      made.push(
        `create trigger on_delete before delete on items when ${trashed} begin ${note("delete", "old")}; ${soft}; ${stop}; end`,
      );
    if (kind === "instead of")
      made.push(
        "create view live as select * from items",
        trigger("live_insert", "instead of insert", "live", toView[0]),
        trigger("live_update", "instead of update", "live", toView[1]),
        trigger("live_delete", "instead of delete", "live", toView[2]),
      );
    return made;
  }
  const trigger = (name: string, when: string, body: string, on = "items") => [
    `create or replace function ${name}() returns trigger language plpgsql as $$ begin ${body} end $$`,
    `create trigger a_${name} ${when} on ${on} for each row execute function ${name}()`,
  ];
  if (stamped)
    made.push(...trigger("stamping", "before insert or update", "new.note = 'x'; return new;"));
  if (onInsert === "elsewhere")
    made.push(
      ...trigger(
        "on_insert",
        "before insert",
        `if new.body = 'drop' then ${note("insert", "new")}; return null; end if; return new;`,
      ),
    );
  if (onUpdate === "newest wins")
    made.push(
      ...trigger(
        "on_update",
        "before update",
        `if ${fits} then ${note("update", "new")}; return null; end if; return new;`,
      ),
    );
  if (onUpdate === "rule")
    made.push("create rule on_update as on update to items do also select 1 where false");
  if (onDelete === "rule")
    made.push(`create rule on_delete as on delete to items do instead ${soft}`);
  else if (onDelete !== "nothing")
    made.push(
      ...trigger(
        "on_delete",
        "before delete",
        `if ${trashed} then ${note("delete", "old")}; ${soft}; return null; end if; return old;`,
      ),
    );
  if (kind === "view") made.push("create view live as select * from items");
  if (kind === "instead of")
    made.push(
      "create view live as select * from items",
      ...trigger(
        "instead",
        "instead of insert or update or delete",
        `if tg_op = 'INSERT' then ${toView[0]}; return new; end if;
         if tg_op = 'UPDATE' then ${toView[1]}; return new; end if;
         ${toView[2]}; return old;`,
        "live",
      ),
    );
  if (policies)
    made.push(
      "create policy see on items for select using (true)",
      "create policy make on items for insert with check (true)",
      "create policy change on items for update using (owner = auth.uid()) with check (true)",
      "create policy remove on items for delete using (owner = auth.uid())",
    );
  return made;
}

function ruleOf({
  rule,
  kind,
  composite,
  put,
}: Shape): Readonly<Record<string, TableRule<Caller, Schema>>> {
  const base = {
    id: composite ? ["id", "part"] : "id",
    put,
    ...(kind === "view" || kind === "instead of" ? { table: "live" } : {}),
  } as const;
  const name = base.table ?? "items";
  const circles = { owner: "user_id", operations: [] } as const;
  switch (rule) {
    case "owner":
      return { items: { ...base, owner: "owner" } };
    case "belongsTo":
      return { circles, items: { ...base, belongsTo: { circle: "circles" } } };
    case "scope":
      return {
        items: {
          ...base,
          scope: (eb, { principal }) =>
            eb.exists(
              eb
                .selectFrom("circles")
                .select("circles.id")
                .whereRef("circles.id", "=", `${name}.circle`)
                .where(sql`cast(circles.user_id as text)`, "=", principal.userId),
            ),
        },
      };
    case "everyone":
      return { items: { ...base, access: "everyone" } };
  }
}

interface Opened {
  readonly family: "postgres" | "sqlite";
  /** Whom no policy binds. */
  readonly admin: Kysely<Schema>;
  readonly database: Kysely<Schema>;
  readonly role?: string;
  close(): Promise<void>;
}

const postgres = (await postgresAvailable()) ? supabaseOnPostgres : supabaseOnPglite;
const databases: Readonly<Record<string, () => Promise<Opened | undefined>>> = {
  [postgres.name]: async () => {
    if (!(await postgres.available())) return undefined;
    const { admin, connect, roles, close } = await postgres.open();
    const opened = { admin, database: connect() } as unknown as Pick<Opened, "admin" | "database">;
    return { ...opened, family: "postgres", role: roles.authenticated, close };
  },
  SQLite: async () => {
    if (!(await betterSqlite3.available())) return undefined;
    const { db, close } = await betterSqlite3.open();
    const admin = db as unknown as Kysely<Schema>;
    return { family: "sqlite", admin, database: admin, close };
  },
};

describe.each(Object.keys(databases))("%s", (name) => {
  let opened: Opened | undefined;
  // Of all shapes: the ledger stays.
  let op_id = 0;
  beforeAll(async () => {
    opened = await databases[name]?.();
  });
  afterAll(() => opened?.close());

  const make = async (shape: Shape, { family, role, admin }: Opened) => {
    const isPostgres = family === "postgres";
    const statements = [
      "drop view if exists live",
      `drop table if exists items${isPostgres ? " cascade" : ""}`,
      "drop table if exists circles",
      "drop table if exists effects",
      "create table effects (what text)",
      `create table circles (id text primary key, user_id ${isPostgres ? "uuid" : "text"})`,
      `insert into circles values ('alice', '${users.alice}'), ('bob', '${users.bob}')`,
      ...statementsOf(shape, family),
      ...(isPostgres && role !== undefined
        ? [
            ...["items", "circles"].map((each) => `alter table ${each} enable row level security`),
            "create policy all_of_it on circles using (true)",
            ...(shape.policies ? [] : ["create policy all_of_it on items using (true)"]),
            `grant all on items, circles, effects to "${role}"`,
          ]
        : []),
    ];
    for (const statement of statements) await sql.raw(statement).execute(admin);
  };

  const check = async (at: Opened, shape: Shape, all: readonly Sent[]) => {
    await make(shape, at);
    let events: WriteEvent[] = [];
    const writes = createWrites<Caller, Schema>({
      authenticate: () => ({ userId: "" }),
      database: shape.policies ? at.database : at.admin,
      tables: ruleOf(shape),
      ...(shape.policies && { rls: rls<Caller>({ role: at.role ?? "" }) }),
      logger: false,
      onEvent: (event) => void events.push(event),
    });
    let state: State = { rows: new Map(), effects: [] };
    for (const { user, crud } of all) {
      events = [];
      const next: State = { rows: new Map(state.rows), effects: [...state.effects] };
      const said: Said[] = [];
      for (const each of crud) {
        said.push(apply(shape, user, each, next));
        if (said.at(-1)?.toUpperCase() === said.at(-1)) break;
      }
      const refused = said.find((each) => each.toUpperCase() === each);
      if (refused === undefined) state = next;
      const { status, ...more } = await writes.processTransaction(
        {
          crud: crud.map(({ op, id, data }) => ({
            op,
            table: "items",
            id: shape.composite ? id : id.slice(0, 1),
            op_id: (op_id += 1),
            // Whose it is stands where nobody fills it in.
            ...(op !== "DELETE" && {
              op_data: {
                ...data,
                ...(op === "PUT" && shape.rule !== "owner" && { owner: users[user] }),
              },
            }),
          })),
        },
        { principal: { userId: users[user] }, clientId: user },
      );
      const code = "failedOperation" in more ? more.failedOperation.errorCode : status;
      expect([code, crud]).toEqual([refused ?? "success", crud]);
      if (refused !== undefined) {
        // What needs a row that a letter would create is another subject.
        for (const table of [
          "powersync_letter_rows",
          "powersync_letter_parts",
          "powersync_dead_letters",
        ])
          await at.admin.deleteFrom(table).execute();
        continue;
      }
      const heard = events.flatMap((event) =>
        event.type === "row_declined" || event.type === "row_missing"
          ? [`${event.type} ${event.operationIndex}`]
          : [],
      );
      const expected = said.flatMap((each, index) =>
        each === "written" ? [] : [`row_${each} ${index}`],
      );
      expect([...new Set(heard)].toSorted()).toEqual(expected.toSorted());
    }
    const rows = await at.admin.selectFrom("items").selectAll().execute();
    const named = (id: string) => (shape.composite ? id : id.slice(0, 1));
    const found = rows.map(({ id, part, owner, circle, body, n, gone }) =>
      JSON.stringify([
        shape.composite ? `${String(id)}.${String(part)}` : id,
        owner,
        circle,
        body,
        n === null ? n : Number(n),
        Number(gone),
      ]),
    );
    const wanted = [...state.rows].map(([id, { owner, circle, body, n, gone }]) =>
      JSON.stringify([named(id), users[owner], circle, body, n, gone]),
    );
    expect(new Set(found)).toEqual(new Set(wanted));
    const effects = await at.admin.selectFrom("effects").select("what").execute();
    const told = state.effects.map((each) =>
      each.replace(/ (.*)$/, (_, id: string) => ` ${named(id)}`),
    );
    // As often, too: a statement that was sent twice would show.
    expect(effects.map(({ what }) => String(what)).toSorted()).toEqual(told.toSorted());
  };

  it("random shapes and sequences", async ({ skip }) => {
    if (opened === undefined) return skip();
    const at = opened;
    const property = fc.asyncProperty(shapes(at.family), sequence, (shape, all) =>
      check(at, shape, all),
    );
    await fc.assert(property, {
      numRuns: long ? 200 : 30,
      endOnFailure: true,
    });
  });
});
