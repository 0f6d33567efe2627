/** Drizzle, on the connection of the write transaction. */
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { pgTable, serial, text } from "drizzle-orm/pg-core";
import { connectionOf } from "../../adapters/pg.js";
import { fatal } from "../../src/index.js";
import { type Services, userIn } from "./rules.js";

const suspended = pgTable("suspended", { userId: text("user_id").primaryKey() });
const audit = pgTable("audit", {
  id: serial().primaryKey(),
  by: text().notNull(),
  what: text().notNull(),
});

export const services: Services = {
  authorize: async (_write, { tx, principal }) => {
    const db = drizzle(connectionOf(tx));
    const found = await db.select().from(suspended).where(eq(suspended.userId, principal.userId));
    if (found.length > 0) throw fatal("SUSPENDED", "Your account is suspended.");
  },
  hooks: {
    persist: {
      after: async (_outcome, { tx, principal, operation }) => {
        const db = drizzle(connectionOf(tx));
        await db.insert(audit).values({ by: principal.userId, what: operation.op });
      },
    },
  },
  mutators: {
    "user.suspend": async (args, { tx, principal }) => {
      const user = userIn(args);
      const db = drizzle(connectionOf(tx));
      // Creates a savepoint, because the transaction has already begun.
      await db.transaction(async (inner) => {
        await inner.insert(suspended).values({ userId: user });
        await inner.insert(audit).values({ by: principal.userId, what: `suspend ${user}` });
      });
      if (user === principal.userId) throw fatal("YOURSELF", "You can't suspend yourself.");
    },
  },
};
