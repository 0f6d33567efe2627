/** Rare tables of Postgres. */
import {
  asEver,
  fn,
  live,
  on,
  patch,
  plain,
  put,
  type RareTable,
  remove,
  text,
} from "./rare-table.js";

export const ofPostgres: Readonly<Record<string, RareTable>> = {
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
  "lists of a type in another schema, which grow": {
    made: [
      "create schema elsewhere",
      "create type elsewhere.mood as enum ('sad', 'glad')",
      `create table items (id ${text} primary key, owner_id ${text}, body ${text}, moods elsewhere.mood[])`,
    ],
    rule: { conflict: { union: ["moods"] } },
    steps: [
      ["PUT", "a", { body: "1", moods: ["sad"] }, "success"],
      ["PUT", "a", { moods: ["glad"] }, "success"],
      ["PATCH", "a", { body: "2", moods: ["glad", "sad"] }, "success"],
      ["PATCH", "a", { moods: ["neither"] }, "INVALID_DATA"],
    ],
    rows: { a: "2" },
  },
  "a key that is padded": {
    made: [`create table items (id char(4) primary key, owner_id ${text}, body ${text})`],
    steps: asEver,
    rows: { "a   ": "3" },
  },
  "a domain that is never NULL": {
    made: [
      "create domain short as text not null",
      `create table items (id ${text} primary key, owner_id ${text}, body ${text}, kind short)`,
      "insert into items values ('a', 'alice', 'old', 'k')",
    ],
    steps: [put("a", "new"), put("b", "new", "NOT_NULL_VIOLATION")],
    rows: { a: "new" },
  },
  "a domain that is never NULL, and has a default": {
    made: [
      "create domain short as text not null default 'k'",
      `create table items (id ${text} primary key, owner_id ${text}, body ${text}, kind short)`,
    ],
    steps: asEver,
    rows: { a: "3" },
  },
  "a computed value that the stored row has, and what was sent alone does not": {
    made: [
      `create table items (
        id ${text} primary key, owner_id ${text}, body ${text}, size integer not null default 0,
        tenth integer generated always as (10 / size) stored
      )`,
      "insert into items values ('a', 'alice', 'old', 5)",
    ],
    steps: [put("a", "new"), put("b", "new", "INVALID_DATA")],
    rows: { a: "new" },
  },
  "an INSERT trigger that enters the row elsewhere, too": {
    made: [
      plain,
      `create table children (id ${text} primary key)`,
      fn("insert into children values (new.id); return new;"),
      on("before insert"),
    ],
    steps: [...asEver, put("b", "2", "UNIQUE_VIOLATION")],
    rows: { a: "3" },
  },
  ...Object.fromEntries(
    (
      [
        ["22023", "INVALID_DATA"],
        ["23502", "NOT_NULL_VIOLATION"],
        ["23503", "FOREIGN_KEY_VIOLATION"],
        ["23505", "UNIQUE_VIOLATION"],
      ] as const
    ).map(([sqlstate, code]): readonly [string, RareTable] => [
      `an INSERT trigger that raises ${sqlstate}, and a PUT of a row that is there`,
      {
        made: [
          plain,
          "insert into items values ('a', 'alice', 'old', 1), ('h', 'bob', 'old', 1)",
          fn(`raise exception 'It is refused.' using errcode = '${sqlstate}';`),
          on("before insert"),
        ],
        steps: [put("a", "new"), put("b", "new", code), put("h", "new", "UNAUTHORIZED")],
        rows: { a: "new", h: "old" },
      },
    ]),
  ),
};
