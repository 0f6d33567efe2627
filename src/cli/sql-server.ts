/** SQL Server by its URL: `mssql://user:password@host:1433/database`, with `?trustServerCertificate=true` for a certificate of the server's own making. */
import { MssqlDialect, type MssqlDialectConfig, type TediousConnection } from "kysely";
import { Problem } from "./command.js";

export type Tarn = Omit<MssqlDialectConfig["tarn"], "options">;
export type Tedious = Omit<MssqlDialectConfig["tedious"], "connectionFactory"> & {
  readonly Connection: new (settings: object) => TediousConnection;
};

interface Drivers {
  readonly tarn: Tarn;
  readonly tedious: Tedious;
  readonly connectMs: number;
}

/** @throws Problem for what is no URL, or names no database; it does not repeat the URL */
export function sqlServer(text: string, { tarn, tedious, connectMs }: Drivers): MssqlDialect {
  const url = URL.parse(text);
  const database = decoded(url?.pathname.slice(1) ?? "");
  if (url === null || url.hostname === "" || database === "") {
    throw new Problem(
      "The database's URL can't be read: it should look like mssql://user:password@127.0.0.1:1433/app.",
    );
  }
  const { hostname, port, username, password, searchParams } = url;
  const connectionFactory = () =>
    new tedious.Connection({
      server: hostname,
      authentication: {
        type: "default",
        options: { userName: decoded(username), password: decoded(password) },
      },
      options: {
        port: port === "" ? 1433 : Number(port),
        database,
        connectTimeout: connectMs,
        trustServerCertificate: searchParams.get("trustServerCertificate") === "true",
      },
    });
  // Its pool would try again and again until the time is over, and nobody would be told why.
  const options = { min: 0, max: 2, acquireTimeoutMillis: connectMs, propagateCreateError: true };
  return new MssqlDialect({
    tarn: { ...tarn, options },
    tedious: { ...tedious, connectionFactory },
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
