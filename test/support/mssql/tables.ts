/** The test tables in SQL Server's words, rows as JSON has them, and rows as tedious takes them. */
import type { Row } from "../databases.js";

/** By table and column, as the catalog has them. */
export const mssqlColumns = {
  lists: {
    id: "uniqueidentifier not null",
    name: "nvarchar(max)",
    owner_id: "nvarchar(255) collate Latin1_General_BIN2",
    created_at: "datetime2(6)",
    settings: "nvarchar(max) check (isjson(settings) = 1)",
    labels: "nvarchar(max) check (isjson(labels) = 1)",
  },
  todos: {
    id: "uniqueidentifier not null",
    list_id: "uniqueidentifier references lists (id) on delete cascade",
    description: "nvarchar(max) not null",
    completed: "bit",
    position: "float",
    created_at: "datetime2(6)",
  },
  things: {
    id: "uniqueidentifier not null",
    code: "varchar(8)",
    amount: "decimal(12, 2)",
    size: "int constraint things_size check (size >= 0)",
    big: "bigint",
    parent_id: "uniqueidentifier references things (id)",
    stock: "int not null default 1",
    doubled: "as (size * 2)",
  },
  members: {
    list_id: "uniqueidentifier not null",
    user_name: "nvarchar(40) not null",
    role: "nvarchar(max)",
  },
  authors: {
    number: "int identity not null",
    uuid: "uniqueidentifier not null unique",
    name: "nvarchar(max)",
  },
  books: {
    number: "int identity not null",
    uuid: "uniqueidentifier not null unique",
    title: "nvarchar(max)",
    author: "int references authors (number)",
  },
} as const;

export const mssqlKeys = {
  lists: ["id"],
  todos: ["id"],
  things: ["id"],
  members: ["list_id", "user_name"],
  authors: ["number"],
  books: ["number"],
} as const;

export const mssqlTables: readonly string[] = [
  ...Object.entries(mssqlColumns).map(([table, columns]) => {
    const listed = Object.entries(columns).map(([name, words]) => `[${name}] ${words}`);
    const key = mssqlKeys[table as keyof typeof mssqlKeys].join(", ");
    return `create table ${table} (${listed.join(", ")}, primary key (${key}))`;
  }),
  // A unique constraint would take one NULL.
  "create unique index things_code on things (code) where code is not null",
];

const uuids: ReadonlySet<string> = new Set(["id", "list_id", "parent_id", "uuid"]);

export function mssqlRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value === null ? null : plain(column, value),
    ]),
  );
}

function plain(column: string, value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (uuids.has(column)) return String(value).toLowerCase();
  switch (column) {
    case "settings":
    case "labels":
      return JSON.parse(String(value));
    case "amount":
      return Number(value).toFixed(2);
    case "big":
      return String(value);
    default:
      return value;
  }
}

export function mssqlGiven(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      typeof value === "object" && value !== null && !(value instanceof Date)
        ? JSON.stringify(value)
        : value,
    ]),
  );
}
