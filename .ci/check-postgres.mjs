/** The tests need a real server: PGlite can't show deadlocks, killed connections or two writers at once. */
import pg from "pg";

const url = process.env.DATABASE_URL_POSTGRES ?? "postgres://postgres@127.0.0.1:5432/test";
const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });

try {
  await client.connect();
  const { rows } = await client.query("show server_version");
  await client.end();
  console.log(`Postgres ${rows[0].server_version} answers.`);
} catch (error) {
  const { host, port } = client;
  console.error(`Postgres at ${host}:${port} does not answer (${error.code ?? error.message}).`);
  console.error("Start one there, with user `postgres` trusted, before running this.");
  process.exit(1);
}
