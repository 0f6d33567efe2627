/** The database servers that tests use where they are running. In CI they must be. */
import mysql from "mysql2";
import { Client } from "pg";
import { type DialectName, isChosen, everyDatabase } from "./chosen.js";

export const postgresUrl =
  process.env["DATABASE_URL_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

/** `describe.skipIf(!(await postgresAvailable()))(…)`. False where it is not chosen (see `chosen.ts`). Throws in CI where no server answers, so that nothing is skipped there. */
export const postgresAvailable = availability("postgres", postgresUrl, async () => {
  const client = new Client({ connectionString: postgresUrl, connectionTimeoutMillis: 30_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
  } finally {
    await client.end().catch(() => undefined);
  }
});

/** A server that mysql2 speaks to. */
export interface MysqlServer {
  readonly name: "MariaDB" | "MySQL";
  /** What `DIALECTS` calls it. */
  readonly chosen: DialectName;
  readonly url: string;
  /** The type of the tests' UUIDs. MySQL has none of its own. */
  readonly uuid: string;
  /** As `postgresAvailable`. */
  available(): Promise<boolean>;
}

export const mariadbServer = overMysql2({
  name: "MariaDB",
  chosen: "mariadb",
  url: process.env["DATABASE_URL_MARIADB"] ?? "mysql://root@127.0.0.1:3306/test",
  uuid: "uuid",
});

/** `.ci/mysql start` brings one up. */
export const mysqlServer = overMysql2({
  name: "MySQL",
  chosen: "mysql",
  url: process.env["DATABASE_URL_MYSQL"] ?? "mysql://root@127.0.0.1:3307",
  uuid: "char(36) character set ascii collate ascii_bin",
});

/** Those that suites run on beside the conformance cases. */
export const mysqlServers: readonly MysqlServer[] = everyDatabase
  ? [mariadbServer, mysqlServer]
  : [];

function overMysql2(server: Omit<MysqlServer, "available">): MysqlServer {
  const { name, chosen, url } = server;
  const available = availability(chosen, url, async () => {
    const connection = mysql.createConnection({ uri: url, connectTimeout: 30_000 });
    connection.on("error", () => undefined);
    try {
      const [rows] = await connection.promise().query("select version() as version");
      const { version } = (rows as [{ version: string }])[0];
      // Tests of the one would prove nothing on the other.
      if (version.includes("MariaDB") !== (name === "MariaDB"))
        throw new Error(`The server is ${version}.`);
    } finally {
      connection.destroy();
    }
  });
  return { ...server, available };
}

/** Asks once, and nothing of a server that is not chosen. */
function availability(
  name: DialectName,
  url: string,
  ask: () => Promise<void>,
): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  return () => {
    answer ??= isChosen(name) ? answers(name, url, ask) : Promise.resolve(false);
    return answer;
  };
}

async function answers(name: DialectName, url: string, ask: () => Promise<void>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (!process.env["CI"]) return false;
    throw new Error(`No server of ${name} answers at ${url}.`, { cause: error });
  }
}
