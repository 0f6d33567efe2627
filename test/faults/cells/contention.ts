/** What others are in the way of: the database refuses, and the same may pass a moment later. */
import { isStatement, onLinks } from "../points.js";
import type { Cell, World } from "../terms.js";
import { part, untilFired } from "../waiting.js";

/** Errors of the server's own making, in place of the statement that is meant; the transaction is really aborted by them. */
const failing = {
  postgres: (code: string) => `select fail_with('${code}')`,
  mysql: (code: string) =>
    `signal sqlstate '${code === "1213" ? "40001" : "HY000"}' set mysql_errno = ${code}, message_text = 'made to fail'`,
};

function injected(
  name: string,
  fault: string,
  codes: { readonly postgres: string; readonly mysql?: string },
): Cell {
  return {
    name,
    databases: codes.mysql === undefined ? ["postgres"] : ["postgres", "mysql"],
    faults: [fault],
    least: 3,
    // Three times, for one transaction, or one after the other; and three times again.
    inject: (world) =>
      onLinks(world, [
        {
          fault,
          at: isStatement(world, 2),
          verdict: () => ({
            replace:
              world.database.name === "mysql"
                ? failing.mysql(codes.mysql ?? "")
                : failing.postgres(codes.postgres),
          }),
          every: 2,
          most: Math.max(3, 3 * Math.floor(world.planned / 20)),
        },
      ]),
  };
}

export const contention: readonly Cell[] = [
  injected("serialization-failure", "serialization failure", { postgres: "40001" }),
  injected("deadlock", "deadlock", { postgres: "40P01", mysql: "1213" }),
  injected("lock-not-available", "lock not available", { postgres: "55P03", mysql: "1205" }),
  {
    name: "real-conflicts",
    databases: ["postgres"],
    faults: ["serialization failure of the database's own"],
    servers: { isolation: "serializable" },
    inject: (world) => {
      world.errors.of = (code) =>
        code === "40001" ? "serialization failure of the database's own" : undefined;
    },
  },
  {
    name: "file-busy",
    databases: ["sqlite"],
    servers: { impatient: true },
    faults: ["file locked by another process"],
    least: 3,
    inject: async (world) => {
      const fault = "file locked by another process";
      world.errors.of = (_code, during) => (during === "begin" ? fault : undefined);
      for (const quarter of [1, 2, 3]) await lockFile(world, fault, quarter);
    },
  },
];

async function lockFile(world: World, fault: string, quarter: number): Promise<void> {
  await part(world, quarter, 4);
  await world.database.query("begin immediate");
  try {
    await untilFired(world, fault, 3);
  } finally {
    await world.database.query("rollback");
  }
}
