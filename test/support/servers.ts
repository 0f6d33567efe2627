/** The database servers that tests use where they are running. In CI they must be. */
import mysql from "mysql2";
import { Client } from "pg";
import { isChosen } from "./chosen.js";

export const postgresUrl =
  process.env["DATABASE_URL_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

export const mariadbUrl = process.env["DATABASE_URL_MARIADB"] ?? "mysql://root@127.0.0.1:3306/test";

let postgres: Promise<boolean> | undefined;
let mariadb: Promise<boolean> | undefined;

/** `describe.skipIf(!(await postgresAvailable()))(…)`. False where it is not chosen (see `chosen.ts`). Throws in CI where no server answers, so that nothing is skipped there. */
export function postgresAvailable(): Promise<boolean> {
  postgres ??= isChosen("postgres") ? answers() : Promise.resolve(false);
  return postgres;
}

async function answers(): Promise<boolean> {
  const client = new Client({ connectionString: postgresUrl, connectionTimeoutMillis: 30_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch (error) {
    if (process.env["CI"]) {
      throw new Error(`No Postgres server answers at ${postgresUrl}.`, { cause: error });
    }
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The same for MariaDB. */
export function mariadbAvailable(): Promise<boolean> {
  mariadb ??= isChosen("mariadb") ? mariadbAnswers() : Promise.resolve(false);
  return mariadb;
}

async function mariadbAnswers(): Promise<boolean> {
  const connection = mysql.createConnection({ uri: mariadbUrl, connectTimeout: 30_000 });
  connection.on("error", () => undefined);
  try {
    await connection.promise().query("select 1");
    return true;
  } catch (error) {
    if (process.env["CI"]) {
      throw new Error(`No MariaDB server answers at ${mariadbUrl}.`, { cause: error });
    }
    return false;
  } finally {
    connection.destroy();
  }
}
