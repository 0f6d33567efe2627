/** What teams write by hand today: one awaited, unprepared statement an operation, in one transaction; nothing checked, nothing recorded. */
import type pg from "pg";

interface Entry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  readonly op_data?: Readonly<Record<string, unknown>>;
}

export async function applyByHand(pool: pg.Pool, crud: readonly Entry[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    for (const entry of crud) await client.query(...statement(entry));
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

function statement({ op, table, id, op_data = {} }: Entry): [string, unknown[]] {
  const columns = Object.keys(op_data);
  const values = Object.values(op_data);
  if (op === "DELETE") return [`delete from "${table}" where id = $1`, [id]];
  const set = columns.map((column, index) => `"${column}" = $${index + 2}`).join(", ");
  if (op === "PATCH") return [`update "${table}" set ${set} where id = $1`, [id, ...values]];
  const names = ["id", ...columns].map((column) => `"${column}"`).join(", ");
  const places = ["id", ...columns].map((_, index) => `$${index + 1}`).join(", ");
  return [
    `insert into "${table}" (${names}) values (${places}) on conflict (id) do update set ${set}`,
    [id, ...values],
  ];
}
