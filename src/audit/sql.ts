/** The table that the audit writes to: two unique columns tell which rows are there, a check refuses a value, and each row is somebody's. */

export const auditDialects = ["postgres", "mysql", "sqlite", "mssql"] as const;

/** How the audit speaks to an endpoint. */
export type AuditDialect = (typeof auditDialects)[number];

export const defaultTable = "powersync_audit";

const types: Readonly<
  Record<AuditDialect, Readonly<Record<"id" | "owner" | "code" | "note", string>>>
> = {
  postgres: { id: "uuid", owner: "text", code: "varchar(64)", note: "text" },
  // Exact comparison: what differs in capitals is another value.
  mysql: {
    id: "char(36) character set ascii collate ascii_bin",
    owner: "varchar(255) character set utf8mb4 collate utf8mb4_bin",
    code: "varchar(64) character set utf8mb4 collate utf8mb4_bin",
    note: "text",
  },
  sqlite: { id: "uuid", owner: "text", code: "varchar(64)", note: "text" },
  mssql: {
    id: "uniqueidentifier",
    owner: "nvarchar(255) collate Latin1_General_BIN2",
    code: "nvarchar(64) collate Latin1_General_BIN2",
    note: "nvarchar(max)",
  },
};

/**
 * The statement that makes the table of `powersync-writes audit`.
 *
 * The endpoint must let each caller write rows of their own: `owner_id` is the caller, set by the server; `code`, `big`, `size` and `note` come from the
 * client. With `powersync-writes` that is the rule `{ owner: "owner_id" }`.
 *
 * @param table a plain name: letters, digits and underscores
 * @throws RangeError for a name that would have to be quoted
 * @example
 * auditSql("postgres"); // create table powersync_audit ( … )
 */
export function auditSql(dialect: AuditDialect, table: string = defaultTable): string {
  if (!/^[a-z_][a-z0-9_]*$/i.test(table))
    throw new RangeError("The table's name may hold letters, digits and underscores alone.");
  const { id, owner, code, note } = types[dialect];
  // There, NULL is a value like others, of which a unique column takes one.
  const filtered = dialect === "mssql";
  const unique = filtered ? "" : " unique";
  const indexes = filtered
    ? ["code", "big"].map(
        (column) =>
          `;\ncreate unique index ${table}_${column} on ${table} (${column}) where ${column} is not null`,
      )
    : [];
  return `create table ${table} (
  id ${id} primary key,
  owner_id ${owner} not null,
  code ${code}${unique},
  big bigint${unique},
  size integer check (size >= 0),
  note ${note}
)${indexes.join("")}`;
}
