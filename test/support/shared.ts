/** Databases that several processes or pools use at once, by what they are. */
import { isChosen } from "./chosen.js";
import { createPostgresDatabase } from "./databases.js";
import { createMysqlDatabase, mysqlTables } from "./mysql.js";
import { postgresTables } from "./postgres.js";
import { type MysqlServer, mysqlServers, postgresAvailable } from "./servers.js";
import { sqliteFile } from "./sqlite-files.js";
import { sqliteTables } from "./sqlite.js";

export interface Shared {
  readonly url: string;
  /** Statements that make the test tables. */
  readonly tables: readonly string[];
  drop(): void | Promise<void>;
}

/** None where there is no such server, or it is not chosen. */
export const shared: Readonly<Record<string, () => Promise<Shared | undefined>>> = {
  Postgres: async () =>
    (await postgresAvailable())
      ? { ...(await createPostgresDatabase()), tables: postgresTables }
      : undefined,
  ...Object.fromEntries(mysqlServers.map((server) => [server.name, () => on(server)])),
  SQLite: async () => {
    if (!isChosen("sqlite")) return undefined;
    const { file, remove } = sqliteFile();
    return { url: `sqlite:${file}`, tables: sqliteTables, drop: remove };
  },
};

async function on(server: MysqlServer): Promise<Shared | undefined> {
  return (await server.available())
    ? { ...(await createMysqlDatabase(server)), tables: mysqlTables(server) }
    : undefined;
}
