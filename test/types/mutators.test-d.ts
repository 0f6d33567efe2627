/** What is inferred of mutations' definitions, on the server and on the device. */
import type { Transaction } from "kysely";
import { z } from "zod";
import { createMutators, type MutationTransaction } from "../../src/client/index.js";
import { defineMutators } from "../../src/index.js";
import { expectType } from "./expect.js";

interface Database {
  lists: { id: string; name: string };
}
interface User {
  readonly userId: string;
  readonly role: "admin" | "member";
}

const definitions = {
  "list.rename": z.object({ list: z.string(), name: z.string().transform((name) => name.length) }),
  "list.drop": z.string(),
};

defineMutators<Database, User>()(definitions, {
  "list.rename": async ({ list, name }, { tx, principal }) => {
    expectType<string>()(list);
    // As the schema makes it.
    expectType<number>()(name);
    expectType<Transaction<Database>>()(tx);
    expectType<"admin" | "member">()(principal.role);
  },
  "list.drop": { run: (list) => expectType<string>()(list), optimistic: "apply" },
});
// @ts-expect-error One is missing.
defineMutators<Database>()(definitions, { "list.drop": () => undefined });
defineMutators<Database>()(definitions, {
  "list.rename": () => undefined,
  "list.drop": () => undefined,
  // @ts-expect-error Nobody has defined it.
  "list.share": () => undefined,
});

declare const database: {
  writeTransaction<T>(work: (tx: MutationTransaction) => Promise<T>): Promise<T>;
};
const mutate = createMutators(database, definitions);
void mutate("list.rename", { list: "a", name: "b" });
void mutate("list.drop", "a", async (tx) => tx.execute("DELETE FROM lists"));
// @ts-expect-error Not its arguments.
void mutate("list.rename", { list: "a" });
// @ts-expect-error As they are given, not as the schema makes them.
void mutate("list.rename", { list: "a", name: 1 });
// @ts-expect-error Nobody has defined it.
void mutate("list.share", "a");
