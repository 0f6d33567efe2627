/** The pages of Microsoft Learn by which a reader can judge the statements for SQL Server: what of a statement each is about. A word or a function that none is about is an error. */

const root = "https://learn.microsoft.com/sql/";

interface Page {
  readonly title: string;
  readonly url: string;
  readonly about: RegExp;
  /** Whether the statements have been held against its text: as it stands in MicrosoftDocs/sql-docs, under `docs/`, by the same path. */
  readonly read: "whole" | "part" | "not yet";
}

const whole = new Set(
  `
  SET XACT_ABORT, SET LOCK_TIMEOUT, SET NOCOUNT, SET IDENTITY_INSERT, SET Statements, SAVE TRANSACTION, ROLLBACK TRANSACTION, Table value constructor,
  Collation Precedence, Metadata Visibility Configuration, Precision scale and length, ISNULL, HASHBYTES, DATEADD, STRING_AGG, CHARINDEX, OBJECT_ID,
  DB_NAME, HAS_PERMS_BY_NAME, COLLATIONPROPERTY, sys.columns, sys.types, sys.triggers, sys.trigger_events, sys.index_columns, sys.check_constraints,
  sys.default_constraints, sys.foreign_key_columns, sp_getapplock, SELECT, EXISTS, CASE, Set operators - UNION, COALESCE, NULLIF, COLLATE, SYSUTCDATETIME,
  DATALENGTH, REPLACE, COUNT, SUM, MIN, MAX, RTRIM, SUBSTRING, LEN, REVERSE, QUOTENAME, LOWER, CONCAT, sys.objects, sys.databases, sys.indexes,
  sys.foreign_keys, sys.tables, sys.computed_columns, sys.security_predicates, IF...ELSE, EXECUTE
`
    .trim()
    .split(/,\s+/),
);
/** All but the examples, and what is about other products. */
const part = new Set([
  "MERGE",
  "INSERT",
  "UPDATE",
  "DELETE",
  "TOP",
  "FROM clause plus JOIN, APPLY",
  "Table hints",
  "Query hints",
  "CAST and CONVERT",
  "OPENJSON",
  "CREATE TABLE",
  "CREATE INDEX",
  "DECLARE",
]);

const page = (title: string, path: string, about: RegExp): Page => ({
  title,
  url: `${root}${path}`,
  about,
  read: whole.has(title) ? "whole" : part.has(title) ? "part" : "not yet",
});

export const pages: readonly Page[] = [
  page(
    "SET XACT_ABORT",
    "t-sql/statements/set-xact-abort-transact-sql",
    /\bset xact_abort (?:on|off);/,
  ),
  page(
    "SET LOCK_TIMEOUT",
    "t-sql/statements/set-lock-timeout-transact-sql",
    /\bset lock_timeout \d+;/,
  ),
  page("SET NOCOUNT", "t-sql/statements/set-nocount-transact-sql", /\bset nocount off;/),
  page(
    "SET IDENTITY_INSERT",
    "t-sql/statements/set-identity-insert-transact-sql",
    /\bset identity_insert \S+ (?:on|off)/,
  ),
  page(
    "SAVE TRANSACTION",
    "t-sql/language-elements/save-transaction-transact-sql",
    /\bsave transaction\b/,
  ),
  page(
    "ROLLBACK TRANSACTION",
    "t-sql/language-elements/rollback-transaction-transact-sql",
    /\brollback transaction\b/,
  ),
  page(
    "SET Statements",
    "t-sql/statements/set-statements-transact-sql",
    /\bset (?:xact_abort|lock_timeout|nocount|identity_insert)\b/,
  ),
  page("Collation Precedence", "t-sql/statements/collation-precedence-transact-sql", /\bcollate\b/),
  page(
    "Metadata Visibility Configuration",
    "relational-databases/security/metadata-visibility-configuration",
    /\bsys\.\w/,
  ),
  page(
    "Precision scale and length",
    "t-sql/data-types/precision-scale-and-length-transact-sql",
    /\bdecimal\(38/,
  ),
  page("SELECT", "t-sql/queries/select-transact-sql", /\bselect\b/),
  page("INSERT", "t-sql/statements/insert-transact-sql", /\binsert into\b/),
  page("UPDATE", "t-sql/queries/update-transact-sql", /^update\b/),
  page("DELETE", "t-sql/statements/delete-transact-sql", /\bdelete from\b/),
  page("MERGE", "t-sql/statements/merge-transact-sql", /\bmerge into\b/),
  page(
    "Table hints",
    "t-sql/queries/hints-transact-sql-table",
    /\bwith \((?:updlock|holdlock|repeatableread)/,
  ),
  page("Query hints", "t-sql/queries/hints-transact-sql-query", /\boption \(/),
  page("TOP", "t-sql/queries/top-transact-sql", /\btop\(\d+\)/),
  page(
    "FROM clause plus JOIN, APPLY",
    "t-sql/queries/from-transact-sql",
    /\b(?:join|cross apply)\b/,
  ),
  page(
    "Table value constructor",
    "t-sql/queries/table-value-constructor-transact-sql",
    /\(values \(/,
  ),
  page("EXISTS", "t-sql/language-elements/exists-transact-sql", /\bexists \(/),
  page("CASE", "t-sql/language-elements/case-transact-sql", /\bcase when\b/),
  page(
    "Set operators - UNION",
    "t-sql/language-elements/set-operators-union-transact-sql",
    /\bunion all\b/,
  ),
  page("COALESCE", "t-sql/language-elements/coalesce-transact-sql", /\bcoalesce\(/),
  page("ISNULL", "t-sql/functions/isnull-transact-sql", /\bisnull\(/),
  page("NULLIF", "t-sql/language-elements/nullif-transact-sql", /\bnullif\(/),
  page("CAST and CONVERT", "t-sql/functions/cast-and-convert-transact-sql", /\bconvert\(/),
  page("COLLATE", "t-sql/statements/collations", /\bcollate\b/),
  page("HASHBYTES", "t-sql/functions/hashbytes-transact-sql", /\bhashbytes\(/),
  page("DATEADD", "t-sql/functions/dateadd-transact-sql", /\bdateadd\(/),
  page("SYSUTCDATETIME", "t-sql/functions/sysutcdatetime-transact-sql", /\bsysutcdatetime\(/),
  page("DATALENGTH", "t-sql/functions/datalength-transact-sql", /\bdatalength\(/),
  page("REPLACE", "t-sql/functions/replace-transact-sql", /\breplace\(/),
  page("COUNT", "t-sql/functions/count-transact-sql", /\bcount\(/),
  page("SUM", "t-sql/functions/sum-transact-sql", /\bsum\(/),
  page("MIN", "t-sql/functions/min-transact-sql", /\bmin\(/),
  page("MAX", "t-sql/functions/max-transact-sql", /\bmax\("/),
  page("STRING_AGG", "t-sql/functions/string-agg-transact-sql", /\bstring_agg\(/),
  page("OPENJSON", "t-sql/functions/openjson-transact-sql", /\bopenjson\(/),
  page("RTRIM", "t-sql/functions/rtrim-transact-sql", /\brtrim\(/),
  page("SUBSTRING", "t-sql/functions/substring-transact-sql", /\bsubstring\(/),
  page("LEN", "t-sql/functions/len-transact-sql", /\blen\(/),
  page("REVERSE", "t-sql/functions/reverse-transact-sql", /\breverse\(/),
  page("CHARINDEX", "t-sql/functions/charindex-transact-sql", /\bcharindex\(/),
  page("QUOTENAME", "t-sql/functions/quotename-transact-sql", /\bquotename\(/),
  page("LOWER", "t-sql/functions/lower-transact-sql", /\blower\(/),
  page("CONCAT", "t-sql/functions/concat-transact-sql", /\bconcat\(/),
  page("OBJECT_ID", "t-sql/functions/object-id-transact-sql", /\bobject_id\(/),
  page("DB_NAME", "t-sql/functions/db-name-transact-sql", /\bdb_name\(/),
  page(
    "HAS_PERMS_BY_NAME",
    "t-sql/functions/has-perms-by-name-transact-sql",
    /\bhas_perms_by_name\(/,
  ),
  page(
    "COLLATIONPROPERTY",
    "t-sql/functions/collation-functions-collationproperty-transact-sql",
    /\bcollationproperty\(/,
  ),
  page(
    "sys.columns",
    "relational-databases/system-catalog-views/sys-columns-transact-sql",
    /\bsys\.columns\b/,
  ),
  page(
    "sys.types",
    "relational-databases/system-catalog-views/sys-types-transact-sql",
    /\bsys\.types\b/,
  ),
  page(
    "sys.objects",
    "relational-databases/system-catalog-views/sys-objects-transact-sql",
    /\bsys\.objects\b/,
  ),
  page(
    "sys.databases",
    "relational-databases/system-catalog-views/sys-databases-transact-sql",
    /\bsys\.databases\b/,
  ),
  page(
    "sys.triggers",
    "relational-databases/system-catalog-views/sys-triggers-transact-sql",
    /\bsys\.triggers\b/,
  ),
  page(
    "sys.trigger_events",
    "relational-databases/system-catalog-views/sys-trigger-events-transact-sql",
    /\bsys\.trigger_events\b/,
  ),
  page(
    "sys.indexes",
    "relational-databases/system-catalog-views/sys-indexes-transact-sql",
    /\bsys\.indexes\b/,
  ),
  page(
    "sys.index_columns",
    "relational-databases/system-catalog-views/sys-index-columns-transact-sql",
    /\bsys\.index_columns\b/,
  ),
  page(
    "sys.check_constraints",
    "relational-databases/system-catalog-views/sys-check-constraints-transact-sql",
    /\bsys\.check_constraints\b/,
  ),
  page(
    "sys.default_constraints",
    "relational-databases/system-catalog-views/sys-default-constraints-transact-sql",
    /\bsys\.default_constraints\b/,
  ),
  page(
    "sys.foreign_keys",
    "relational-databases/system-catalog-views/sys-foreign-keys-transact-sql",
    /\bsys\.foreign_keys\b/,
  ),
  page(
    "sys.foreign_key_columns",
    "relational-databases/system-catalog-views/sys-foreign-key-columns-transact-sql",
    /\bsys\.foreign_key_columns\b/,
  ),
  page(
    "sys.tables",
    "relational-databases/system-catalog-views/sys-tables-transact-sql",
    /\bsys\.tables\b/,
  ),
  page(
    "sys.computed_columns",
    "relational-databases/system-catalog-views/sys-computed-columns-transact-sql",
    /\bsys\.computed_columns\b/,
  ),
  page(
    "sys.security_predicates",
    "relational-databases/system-catalog-views/sys-security-predicates-transact-sql",
    /\bsys\.security_predicates\b/,
  ),
  page("CREATE TABLE", "t-sql/statements/create-table-transact-sql", /\bcreate table\b/),
  page(
    "CREATE INDEX",
    "t-sql/statements/create-index-transact-sql",
    /\bcreate (?:unique )?index\b/,
  ),
  page("IF...ELSE", "t-sql/language-elements/if-else-transact-sql", /^if\b/),
  page(
    "sp_getapplock",
    "relational-databases/system-stored-procedures/sp-getapplock-transact-sql",
    /\bsp_getapplock\b/,
  ),
  page("EXECUTE", "t-sql/language-elements/execute-transact-sql", /\bexec @/),
  page("DECLARE", "t-sql/language-elements/declare-local-variable-transact-sql", /\bdeclare @/),
];

/** Functions, and views of the catalog, that a statement names. Parentheses behind a name are a function's or a type's; or a list's. */
const named = /\b(sys\.\w+|[a-z_]+)\(|\b(sys\.\w+)\b/g;

/** What has parentheses behind it and is no function. */
const others: ReadonlySet<string> = new Set([
  "datetime",
  "decimal",
  "nvarchar",
  "varbinary",
  "varchar",
]);

/** @throws Error for a function, or a view of the catalog, that no page is about */
export function pagesOf(statement: string): readonly Page[] {
  const found = pages.filter(({ about }) => about.test(statement));
  // What is between quotes is a name, or a text.
  const words = statement.replace(/"[^"]*"|'[^']*'/g, "''");
  for (const [, called, view] of words.matchAll(named)) {
    const name = called ?? view ?? "";
    if (others.has(name)) continue;
    const text = called === undefined ? name : `${name}(`;
    if (
      !found.some(
        ({ about }) => about.test(text) || about.test(`${text}1)`) || about.test(`${text}"`),
      )
    )
      throw new Error(`No page is about ${name}: ${statement}`);
  }
  return found;
}
