/** Everything that the conformance cases and the random sequences run against. */
import { sql } from "kysely";
import { createWrites } from "../../src/index.js";
import { dialects, mysql, type TestDatabase, type TestDialect } from "./databases.js";
import { memoryTarget } from "./memory.js";
import { rowOrder } from "./schema.js";
import type { OpenTarget, Target } from "./target.js";
import { insert } from "./given.js";
import { testConfig } from "./writes.js";

export const targets: readonly Target[] = [...dialects.map(sqlTarget), memoryTarget];

function sqlTarget(dialect: TestDialect): Target {
  return {
    name: dialect.name,
    // MySQL and MariaDB have no deferred constraints.
    deferred: dialect.family !== "mysql",
    parentsFirst: dialect === mysql,
    concurrent: dialect.concurrent,
    available: dialect.available,
    open: async () => openSql(await dialect.open()),
  };
}

function openSql(database: TestDatabase): OpenTarget {
  const { db, plain, given, reset, close } = database;
  return {
    writes: (options) => createWrites({ ...testConfig(db), logger: false, ...options }),
    reset,
    insert: (rows) => insert(database, rows),
    change: async (table, id, to) => {
      if (to === null) await db.deleteFrom(table).where("id", "=", id).execute();
      else await db.updateTable(table).set(given(to)).where("id", "=", id).execute();
    },
    rows: async (table, ids) => {
      const all = db.selectFrom(table).selectAll().orderBy(sql.raw(rowOrder[table]));
      const rows = await (ids === undefined ? all : all.where(sql.ref("id"), "in", ids)).execute();
      return rows.map(plain);
    },
    letters: async (userIds) => {
      const all = db.selectFrom("powersync_dead_letters").selectAll();
      const letters = await (
        userIds === undefined ? all : all.where("user_id", "in", userIds)
      ).execute();
      return letters.map((letter) =>
        plain({ ...letter, payload: JSON.parse(letter.payload) as unknown }),
      );
    },
    answered: async () => {
      const { count } = await db
        .selectFrom("powersync_ledger")
        .select((eb) => eb.fn.countAll<string>().as("count"))
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    close,
  };
}
