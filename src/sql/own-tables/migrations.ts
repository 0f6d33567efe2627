/** Creates the library's own tables. */
import {
  type ColumnDataType,
  type ColumnDefinitionBuilder,
  type CompiledQuery,
  type CreateTableBuilder,
  type Expression,
  type Kysely,
  sql,
} from "kysely";
import type { Migration } from "kysely/migration";
import type { OwnTable, OwnTablesOptions } from "../../config/config.js";
import { messageOf } from "../../events/log-lines.js";
import { createDeadline } from "../../store/deadline.js";
import { remedyOf } from "../errors.js";
import { familyOf } from "../families.js";
import type { Family, OwnTypes } from "../family.js";
import { sourceTable } from "../schema.js";
import type { SqlDatabase } from "../table.js";
import {
  type ColumnForm,
  currentForm,
  migrationName,
  recordForm,
  type TableForm,
  tableForms,
} from "./forms.js";
import { createOwn, type Own, type OwnTables } from "./tables.js";

/** A statement that can be run or printed. */
interface Step {
  compile(): CompiledQuery;
  execute(): Promise<unknown>;
}

/**
 * Creates the library's own tables if they are missing. It can be called at every start, from many processes at once, and after an earlier call was
 * interrupted. If all tables exist, it sends one SELECT and changes nothing. Rejects with the database's error; if the remedy is known, such as for a
 * wrong URL, with an Error that says what to do and has the database's error as its `cause`.
 *
 * @throws Error if another version of the library created the tables; the message contains the statements to run
 * @example
 * await createTables(db);
 */
export async function createTables<DB>(db: Kysely<DB>, options?: OwnTablesOptions): Promise<void> {
  const own = createOwn(options);
  const family = familyOf(db);
  const recorded = await answered(readRecord(own.on(db)).catch(() => undefined));
  if (recorded !== undefined && isMade(recorded, own)) return;
  try {
    await family.migrate(db as unknown as SqlDatabase, (on) => make(on, own, family));
  } catch (error) {
    throw await withRemedy(error, family);
  }
}

/**
 * Returns the library's own tables as a migration for Kysely's `Migrator`, by its name: spread it into your own migrations. Tables that it created are
 * left alone by `createTables`, and the other way round.
 *
 * @example
 * const migrator = new Migrator({
 *   db,
 *   provider: { getMigrations: async () => ({ ...mine, ...kyselyMigrations() }) },
 * });
 */
export function kyselyMigrations(options?: OwnTablesOptions): Record<string, Migration> {
  const up = (db: Kysely<unknown>) => make(db as SqlDatabase, createOwn(options), familyOf(db));
  return { [`powersync_writes_${migrationName}`]: { up } };
}

/**
 * Returns the library's own tables as SQL, to be run by hand: statements for an empty database, each with a semicolon at the end. Sends nothing.
 * Tables that were created by this SQL are left alone by `createTables`.
 *
 * @example
 * console.log(tablesSql(db)); // into a migration of your own
 */
export function tablesSql<DB>(db: Kysely<DB>, options?: OwnTablesOptions): string {
  const own = createOwn(options);
  const on = own.on(db);
  const { types } = familyOf(db);
  const statements = [recordTable(on, own, types), ...steps(on, own, types), record(on)];
  return statements.map((statement) => `${statement.compile().sql};\n`).join("");
}

const firstAnswerMs = 60_000;

/** The first statement has a time limit, because a pool of `mysql2/promise` never calls Kysely back, and a driver may wait for a connection without end. */
async function answered<T>(first: Promise<T>): Promise<T> {
  const { passed, end } = createDeadline(
    firstAnswerMs,
    () =>
      new Error(
        `createTables: the database has not answered within ${firstAnswerMs / 1000} s. Remedy: check host and port of the database's URL, and that something does not hold a lock on the library's tables; with MySQL, make the pool by "mysql2" and not by "mysql2/promise", for which Kysely would wait without end`,
      ),
  );
  return Promise.race([first, passed]).finally(end);
}

/** The error with a remedy, or the error itself if no remedy is known. */
async function withRemedy(error: unknown, family: ReturnType<typeof familyOf>): Promise<unknown> {
  const { meaning } = await family.load();
  const what = remedyOf(error) ?? (meaning(error) === "permission" ? grants : undefined);
  if (what === undefined || !(error instanceof Error)) return error;
  const said = messageOf(error).replace(/\.$/, "");
  return new Error(`createTables: ${said}. Remedy: ${what}`, { cause: error });
}

const grants =
  "let the login role create tables, or have another role run what `npx powersync-writes tables --print` prints";

async function make(db: SqlDatabase, own: Own, family: Family): Promise<void> {
  const on = own.on(db);
  await recordTable(on, own, family.types).execute();
  if (isMade(await readRecord(on), own)) return;
  for (const step of steps(on, own, family.types)) await takeStep(step, family);
  await record(on).execute();
}

/** Reads the record of the migration. All columns, because another version's record may have others. */
export async function readRecord(
  on: Kysely<OwnTables>,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return on.selectFrom("powersync_migrations").selectAll().execute();
}

/** @throws Error if another form is recorded */
function isMade(recorded: Awaited<ReturnType<typeof readRecord>>, own: Own): boolean {
  const problem = recordProblem(recorded, own);
  if (problem !== undefined) throw new Error(problem);
  return recorded.length > 0;
}

/** The problem, with its remedy, if another form is recorded. */
export function recordProblem(
  recorded: Awaited<ReturnType<typeof readRecord>>,
  own: Own,
): string | undefined {
  const other = recorded.find(
    (row) => row["name"] !== migrationName || row["form"] !== currentForm,
  );
  if (other === undefined) return undefined;
  return `The library's own tables are of the form "${String(other["name"])}" ${String(other["form"] ?? "")}, and this version needs "${migrationName}" ${currentForm}. ${remedy(own)}`;
}

/** The problem, with its remedy, if a table lacks a column. */
export function columnProblem(own: Own, table: OwnTable, column: string): string {
  return `The library's own table "${own.nameOf(table)}" is of another version's form: it has no column "${column}". ${remedy(own)}`;
}

function remedy(own: Own): string {
  const tables: OwnTable[] = [...(Object.keys(tableForms) as OwnTable[]), "powersync_migrations"];
  // Tables that refer to others are dropped first.
  const drops = tables
    .toReversed()
    .map((table) => `drop table ${own.nameOf(table)};`)
    .join(" ");
  return `Remedy: export the open dead letters with the version that made the tables (writes.deadLetters.export), run ${drops} and then createTables(database).`;
}

/** On databases that commit each change of the schema at once, an interrupted migration may have made this step already. */
async function takeStep(step: Step, { alreadyThere }: Family): Promise<void> {
  try {
    await step.execute();
  } catch (error) {
    if (alreadyThere?.(error) !== true) throw error;
  }
}

function recordTable(on: Kysely<OwnTables>, own: Own, types: OwnTypes): Step {
  return table(on, own, types, "powersync_migrations", recordForm);
}

/** With literals, because a printed statement can't have parameters. */
function record(on: Kysely<OwnTables>): Step {
  return on
    .insertInto("powersync_migrations")
    .values({ name: sql.lit(migrationName), form: sql.lit(currentForm) });
}

function steps(on: Kysely<OwnTables>, own: Own, types: OwnTypes): readonly Step[] {
  return Object.entries(tableForms).flatMap(([name, form]) => {
    const index = (suffix: string, columns: readonly string[]) =>
      on.schema
        .createIndex(`${own.nameOf(name as OwnTable)}_${suffix}`)
        .on(name)
        .columns([...columns]);
    return [
      table(on, own, types, name as OwnTable, form),
      ...Object.entries(form.unique ?? {}).map(([suffix, columns]) =>
        columns.reduce(
          (made, column) => (types.uniqueNulls ? made.where(column, "is not", null) : made),
          index(suffix, columns).unique(),
        ),
      ),
      ...Object.entries(form.indexes ?? {}).map(([suffix, columns]) => index(suffix, columns)),
    ];
  });
}

function table(
  on: Kysely<OwnTables>,
  own: Own,
  types: OwnTypes,
  name: OwnTable,
  { columns, key, belongsTo }: TableForm,
): Step {
  const { ifMissing } = types;
  const creating = on.schema.createTable(name);
  let created: CreateTableBuilder<string, string> =
    ifMissing === undefined ? creating.ifNotExists() : creating;
  for (const [column, columnForm] of Object.entries(columns)) {
    created = created.addColumn(column, columnTypeOf(columnForm, types), (builder) =>
      constrained(builder, columnForm, types),
    );
  }
  if (key !== undefined) {
    created = created.addPrimaryKeyConstraint(`${own.nameOf(name)}_key`, [...key]);
  }
  if (belongsTo !== undefined) {
    const { column, table: other } = belongsTo;
    created = created.addForeignKeyConstraint(
      `${own.nameOf(name)}_${column}_fk`,
      [column],
      other,
      ["id"],
      (constraint) => constraint.onDelete("cascade"),
    );
  }
  const whole = types.options === undefined ? created : created.modifyEnd(types.options);
  if (ifMissing === undefined) return whole;
  const source = sourceTable(on as unknown as SqlDatabase, name);
  const step = ifMissing(source, {
    expressionType: undefined,
    toOperationNode: () => whole.toOperationNode(),
  });
  // Without plugins: the statement contains the tables' real names.
  const plain = on.withoutPlugins();
  return { compile: () => step.compile(plain), execute: () => step.execute(plain) };
}

function columnTypeOf([type]: ColumnForm, types: OwnTypes): ColumnDataType | Expression<unknown> {
  const [, length] = /^varchar\((\d+)\)$/.exec(type) ?? [];
  if (length !== undefined && types.varchar !== undefined) return types.varchar(Number(length));
  return type === "text" || type === "longText" || type === "timestamp" ? types[type] : type;
}

function constrained(
  column: ColumnDefinitionBuilder,
  [, more]: ColumnForm,
  { now }: OwnTypes,
): ColumnDefinitionBuilder {
  if (more === "key") return column.primaryKey();
  // NULL is explicit, because some servers make a TIMESTAMP column NOT NULL by default.
  if (more === "null") return column.modifyEnd(sql`null`);
  if (more === "now") return column.notNull().defaultTo(now);
  return more === undefined ? column.notNull() : column.notNull().defaultTo(more.default);
}
