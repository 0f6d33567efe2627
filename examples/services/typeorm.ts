/** TypeORM, on the connection of the write transaction. For everything else, the application's data source has its own pool. */
import { type DataSource, type EntityManager, EntitySchema } from "typeorm";
import { connectionOf } from "../../adapters/pg.js";
import { fatal } from "../../src/index.js";
import { type Services, userIn } from "./rules.js";

export const Suspended = new EntitySchema<{ user_id: string }>({
  name: "suspended",
  columns: { user_id: { type: "text", primary: true } },
});
export const Audit = new EntitySchema<{ id: number; by: string; what: string }>({
  name: "audit",
  columns: {
    id: { type: "int", primary: true, generated: true },
    by: { type: "text" },
    what: { type: "text" },
  },
});

/** Makes an entity manager on a query runner that already has a connection. Such a runner takes no connection, so it need not be released. */
function managerOn(source: DataSource, tx: Parameters<typeof connectionOf>[0]): EntityManager {
  const runner = source.createQueryRunner();
  Object.assign(runner, { databaseConnection: connectionOf(tx) });
  return runner.manager;
}

/** @param source an initialized data source with the entities above */
export function servicesOf(source: DataSource): Services {
  return {
    authorize: async (_write, { tx, principal }) => {
      const manager = managerOn(source, tx);
      if (await manager.existsBy(Suspended, { user_id: principal.userId }))
        throw fatal("SUSPENDED", "Your account is suspended.");
    },
    hooks: {
      persist: {
        after: async (_outcome, { tx, principal, operation }) => {
          const manager = managerOn(source, tx);
          await manager.insert(Audit, { by: principal.userId, what: operation.op });
        },
      },
    },
    mutators: {
      "user.suspend": async (args, { tx, principal }) => {
        const user = userIn(args);
        // Creates a savepoint, because the transaction has already begun.
        await managerOn(source, tx).transaction(async (inner) => {
          await inner.insert(Suspended, { user_id: user });
          await inner.save(Audit, { by: principal.userId, what: `suspend ${user}` });
        });
        if (user === principal.userId) throw fatal("YOURSELF", "You can't suspend yourself.");
      },
    },
  };
}
