/** What is known about a kind of database before its dialect is loaded. */
import type { SqlDatabase } from "./dialect.js";
import type { OwnTypes } from "./own-types.js";

/** A kind of database. */
export interface Family {
  readonly name: string;
  /** Kysely's adapter for it. */
  readonly adapter: abstract new () => object;
  /** Whether it has row-level security. */
  readonly rowSecurity: boolean;
  /** Whether it has constraints that can wait for COMMIT. */
  readonly deferral: boolean;
  /** How the library's own tables are declared. */
  readonly types: OwnTypes;
  /** Runs changes of the schema on one connection while no other process does; in a transaction if the database supports that. */
  migrate(db: SqlDatabase, run: (on: SqlDatabase) => Promise<void>): Promise<void>;
  /** Whether an error says that a change of the schema has already been made. Absent: changes run in a transaction, so none is ever half done. */
  alreadyThere?(error: unknown): boolean;
}
