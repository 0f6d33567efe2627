/** The tests need real servers: databases in the process can't show deadlocks, killed connections or two writers at once. */
import mysql from "mysql2/promise";
import pg from "pg";

// As in test/support/servers.ts.
const {
  DATABASE_URL_POSTGRES = "postgres://postgres@127.0.0.1:5432/test",
  DATABASE_URL_MARIADB = "mysql://root@127.0.0.1:3306/test",
  DATABASE_URL_MYSQL = "mysql://root@127.0.0.1:3307",
} = process.env;

await check("Postgres", DATABASE_URL_POSTGRES, async (connectionString) => {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5000 });
  await client.connect();
  const { rows } = await client.query("show server_version");
  await client.end();
  return rows[0].server_version;
});
await check("MariaDB", DATABASE_URL_MARIADB, versionByMysql2);
await check("MySQL", DATABASE_URL_MYSQL, versionByMysql2);

async function check(name, url, ask) {
  try {
    console.log(`${name} ${await ask(url)} answers.`);
  } catch (error) {
    const { host, username } = new URL(url);
    console.error(`${name} at ${host} does not answer (${error.code ?? error.message}).`);
    console.error(`Start it there, with user \`${username}\` let in, before running this.`);
    process.exitCode = 1;
  }
}

async function versionByMysql2(uri) {
  const connection = await mysql.createConnection({ uri, connectTimeout: 5000 });
  const [rows] = await connection.query("select version() as version");
  await connection.end();
  return rows[0].version;
}
