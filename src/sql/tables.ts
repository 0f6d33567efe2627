/** The library's own tables: what is in them, where they are and by what names. */
import {
  type ColumnType,
  type Expression,
  type Generated,
  type IdentifierNode,
  type Kysely,
  type KyselyPlugin,
  OperationNodeTransformer,
  type SchemableIdentifierNode,
  sql,
  type Transaction,
} from "kysely";
import { checkKind } from "../config/kinds.js";
import type { Dialect } from "./dialect.js";
import { locked, type Lockable } from "./row-lock.js";
import { ownTables } from "../config/shapes.js";
import type { OwnTable, OwnTablesOptions } from "../config/config.js";

export interface OwnTables {
  powersync_ledger: {
    /** A transaction's identity: hex SHA-256. */
    identity: string;
    /** The queue it came from: hex SHA-256. */
    queue: string;
    /** NULL: success. Else the fatal result, as JSON. */
    answer: string | null;
    /** Of an answer that the client has to decide about: how often it had been asked before. NULL: the answer is final. */
    handling: ColumnType<number | bigint | null, number | null, number | null>;
    answered_at: ColumnType<Date, never, unknown>;
    /** The latest of the requests that held it, and when that began. */
    request: string;
    request_at: ColumnType<Date, unknown, unknown>;
    /** The one in which it was answered first. */
    first_request: string;
    first_request_at: ColumnType<Date, unknown, unknown>;
    /** As `answered_at`, but replays leave it as it is. NULL where nothing was applied. */
    applied_at: ColumnType<Date | null, unknown, unknown>;
  };
  /** The queues that the ledger knows. */
  powersync_devices: {
    /** As in the ledger. */
    queue: string;
    /** The user: hex SHA-256. */
    subject: string;
    /** Which of the databases that share this table: see `Store.place`. */
    place: string;
    entered_at: Generated<Date>;
    /** 1: nothing has come of it but repeats, if anything. */
    unsettled: ColumnType<number, number | undefined, number>;
    /** See `toldStates`. */
    told: ColumnType<number, number | undefined, number>;
  };
  /** Users, for as long as anything has come of them: see `content.ts`. */
  powersync_accounts: {
    place: string;
    /** The user: hex SHA-256. */
    subject: string;
    /** Counts what is entered in `powersync_named`. */
    position: ColumnType<unknown, number, number>;
    /** When a transaction was last entered that is told apart by its content. */
    told_at: ColumnType<Date | null, undefined, unknown>;
  };
  /** Rows that users' transactions have named lately, and transactions that are told apart by their content. */
  powersync_named: {
    /** Of user and row, or of user and transaction: hex SHA-256. */
    hash: string;
    place: string;
    subject: string;
    /** Of the latest transaction that has named it. */
    position: ColumnType<unknown, number, number>;
    /** A transaction's. NULL: success. Else the fatal result, as JSON. */
    answer: string | null;
    named_at: ColumnType<Date, unknown, unknown>;
  };
  /** Who wrote the latest versions of a row, for tables whose rule counts versions: see `versions.ts`. */
  powersync_versions: {
    /** Of place, table and key: hex SHA-256. */
    hash: string;
    place: string;
    /** The user: hex SHA-256. */
    subject: string;
    /** The queue, or the device: hex SHA-256. */
    writer: string;
    /** Digits: see `VersionRecord`. */
    version: string;
    since: string;
    written_at: ColumnType<Date, unknown, unknown>;
  };
  powersync_dead_letters: {
    /** A uuid. */
    id: string;
    /** `open`, `retried`, `discarded` or `stale`. */
    status: ColumnType<string, string | undefined, string>;
    error_code: string;
    message: string;
    operation_index: number | null;
    user_id: string;
    client_id: string | null;
    queue_id: string | null;
    /** The transaction's identity, where it has one. */
    identity: string | null;
    /** The transaction as JSON. Empty where it is in parts. */
    payload: string;
    /** When it was first seen. */
    created_at: Generated<Date>;
    /** The user: hex SHA-256. */
    subject: string;
    /** User, client, queue and payload as it was recorded: hex SHA-256. Of the letters that have the same, one is open. */
    content: string;
    /** The same and `place`, while the letter is open or stale; unique. NULL afterwards. */
    open_content: string | null;
    /** Which of the databases that share this table: see `Store.place`. */
    place: string;
    /** The principal as JSON, for whoever tries the transaction again. */
    principal: string | null;
    /** What the rows that it names were like when it was recorded: JSON. */
    row_hashes: string | null;
    /** The client's tables that it names, each between commas, as JSON would escape them. */
    table_names: string;
    /** The payload as it was recorded, where it has been edited since. Empty where it is in parts. */
    original_payload: string | null;
    /** 1: integers beyond 2^53 in the payload had been rounded before the library saw them. */
    lossy_numbers: ColumnType<number, number | undefined, number>;
    /** Of `payload` and `original_payload`. */
    bytes: number;
    /** How often it has been recorded, or tried again in vain. */
    attempts: ColumnType<number, number | undefined, unknown>;
    last_seen_at: ColumnType<Date, unknown, unknown>;
    /** Why it was discarded. */
    reason: string | null;
    /** When it stopped being open. */
    closed_at: ColumnType<Date | null, unknown, unknown>;
    /** The letter that it depends on; NULL where it is no dependant. */
    root: ColumnType<string | null, string | null | undefined, string | null>;
    /** Its place among the root's dependants, from 1. */
    chain_position: ColumnType<number | null, number | null | undefined, number | null>;
    /** Of a root: the position of its latest dependant, and the size of all. */
    chain_last: ColumnType<number, number | undefined, number>;
    chain_bytes: ColumnType<unknown, number | undefined, number>;
    /** 1: a row that it would create has been written since. */
    overtaken: ColumnType<number, number | undefined, number>;
  };
  /** What letters that wait would create. */
  powersync_letter_rows: {
    /** Of the row, of a table, or of all: hex SHA-256. */
    hash: string;
    letter: string;
  };
  /** Payloads of letters that are too long for one statement. */
  powersync_letter_parts: {
    /** A uuid. */
    id: string;
    /** The letter's id. Where it is deleted, its parts are deleted, too. */
    letter: string;
    /** 1: of the payload as it was recorded. */
    original: ColumnType<number, number, number>;
    /** From 0. */
    part: number;
    text: string;
  };
  /** What the PowerSync service replicates where checkpoints are the application's own. */
  powersync_checkpoints: {
    /** User and client: hex SHA-256. */
    id: string;
    user_id: string;
    client_id: string;
    /** Only ever goes up. Written as its digits; read by a cast, for drivers round it. */
    checkpoint: ColumnType<unknown, string, string>;
  };
  /** What fails again and again, and may be parked. */
  powersync_attempts: {
    /** The transaction's identity; or where it has none, subject, client, queue and payload: hex SHA-256. */
    content: string;
    attempts: number;
    first_failed_at: ColumnType<Date, unknown, unknown>;
    last_failed_at: ColumnType<Date, unknown, unknown>;
    /** The failure before that. */
    previous_failed_at: ColumnType<Date | null, unknown, unknown>;
  };
  /** Which of the library's migrations have run. */
  powersync_migrations: {
    name: string;
    /** Of what form the tables are that it made. */
    form: string;
    applied_at: Generated<Date>;
  };
}

/** A transaction on the library's own tables. */
export type OwnTransaction = Transaction<OwnTables>;

/** The way to the library's own tables. */
export interface Own {
  /** Plugins of the application's (other names, another schema) are not for them. */
  on<DB>(tx: Transaction<DB>): Transaction<OwnTables>;
  on<DB>(db: Kysely<DB>): Kysely<OwnTables>;
  /** The table's real name, without schema. */
  nameOf(table: OwnTable): string;
  /** The table, for SQL of one's own. */
  table(table: OwnTable): Expression<unknown>;
}

/** @throws TypeError for an option that is not known */
export function createOwn(options: OwnTablesOptions = {}): Own {
  checkKind(ownTables, options, "ownTables");
  const { schema, names = {} } = options;
  const renames = Object.entries(names).some(([table, name]) => table !== name);
  const plugin = renames ? renaming(new Map(Object.entries(names))) : undefined;
  function on<DB>(tx: Transaction<DB>): Transaction<OwnTables>;
  function on<DB>(db: Kysely<DB>): Kysely<OwnTables>;
  function on<DB>(db: Kysely<DB>): Kysely<OwnTables> {
    const plain = db.withoutPlugins() as unknown as Kysely<OwnTables>;
    const placed = schema === undefined ? plain : plain.withSchema(schema);
    return plugin === undefined ? placed : placed.withPlugin(plugin);
  }
  const nameOf = (table: OwnTable): string => names[table] ?? table;
  return {
    on,
    nameOf,
    table: (table) => {
      const name = nameOf(table);
      return sql`${schema === undefined ? sql.id(name) : sql.id(schema, name)}`;
    },
  };
}

/** Other names for known tables, in any statement that Kysely builds. @param names by the name that the statements are written with */
function renaming(names: ReadonlyMap<string, string>): KyselyPlugin {
  const renamer = new Renamer(names);
  return {
    transformQuery: ({ node, queryId }) => renamer.transformNode(node, queryId),
    transformResult: async ({ result }) => result,
  };
}

class Renamer extends OperationNodeTransformer {
  readonly #names: ReadonlyMap<string, string>;

  constructor(names: ReadonlyMap<string, string>) {
    super();
    this.#names = names;
  }

  /** Tables alone are written with it: a column is a plain identifier. */
  override transformSchemableIdentifier(
    ...args: Parameters<OperationNodeTransformer["transformSchemableIdentifier"]>
  ): SchemableIdentifierNode {
    const node = super.transformSchemableIdentifier(...args);
    const name = this.#names.get(node.identifier.name);
    if (name === undefined) return node;
    const identifier: IdentifierNode = { ...node.identifier, name };
    return { ...node, identifier };
  }
}

/** Until the transaction ends nobody else changes what the query finds. Where nobody else can anyway, there is no such lock. */
export function locking<Q extends Lockable<Q>>({ rowLock }: Pick<Dialect, "rowLock">, query: Q): Q {
  return locked(query, rowLock);
}
