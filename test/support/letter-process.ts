/**
 * A process that retries a dead letter: `letter-process.ts DIALECT PLACE ID MODE`. It tells its parent when it is ready,
 * retries when it is told to, and answers with the result's status.
 *
 * `stop`: it tells its parent when the letter's write has been made, and goes no further.
 */
import { once } from "node:events";
import { Kysely, MysqlDialect, PostgresDialect } from "kysely";
import pg from "pg";
import { createWrites } from "../../src/index.js";
import { mariadbPool } from "./mariadb.js";
import type { TestSchema } from "./schema.js";
import { openSqlite } from "./sqlite-files.js";
import { testConfig, type TestPrincipal } from "./writes.js";

const [, , dialect = "", place = "", id = "", mode = ""] = process.argv;

function open(): Kysely<TestSchema> {
  switch (dialect) {
    case "Postgres":
      return new Kysely({
        dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: place }) }),
      });
    case "MariaDB":
      return new Kysely({ dialect: new MysqlDialect({ pool: mariadbPool(place) }) });
    default:
      return openSqlite(place, "better-sqlite3");
  }
}

const db = open();
const { deadLetters } = createWrites<TestPrincipal, TestSchema>({
  ...testConfig(db),
  hooks: {
    persist: {
      after: () => {
        if (mode !== "stop") return undefined;
        process.send?.("written");
        return new Promise<undefined>(() => setInterval(() => undefined, 1_000));
      },
    },
  },
});

process.send?.("ready");
await once(process, "message");
const statuses: string[] = [];
for (let time = 0; time < 5; time += 1) statuses.push((await deadLetters.retry(id)).status);
await db.destroy();
process.send?.(statuses);
process.disconnect();
