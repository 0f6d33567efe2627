/** The database servers that tests use where they are running. In CI they must be. */
import mysql from "mysql2";
import { Client } from "pg";

export const postgresUrl =
  process.env["DATABASE_URL_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

/** `describe.skipIf(!(await postgresAvailable()))(…)`. Throws in CI where no server answers, so that nothing is skipped there. */
export const postgresAvailable = availability("Postgres", postgresUrl, async () => {
  const client = new Client({ connectionString: postgresUrl, connectionTimeoutMillis: 3_000 });
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
  readonly url: string;
  /** The type of the tests' UUIDs. MySQL has none of its own. */
  readonly uuid: string;
  /** As `postgresAvailable`. */
  available(): Promise<boolean>;
}

export const mariadbServer = overMysql2(
  "MariaDB",
  process.env["DATABASE_URL_MARIADB"] ?? "mysql://root@127.0.0.1:3306/test",
  "uuid",
);

/** `.ci/mysql start` brings one up. */
export const mysqlServer = overMysql2(
  "MySQL",
  process.env["DATABASE_URL_MYSQL"] ?? "mysql://root@127.0.0.1:3307",
  "char(36) character set ascii collate ascii_bin",
);

export const mysqlServers: readonly MysqlServer[] = [mariadbServer, mysqlServer];

function overMysql2(name: MysqlServer["name"], url: string, uuid: string): MysqlServer {
  const available = availability(name, url, async () => {
    const connection = mysql.createConnection({ uri: url, connectTimeout: 3_000 });
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
  return { name, url, uuid, available };
}

/** Asks once. */
function availability(name: string, url: string, ask: () => Promise<void>): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  return () => {
    answer ??= ask().then(
      () => true,
      (error: unknown) => {
        if (!process.env["CI"]) return false;
        throw new Error(`No ${name} server answers at ${url}.`, { cause: error });
      },
    );
    return answer;
  };
}
