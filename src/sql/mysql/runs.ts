/**
 * PUTs of one or more rows in one statement, on MySQL and MariaDB. It is an error, which undoes the statement, where a row that is there is outside the
 * scope, and where it is not the key but another unique value that is taken: then the row's key becomes NULL.
 */
import { sql, type SqlBool } from "kysely";
import type { RunStatements } from "../dialect.js";

export const runs: RunStatements = {
  // One by one it takes three statements.
  least: 1,
  mostParameters: Infinity,
  put: (tx, { table, key, scope }, columns, changed, rows) => {
    const names = Object.keys(key);
    const proposed = (name: string) => sql`values(${sql.id(name)})`;
    const own = names.map((name) => sql`${sql.id(name)} <=> ${proposed(name)}`);
    const good = sql<SqlBool>`${sql.join(scope === undefined ? own : [...own, sql`(${scope.filter})`], sql` and `)}`;
    const [name = ""] = names;
    return tx
      .insertInto(table)
      .columns([...columns])
      .expression(sql<never>`values ${rows}`)
      .onDuplicateKeyUpdate({
        // First, for it asks about the row as it was.
        [name]: sql`if(${good}, ${sql.id(name)}, null)`,
        ...Object.fromEntries(
          changed.filter((each) => !names.includes(each)).map((each) => [each, proposed(each)]),
        ),
      });
  },
  isPut: () => true,
};
