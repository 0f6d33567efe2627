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
import type { OwnTable, OwnTablesOptions } from "../../config/config.js";
import { checkKind } from "../../config/kinds.js";
import { ownTables } from "../../config/shapes.js";

export interface OwnTables {
  powersync_ledger: {
    /** A transaction's identity: hex SHA-256. */
    identity: string;
    /** The queue it came from: hex SHA-256. */
    queue: string;
    /** NULL: success. Otherwise the fatal result, as JSON. */
    answer: string | null;
    /** For an answer that the client must decide about: how often it was asked before. NULL: the answer is final. */
    handling: ColumnType<number | bigint | null, number | null, number | null>;
    answered_at: ColumnType<Date, never, unknown>;
    /** The latest request that contained the transaction, and when that request began. */
    request: string;
    request_at: ColumnType<Date, unknown, unknown>;
    /** The request in which it was first answered. */
    first_request: string;
    first_request_at: ColumnType<Date, unknown, unknown>;
    /** Like `answered_at`, but replays do not change it. NULL: nothing was applied. */
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
    /** 1: it has only sent repeats so far, if anything. */
    unsettled: ColumnType<number, number | undefined, number>;
    /** See `toldStates`. */
    told: ColumnType<number, number | undefined, number>;
  };
  /** One row for each user, to lock and to count positions: see `content.ts`. */
  powersync_accounts: {
    place: string;
    /** The user: hex SHA-256. */
    subject: string;
    /** Counts what is entered in `powersync_named`. */
    position: ColumnType<unknown, number, number>;
    /** When a transaction that is recognized by its content was last entered. */
    told_at: ColumnType<Date | null, undefined, unknown>;
  };
  /** Rows that users' transactions have named recently, and transactions that are recognized by their content. */
  powersync_named: {
    /** User and row, or user and transaction: hex SHA-256. */
    hash: string;
    place: string;
    subject: string;
    /** The position of the latest transaction that named it. */
    position: ColumnType<unknown, number, number>;
    /** A transaction's answer. NULL: success. Otherwise the fatal result, as JSON. */
    answer: string | null;
    named_at: ColumnType<Date, unknown, unknown>;
  };
  /** Who wrote the latest versions of a row, for tables whose rule counts versions: see `versions.ts`. */
  powersync_versions: {
    /** Place, table and key: hex SHA-256. */
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
    /** The transaction's identity, if it has one. */
    identity: string | null;
    /** The transaction as JSON. Empty if it is in parts. */
    payload: string;
    /** When it was first seen. */
    created_at: Generated<Date>;
    /** The user: hex SHA-256. */
    subject: string;
    /** User, client, queue and payload as recorded: hex SHA-256. Only one letter with the same content is open. */
    content: string;
    /** The same and `place`, while the letter is open or stale; unique. NULL afterwards. */
    open_content: string | null;
    /** Which of the databases that share this table: see `Store.place`. */
    place: string;
    /** The principal as JSON, for a retry. */
    principal: string | null;
    /** The states of the rows that it names, when it was recorded: JSON. */
    row_hashes: string | null;
    /** The client's tables that it names, each between commas, as JSON would escape them. */
    table_names: string;
    /** The payload as recorded, if it was edited later. Empty if it is in parts. */
    original_payload: string | null;
    /** 1: integers beyond 2^53 in the payload had been rounded before the library saw them. */
    lossy_numbers: ColumnType<number, number | undefined, number>;
    /** The size of `payload` and `original_payload`. */
    bytes: number;
    /** How often it was recorded, or tried again without success. */
    attempts: ColumnType<number, number | undefined, unknown>;
    last_seen_at: ColumnType<Date, unknown, unknown>;
    /** Why it was discarded. */
    reason: string | null;
    /** When it stopped being open. */
    closed_at: ColumnType<Date | null, unknown, unknown>;
    /** The letter that it depends on. NULL: it is not a dependant. */
    root: ColumnType<string | null, string | null | undefined, string | null>;
    /** Its place among the root's dependants, from 1. */
    chain_position: ColumnType<number | null, number | null | undefined, number | null>;
    /** For a root: the position of its latest dependant, and the size of all dependants. */
    chain_last: ColumnType<number, number | undefined, number>;
    chain_bytes: ColumnType<unknown, number | undefined, number>;
    /** 1: a row that it would create was written later. */
    overtaken: ColumnType<number, number | undefined, number>;
  };
  /** The rows that waiting letters would create. */
  powersync_letter_rows: {
    /** A row, a table, or all: hex SHA-256. */
    hash: string;
    letter: string;
  };
  /** Payloads of letters that are too long for one statement. */
  powersync_letter_parts: {
    /** A uuid. */
    id: string;
    /** The letter's id. If the letter is deleted, its parts are deleted, too. */
    letter: string;
    /** 1: it is a part of the payload as recorded. */
    original: ColumnType<number, number, number>;
    /** From 0. */
    part: number;
    text: string;
  };
  /** Custom write checkpoints, which the PowerSync service replicates. */
  powersync_checkpoints: {
    /** User and client: hex SHA-256. */
    id: string;
    user_id: string;
    client_id: string;
    /** Never decreases. Written as digits, and read by a cast, because drivers round it. */
    checkpoint: ColumnType<unknown, string, string>;
  };
  /** Transactions that fail repeatedly, and may be parked. */
  powersync_attempts: {
    /** The transaction's identity. If it has none: subject, client, queue and payload. Hex SHA-256. */
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
    /** The form of the tables that it made. */
    form: string;
    applied_at: Generated<Date>;
  };
}

/** A transaction on the library's own tables. */
export type OwnTransaction = Transaction<OwnTables>;

/** Access to the library's own tables: their names and schema, as configured. */
export interface Own {
  /** Without the application's plugins, which may rename tables or add a schema. */
  on<DB>(tx: Transaction<DB>): Transaction<OwnTables>;
  on<DB>(db: Kysely<DB>): Kysely<OwnTables>;
  /** The table's real name, without schema. */
  nameOf(table: OwnTable): string;
  /** The table, for raw SQL. */
  table(table: OwnTable): Expression<unknown>;
}

/** @throws TypeError for an unknown option */
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

/** Renames tables in any statement that Kysely builds. @param names the real names, by the name in the statements */
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

  /** Only tables have this node: a column is a plain identifier. */
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
