/** Prisma 7, on the connection of the write transaction. Each transaction gets its own client, because a client may batch queries of several requests. */
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { connectionOf } from "../../adapters/pg.js";
import { fatal } from "../../src/index.js";
import { PrismaClient } from "./prisma/generated/client.js";
import { type Services, userIn } from "./rules.js";

type Tx = Parameters<typeof connectionOf>[0];

/** A pool with one given connection, which it never opens or closes. Prisma's adapter accepts only pools. */
class OneConnection extends pg.Pool {
  constructor(client: pg.PoolClient) {
    super();
    this.query = client.query;
    this.connect = (() => Promise.resolve(client)) as pg.Pool["connect"];
  }
}

function prismaOn(tx: Tx): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(new OneConnection(connectionOf(tx))) });
}

export const services: Services = {
  authorize: async (_write, { tx, principal }) => {
    const prisma = prismaOn(tx);
    const found = await prisma.suspended.findUnique({ where: { user_id: principal.userId } });
    if (found !== null) throw fatal("SUSPENDED", "Your account is suspended.");
  },
  hooks: {
    persist: {
      after: async (_outcome, { tx, principal, operation }) => {
        const prisma = prismaOn(tx);
        await prisma.audit.create({ data: { by: principal.userId, what: operation.op } });
      },
    },
  },
  mutators: {
    "user.suspend": async (args, { tx, principal }) => {
      const user = userIn(args);
      // Creates a savepoint, because the transaction has already begun.
      await prismaOn(tx).$transaction(async (inner) => {
        await inner.suspended.create({ data: { user_id: user } });
        await inner.audit.create({ data: { by: principal.userId, what: `suspend ${user}` } });
      });
      if (user === principal.userId) throw fatal("YOURSELF", "You can't suspend yourself.");
    },
  },
};
