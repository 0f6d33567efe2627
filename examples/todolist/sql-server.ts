/** SQL Server as the source database. Not tested on a server. */
import { Kysely, MssqlDialect } from "kysely";
import * as tarn from "tarn";
import * as tedious from "tedious";
import type { OpenDatabase } from "./database.js";
import type { Database } from "./schema.js";

/** Opens `mssql://user:password@host:1433/database`. For a server with a self-signed certificate, append `?trustServerCertificate=true`. */
export function openSqlServer(url: string): OpenDatabase {
  return { db: new Kysely<Database>({ dialect: sqlServer(new URL(url)) }), name: "SQL Server" };
}

function sqlServer({
  hostname,
  port,
  username,
  password,
  pathname,
  searchParams,
}: URL): MssqlDialect {
  const connectionFactory = () =>
    new tedious.Connection({
      server: hostname,
      authentication: {
        type: "default",
        options: {
          userName: decodeURIComponent(username),
          password: decodeURIComponent(password),
        },
      },
      options: {
        port: port === "" ? 1433 : Number(port),
        database: decodeURIComponent(pathname.slice(1)),
        connectTimeout: 5_000,
        trustServerCertificate: searchParams.get("trustServerCertificate") === "true",
      },
    });
  return new MssqlDialect({
    tarn: { ...tarn, options: { min: 0, max: 10, acquireTimeoutMillis: 5_000 } },
    tedious: { ...tedious, connectionFactory },
  });
}
