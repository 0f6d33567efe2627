/** Which statements a table takes from the connection's role, where the catalog alone does not say: the database is asked to make them ready, and none is run. */
import { type CompiledQuery, sql } from "kysely";
import type { Dialect, SqlTable, SqlTransaction } from "./dialect.js";
import type { Verb } from "./traits.js";

/**
 * A few statements. What is refused must not end the transaction.
 *
 * @param prepared what makes the database read a statement, and say whether it would take it
 */
export function mayByTrying(
  meaning: Dialect["meaning"],
  prepared: (statement: CompiledQuery) => CompiledQuery,
): NonNullable<Dialect["may"]> {
  return async (tx, table) => {
    const asked = questions(tx, table).map(
      ([verb, statement]) => [verb, prepared(statement)] as const,
    );
    const may = new Set<Verb>();
    // All at once: to whoever watches the transaction, a question that was refused is no failure.
    await tx.getExecutor().provideConnection(async (connection) => {
      for (const [verb, question] of asked) {
        if (may.has(verb)) continue;
        try {
          await connection.executeQuery(question);
          may.add(verb);
        } catch (error) {
          const said = meaning(error);
          // A grant is missing, or a view is in the way. Of anything else nothing follows.
          if (said !== "permission" && said !== "schema") may.add(verb);
        }
      }
    });
    return may;
  };
}

/** One of each; and where it has columns one for each, for a grant may be of a column. */
function questions(
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
