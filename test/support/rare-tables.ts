/** Tables that are rare, what is written to each, and what it holds then. */
import type { TestDialect } from "./databases.js";
import { asEver, live, patch, plain, put, type RareTable, remove } from "./rare-table.js";
import { ofPostgres } from "./rare-tables-postgres.js";

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
