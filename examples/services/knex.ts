/** Knex, on the connection of the write transaction. */
import knex from "knex";
import { connectionOf } from "../../adapters/pg.js";
import { fatal } from "../../src/index.js";
import { type Services, userIn } from "./rules.js";

/** Has no connection of its own. Each query names the connection to use. */
const builder = knex({ client: "pg" });

export const services: Services = {
  authorize: async (_write, { tx, principal }) => {
    const found: unknown = await builder("suspended")
      .where({ user_id: principal.userId })
      .first()
      .connection(connectionOf(tx));
    if (found !== undefined) throw fatal("SUSPENDED", "Your account is suspended.");
  },
  hooks: {
    persist: {
      after: async (_outcome, { tx, principal, operation }) => {
        await builder("audit")
          .insert({ by: principal.userId, what: operation.op })
          .connection(connectionOf(tx));
      },
    },
  },
  mutators: {
    "user.suspend": async (args, { tx, principal }) => {
      const user = userIn(args);
      // Creates a savepoint, because the transaction has already begun.
      await builder.transaction(
        async (inner) => {
          await inner("suspended").insert({ user_id: user });
          await inner("audit").insert({ by: principal.userId, what: `suspend ${user}` });
        },
        { connection: connectionOf(tx) },
      );
      if (user === principal.userId) throw fatal("YOURSELF", "You can't suspend yourself.");
    },
  },
};
