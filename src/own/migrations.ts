/** How the library's own tables came to be as they are: each step once, in this order, and never changed after its release. */
import { type ColumnDefinitionBuilder, type CompiledQuery, type Kysely, sql } from "kysely";
import type { Own } from "./own.js";
import type { OwnTable, OwnTables } from "./own-tables.js";
import type { OwnTypes } from "../persist/dialect.js";

/** A statement that can be run or printed. */
export interface Step {
  compile(): CompiledQuery;
  execute(): Promise<unknown>;
}

/** What the steps are made with. */
export interface Making {
  readonly db: Kysely<OwnTables>;
  readonly types: OwnTypes;
  /** `table_suffix`, by the table's real name. */
  indexName(table: OwnTable, suffix: string): string;
}

export interface OwnMigration {
  readonly name: string;
  readonly steps: (making: Making) => readonly Step[];
}

export const ownMigrations: readonly OwnMigration[] = [
  { name: "0001_ledger_and_dead_letters", steps: ledgerAndDeadLetters },
  { name: "0002_pruning", steps: pruning },
  { name: "0003_dead_letter_queue", steps: deadLetterQueue },
  { name: "0004_checkpoints", steps: checkpoints },
  { name: "0005_parking", steps: parking },
];

export function makingOf(db: Kysely<OwnTables>, types: OwnTypes, own: Own): Making {
  return { db, types, indexName: (table, suffix) => `${own.nameOf(table)}_${suffix}` };
}

/** What the others are recorded in. */
export function recordTable(making: Making): Step {
  return table(making, "powersync_migrations")
    .addColumn("name", "varchar(64)", (column) => column.primaryKey())
    .addColumn("applied_at", making.types.timestamp, (column) =>
      column.notNull().defaultTo(making.types.now),
    );
}

/** In their first form these two were made without being recorded, so they may be there. */
function ledgerAndDeadLetters(making: Making): readonly Step[] {
  const { timestamp, now, text, longText } = making.types;
  return [
    table(making, "powersync_ledger")
      .addColumn("identity", "varchar(64)", (column) => column.primaryKey())
      .addColumn("client", "varchar(64)", (column) => column.notNull())
      .addColumn("answer", longText)
      .addColumn("answered_at", timestamp, (column) => column.notNull().defaultTo(now)),
    table(making, "powersync_dead_letters")
      .addColumn("id", "varchar(36)", (column) => column.primaryKey())
      .addColumn("status", "varchar(16)", (column) => column.notNull().defaultTo("open"))
      .addColumn("error_code", text, (column) => column.notNull())
      .addColumn("message", text, (column) => column.notNull())
      .addColumn("operation_index", "integer")
      .addColumn("user_id", text, (column) => column.notNull())
      .addColumn("client_id", text)
      .addColumn("queue_id", text)
      .addColumn("identity", "varchar(64)")
      .addColumn("payload", longText, (column) => column.notNull())
      .addColumn("created_at", timestamp, (column) => column.notNull().defaultTo(now)),
  ];
}

function pruning(making: Making): readonly Step[] {
  const { db } = making;
  return [
    db.schema.alterTable("powersync_ledger").addColumn("request", "varchar(36)"),
    index(making, "powersync_ledger", "answered_at", ["answered_at"]),
    index(making, "powersync_ledger", "client", ["client", "answered_at"]),
  ];
}

function deadLetterQueue(making: Making): readonly Step[] {
  const { timestamp, text, longText } = making.types;
  const letters = () => making.db.schema.alterTable("powersync_dead_letters");
  // One column a statement: SQLite takes no more.
  return [
    letters().addColumn("subject", "varchar(64)"),
    letters().addColumn("content", "varchar(64)"),
    letters().addColumn("open_content", "varchar(64)"),
    letters().addColumn("principal", longText),
    letters().addColumn("row_hashes", longText),
    letters().addColumn("table_names", longText),
    letters().addColumn("original_payload", longText),
    letters().addColumn("lossy_numbers", "integer", (column) => column.notNull().defaultTo(0)),
    letters().addColumn("attempts", "integer", (column) => column.notNull().defaultTo(1)),
    letters().addColumn("last_seen_at", timestamp, nullable),
    letters().addColumn("reason", text),
    letters().addColumn("closed_at", timestamp, nullable),
    index(making, "powersync_dead_letters", "open_content", ["open_content"], true),
    index(making, "powersync_dead_letters", "subject", ["subject", "status"]),
    index(making, "powersync_dead_letters", "status", ["status", "created_at", "id"]),
  ];
}

function checkpoints(making: Making): readonly Step[] {
  return [
    table(making, "powersync_checkpoints")
      .addColumn("id", "varchar(64)", (column) => column.primaryKey())
      .addColumn("user_id", making.types.text, (column) => column.notNull())
      .addColumn("client_id", "varchar(255)", (column) => column.notNull())
      .addColumn("checkpoint", "bigint", (column) => column.notNull()),
  ];
}

function parking(making: Making): readonly Step[] {
  const { timestamp, now } = making.types;
  return [
    table(making, "powersync_attempts")
      .addColumn("content", "varchar(64)", (column) => column.primaryKey())
      .addColumn("attempts", "integer", (column) => column.notNull())
      .addColumn("first_failed_at", timestamp, (column) => column.notNull().defaultTo(now))
      .addColumn("last_failed_at", timestamp, (column) => column.notNull().defaultTo(now))
      .addColumn("previous_failed_at", timestamp, nullable),
    index(making, "powersync_attempts", "last_failed_at", ["last_failed_at"]),
    making.db.schema.alterTable("powersync_ledger").addColumn("applied_at", timestamp, nullable),
  ];
}

/** Said aloud: some servers take a TIMESTAMP for NOT NULL that does not say. */
function nullable(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder {
  return column.modifyEnd(sql`null`);
}

function table({ db, types }: Making, name: OwnTable) {
  const created = db.schema.createTable(name).ifNotExists();
  return types.options === undefined ? created : created.modifyEnd(types.options);
}

function index(
  { db, indexName }: Making,
  on: OwnTable,
  suffix: string,
  columns: readonly string[],
  unique = false,
): Step {
  const created = db.schema
    .createIndex(indexName(on, suffix))
    .on(on)
    .columns([...columns]);
  return unique ? created.unique() : created;
}
