/** The table that the audit writes to. Two unique columns show which rows exist, a check constraint refuses a value, and each row has an owner. */

export const auditDialects = ["postgres", "mysql", "sqlite", "mssql"] as const;

/** A kind of database for which the audit's table can be created. */
export type AuditDialect = (typeof auditDialects)[number];

export const defaultTable = "powersync_audit";

const types: Readonly<
  Record<AuditDialect, Readonly<Record<"id" | "owner" | "code" | "note", string>>>
> = {
  postgres: { id: "uuid", owner: "text", code: "varchar(64)", note: "text" },
  // Compared exactly: values that differ in capitals are different.
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
 * Returns the statement that creates the table of `powersync-writes audit`.
 *
 * The endpoint must let each caller write their own rows. The server sets `owner_id` to the caller. `code`, `big`, `size` and `note` come from the
 * client. With `powersync-writes` that is the rule `{ owner: "owner_id" }`.
 *
 * @param table a plain name: letters, digits and underscores; default `powersync_audit`
 * @throws RangeError for a name that would have to be quoted
 * @example
 * auditSql("postgres"); // create table powersync_audit ( … )
 */
export function auditSql(dialect: AuditDialect, table: string = defaultTable): string {
  if (!/^[a-z_][a-z0-9_]*$/i.test(table))
    throw new RangeError(
      "The table's name may contain only letters, digits and underscores, and can't begin with a digit.",
    );
  const { id, owner, code, note } = types[dialect];
  // In SQL Server, a unique column accepts only one NULL, so the index leaves NULLs out.
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
