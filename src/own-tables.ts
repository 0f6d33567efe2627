/** The library's own tables, as every room that touches them sees them. */
import type { ColumnType, Generated, Kysely, Transaction } from "kysely";

export interface OwnTables {
  powersync_ledger: {
    /** A transaction's identity: hex SHA-256. */
    identity: string;
    /** The queue it came from: hex SHA-256. */
    client: string;
    /** NULL: success. Else the fatal result, as JSON. */
    answer: string | null;
    answered_at: Generated<Date>;
  };
  powersync_dead_letters: {
    /** A uuid. */
    id: string;
    status: ColumnType<string, string | undefined, string>;
    error_code: string;
    message: string;
    operation_index: number | null;
    user_id: string;
    client_id: string | null;
    queue_id: string | null;
    /** The transaction's identity, where it has one. */
    identity: string | null;
    /** The transaction as JSON. */
    payload: string;
    created_at: Generated<Date>;
  };
}

/** Plugins of the application's (other names, another schema) are not for the library's tables. */
export function ownTables<DB>(tx: Transaction<DB>): Transaction<OwnTables>;
export function ownTables<DB>(db: Kysely<DB>): Kysely<OwnTables>;
export function ownTables<DB>(db: Kysely<DB>): Kysely<OwnTables> {
  return db.withoutPlugins() as unknown as Kysely<OwnTables>;
}
