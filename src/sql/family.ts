/** What must be known of a kind of database before its dialect is loaded. */
import type { SqlDatabase } from "./dialect.js";
import type { OwnTypes } from "./own-types.js";

/** A kind of database, as far as it must be known before one is used. */
export interface Family {
  readonly name: string;
  /** Kysely's adapter for it. */
  readonly adapter: abstract new () => object;
  /** Whether it has row-level security. */
  readonly rowSecurity: boolean;
  /** Whether it has constraints that can wait for COMMIT. */
  readonly deferral: boolean;
  /** For the library's own tables. */
  readonly types: OwnTypes;
  /** Changes the schema while no other process does, on one connection; in a transaction where a schema can be changed in one. */
  migrate(db: SqlDatabase, run: (on: SqlDatabase) => Promise<void>): Promise<void>;
  /** What a change of the schema would make is there. Absent: changes are made in a transaction, and none is ever half done. */
  alreadyThere?(error: unknown): boolean;
}
