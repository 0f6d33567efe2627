/** A document that is added beside a transaction's own. An insert that fails would end the transaction, so what would refuse it is looked at first. */
import type { Values } from "../store/change.js";
import type { Table } from "../store/tables.js";
import { newDocument } from "./documents.js";
import { columnIn, filterOf, findOne, ours, type Sending } from "./sending.js";

export async function addAside(
  sending: Sending,
  uniqueKeys: (table: Table) => Promise<readonly (readonly string[])[]>,
  table: Table,
  values: Values,
): Promise<{ readonly error: unknown } | undefined> {
  const { id } = values;
  if (id !== undefined) {
    const same = await findOne(sending, table, filterOf(table, { id }), []);
    if (same !== null) return undefined;
  }
  const missing = Array.from(ours(table).columns.values()).filter(
    ({ name, nullable, field }) => field !== "_id" && !nullable && (values[name] ?? null) === null,
  );
  if (missing.length > 0)
    return {
      error: new Error(`${table.name} requires ${missing.map(({ name }) => name).join(", ")}.`),
    };
  for (const columns of await uniqueKeys(table)) {
    const own = Object.fromEntries(columns.map((name) => [name, values[name] ?? null]));
    if (columns.some((name) => columnIn(table, name).field === "_id")) continue;
    if ((await findOne(sending, table, filterOf(table, own), [])) !== null)
      return { error: new Error(`${table.name}: ${columns.join(", ")} is taken.`) };
  }
  const { collection, on, send } = sending;
  const document = newDocument(table, {}, values);
  await send(() => collection(table.name).insertOne(document, on));
  return undefined;
}
