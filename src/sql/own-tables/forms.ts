/** The columns, keys and indexes of the library's own tables. */
import type { OwnTable } from "../../config/config.js";

/** A column's type, which is the dialect's own or the same in every database, and whether it is the key, may be NULL, or has a default. */
export type ColumnForm =
  | readonly [type: ColumnTypeName]
  | readonly [
      type: ColumnTypeName,
      more: "key" | "null" | "now" | { readonly default: string | number },
    ];

type ColumnTypeName =
  | "text"
  | "longText"
  | "timestamp"
  | "integer"
  | "bigint"
  | `varchar(${number})`;

export interface TableForm {
  readonly columns: Readonly<Record<string, ColumnForm>>;
  /** The columns of a composite key. A key of one column is declared by the column. */
  readonly key?: readonly [string, string];
  /** By the index's suffix. */
  readonly indexes?: Readonly<Record<string, readonly string[]>>;
  readonly unique?: Readonly<Record<string, readonly string[]>>;
  /** The table whose rows these belong to, by id. They are deleted with it. */
  readonly belongsTo?: { readonly column: string; readonly table: "powersync_dead_letters" };
}

/** The tables that the one migration makes. Until the first release it is changed in place, and `form` with it. */
export const tableForms: Readonly<Record<Exclude<OwnTable, "powersync_migrations">, TableForm>> = {
  powersync_ledger: {
    columns: {
      identity: ["varchar(64)", "key"],
      queue: ["varchar(64)"],
      answer: ["longText", "null"],
      handling: ["integer", "null"],
      answered_at: ["timestamp", "now"],
      request: ["varchar(36)"],
      request_at: ["timestamp", "now"],
      first_request: ["varchar(36)"],
      first_request_at: ["timestamp", "now"],
      applied_at: ["timestamp", "null"],
    },
    indexes: { answered_at: ["answered_at", "identity"], queue: ["queue", "first_request_at"] },
  },
  powersync_devices: {
    columns: {
      queue: ["varchar(64)", "key"],
      subject: ["varchar(64)"],
      place: ["varchar(64)"],
      entered_at: ["timestamp", "now"],
      unsettled: ["integer", { default: 0 }],
      told: ["integer", { default: 0 }],
    },
    indexes: { subject: ["place", "subject"] },
  },
  powersync_accounts: {
    columns: {
      place: ["varchar(64)"],
      subject: ["varchar(64)"],
      position: ["bigint"],
      told_at: ["timestamp", "null"],
    },
    key: ["place", "subject"],
  },
  powersync_named: {
    columns: {
      hash: ["varchar(64)", "key"],
      place: ["varchar(64)"],
      subject: ["varchar(64)"],
      position: ["bigint"],
      answer: ["longText", "null"],
      named_at: ["timestamp", "now"],
    },
    indexes: { named_at: ["named_at"], subject: ["place", "subject", "position"] },
  },
  powersync_versions: {
    columns: {
      hash: ["varchar(64)", "key"],
      place: ["varchar(64)"],
      subject: ["varchar(64)"],
      writer: ["varchar(64)"],
      version: ["varchar(20)"],
      since: ["varchar(20)"],
      written_at: ["timestamp", "now"],
    },
    indexes: { written_at: ["written_at"], subject: ["place", "subject"] },
  },
  powersync_dead_letters: {
    columns: {
      id: ["varchar(36)", "key"],
      status: ["varchar(16)", { default: "open" }],
      error_code: ["text"],
      message: ["text"],
      operation_index: ["integer", "null"],
      user_id: ["text"],
      client_id: ["text", "null"],
      queue_id: ["text", "null"],
      identity: ["varchar(64)", "null"],
      payload: ["longText"],
      created_at: ["timestamp", "now"],
      subject: ["varchar(64)"],
      content: ["varchar(64)"],
      open_content: ["varchar(128)", "null"],
      place: ["varchar(64)"],
      principal: ["longText", "null"],
      row_hashes: ["longText", "null"],
      table_names: ["longText"],
      original_payload: ["longText", "null"],
      lossy_numbers: ["integer", { default: 0 }],
      attempts: ["integer", { default: 1 }],
      last_seen_at: ["timestamp", "now"],
      reason: ["text", "null"],
      closed_at: ["timestamp", "null"],
      bytes: ["integer"],
      root: ["varchar(36)", "null"],
      chain_position: ["integer", "null"],
      chain_last: ["integer", { default: 0 }],
      chain_bytes: ["bigint", { default: 0 }],
      overtaken: ["integer", { default: 0 }],
    },
    indexes: {
      closed: ["closed_at"],
      root: ["root", "chain_position"],
      subject: ["place", "subject", "status"],
      status: ["place", "status", "created_at", "id"],
    },
    unique: { open_content: ["open_content"] },
  },
  powersync_letter_parts: {
    columns: {
      id: ["varchar(36)", "key"],
      letter: ["varchar(36)"],
      original: ["integer"],
      part: ["integer"],
      text: ["longText"],
    },
    indexes: { letter: ["letter", "part"] },
    belongsTo: { column: "letter", table: "powersync_dead_letters" },
  },
  powersync_letter_rows: {
    columns: { hash: ["varchar(64)"], letter: ["varchar(36)"] },
    key: ["hash", "letter"],
    indexes: { letter: ["letter"] },
  },
  powersync_checkpoints: {
    columns: {
      id: ["varchar(64)", "key"],
      user_id: ["text"],
      client_id: ["varchar(255)"],
      checkpoint: ["bigint"],
    },
  },
  powersync_attempts: {
    columns: {
      content: ["varchar(64)", "key"],
      attempts: ["integer"],
      first_failed_at: ["timestamp", "now"],
      last_failed_at: ["timestamp", "now"],
      previous_failed_at: ["timestamp", "null"],
    },
    indexes: { last_failed_at: ["last_failed_at"] },
  },
};

export const recordForm: TableForm = {
  columns: {
    name: ["varchar(64)", "key"],
    form: ["varchar(64)"],
    applied_at: ["timestamp", "now"],
  },
};

export const migrationName = "0001_tables";
/** The first half of the SHA-256 of `tableForms` as JSON. A test holds the two together. */
export const currentForm = "1c4ded3e3447847ec1cf4967767abb69";
