/** Tables that are rare, what is written to each, and what it holds then. */
import type { TestDialect } from "./databases.js";

/** What is sent, and what is answered: `success`, a code, or an event of a success. */
type Step = readonly [op: string, id: string, data: object | undefined, answer: string];

interface RareTable {
  readonly made: readonly string[];
  readonly rule?: Readonly<Record<string, unknown>>;
  readonly steps: readonly Step[];
  /** By id, what the table holds then. */
  readonly rows: Readonly<Record<string, unknown>>;
}

const text = "varchar(40)";
const plain = `create table items (id ${text} primary key, owner_id ${text}, body ${text}, size integer)`;
const live = { table: "live" } as const;
const fn = (body: string) =>
  `create function does() returns trigger language plpgsql as $$ begin ${body} end $$`;
const on = (when: string, table = "items", each = "row") =>
  `create trigger a_does ${when} on ${table} for each ${each} execute function does()`;
const put = (id: string, body: string, answer = "success"): Step => ["PUT", id, { body }, answer];
const patch = (id: string, body: string, answer = "success"): Step => [
  "PATCH",
  id,
  { body },
  answer,
];
const remove = (id: string, answer = "success"): Step => ["DELETE", id, undefined, answer];
const asEver: readonly Step[] = [
  put("a", "1"),
  put("a", "2"),
  patch("a", "3"),
  put("b", "1"),
  remove("b"),
];

const everywhere: Readonly<Record<string, RareTable>> = {
  "a CHECK that the stored row passes, and what was sent alone does not": {
    made: [`${plain.slice(0, -1)}, check (size is null or size < 5 or body is not null))`],
    steps: [
      ["PUT", "a", { body: "x", size: 1 }, "success"],
      ["PUT", "a", { size: 9 }, "success"],
      ["PUT", "b", { size: 9 }, "CHECK_VIOLATION"],
    ],
    rows: { a: "x" },
  },
};

const onViews: Readonly<Record<string, RareTable>> = {
  "a view with CHECK OPTION": {
    made: [plain, "create view live as select * from items where body <> 'gone' with check option"],
    rule: live,
    steps: [...asEver, patch("a", "gone", "CHECK_VIOLATION"), put("c", "gone", "CHECK_VIOLATION")],
    rows: { a: "3" },
  },
  "a row that the view does not show": {
    made: [
      plain,
      "create view live as select * from items where body <> 'gone'",
      "insert into items (id, owner_id, body) values ('h', 'alice', 'gone')",
    ],
    rule: live,
    steps: [
      ...asEver,
      put("h", "x", "UNAUTHORIZED"),
      patch("h", "x", "row_missing"),
      remove("h", "row_missing"),
    ],
    rows: { a: "3", h: "gone" },
  },
  "a view's column that is computed": {
    made: [
      `${plain.slice(0, -1)}, twice integer generated always as (size * 2) stored)`,
      "create view live as select * from items",
    ],
    rule: live,
    steps: [
      ...asEver,
      ["PATCH", "a", { twice: 2 }, "FORBIDDEN_COLUMN"],
      ["PUT", "c", { twice: 2 }, "FORBIDDEN_COLUMN"],
    ],
    rows: { a: "3" },
  },
  "a view that lets a value be missing which its table needs": {
    made: [
      plain.replace("size integer", "size integer not null"),
      "create view live as select * from items",
    ],
    rule: live,
    steps: [
      ["PUT", "a", { body: "x", size: 1 }, "success"],
      put("a", "y"),
      put("b", "y", "NOT_NULL_VIOLATION"),
    ],
    rows: { a: "y" },
  },
  "a view that gives the key another name": {
    made: [
      plain,
      "create view live as select id as code, owner_id, body from items where body <> 'gone'",
    ],
    rule: { ...live, id: "code" },
    steps: asEver,
    rows: { a: "3" },
  },
};

const ofPostgres: Readonly<Record<string, RareTable>> = {
  "statement triggers": {
    made: [
      plain,
      fn("return null;"),
      on("before insert or update or delete", "items", "statement"),
    ],
    steps: asEver,
    rows: { a: "3" },
  },
  "a statement trigger that raises": {
    made: [plain, fn("raise exception 'no';"), on("before delete", "items", "statement")],
    steps: [put("a", "1"), remove("a", "CONSTRAINT_VIOLATION")],
    rows: { a: "1" },
  },
  "an INSERT trigger that raises, and a PUT of a row that is there": {
    made: [
      plain,
      "insert into items values ('a', 'alice', 'old', 1), ('h', 'bob', 'old', 1)",
      fn("raise exception 'The quota is used up.';"),
      on("before insert"),
    ],
    steps: [
      put("a", "new"),
      put("b", "new", "CONSTRAINT_VIOLATION"),
      put("h", "new", "UNAUTHORIZED"),
    ],
    rows: { a: "new", h: "old" },
  },
  "INSTEAD OF that gives NULL": {
    made: [
      plain,
      "create view live as select * from items",
      "insert into items values ('a', 'alice', 'old', 1)",
      fn("return null;"),
      on("instead of insert or update or delete", "live"),
    ],
    rule: live,
    steps: [
      put("n", "x", "row_declined"),
      put("a", "x", "row_declined"),
      patch("a", "x", "row_declined"),
      remove("a", "row_declined"),
      remove("n", "row_missing"),
    ],
    rows: { a: "old" },
  },
  "rules that do nothing": {
    made: [
      plain,
      "insert into items values ('a', 'alice', 'old', 1)",
      ...["insert", "update", "delete"].map(
        (verb) => `create rule no_${verb} as on ${verb} to items do instead nothing`,
      ),
    ],
    steps: [
      put("n", "x", "row_declined"),
      put("a", "x", "row_declined"),
      patch("a", "x", "row_declined"),
      remove("a", "row_declined"),
    ],
    rows: { a: "old" },
  },
  "a trigger that changes the key": {
    made: [plain, fn("new.id = 'k'; return new;"), on("before insert")],
    rule: { put: "insert" },
    steps: [put("a", "1"), put("b", "2", "UNIQUE_VIOLATION"), put("b", "2", "UNIQUE_VIOLATION")],
    rows: { k: "1" },
  },
  "a row that goes to another partition": {
    made: [
      `create table items (id ${text}, owner_id ${text}, body ${text} default '1', primary key (id, body)) partition by list (body)`,
      "create table items_low partition of items for values in ('1', '2')",
      "create table items_high partition of items for values in ('3')",
    ],
    steps: [...asEver, patch("a", "1"), put("a", "3"), patch("a", "nowhere", "CHECK_VIOLATION")],
    rows: { a: "3" },
  },
  "an index that is unique for some rows": {
    made: [
      `create table items (id ${text}, owner_id ${text}, body ${text})`,
      "create unique index partial_key on items (id) where body <> 'gone'",
    ],
    steps: asEver,
    rows: { a: "3" },
  },
  "an exclusion constraint for a key": {
    made: [
      `create table items (id ${text}, owner_id ${text}, body ${text}, exclude using hash (id with =))`,
    ],
    steps: asEver,
    rows: { a: "3" },
  },
  "rows in a table that inherits": {
    made: [
      plain,
      "create table children () inherits (items)",
      "insert into children (id, owner_id, body) values ('a', 'alice', 'child'), ('h', 'bob', 'child')",
    ],
    steps: [put("a", "new"), put("h", "x", "UNAUTHORIZED"), put("n", "x"), remove("n")],
    rows: { a: "new", h: "child" },
  },
  "a key that is generated always": {
    made: [
      `create table items (id integer generated always as identity primary key, owner_id ${text}, body ${text})`,
      "insert into items (owner_id, body) values ('alice', 'old')",
    ],
    steps: [patch("1", "new"), put("7", "x", "FORBIDDEN_COLUMN")],
    rows: { 1: "new" },
  },
  "a domain with a CHECK": {
    made: [
      "create domain short as text check (length(value) < 4)",
      `create table items (id ${text} primary key, owner_id ${text}, body short)`,
    ],
    steps: [...asEver, put("a", "long", "CHECK_VIOLATION"), patch("a", "long", "CHECK_VIOLATION")],
    rows: { a: "3" },
  },
  "a key that is padded": {
    made: [`create table items (id char(4) primary key, owner_id ${text}, body ${text})`],
    steps: asEver,
    rows: { "a   ": "3" },
  },
};

const ofSqlite: Readonly<Record<string, RareTable>> = {
  "INSTEAD OF that ignores, and one that raises": {
    made: [
      plain,
      "create view live as select * from items",
      "insert into items values ('a', 'alice', 'old', 1)",
      "create trigger i instead of insert on live begin select raise(abort, 'no'); end",
      "create trigger u instead of update on live begin select raise(ignore); end",
      "create trigger d instead of delete on live begin select raise(ignore); end",
    ],
    rule: live,
    steps: [
      put("n", "x", "CONSTRAINT_VIOLATION"),
      patch("a", "x", "row_declined"),
      put("a", "x", "row_declined"),
      remove("a", "row_declined"),
    ],
    rows: { a: "old" },
  },
  "an INSERT trigger that raises, and a PUT of a row that is there": {
    made: [
      plain,
      "insert into items values ('a', 'alice', 'old', 1), ('h', 'bob', 'old', 1)",
      "create trigger quota before insert on items begin select raise(abort, 'no'); end",
    ],
    steps: [
      put("a", "new"),
      put("b", "new", "CONSTRAINT_VIOLATION"),
      put("h", "new", "UNAUTHORIZED"),
    ],
    rows: { a: "new", h: "old" },
  },
};

const ofMysql: Readonly<Record<string, RareTable>> = {
  "triggers that signal": {
    made: [
      plain,
      ...["insert", "update", "delete"].map(
        (verb) =>
          `create trigger no_${verb} before ${verb} on items for each row begin if ${verb === "delete" ? "old" : "new"}.body = 'no' then signal sqlstate '45000'; end if; end`,
      ),
    ],
    steps: [
      ...asEver,
      put("n", "no", "CONSTRAINT_VIOLATION"),
      patch("a", "no", "CONSTRAINT_VIOLATION"),
    ],
    rows: { a: "3" },
  },
};

/** Those of a database. */
export function rareTables(
  family: TestDialect["family"],
): readonly (readonly [string, RareTable])[] {
  const own = { postgres: ofPostgres, mysql: ofMysql, sqlite: ofSqlite }[family];
  return Object.entries({ ...everywhere, ...(family !== "sqlite" && onViews), ...own });
}
