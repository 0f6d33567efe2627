/** What the server does for each mutation. A mutator checks who may call it. */
import type { Transaction } from "kysely";
import { defineMutators, fatal } from "../../src/index.js";
import { definitions } from "./definitions.js";
import type { Database } from "./schema.js";

export const mutators = defineMutators<Database>()(definitions, {
  "todo.create": async ({ id, list, text }, { tx, principal }) => {
    await lockList(tx, list, principal.userId);
    const todo = { id, list_id: list, text, done: 0, position: await nextPosition(tx, list) };
    await tx.insertInto("todos").values(todo).execute();
  },
  "todo.complete": async ({ id, list }, { tx, principal }) => {
    await lockList(tx, list, principal.userId);
    const todo = tx.updateTable("todos").where("id", "=", id).where("list_id", "=", list);
    await todo.set({ done: 1 }).execute();
  },
  "list.share": async ({ id, list, with: user_id }, { tx, principal }) => {
    const mine = tx.selectFrom("lists").select("id").where("owner_id", "=", principal.userId);
    if ((await mine.where("id", "=", list).executeTakeFirst()) === undefined)
      throw fatal("UNAUTHORIZED", "The list is not yours.");
    const member = tx.insertInto("list_members").values({ id, list_id: list, user_id });
    await member.onConflict((on) => on.columns(["list_id", "user_id"]).doNothing()).execute();
  },
  "todo.reorder": async ({ id, list, before }, { tx, principal }) => {
    await lockList(tx, list, principal.userId);
    const next = tx.selectFrom("todos").where("list_id", "=", list).where("id", "=", before);
    const found = await next.select("position").executeTakeFirst();
    const position = found?.position ?? (await nextPosition(tx, list));
    const todos = tx.updateTable("todos").where("list_id", "=", list);
    const behind = todos.where("position", ">=", position);
    await behind.set((eb) => ({ position: eb("position", "+", 1) })).execute();
    await todos.where("id", "=", id).set({ position }).execute();
  },
});

/**
 * Throws unless the user is the list's owner or a member of it. The UPDATE locks the list until the end of the transaction, so that
 * changes of two devices to one list happen one after the other, and no position is given twice.
 */
async function lockList(tx: Transaction<Database>, list: string, user: string): Promise<void> {
  const shared = tx.selectFrom("list_members").select("list_id").where("user_id", "=", user);
  const { numUpdatedRows } = await tx
    .updateTable("lists")
    .set((eb) => ({ revision: eb("revision", "+", 1) }))
    .where("id", "=", list)
    .where((eb) => eb.or([eb("owner_id", "=", user), eb("id", "in", shared)]))
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw fatal("UNAUTHORIZED", "The list is not shared with you.");
}

async function nextPosition(tx: Transaction<Database>, list: string): Promise<number> {
  const todos = tx.selectFrom("todos").where("list_id", "=", list);
  const { last } = await todos
    .select((eb) => eb.fn.max("position").as("last"))
    .executeTakeFirstOrThrow();
  return Number(last ?? 0) + 1;
}
