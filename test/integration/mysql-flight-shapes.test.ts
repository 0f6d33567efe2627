/** Transactions that are sent as a whole do the same as the careful way, whatever the tables are like. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anyOf, isOwner } from "../../src/index.js";
import {
  createTwins,
  patch,
  put,
  remove,
  type Shape,
  type Twins,
} from "../support/flight-twins.js";
import { mysqlServers } from "../support/servers.js";

const owned = { owner: "owner_id" };
const ci = "varchar(40) character set utf8mb4 collate utf8mb4_general_ci";
const text = "varchar(40) character set utf8mb4 collate utf8mb4_bin";

const shapes: Readonly<Record<string, Shape>> = {
  "a rule's key that may be NULL, with another unique column, and everybody writes": {
    ddl: [
      `create table items (number int primary key default 0, id ${text} unique, code ${text} unique, name text)`,
    ],
    rules: { items: { access: "everyone" } },
    rows: ["insert into items values (1, 'a', 'x', 'first'), (2, 'b', 'y', 'second')"],
    sent: [
      ["UNIQUE_VIOLATION", put("items", "c", { code: "x", name: "taken" })],
      ["UNIQUE_VIOLATION", put("items", "a", { code: "y", name: "taken" })],
      ["success", put("items", "a", { code: "x", name: "same" })],
      ["success", put("items", "c", { code: "z", name: "new" })],
    ],
  },
  "the same with an owner": {
    ddl: [
      `create table items (number int primary key default 0, id ${text} unique, code ${text} unique, name text, owner_id ${text})`,
    ],
    rules: { items: owned },
    rows: [
      "insert into items values (1, 'a', 'x', 'first', 'alice'), (2, 'b', 'y', 'second', 'bob')",
    ],
    sent: [
      ["UNIQUE_VIOLATION", put("items", "c", { code: "x", name: "taken" })],
      ["UNIQUE_VIOLATION", put("items", "c", { code: "y", name: "taken" })],
      ["UNIQUE_VIOLATION", put("items", "a", { code: "y", name: "taken" })],
      ["UNAUTHORIZED", put("items", "b", { code: "y", name: "foreign" })],
      ["UNAUTHORIZED", put("items", "b", { code: "x", name: "foreign" })],
      ["success", put("items", "a", { name: "mine" }), put("items", "d", { name: "mine" })],
    ],
  },
  "a number that the database counts as the key": {
    ddl: [
      `create table items (id int auto_increment primary key, code ${text} unique, name text, owner_id ${text})`,
    ],
    rules: { items: owned },
    rows: ["insert into items values (1, 'x', 'first', 'alice'), (2, 'y', 'second', 'bob')"],
    sent: [
      ["UNIQUE_VIOLATION", put("items", "3", { code: "x", name: "taken" })],
      ["UNAUTHORIZED", put("items", "2", { code: "y", name: "foreign" })],
      ["UNAUTHORIZED", put("items", "2", { code: "z", name: "foreign" })],
      ["UNIQUE_VIOLATION", put("items", "4", { code: "y", name: "taken" })],
      ["flown", put("items", "1", { code: "x", name: "mine" }), put("items", "7", { code: "w" })],
      ["flown", put("items", "0", { code: "w" })],
    ],
  },
  "such a key, and nothing else that is unique": {
    ddl: [`create table items (id int auto_increment primary key, name text, owner_id ${text})`],
    rules: { items: owned },
    rows: ["insert into items values (1, 'first', 'alice'), (2, 'second', 'bob')"],
    sent: [
      ["UNAUTHORIZED", put("items", "2", { name: "foreign" })],
      ["UNAUTHORIZED", put("items", "1", { name: "mine" }), put("items", "2", { name: "foreign" })],
      ["flown", put("items", "1", { name: "mine" }), put("items", "3", { name: "new" })],
    ],
  },
  "a time as the key": {
    ddl: [`create table items (id timestamp(6) primary key, name text, owner_id ${text})`],
    rules: { items: owned },
    rows: [
      "insert into items values ('2020-01-01', 'first', 'alice'), ('2021-01-01', 'second', 'bob')",
    ],
    sent: [
      ["UNAUTHORIZED", put("items", "2021-01-01T00:00:00Z", { name: "foreign" })],
      ["success", put("items", "2020-01-01T00:00:00Z", { name: "mine" })],
    ],
  },
  "such a key alone, and everybody writes": {
    ddl: [`create table items (id int auto_increment primary key, name text, code int unique)`],
    rules: { items: { access: "everyone" } },
    rows: ["insert into items values (1, 'x', 1), (2, 'y', 2)"],
    sent: [
      ["UNIQUE_VIOLATION", put("items", "3", { code: 1 })],
      ["UNIQUE_VIOLATION", put("items", "1", { code: 2 })],
      ["flown", put("items", "1", { code: 3 }), put("items", "5", { code: 1 })],
    ],
  },
  "text keys that do not differ in case": {
    ddl: [`create table items (id ${ci} primary key, name text, owner_id ${text})`],
    rules: { items: owned },
    rows: ["insert into items values ('a', 'first', 'alice'), ('b', 'second', 'bob')"],
    sent: [
      ["flown", put("items", "A", { name: "x" })],
      ["flown", put("items", "c", { name: "x" }), put("items", "C", { name: "y" })],
      ["UNAUTHORIZED", put("items", "B", { name: "x" })],
      ["flown", patch("items", "A", { name: "x" }), patch("items", "a", { name: "y" })],
      ["flown", remove("items", "A"), remove("items", "a")],
      ["UNAUTHORIZED", remove("items", "B")],
      ["flown", put("items", "d", { name: "x" }), remove("items", "D")],
    ],
  },
  "an owner's column that does not differ in case": {
    ddl: [`create table items (id ${text} primary key, name text, owner_id ${ci})`],
    rules: { items: owned },
    rows: ["insert into items values ('a', 'first', 'Alice'), ('b', 'second', 'bob')"],
    sent: [
      ["UNAUTHORIZED", put("items", "a", { name: "x" })],
      ["UNAUTHORIZED", patch("items", "a", { name: "x" })],
      ["UNAUTHORIZED", patch("items", "a", { name: "x", owner_id: "ALICE" })],
      ["UNAUTHORIZED", patch("items", "a", { name: "x", owner_id: "alice" })],
      ["UNAUTHORIZED", remove("items", "a")],
    ],
  },
  "a key that is only a prefix": {
    ddl: [
      `create table items (id varchar(40) not null, name text, owner_id ${text}, primary key (id(3)))`,
    ],
    rules: { items: owned },
    rows: ["insert into items values ('abc1', 'first', 'alice'), ('xyz1', 'second', 'bob')"],
    sent: [
      ["UNIQUE_VIOLATION", put("items", "abc2", { name: "x" })],
      ["UNIQUE_VIOLATION", put("items", "xyz2", { name: "x" })],
      ["UNAUTHORIZED", put("items", "xyz1", { name: "x" })],
      [
        "UNIQUE_VIOLATION",
        put("items", "ddd1", { name: "x" }),
        put("items", "ddd2", { name: "x" }),
      ],
      ["flown", patch("items", "abc1", { name: "x" })],
      ["flown", remove("items", "abc2")],
    ],
  },
  "no primary key": {
    ddl: [`create table items (id ${text} not null, name text, owner_id ${text})`],
    rules: { items: owned },
    rows: ["insert into items values ('a', 'first', 'alice'), ('b', 'second', 'bob')"],
    sent: [
      ["success", put("items", "a", { name: "x" })],
      ["success", put("items", "c", { name: "x" })],
      ["success", patch("items", "a", { name: "x" })],
      ["success", remove("items", "a")],
      ["UNAUTHORIZED", remove("items", "b")],
    ],
  },
  "a key that two rows have": {
    ddl: [
      `create table items (number int auto_increment primary key, id ${text} not null, name text, owner_id ${text})`,
    ],
    rules: { items: owned },
    rows: [
      "insert into items (id, name, owner_id) values ('a', 'first', 'alice'), ('a', 'second', 'bob'), ('b', 'x', 'alice'), ('b', 'y', 'alice')",
    ],
    sent: [
      ["UNAUTHORIZED", put("items", "a", { name: "x" })],
      ["success", patch("items", "b", { name: "x" })],
      ["flown", remove("items", "b")],
      ["UNAUTHORIZED", patch("items", "a", { name: "x" })],
      ["UNAUTHORIZED", patch("items", "a", { owner_id: "alice" })],
      ["UNAUTHORIZED", remove("items", "a")],
    ],
  },
  "such a key of rows that belong to others": {
    ddl: [
      `create table lists (id ${text} primary key, owner_id ${text})`,
      `create table items (number int auto_increment primary key, id ${text} not null, name text, list_id ${text})`,
    ],
    rules: { lists: owned, items: { belongsTo: { list_id: "lists" } } },
    rows: [
      "insert into lists values ('l1', 'alice'), ('l2', 'bob'), ('l3', 'alice')",
      "insert into items (id, name, list_id) values ('a', 'first', 'l1'), ('a', 'second', 'l2'), ('b', 'x', 'l1'), ('c', 'x', 'l1'), ('c', 'y', 'l3')",
    ],
    sent: [
      ["flown", patch("items", "b", { list_id: "l3" })],
      ["success", patch("items", "c", { list_id: "l3" })],
      ["UNAUTHORIZED", patch("items", "a", { name: "x" })],
      ["UNAUTHORIZED", patch("items", "a", { list_id: "l3" })],
      ["UNAUTHORIZED", remove("items", "a")],
      ["flown", remove("items", "c")],
    ],
  },
  "a key that two rows have, and everybody writes": {
    ddl: [
      `create table items (number int auto_increment primary key, id ${text} not null, name text)`,
    ],
    rules: { items: { access: "everyone" } },
    rows: ["insert into items (id, name) values ('b', 'x'), ('b', 'y')"],
    sent: [
      ["success", patch("items", "b", { name: "x" })],
      ["flown", remove("items", "b")],
      ["success", put("items", "b", { name: "z" })],
    ],
  },
  "a trigger that changes the owner": {
    ddl: [
      `create table items (id ${text} primary key, name text, owner_id ${text})`,
      "create trigger gives before update on items for each row if new.name = 'away' then set new.owner_id = 'bob'; end if",
    ],
    rules: { items: owned },
    rows: ["insert into items values ('a', 'first', 'alice'), ('b', 'second', 'bob')"],
    sent: [
      ["UNAUTHORIZED", patch("items", "a", { name: "away" })],
      ["UNAUTHORIZED", put("items", "a", { name: "away" })],
      ["flown", patch("items", "a", { name: "stays" })],
      ["UNAUTHORIZED", patch("items", "b", { name: "stays" })],
      [
        "UNAUTHORIZED",
        patch("items", "a", { name: "stays" }),
        patch("items", "a", { name: "away" }),
      ],
    ],
  },
  "a trigger that refuses": {
    ddl: [
      `create table items (id ${text} primary key, name text, owner_id ${text})`,
      "create trigger refuses before delete on items for each row if old.name = 'kept' then signal sqlstate '45000'; end if",
    ],
    rules: { items: owned },
    rows: [
      "insert into items values ('a', 'kept', 'alice'), ('b', 'second', 'bob'), ('c', 'x', 'alice')",
    ],
    sent: [
      ["CONSTRAINT_VIOLATION", remove("items", "a")],
      ["CONSTRAINT_VIOLATION", remove("items", "c"), remove("items", "a")],
      ["UNAUTHORIZED", remove("items", "c"), remove("items", "b")],
      ["flown", remove("items", "c"), remove("items", "d")],
    ],
  },
  "an owner that the database computes": {
    ddl: [
      `create table items (id ${text} primary key, name ${text}, owner_id ${text} generated always as (substring_index(name, ' ', 1)) stored)`,
    ],
    rules: { items: owned },
    rows: ["insert into items (id, name) values ('a', 'alice 1'), ('b', 'bob 1')"],
    sent: [
      ["flown", patch("items", "a", { name: "alice 2" })],
      ["UNAUTHORIZED", patch("items", "a", { name: "bob 2" })],
      ["UNAUTHORIZED", patch("items", "b", { name: "alice 2" })],
      ["retryable_error", put("items", "c", { name: "alice 2" })],
      ["retryable_error", put("items", "c", { name: "bob 2" })],
      ["UNAUTHORIZED", remove("items", "b")],
    ],
  },
  "a key of two columns": {
    ddl: [
      `create table lists (id ${text} primary key, owner_id ${text})`,
      `create table items (a ${text}, b int, name text, list_id ${text}, primary key (a, b))`,
    ],
    rules: { lists: owned, items: { id: ["a", "b"], belongsTo: { list_id: "lists" } } },
    rows: [
      "insert into lists values ('l1', 'alice'), ('l2', 'bob')",
      "insert into items values ('x', 2, 'mine', 'l1'), ('y', 2, 'theirs', 'l2')",
    ],
    sent: [
      ["success", put("items", "x.1", { list_id: "l1" })],
      ["UNAUTHORIZED", put("items", "x.1", { list_id: "l2" })],
      ["UNAUTHORIZED", put("items", "y.2", { list_id: "l1" })],
      ["flown", patch("items", "x.2", { name: "x" })],
      ["UNAUTHORIZED", patch("items", "x.2", { list_id: "l2" })],
      ["flown", remove("items", "x.2"), remove("items", "x.1")],
      ["UNAUTHORIZED", remove("items", "y.2")],
    ],
  },
  "rows of an owner and an editor": {
    ddl: [
      `create table items (id ${text} primary key, name text, owner_id ${text}, editor_id ${text})`,
    ],
    rules: { items: { scope: anyOf(isOwner("owner_id"), isOwner("editor_id")) } },
    rows: [
      "insert into items values ('a', 'first', 'alice', 'bob'), ('b', 'second', 'bob', 'bob'), ('c', 'third', 'bob', 'alice')",
    ],
    sent: [
      ["flown", patch("items", "a", { name: "x" }), patch("items", "c", { name: "x" })],
      ["flown", patch("items", "a", { editor_id: "carol" })],
      ["UNAUTHORIZED", patch("items", "a", { owner_id: "bob" })],
      ["UNAUTHORIZED", patch("items", "c", { editor_id: null })],
      ["UNAUTHORIZED", patch("items", "b", { name: "x" })],
      ["flown", put("items", "c", { name: "x" }), put("items", "d", { owner_id: "alice" })],
      // A PUT without an owner does not change that of a row.
      [
        "flown",
        put("items", "a", { name: "x", owner_id: "alice" }),
        put("items", "c", { name: "x" }),
      ],
      [
        "flown",
        put("items", "c", { name: "x" }),
        put("items", "a", { name: "x", owner_id: "alice" }),
      ],
      ["UNAUTHORIZED", put("items", "c", { editor_id: "bob" })],
      // The first of the columns is filled in.
      ["flown", put("items", "d", { name: "x" })],
      ["UNAUTHORIZED", put("items", "d", { owner_id: "bob", editor_id: "bob" })],
      ["UNAUTHORIZED", put("items", "b", { owner_id: "alice" })],
      ["flown", remove("items", "c")],
      ["UNAUTHORIZED", remove("items", "b")],
    ],
  },
  "rows that belong to others, and go with them": {
    ddl: [
      `create table lists (id ${text} primary key, name text, owner_id ${text})`,
      `create table todos (id ${text} primary key, list_id ${text}, name text not null, foreign key (list_id) references lists (id) on delete cascade)`,
    ],
    rules: { lists: owned, todos: { belongsTo: { list_id: "lists" } } },
    rows: [
      "insert into lists values ('l1', 'a', 'alice'), ('l2', 'b', 'bob'), ('l3', 'c', 'alice')",
      "insert into todos values ('t1', 'l1', 'a'), ('t2', 'l1', 'a'), ('t3', 'l2', 'b'), ('t4', 'l3', 'c')",
    ],
    sent: [
      ["flown", remove("lists", "l1"), remove("todos", "t1"), remove("todos", "t2")],
      ["flown", remove("todos", "t1"), remove("todos", "t2"), remove("lists", "l1")],
      ["UNAUTHORIZED", remove("lists", "l1"), remove("todos", "t3")],
      ["UNAUTHORIZED", remove("lists", "l2")],
      ["flown", patch("todos", "t1", { list_id: "l3" }), remove("lists", "l1")],
      ["UNAUTHORIZED", patch("todos", "t1", { list_id: "l2" })],
      ["UNAUTHORIZED", patch("todos", "t3", { list_id: "l1" })],
      ["UNAUTHORIZED", put("todos", "t3", { list_id: "l1", name: "x" })],
      ["UNAUTHORIZED", put("todos", "t9", { list_id: "l2", name: "x" })],
      ["FOREIGN_KEY_VIOLATION", put("todos", "t9", { list_id: "l9", name: "x" })],
      ["NOT_NULL_VIOLATION", put("todos", "t9", { list_id: "l1", name: null })],
      [
        "flown",
        put("lists", "l9", { name: "x" }),
        put("todos", "t9", { list_id: "l9", name: "x" }),
      ],
      ["flown", remove("lists", "l1"), put("todos", "t1", { list_id: "l3", name: "x" })],
      ["success", remove("lists", "l1"), patch("todos", "t1", { name: "x" })],
      ["UNAUTHORIZED", patch("lists", "l1", { owner_id: "bob" })],
      ["UNAUTHORIZED", put("lists", "l8", { name: "x", owner_id: "bob" })],
      ["UNAUTHORIZED", put("lists", "l2", { name: "x" })],
      ["UNAUTHORIZED", put("lists", "l1", { name: "x" }), put("lists", "l2", { name: "x" })],
    ],
  },
  "rows that belong to rows of their own table": {
    ddl: [
      `create table nodes (id ${text} primary key, parent_id ${text}, owner_id ${text}, foreign key (parent_id) references nodes (id) on delete cascade)`,
    ],
    rules: { nodes: owned },
    rows: [
      "insert into nodes values ('a', null, 'alice'), ('b', 'a', 'alice'), ('c', null, 'bob'), ('d', 'c', 'bob')",
    ],
    sent: [
      ["flown", put("nodes", "x", { parent_id: "a" }), put("nodes", "y", { parent_id: "x" })],
      [
        "FOREIGN_KEY_VIOLATION",
        put("nodes", "x", { parent_id: "y" }),
        put("nodes", "y", { parent_id: null }),
      ],
      ["flown", remove("nodes", "a"), remove("nodes", "b")],
      ["flown", remove("nodes", "b"), remove("nodes", "a"), put("nodes", "b", { parent_id: null })],
    ],
  },
  "soft deletes": {
    ddl: [
      `create table items (id ${text} primary key, name text, owner_id ${text}, deleted_at datetime(3))`,
    ],
    rules: { items: { ...owned, delete: { set: { deleted_at: () => "2026-01-01T00:00:00Z" } } } },
    rows: ["insert into items values ('a', 'first', 'alice', null), ('b', 'second', 'bob', null)"],
    sent: [
      ["success", remove("items", "a")],
      ["UNAUTHORIZED", remove("items", "b")],
      ["success", remove("items", "zz")],
      ["UNAUTHORIZED", put("items", "b", { name: "x" })],
    ],
  },
  "columns that are set once, and defaults": {
    ddl: [
      `create table items (id ${text} primary key, name text, code ${text} not null default 'none', made ${text}, owner_id ${text} not null)`,
    ],
    rules: { items: { ...owned, insertOnly: ["made"] } },
    rows: [
      "insert into items values ('a', 'first', 'x', 'then', 'alice'), ('b', 'second', 'y', 'then', 'bob')",
    ],
    sent: [
      ["FORBIDDEN_COLUMN", put("items", "a", { name: "x", made: "now" })],
      ["success", put("items", "c", { name: "x", made: "now" })],
      ["flown", put("items", "c", { name: "x" })],
      ["FORBIDDEN_COLUMN", patch("items", "a", { made: "now" })],
      ["success", patch("items", "a", {}), patch("items", "a", { name: "y" })],
      ["NOT_NULL_VIOLATION", put("items", "a", { code: null })],
      ["flown", put("items", "a", {})],
      ["UNAUTHORIZED", put("items", "b", {})],
    ],
  },
  "values that only a strict server refuses": {
    ddl: [
      `create table items (id ${text} primary key, at date, size tinyint, code varchar(3), kind enum('a', 'b'), owner_id ${text})`,
    ],
    rules: { items: owned },
    rows: ["insert into items values ('a', '2020-01-01', 1, 'x', 'a', 'alice')"],
    sent: [
      ["INVALID_DATA", put("items", "a", { size: 1000 })],
      ["INVALID_DATA", put("items", "a", { code: "long text" })],
      ["INVALID_DATA", patch("items", "a", { code: "long text" })],
      ["INVALID_DATA", patch("items", "a", { kind: "c" })],
      ["INVALID_DATA", patch("items", "a", { at: "0000-00-00" })],
      ["INVALID_DATA", patch("items", "a", { at: "2021-02-30" })],
      ["INVALID_DATA", put("items", "c", { at: "0000-00-00" })],
    ],
  },
};

for (const server of mysqlServers)
  describe.skipIf(!(await server.available()))(
    `flights on ${server.name}, and the careful way`,
    () => {
      let twins: Twins;
      beforeAll(async () => {
        twins = await createTwins(server);
      });
      afterAll(() => twins?.close());

      it.each(Object.entries(shapes))("%s", async (_name, shape) => {
        const outcomes = await twins.run(shape);
        expect(outcomes.map(({ became }) => became)).toEqual(
          shape.sent.map(([expected]) => expected),
        );
        expect(outcomes.map(({ flight }) => flight)).toEqual(
          outcomes.map(({ careful }) => careful),
        );
      });

      it("a PUT without an owner leaves the row its own, also beside one with an owner", async () => {
        const given = put("items", "a", { name: "x", owner_id: "alice" });
        const filled = put("items", "b", { name: "x" });
        const outcomes = await twins.run({
          ddl: [
            `create table items (id ${text} primary key, name text, owner_id ${text}, editor_id ${text})`,
          ],
          rules: { items: { scope: anyOf(isOwner("owner_id"), isOwner("editor_id")) } },
          rows: ["insert into items values ('a', 'y', 'alice', 'bob'), ('b', 'y', 'bob', 'alice')"],
          sent: [
            ["flown", given, filled],
            ["flown", filled, given],
          ],
        });
        const stored = [
          { id: "a", name: "x", owner_id: "alice", editor_id: "bob" },
          { id: "b", name: "x", owner_id: "bob", editor_id: "alice" },
        ].map((row) => JSON.stringify(row));
        for (const { became, flight, careful } of outcomes)
          expect([became, flight.rows["items"], careful.rows["items"]]).toEqual([
            "flown",
            stored,
            stored,
          ]);
      });
    },
  );
