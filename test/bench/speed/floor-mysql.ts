/**
 * The floor on MySQL and MariaDB: `node:http`, `mysql2`, and each transaction as one text of several statements, from BEGIN to COMMIT. The server executes
 * none behind one that fails, so a copy of a transaction stops at the row of the ledger. Neighboring PUTs of one table are one statement. Nothing is
 * verified or checked.
 */
import mysql, { type PoolConnection } from "mysql2/promise";
import { servingFloor } from "./floor.js";
import type { Entry, Listening, Transaction } from "./serving.js";
import { entering, statementOf } from "./usual.js";

type Statement = readonly [text: string, values: readonly unknown[]];

export function serveMysqlFloor(url: string): Promise<Listening> {
  const pool = mysql.createPool({
    uri: url,
    connectionLimit: 10,
    timezone: "Z",
    multipleStatements: true,
  });
  return servingFloor(async (transactions) => {
    const connection = await pool.getConnection();
    try {
      for (const transaction of transactions) await apply(connection, transaction);
    } finally {
      connection.release();
    }
  });
}

async function apply(connection: PoolConnection, { crud }: Transaction): Promise<void> {
  const [enter, identity] = entering(crud, "mysql");
  const all: readonly Statement[] = [
    ["begin", []],
    [enter.replace("insert ignore", "insert"), identity],
    ...statements(crud),
    ["commit", []],
  ];
  try {
    const values = all.flatMap(([, each]) => each);
    await connection.query(all.map(([text]) => text).join("; "), values as never);
  } catch (error) {
    await connection.query("rollback");
    // The transaction has been applied already. Rows of other tables are changed if their key is taken.
    if ((error as { readonly code?: string }).code !== "ER_DUP_ENTRY") throw error;
  }
}

/** In the client's order. */
function statements(crud: readonly Entry[]): readonly Statement[] {
  const made: Statement[] = [];
  for (let from = 0; from < crud.length;) {
    const first = crud[from] as Entry;
    const columns = Object.keys(first.op_data ?? {}).join();
    let to = from + 1;
    const isAlike = (next: Entry | undefined) =>
      next?.op === first.op &&
      next.table === first.table &&
      Object.keys(next.op_data ?? {}).join() === columns;
    if (first.op === "PUT") while (isAlike(crud[to])) to += 1;
    made.push(together(crud.slice(from, to).map((entry) => statementOf(entry, "mysql"))));
    from = to;
  }
  return made;
}

/** Several rows in the statement of one. */
function together(one: readonly Statement[]): Statement {
  const [[text, values]] = one as [Statement];
  if (one.length === 1) return [text, values];
  const row = `(${values.map(() => "?").join(", ")})`;
  return [
    text.replace(`values ${row}`, `values ${one.map(() => row).join(", ")}`),
    one.flatMap(([, each]) => each),
  ];
}
