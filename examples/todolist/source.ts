/** The source database that `DATABASE_URL` names, in the form in which the server uses it. */
import { createWrites, type Principal, type Writes, type WritesConfig } from "../../src/index.js";
import { openDatabase } from "./database.js";
import { mutators } from "./mutators.js";
import { tables } from "./rules.js";
import { prepare } from "./schema.js";
import type { Told } from "./until-made.js";

export interface Source {
  /** The name for the log. Not the URL, which may contain a password. */
  readonly name: string;
  /** The database ends with the process, and no PowerSync service can read it. */
  readonly inMemory?: true;
  createWrites(options: Options): Writes<Principal>;
  /** Creates the tables, and tries again until the database can be reached. Resolves to false if `signal` is aborted before. */
  prepare(signal: AbortSignal, onFailure: Told): Promise<boolean>;
  close(): Promise<void>;
}

export type Options = Pick<WritesConfig<Principal, never>, "authenticate" | "onEvent">;

/** Opens a database by any URL of `openDatabase`, and by `mssql://…` and `mongodb://…`, whose drivers are slow to load and so imported on demand. */
export async function openSource(url: string | undefined): Promise<Source> {
  if (url !== undefined && /^mongodb(?:\+srv)?:\/\//.test(url))
    return (await import("./mongodb.js")).openMongo(url);
  const { db, name, inMemory } = url?.startsWith("mssql://")
    ? (await import("./sql-server.js")).openSqlServer(url)
    : openDatabase(url);
  return {
    name,
    ...(inMemory && { inMemory }),
    createWrites: (options) => createWrites({ ...options, database: db, tables, mutators }),
    prepare: (signal, onFailure) => prepare(db, signal, onFailure),
    close: () => db.destroy(),
  };
}
