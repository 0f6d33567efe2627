/** What SQL Server's catalog would say of the test tables: written down here, and read from nowhere. */
import { mssqlColumns, mssqlKeys } from "./tables.js";

type Row = Readonly<Record<string, unknown>>;
type Columns = Readonly<Record<string, string>>;

export const lostColumns: readonly string[] = [
  "id",
  "table_name",
  "row_id",
  "user_id",
  "client_id",
  "operation",
  "base",
  "theirs",
  "yours",
  "created_at",
];

const described: Readonly<Record<string, Columns>> = {
  ...mssqlColumns,
  lost: Object.fromEntries(lostColumns.map((name) => [name, "nvarchar(max)"])),
  files: { id: "uniqueidentifier not null", data: "varbinary(max)", price: "money" },
  measures: {
    id: "uniqueidentifier not null",
    big: "bigint",
    amount: "decimal(12, 2)",
    size: "int",
    done: "bit",
    name: "nvarchar(10)",
    price: "money",
  },
  powersync_audit: {
    id: "uniqueidentifier not null",
    owner_id: "nvarchar(255) collate Latin1_General_BIN2 not null",
    code: "nvarchar(64) collate Latin1_General_BIN2",
    big: "bigint",
    size: "int",
    note: "nvarchar(max)",
  },
};

/** Names that errors tell. */
export const constraints: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  ...Object.fromEntries(
    Object.entries(mssqlKeys).map(([table, key]) => [table, { [`PK_${table}`]: key }]),
  ),
  things: {
    PK_things: ["id"],
    things_code: ["code"],
    things_size: ["size"],
    FK_things: ["parent_id"],
  },
  todos: { PK_todos: ["id"], FK_todos: ["list_id"] },
  authors: { PK_authors: ["number"], UQ_authors: ["uuid"] },
  books: { PK_books: ["number"], UQ_books: ["uuid"], FK_books: ["author"] },
  files: { PK_files: ["id"] },
  measures: { PK_measures: ["id"], things_size: ["size"] },
  powersync_audit: {
    PK_audit: ["id"],
    powersync_audit_code: ["code"],
    powersync_audit_big: ["big"],
    CK_audit: ["size"],
  },
};

/** @param own the columns of the library's own tables: `undefined` where there is no such table */
export function catalogAnswer(
  text: string,
  parameters: readonly unknown[],
  own: (table: string) => readonly string[] | undefined,
): readonly Row[] | undefined {
  if (!/\bsys\.\w+/.test(text)) return undefined;
  const [first] = parameters;
  const table = nameOf(first);
  if (text.includes("delayed_durability")) return [{ durability: 0 }];
  if (text.includes("collationproperty")) return columnRows(table, own);
  if (text.includes("has_perms_by_name"))
    return traitRows(nameOf(parameters.find((each) => String(each).startsWith("["))));
  if (text.includes("sys.tables")) return Object.keys(mssqlKeys).map((name) => ({ name }));
  if (text.includes("sys.foreign_keys as f")) return referenceRows(table);
  if (text.includes("i.index_id as [index]"))
    return Object.entries(constraints[table] ?? {}).flatMap(([name, columns], index) =>
      /^(?:PK|UQ)_|_(?:code|big)$/.test(name) ? columns.map((column) => ({ index, column })) : [],
    );
  if (text.includes("o.type as kind"))
    return Object.entries(described[table] ?? {}).map(([name, words]) => ({
      name,
      kind: "U ",
      collation: /char/.test(words) ? collationIn(words) : null,
    }));
  if (/^select \d+ as nr, c\.name as name/.test(text))
    return parameters.flatMap((each, nr) =>
      Object.keys(described[nameOf(each)] ?? {}).map((name) => ({ nr, name })),
    );
  throw new Error(`Something else of the catalog: ${text}`);
}

function nameOf(object: unknown): string {
  return /\[([^\]]+)\]$/.exec(String(object))?.[1] ?? "";
}

function collationIn(words: string): string {
  return /collate (\w+)/.exec(words)?.[1] ?? "SQL_Latin1_General_CP1_CI_AS";
}

function columnRows(
  table: string,
  own: (table: string) => readonly string[] | undefined,
): readonly Row[] {
  const columns = described[table];
  if (columns === undefined)
    return (own(table) ?? []).map((name) => columnRow(name, "nvarchar(max)"));
  return Object.entries(columns).map(([name, words]) => columnRow(name, words));
}

function columnRow(name: string, words: string): Row {
  const [, named = "int", sizes = ""] = /^(\w+)(?:\(([^)]*)\))?/.exec(words) ?? [];
  const computed = named === "as";
  const type = computed ? "int" : named;
  const [one = "0", two = "0"] = sizes.split(", ");
  const isText = /char/.test(type);
  const bytes = one === "max" ? -1 : Number(one) * (type.startsWith("n") ? 2 : 1);
  const clock = type === "datetime2";
  return {
    name,
    type,
    size: bytes,
    digits: type === "decimal" ? Number(one) : type === "money" ? 19 : 10,
    scale: type === "decimal" ? Number(two) : type === "money" ? 4 : clock ? Number(one) : 0,
    collation: isText ? collationIn(words) : null,
    page: isText ? 1252 : null,
    nullable: !/not null/.test(words),
    counts: /\bidentity\b/.test(words),
    computed,
    period: 0,
    default: /\bdefault\b/.test(words) ? 1 : 0,
    defaulted: /\bdefault\b/.test(words) ? "((1))" : null,
    json: /isjson/.test(words) ? 1 : 0,
  };
}

/** Of which one MERGE may write several rows: with one unique column, and no foreign key to themselves. */
const mergeable: ReadonlySet<string> = new Set(["lists", "todos", "files", "measures"]);

function traitRows(table: string): readonly Row[] {
  const columns = Object.keys(described[table] ?? {});
  if (columns.length === 0) return [];
  return [
    { kind: "object", name: "U ", detail: "111" },
    ...columns.map((name) => ({ kind: "column", name, detail: "11" })),
    ...Object.entries(constraints[table] ?? {}).flatMap(([name, of]) =>
      of.map((detail) => ({ kind: "unique", name, detail })),
    ),
    ...(mergeable.has(table) ? [{ kind: "run", name: "id", detail: null }] : []),
  ];
}

const references: Readonly<Record<string, Row>> = {
  things: { id: 1, column: "parent_id", table: "things", by: "id" },
  todos: { id: 1, column: "list_id", table: "lists", by: "id" },
  books: { id: 1, column: "author", table: "authors", by: "number" },
};

function referenceRows(table: string): readonly Row[] {
  const found = references[table];
  return found === undefined ? [] : [found];
}
