/** Devices: PowerSync's own client on a local database in a file, with the test tables as a client knows them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { column, Schema, Table } from "@powersync/common";
import { PowerSyncDatabase } from "@powersync/node";
import type { WireTransaction } from "./uploads.js";

export const deviceSchema = new Schema({
  lists: new Table({
    name: column.text,
    owner_id: column.text,
    created_at: column.text,
    settings: column.text,
    labels: column.text,
  }),
  todos: new Table(
    {
      list_id: column.text,
      description: column.text,
      completed: column.integer,
      position: column.real,
      created_at: column.text,
    },
    { trackMetadata: true, trackPrevious: true },
  ),
  things: new Table({
    code: column.text,
    amount: column.text,
    size: column.integer,
    big: column.integer,
    parent_id: column.text,
    stock: column.integer,
    rate: column.real,
  }),
  /** What the client may write to, and nothing reads from. */
  clicks: new Table({ button: column.text }, { insertOnly: true }),
  rejected_writes: new Table(
    { failure: column.text, crud: column.text, rejected_at: column.text },
    { localOnly: true },
  ),
});

/** Files of devices, in a folder that goes when it is removed. */
export function createDevices() {
  const folder = mkdtempSync(join(tmpdir(), "devices-"));
  const open = new Set<PowerSyncDatabase>();
  let files = 0;
  return {
    folder,
    async open(file = `device-${(files += 1)}.db`): Promise<PowerSyncDatabase> {
      const database = openDevice(folder, file);
      open.add(database);
      await database.init();
      return database;
    },
    async close(database: PowerSyncDatabase): Promise<void> {
      open.delete(database);
      await database.close();
    },
    async remove(): Promise<void> {
      for (const database of open) await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function openDevice(folder: string, file: string): PowerSyncDatabase {
  return new PowerSyncDatabase({
    schema: deviceSchema,
    database: { dbFilename: file, dbLocation: folder, readWorkerCount: 1 },
    logger: { log: () => undefined },
  });
}

/** Operations in the queue, oldest first. */
export async function queued(database: PowerSyncDatabase): Promise<readonly number[]> {
  const rows = await database.getAll<{ id: number }>("SELECT id FROM ps_crud ORDER BY id");
  return rows.map(({ id }) => id);
}

/** One transaction for each of them: a list of that name. @returns their ids */
export async function addLists(
  database: PowerSyncDatabase,
  names: readonly string[],
  owner = "alice",
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const name of names) {
    const id = crypto.randomUUID();
    await database.execute("INSERT INTO lists (id, name, owner_id) VALUES (?, ?, ?)", [
      id,
      name,
      owner,
    ]);
    ids.push(id);
  }
  return ids;
}

/** Many transactions at once: as the views' triggers would have queued them. */
export async function queueTransactions(
  database: PowerSyncDatabase,
  transactions: readonly WireTransaction[],
): Promise<void> {
  const [tx] = await database.getAll<{ next: number }>("SELECT next_tx AS next FROM ps_tx");
  const first = tx?.next ?? 1;
  await database.writeTransaction(async (transaction) => {
    await transaction.executeBatch(
      "INSERT INTO ps_crud (tx_id, data) VALUES (?, ?)",
      transactions.flatMap(({ crud }, index) =>
        crud.map(({ op, table, id, op_data }) => [
          first + index,
          JSON.stringify({ op, type: table, id, data: op_data }),
        ]),
      ),
    );
    await transaction.execute("UPDATE ps_tx SET next_tx = ?", [first + transactions.length]);
  });
}
