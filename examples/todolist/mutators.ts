/** What the server does for each mutation. A mutator checks who may call it. */
import { defineMutators, fatal } from "../../src/index.js";
import { definitions } from "./mutations.js";
import type { Database } from "./schema.js";

export const mutators = defineMutators<Database>()(definitions, {
  "list.share": async ({ id, list, with: user_id }, { tx, principal }) => {
    const mine = await tx
      .selectFrom("lists")
      .select("id")
      .where("id", "=", list)
      .where("owner_id", "=", principal.userId)
      .executeTakeFirst();
    if (mine === undefined) throw fatal("UNAUTHORIZED", "The list is not yours.");
    if (user_id === principal.userId) throw fatal("YOURSELF", "The list is yours already.");
    const member = await tx
      .selectFrom("list_members")
      .select("id")
      .where("list_id", "=", list)
      .where("user_id", "=", user_id)
      .executeTakeFirst();
    if (member === undefined)
      await tx.insertInto("list_members").values({ id, list_id: list, user_id }).execute();
  },
});
