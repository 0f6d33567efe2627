/**
 * Every statement that is sent to SQL Server, as it is sent, with the pages of the documentation by which it has been read. No SQL Server takes them here:
 * SQLite answers, and a grammar of T-SQL says whether they are statements at all.
 */
import { Kysely, type Transaction } from "kysely";
import { describe, expect, it } from "vitest";
import { type Database, prepare } from "../../examples/todolist/schema.js";
import { tablesSql } from "../../src/index.js";
import { mssqlFamily } from "../../src/sql/mssql/family.js";
import type { SqlDatabase } from "../../src/sql/table.js";
import { merging } from "../../src/sql/mssql/operators.js";
import { auditSql } from "../../src/audit/index.js";
import { dressed } from "../support/mssql/database.js";
import { DummyMssqlDialect } from "../support/mssql/dummy.js";
import { files, flows, lost } from "../support/mssql/flows.js";
import { faults } from "../support/mssql/grammar.js";
import { pages, pagesOf } from "../support/mssql/pages.js";
import { mssqlTables } from "../support/mssql/tables.js";

/** Without what differs from one time to the next, and all that each of a transaction begins with. */
const settings = "set xact_abort on; set lock_timeout 5000; set nocount off; ";
const plain = (statement: string) => statement.replace(settings, "").replace(/\s+/g, " ").trim();

async function sentIn(run: (typeof flows)[string]): Promise<readonly string[]> {
  const sent = new Set<string>();
  const database = await dressed(({ sql }) => sent.add(plain(sql))).open();
  try {
    await run(database);
  } finally {
    await database.close();
  }
  for (const made of [lost, files]) sent.delete(made);
  return [...sent].toSorted();
}

const subjects = new Map<string, readonly string[]>();
for (const [subject, run] of Object.entries(flows)) subjects.set(subject, await sentIn(run));

const sent: string[] = [];
const dummy = new Kysely<Record<string, Record<string, unknown>>>({
  dialect: new DummyMssqlDialect((statement) => sent.push(plain(statement))),
});
await mssqlFamily.migrate(dummy as unknown as SqlDatabase, async () => {}).catch(() => undefined);
subjects.set("the library's own tables", [
  ...sent,
  ...tablesSql(dummy)
    .split(";\n")
    .map(plain)
    .filter((each) => each !== ""),
]);
const union = merging.union(dummy.dynamic.ref("tags") as never, {} as never, '["a", 1, null]');
const tx = dummy as unknown as Transaction<Record<string, Record<string, unknown>>>;
subjects.set("a union of lists", [
  tx.updateTable("docs").set({ tags: union }).where("id", "=", 1).compile().sql,
]);

describe("the statements for SQL Server", () => {
  it("are these, each with the pages that it has been read by", async () => {
    const lines = [...subjects].flatMap(([subject, statements]) => [
      `-- ${subject}`,
      "",
      ...statements.flatMap((statement) => [
        `-- ${pagesOf(statement)
          .map(({ title, read }) => (read === "not yet" ? `${title}*` : title))
          .join(", ")}`,
        statement,
        "",
      ]),
    ]);
    const index = pages.map(({ title, url, read }) => `-- ${title}: ${url} (read: ${read})`);
    const marked = pages.some(({ read }) => read === "not yet") ? " *: not yet." : "";
    const head = `-- The pages, and how much of each the statements have been held against.${marked}\n--\n${index.join("\n")}`;
    await expect(
      `${head}\n\n${settings}\n-- stands before each statement of a transaction.\n\n${lines.join("\n")}`,
    ).toMatchFileSnapshot("../support/mssql/golden.sql");
  });

  it.each([...subjects])("of %s are T-SQL to its grammar", (_subject, statements) => {
    const wrong = statements.flatMap((statement) =>
      faults(settings + statement).map((fault) => `${fault} in ${statement}`),
    );
    expect(wrong).toEqual([]);
  });

  it("that make the tables of the tests, the audit and the demo are, too", async () => {
    const made: string[] = [];
    const demo = new Kysely<Database>({
      dialect: new DummyMssqlDialect((each) => made.push(each)),
    });
    const ended = new AbortController();
    // Nobody answers that the lock is held, so the library's own tables are not made.
    await prepare(demo, ended.signal, () => ended.abort());
    expect(made.filter((each) => each.includes("create table"))).toHaveLength(3);
    expect([auditSql("mssql"), ...mssqlTables, ...made].flatMap(faults)).toEqual([]);
  });

  it.each([
    "insert into t (a) values (1) on conflict do nothing",
    "insert ignore into t (a) values (1)",
    "select a from t limit 5",
    "select a from t for update",
    "select exists (select 1)",
    "create table if not exists t (a int)",
    "update t set a = 1 returning a",
    "delete from t where (a, b) = (1, 2)",
    "select case when a > 1 then 1 = 0 else 1 = 1 end from t",
    "select a from t with (updlock, serializable",
    "savepoint one; release savepoint one",
    "merge into t using s on t.a = s.a when matched then update set",
  ])("are not what other databases take: %s", (statement) => {
    expect(faults(statement)).not.toEqual([]);
  });
});
