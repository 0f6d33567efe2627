/** Finds out which statements a table accepts from the connection's role, if the catalog does not say: the statements are prepared, but never run. */
import { type CompiledQuery, sql } from "kysely";
import type { Dialect } from "./dialect.js";
import type { SqlTable, SqlTransaction, Verb } from "./table.js";

/**
 * Takes a few statements. A refusal must not end the transaction.
 *
 * @param prepared what makes the database read a statement, and say whether it would take it
 */
export function mayByTrying(
  meaning: Dialect["meaning"],
  prepared: (statement: CompiledQuery) => CompiledQuery,
): NonNullable<Dialect["may"]> {
  return async (tx, table) => {
    const asked = testStatements(tx, table).map(
      ([verb, statement]) => [verb, prepared(statement)] as const,
    );
    const may = new Set<Verb>();
    // Sent together, and caught here, so that a refusal does not count as a failure of the transaction.
    await tx.getExecutor().provideConnection(async (connection) => {
      for (const [verb, question] of asked) {
        if (may.has(verb)) continue;
        try {
          await connection.executeQuery(question);
          may.add(verb);
        } catch (error) {
          const said = meaning(error);
          // A grant is missing, or a view does not accept it. Other errors don't show that it refuses the statement.
          if (said !== "permission" && said !== "schema") may.add(verb);
        }
      }
    });
    return may;
  };
}

/** One statement of each kind, and one for each column, because grants may concern single columns. */
function testStatements(
  tx: SqlTransaction,
  { name, columns }: SqlTable,
): readonly (readonly [Verb, CompiledQuery])[] {
  const never = sql<boolean>`1 = 0`;
  const writable = [...columns.values()].filter(({ generated }) => !generated);
  return [
    ["delete", tx.deleteFrom(name).where(never).compile()],
    ...writable.flatMap(({ name: column }): readonly (readonly [Verb, CompiledQuery])[] => [
      [
        "insert",
        tx
          .insertInto(name)
          .values({ [column]: sql`null` })
          .compile(),
      ],
      [
        "update",
        tx
          .updateTable(name)
          .set({ [column]: sql.id(column) })
          .where(never)
          .compile(),
      ],
    ]),
  ];
}
