/** Your own SQL, with plain `pg`, on the connection of the write transaction. */
import { connectionOf } from "../../adapters/pg.js";
import { fatal } from "../../src/index.js";
import { type Services, userIn } from "./rules.js";

export const services: Services = {
  authorize: async (_write, { tx, principal }) => {
    const { rowCount } = await connectionOf(tx).query(
      "SELECT 1 FROM suspended WHERE user_id = $1",
      [principal.userId],
    );
    if (rowCount !== 0) throw fatal("SUSPENDED", "Your account is suspended.");
  },
  hooks: {
    persist: {
      after: async (_outcome, { tx, principal, operation }) => {
        await connectionOf(tx).query("INSERT INTO audit (by, what) VALUES ($1, $2)", [
          principal.userId,
          operation.op,
        ]);
      },
    },
  },
  mutators: {
    "user.suspend": async (args, { tx, principal }) => {
      const user = userIn(args);
      const client = connectionOf(tx);
      // Creates a savepoint, because the transaction has already begun.
      await client.query("BEGIN");
      await client.query("INSERT INTO suspended (user_id) VALUES ($1)", [user]);
      await client.query("INSERT INTO audit (by, what) VALUES ($1, $2)", [
        principal.userId,
        `suspend ${user}`,
      ]);
      await client.query("COMMIT");
      if (user === principal.userId) throw fatal("YOURSELF", "You can't suspend yourself.");
    },
  },
};
