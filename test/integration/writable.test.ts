/** `writes.check()` names what the database would refuse to everybody: a view that takes no such statement, and a right that the login role lacks. */
import { Kysely, MysqlDialect, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { itWhere } from "../support/it-where.js";
import { mysqlPool } from "../support/mysql.js";
import { mariadbServer, mysqlServer } from "../support/servers.js";

type Schema = Record<string, Record<string, unknown>>;

describe.each(dialects)("$name", (dialect) => {
  const { family } = dialect;
  let database: TestDatabase;
  let db: Kysely<Schema>;
  let available = true;
  const run = async (...statements: readonly string[]) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  };

  beforeAll(async () => {
    available = await dialect.available();
    if (!available) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
    await run(
      "create table items (id varchar(40) primary key, body varchar(40))",
      "create view live as select id, body from items",
      "create view counted as select id, max(body) as body from items group by id",
    );
    if (family === "sqlite")
      await run(
        "create view written as select * from items",
        "create trigger written_insert instead of insert on written begin insert into items values (new.id, new.body); end",
        "create trigger written_delete instead of delete on written begin delete from items where id = old.id; end",
      );
  });
  afterAll(async () => {
    if (available) await database.close();
  });
  beforeEach(({ skip }) => skip(!available));

  /** The operations of `table` that are named, of those that a rule allows. */
  const refused = async (table: string, on = db) => {
    const found: string[] = [];
    for (const op of ["PUT", "PATCH", "DELETE"] as const) {
      const writes = createWrites<{ userId: string }, Schema>({
        authenticate: () => ({ userId: "alice" }),
        database: on,
        tables: { items: { table, access: "everyone", operations: [op] } },
        ledger: false,
        logger: false,
      });
      const all = await writes.check();
      if (all.some(({ code, severity }) => code === "not_writable" && severity === "error"))
        found.push(op);
    }
    return found;
  };

  it("a table and views", async () => {
    expect(await refused("items")).toEqual([]);
    expect(await refused("counted")).toEqual(["PUT", "PATCH", "DELETE"]);
    // SQLite writes to no view by itself.
    expect(await refused("live")).toEqual(family === "sqlite" ? ["PUT", "PATCH", "DELETE"] : []);
    if (family === "sqlite") expect(await refused("written")).toEqual(["PATCH"]);
    expect(await db.selectFrom("items").selectAll().execute()).toEqual([]);
  });

  itWhere(family === "mysql")("rights of the login role, also by column", async () => {
    const server = dialect.name === "MySQL" ? mysqlServer : mariadbServer;
    const { rows } = await sql<{ name: string }>`select database() as name`.execute(db);
    const user = `writable_${crypto.randomUUID().slice(0, 8)}`;
    const url = new URL(server.url);
    url.pathname = `/${rows[0]?.name}`;
    url.username = user;
    await run(`create user '${user}'@'%'`, `grant select on * to '${user}'@'%'`);
    const login = new Kysely<Schema>({
      dialect: new MysqlDialect({ pool: mysqlPool(url.href, { connectionLimit: 1 }) }),
    });
    try {
      expect(await refused("items", login)).toEqual(["PUT", "PATCH", "DELETE"]);
      await run(`grant insert (id, body), update (body) on items to '${user}'@'%'`);
      expect(await refused("items", login)).toEqual(["DELETE"]);
      await run(`grant delete on items to '${user}'@'%'`);
      expect(await refused("items", login)).toEqual([]);
      expect(await refused("live", login)).toEqual(["PUT", "PATCH", "DELETE"]);
    } finally {
      await login.destroy();
      await run(`drop user '${user}'@'%'`);
    }
  });
});
