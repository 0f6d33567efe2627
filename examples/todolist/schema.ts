/** The demo's tables: Kysely's types for them, and the statements that create them at the start. */
import {
  type ColumnType,
  type Kysely,
  MssqlAdapter,
  MysqlAdapter,
  type RawBuilder,
  sql,
  SqliteAdapter,
} from "kysely";
import { createTables } from "../../src/index.js";
import { type Told, untilMade } from "./until-made.js";

export interface Database {
  lists: {
    id: string;
    name: string | null;
    owner_id: string | null;
    created_at: ColumnType<Date | null, Date | string | null | undefined>;
    settings: ColumnType<unknown, string | null | undefined>;
    labels: string[] | null;
  };
  todos: {
    id: string;
    list_id: string | null;
    description: string;
    completed: boolean | null;
    position: number | null;
    created_at: ColumnType<Date | null, Date | string | null | undefined>;
  };
  /** A note about a list and a number of people, which several devices may change at the same time. */
  list_notes: {
    id: string;
    list_id: string | null;
    note: string | null;
    people: number | null;
  };
  /** The users who see another user's list. Only the mutation `list.share` writes this table. */
  list_members: {
    id: string;
    list_id: string;
    user_id: string;
  };
}

/** The statements that create the tables in one kind of database. */
interface Making {
  /** A lock, because two processes that start together could both create the same table. */
  readonly lock?: RawBuilder<unknown>;
  readonly statements: readonly RawBuilder<unknown>[];
}

// Every write of a todo looks for its list, and every deletion of a list looks for its todos and notes.
const indexes = [
  sql`create index if not exists todos_list_id on todos (list_id)`,
  sql`create index if not exists list_notes_list_id on list_notes (list_id)`,
  sql`create index if not exists list_members_list_id on list_members (list_id, user_id)`,
];

const notes = sql`create table if not exists list_notes (
  id uuid primary key,
  list_id uuid references lists (id) on delete cascade,
  note text,
  people integer
)`;

const members = sql`create table if not exists list_members (
  id uuid primary key,
  list_id uuid not null references lists (id) on delete cascade,
  user_id text not null
)`;

const postgres: Making = {
  lock: sql`select pg_advisory_xact_lock(8273465190)`,
  statements: [
    sql`create table if not exists lists (
      id uuid primary key,
      name text,
      owner_id text,
      created_at timestamptz default now(),
      settings jsonb,
      labels text[]
    )`,
    // Some clients delete only the list, and rely on the database to delete its todos.
    sql`create table if not exists todos (
      id uuid primary key,
      list_id uuid references lists (id) on delete cascade,
      description text not null,
      completed boolean,
      position double precision,
      created_at timestamptz default now()
    )`,
    notes,
    members,
    ...indexes,
  ],
};

/** Needs no lock, because the first statement takes the file's write lock. */
const sqlite: Making = {
  statements: [
    sql`create table if not exists lists (
      id uuid primary key,
      name text,
      owner_id text,
      created_at timestamp default current_timestamp,
      settings json,
      labels json
    )`,
    sql`create table if not exists todos (
      id uuid primary key,
      list_id uuid references lists (id) on delete cascade,
      description text not null,
      completed boolean,
      position double precision,
      created_at timestamp default current_timestamp
    )`,
    notes,
    members,
    ...indexes,
  ],
};

// MariaDB has a UUID type, and MySQL has none.
const uuid = sql.raw("/*M! uuid */ /*!50708 char(36) character set ascii collate ascii_bin */");
// Compares every character, including trailing spaces.
const exact = sql.raw("/*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */");

/** Needs no lock, because the server makes one of two processes wait. Texts are compared exactly: alice is not Alice. */
const mysql: Making = {
  statements: [
    sql`create table if not exists lists (
      id ${uuid} primary key,
      name text,
      owner_id varchar(255),
      created_at timestamp(6) null default current_timestamp(6),
      settings json,
      labels json
    ) engine = InnoDB default character set utf8mb4 collate ${exact}`,
    sql`create table if not exists todos (
      id ${uuid} primary key,
      list_id ${uuid},
      description text not null,
      completed boolean,
      position double,
      created_at timestamp(6) null default current_timestamp(6),
      foreign key (list_id) references lists (id) on delete cascade
    ) engine = InnoDB default character set utf8mb4 collate ${exact}`,
    sql`create table if not exists list_notes (
      id ${uuid} primary key,
      list_id ${uuid},
      note text,
      people integer,
      foreign key (list_id) references lists (id) on delete cascade
    ) engine = InnoDB default character set utf8mb4 collate ${exact}`,
    sql`create table if not exists list_members (
      id ${uuid} primary key,
      list_id ${uuid} not null,
      user_id varchar(255) not null,
      foreign key (list_id) references lists (id) on delete cascade
    ) engine = InnoDB default character set utf8mb4 collate ${exact}`,
  ],
};

// Compared exactly, and of the type in which the driver sends it.
const name = sql.raw("nvarchar(255) collate Latin1_General_BIN2");

/** Runs in one transaction, and in one process at a time. */
const sqlServer: Making = {
  lock: sql`exec sp_getapplock @Resource = 'todolist', @LockMode = 'Exclusive', @LockOwner = 'Transaction'`,
  statements: [
    sql`if object_id('lists') is null create table lists (
      id uniqueidentifier primary key,
      name nvarchar(max),
      owner_id ${name},
      created_at datetime2(6) default sysutcdatetime(),
      settings nvarchar(max) check (isjson(settings) = 1),
      labels nvarchar(max) check (isjson(labels) = 1)
    )`,
    sql`if object_id('todos') is null create table todos (
      id uniqueidentifier primary key,
      list_id uniqueidentifier references lists (id) on delete cascade,
      description nvarchar(max) not null,
      completed bit,
      position float,
      created_at datetime2(6) default sysutcdatetime(),
      index todos_list_id (list_id)
    )`,
    sql`if object_id('list_members') is null create table list_members (
      id uniqueidentifier primary key,
      list_id uniqueidentifier not null references lists (id) on delete cascade,
      user_id ${name} not null,
      index list_members_list_id (list_id, user_id)
    )`,
  ],
};

function makingOf(db: Kysely<Database>): Making {
  const { adapter } = db.getExecutor();
  if (adapter instanceof MysqlAdapter) return mysql;
  if (adapter instanceof MssqlAdapter) return sqlServer;
  return adapter instanceof SqliteAdapter ? sqlite : postgres;
}

async function createSchema(db: Kysely<Database>): Promise<void> {
  const { lock, statements } = makingOf(db);
  await db.transaction().execute(async (tx) => {
    await lock?.execute(tx);
    for (const statement of statements) await statement.execute(tx);
  });
  await createTables(db);
}

/** Creates the tables, and tries again until the database can be reached. Resolves to false if `signal` is aborted before. */
export function prepare(
  db: Kysely<Database>,
  signal: AbortSignal,
  onFailure: Told,
): Promise<boolean> {
  return untilMade(() => createSchema(db), signal, onFailure);
}
