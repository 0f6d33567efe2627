/** Finds the tables for which rules can be made, in a database, a client's schema, or both. */
import { type Kysely, sql } from "kysely";
import { type ClientSchema, syncedTables } from "../../check/client-schema.js";
import { UnsuitableTable } from "../../store/failures.js";
import type { Column, ForeignKey } from "../../store/tables.js";
import type { Dialect } from "../../sql/dialect.js";
import type { SqlDatabase, SqlTransaction } from "../../sql/table.js";
import { familyOf } from "../../sql/families.js";
import { sourceTable } from "../../sql/schema.js";

/** What is known about a table. */
export interface Source {
  readonly name: string;
  readonly columns: readonly SourceColumn[];
  /** The columns of each key. `undefined`: not known. */
  readonly unique?: readonly (readonly string[])[];
  readonly foreignKeys: readonly ForeignKey[];
  /** The columns of the client's table, if its schema is known. */
  readonly clientColumns?: readonly string[];
  /** The reason why no rule can be made. */
  readonly unsuitable?: string;
}

export type SourceColumn = Pick<
  Column,
  "name" | "type" | "array" | "nullable" | "hasDefault" | "generated" | "numbered" | "members"
>;

/** Names of tables to leave out: those of the library, of migration tools, and of extensions. */
const notTheApplications =
  /^(?:_?powersync_|kysely_|_prisma_|__drizzle|drizzle_|knex_migrations|flyway_|goose_|sqlite_|spatial_ref_sys$|schema_migrations$|ar_internal_metadata$|sequelizemeta$|typeorm_metadata$|migrations$|databasechangelog)/i;

/** Reads the tables, ordered by name. Rejects with the database's errors. */
export async function readSources(
  db: Kysely<unknown>,
  told: (text: string) => void,
): Promise<readonly Source[]> {
  const family = familyOf(db);
  const dialect = await family.load();
  const names = await tableNames(db, family.name);
  const sources: Source[] = [];
  for (const name of names) {
    told(`Reading table ${sources.length + 1} of ${names.length}: ${name} …`);
    sources.push(await readSource(db as unknown as SqlDatabase, dialect, name));
  }
  return sources;
}

async function tableNames(db: Kysely<unknown>, family: string): Promise<readonly string[]> {
  const { rows } = await (
    family === "postgres"
      ? // Partitions are written through their parent table.
        sql<Named>`
          select c.relname as name from pg_catalog.pg_class c
          join pg_catalog.pg_namespace n on n.oid = c.relnamespace
          where n.nspname = current_schema() and c.relkind in ('r', 'p') and not c.relispartition
            and not exists (
              select 1 from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e'
            )
          order by 1`
      : family === "mysql"
        ? sql<Named>`
          select t.table_name as name from information_schema.tables t
          where t.table_schema = database() and t.table_type = 'BASE TABLE' order by 1`
        : family === "mssql"
          ? // Change capture keeps its tables in its own schema, and marks those that it has here. A history table is written through its table.
            sql<Named>`
          select t.name as name from sys.tables as t
          where t.schema_id = schema_id() and t.is_ms_shipped = 0 and t.temporal_type <> 1 order by 1`
          : sql<Named>`select name from sqlite_master where type = 'table' order by 1`
  ).execute(db);
  return rows.map(({ name }) => name).filter((name) => !notTheApplications.test(name));
}

interface Named {
  readonly name: string;
}

async function readSource(db: SqlDatabase, dialect: Dialect, name: string): Promise<Source> {
  try {
    return await db.transaction().execute(async (tx: SqlTransaction) => {
      const table = sourceTable(tx, name);
      const columns = await dialect.readColumns(tx, table);
      const { unique } = await dialect.readConstraints(tx, table);
      const foreignKeys = await dialect.readForeignKeys(tx, table);
      return { name, columns, ...(unique && { unique }), foreignKeys };
    });
  } catch (error) {
    if (!(error instanceof UnsuitableTable)) throw error;
    return { name, columns: [], foreignKeys: [], unsuitable: error.message };
  }
}

/** Guesses the tables from the names in a client's schema. */
export function sourcesOfClient(schema: ClientSchema): readonly Source[] {
  const tables = syncedTables(schema);
  const names = new Set(tables.map(({ name }) => name));
  return tables.map(({ name, columns }) => ({
    name,
    clientColumns: columns.map((column) => column.name),
    columns: [{ name: "id", type: "TEXT" }, ...columns].map(({ name, type = "TEXT" }) => ({
      name,
      type: type.toLowerCase(),
      array: false,
      nullable: name !== "id",
      hasDefault: false,
      generated: false,
    })),
    unique: [["id"]],
    foreignKeys: columns.flatMap(({ name: column }) => {
      const table = referredBy(column, names);
      return table === undefined || table === name
        ? []
        : [{ columns: [column], table, by: ["id"] }];
    }),
  }));
}

/** The table to which a name such as `list_id` or `listId` refers: `lists` or `list`. */
function referredBy(column: string, names: ReadonlySet<string>): string | undefined {
  const [, base] = /^(.+?)(?:_id|Id)$/.exec(column) ?? [];
  if (base === undefined) return undefined;
  const plural = base.replace(/y$/, "ie");
  return [base, `${base}s`, `${base}es`, `${plural}s`].find((name) => names.has(name));
}

/** Combines the database's tables with those of the client: the client's tables in the database's form, and the tables that only one of them has. */
export function joined(
  sources: readonly Source[],
  schema: ClientSchema,
): { readonly sources: readonly Source[]; readonly missing: readonly string[] } {
  const byName = new Map(sources.map((source) => [source.name, source]));
  const tables = syncedTables(schema);
  return {
    sources: tables.flatMap(({ name, columns }) => {
      const source = byName.get(name);
      return source === undefined
        ? []
        : [{ ...source, clientColumns: columns.map((column) => column.name) }];
    }),
    missing: tables.flatMap(({ name }) => (byName.has(name) ? [] : [name])),
  };
}
