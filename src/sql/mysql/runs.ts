/**
 * PUTs of one or more rows in one statement, on MySQL and MariaDB. The statement fails, and is undone, if an existing row is outside the scope, or if
 * another unique value than the key is taken: then the statement would set the row's key to NULL.
 */
import { sql, type SqlBool } from "kysely";
import type { RunStatements } from "../dialect.js";

export const runs: RunStatements = {
  // Even one row is worth it, because it takes three statements otherwise.
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
        // First, because later assignments would change what it reads.
        [name]: sql`if(${good}, ${sql.id(name)}, null)`,
        ...Object.fromEntries(
          changed.filter((each) => !names.includes(each)).map((each) => [each, proposed(each)]),
        ),
      });
  },
  isPut: () => true,
};
