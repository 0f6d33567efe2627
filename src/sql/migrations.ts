/** Makes the library's own tables, and brings those of earlier versions up to date. */
import { type ColumnDefinitionBuilder, type CompiledQuery, type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import {
  createOwn,
  type Own,
  type OwnTable,
  type OwnTables,
  type OwnTablesOptions,
} from "./tables.js";
import type { Database, Dialect, OwnTypes } from "./dialect.js";
import { dialectOf } from "./dialects.js";

/**
 * Creates what is missing of the library's own tables, and changes what an earlier version has left. Nothing that is recorded is lost.
 * Safe at every start, from many processes at once, and where it was interrupted before.
 */
export async function createTables<DB>(db: Kysely<DB>, options?: OwnTablesOptions): Promise<void> {
  await migrate(db, createOwn(options), ownMigrations);
}

/**
 * The same as migrations for Kysely's `Migrator`, by name: spread them into those of your own.
 * `createTables` and they know of each other.
 */
export function kyselyMigrations(options?: OwnTablesOptions): Record<string, Migration> {
  const own = createOwn(options);
  return Object.fromEntries(
    ownMigrations.map((migration) => [
      `powersync_writes_${migration.name}`,
      { up: (db: Kysely<unknown>) => run(db as unknown as Database, own, [migration]) },
    ]),
  );
}

/**
 * The same as SQL, for whoever runs migrations by hand: statements for an empty database, each with a semicolon at the end.
 * Sends nothing. `createTables` then finds that there is nothing left to do.
 */
export function tablesSql<DB>(db: Kysely<DB>, options?: OwnTablesOptions): string {
  const own = createOwn(options);
  const on = own.on(db);
  const making = makingOf(on, dialectOf(db).types, own);
  const statements = [
    recordTable(making),
    ...ownMigrations.flatMap(({ name, steps }) => [...steps(making), record(on, name)]),
  ];
  return statements.map((statement) => `${printed(statement)};\n`).join("");
}

async function migrate<DB>(
  db: Kysely<DB>,
  own: Own,
  migrations: readonly OwnMigration[],
): Promise<void> {
  const dialect = dialectOf(db);
  await dialect.migrate(db as unknown as Database, (on) => run(on, own, migrations));
}

async function run(db: Database, own: Own, migrations: readonly OwnMigration[]): Promise<void> {
  const dialect = dialectOf(db);
  const on = own.on(db);
  const making = makingOf(on, dialect.types, own);
  await recordTable(making).execute();
  const applied = await on.selectFrom("powersync_migrations").select("name").execute();
  const done = new Set(applied.map(({ name }) => name));
  for (const { name, steps } of migrations) {
    if (done.has(name)) continue;
    for (const step of steps(making)) await taken(step, dialect);
    await record(on, name).execute();
  }
}

/** Where a change of the schema commits at once, an interrupted migration has left some of its steps behind. */
async function taken(step: Step, { alreadyThere }: Dialect): Promise<void> {
  try {
    await step.execute();
  } catch (error) {
    if (alreadyThere?.(error) !== true) throw error;
  }
}

/** The name as a literal: a statement that is printed has no parameters. */
function record(on: Kysely<OwnTables>, name: string) {
  return on.insertInto("powersync_migrations").values({ name: sql.lit(name) });
}

function printed(step: Step): string {
  return step.compile().sql;
}

// How the library's own tables came to be as they are: each step once, in this order, and never changed after its release.
/** A statement that can be run or printed. */
interface Step {
  compile(): CompiledQuery;
  execute(): Promise<unknown>;
}

/** What the steps are made with. */
interface Making {
  readonly db: Kysely<OwnTables>;
  readonly types: OwnTypes;
  /** `table_suffix`, by the table's real name. */
  indexName(table: OwnTable, suffix: string): string;
}

interface OwnMigration {
  readonly name: string;
  readonly steps: (making: Making) => readonly Step[];
}

const ownMigrations: readonly OwnMigration[] = [
  { name: "0001_ledger_and_dead_letters", steps: ledgerAndDeadLetters },
  { name: "0002_pruning", steps: pruning },
  { name: "0003_dead_letter_queue", steps: deadLetterQueue },
  { name: "0004_checkpoints", steps: checkpoints },
  { name: "0005_parking", steps: parking },
];

function makingOf(db: Kysely<OwnTables>, types: OwnTypes, own: Own): Making {
  return { db, types, indexName: (table, suffix) => `${own.nameOf(table)}_${suffix}` };
}

/** What the others are recorded in. */
function recordTable(making: Making): Step {
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
