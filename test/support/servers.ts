/** The database servers that tests use where they are running. In CI they must be. */
import { Client } from "pg";

export const postgresUrl =
  process.env["DATABASE_URL_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

let postgres: Promise<boolean> | undefined;

/** `describe.skipIf(!(await postgresAvailable()))(…)`. Throws in CI where no server answers, so that nothing is skipped there. */
export function postgresAvailable(): Promise<boolean> {
  postgres ??= answers();
  return postgres;
}

async function answers(): Promise<boolean> {
  const client = new Client({ connectionString: postgresUrl, connectionTimeoutMillis: 3_000 });
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
