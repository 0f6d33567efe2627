/** The database that `DATABASE_URL` names, as the server uses it. */
import { createWrites, type Principal, type Writes, type WritesConfig } from "../../src/index.js";
import { openDatabase } from "./database.js";
import { mutators } from "./mutators.js";
import { tables } from "./rules.js";
import { prepare } from "./schema.js";
import type { Told } from "./until-made.js";

export interface Source {
  /** For the log; never the URL, which may hold a password. */
  readonly name: string;
  /** Ends with the process, and no PowerSync service can read it. */
  readonly inMemory?: true;
  createWrites(options: Options): Writes<Principal>;
  /** Makes the tables, trying again until the database is there. Resolves to false where `signal` ended it before. */
  prepare(signal: AbortSignal, onFailure: Told): Promise<boolean>;
  close(): Promise<void>;
}

export type Options = Pick<WritesConfig<Principal, never>, "authenticate" | "onEvent">;

/** What `openDatabase` takes, and `mssql://…` and `mongodb://…`, whose drivers take a while to load. */
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
