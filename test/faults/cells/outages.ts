/** The database as a whole is away, refuses, or lacks something, and comes back. */
import { setTimeout as sleep } from "node:timers/promises";
import { isRequest, isStatement, onEntrances, onLinks } from "../points.js";
import type { Cell, ServerPlace, World } from "../terms.js";
import { part, untilFired } from "../waiting.js";

const servers = ["postgres", "mysql"] as const;

const isAway =
  /^(57P0[123]|08\d{3}|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|PROTOCOL_CONNECTION_LOST)$/;

export const outages: readonly Cell[] = [
  {
    name: "database-down",
    databases: servers,
    size: "few",
    faults: ["database stopped", "asked while it was down"],
    inject: async (world) => {
      world.errors.of = (code) => (isAway.test(code) ? "asked while it was down" : undefined);
      const { server } = world.database;
      await part(world, 1, 4);
      await (world.random.oneIn(2) ? server.stop() : server.crash());
      world.fired("database stopped");
      await sleep(world.long && world.first ? 60_000 : 3_000);
      await untilFired(world, "asked while it was down");
      await server.start();
    },
  },
  {
    name: "database-down-at-boot",
    databases: servers,
    size: "few",
    faults: ["started without a database", "asked while it was down"],
    before: async (world) => {
      world.errors.of = (code) => (isAway.test(code) ? "asked while it was down" : undefined);
      await world.database.server.stop();
      for (const place of world.servers) {
        await place.replace();
        world.fired("started without a database");
      }
    },
    inject: async (world) => {
      await untilFired(world, "asked while it was down", 3);
      await world.database.server.start();
    },
  },
  {
    name: "password-rotated",
    databases: servers,
    faults: ["password refused"],
    inject: async (world) => {
      world.errors.of = (code) =>
        /^(28P01|ER_ACCESS_DENIED_ERROR)$/.test(code) ? "password refused" : undefined;
      const { database } = world;
      await part(world, 1, 3);
      await database.query(
        database.name === "mysql"
          ? `alter user ${database.role} identified by 'rotated'`
          : `alter role ${database.role} password 'rotated'`,
      );
      sendAway(world);
      await untilFired(world, "password refused", 3);
      for (const place of world.servers) {
        place.options = { ...place.options, url: database.url(place.link?.port ?? 0, "rotated") };
        await place.replace();
      }
    },
  },
  {
    name: "read-only",
    databases: servers,
    faults: ["write refused"],
    inject: async (world) => {
      world.errors.of = (code) =>
        /^(25006|ER_OPTION_PREVENTS_STATEMENT)$/.test(code) ? "write refused" : undefined;
      const { database } = world;
      const turn = async (to: "on" | "off") => {
        await database.query(
          database.name === "mysql"
            ? `set global read_only = ${to}`
            : `alter role ${database.role} set default_transaction_read_only = ${to}`,
        );
        sendAway(world);
      };
      await part(world, 1, 3);
      await turn("on");
      await untilFired(world, "write refused", 3);
      await turn("off");
    },
  },
  {
    name: "connections-exhausted",
    databases: servers,
    faults: ["connection refused by the server", "waited for the pool's only connection"],
    servers: { connections: 1, impatient: true },
    inject: async (world) => {
      const { database } = world;
      const refused = "connection refused by the server";
      world.errors.of = (code) =>
        /^(53300|ER_TOO_MANY_USER_CONNECTIONS|ER_USER_LIMIT_REACHED)$/.test(code)
          ? refused
          : undefined;
      const waited = "waited for the pool's only connection";
      const most = world.long ? 3 : 1;
      const busy = new Set<ServerPlace>();
      const isSecond = isStatement(world, 2);
      onLinks(world, [
        {
          fault: "the pool's only connection was held",
          at: (passing) => world.times(waited) < most && isSecond(passing),
          verdict: (place) => {
            busy.add(place);
            return { hold: sleep(2_500).then(() => busy.delete(place)) };
          },
        },
      ]);
      onEntrances(world, [
        {
          fault: waited,
          at: (passing, place) => busy.has(place) && isRequest(passing),
          verdict: () => ({}),
          every: 1,
        },
      ]);
      await part(world, 1, 3);
      // Two processes want one each.
      const bound = (to: number) =>
        database.query(
          database.name === "mysql"
            ? `alter user ${database.role} with max_user_connections ${to === -1 ? 0 : to}`
            : `alter role ${database.role} connection limit ${to}`,
        );
      await bound(1);
      sendAway(world);
      await untilFired(world, refused);
      await bound(-1);
    },
  },
  {
    name: "column-missing",
    databases: [...servers, "sqlite"],
    faults: ["column asked for while it was missing"],
    inject: async (world) => {
      const fault = "column asked for while it was missing";
      await part(world, 1, 3);
      await world.database.query("alter table marks rename column number to number_gone");
      world.errors.of = (_code, during) => (during === "persist" ? fault : undefined);
      await untilFired(world, fault, 3);
      await world.database.query("alter table marks rename column number_gone to number");
      world.errors.of = () => undefined;
    },
  },
  {
    name: "dead-letters-down",
    databases: [...servers, "sqlite"],
    faults: ["dead letter refused"],
    inject: async (world) => {
      const fault = "dead letter refused";
      world.errors.of = (_code, during) => (during === "deadLetter" ? fault : undefined);
      const { down, up } = letterStore(world);
      await world.database.query(down);
      await untilFired(world, fault, 3);
      await world.database.query(up);
    },
  },
];

/** Connections that were made before end, also those whose sign-in was under way: each one that is used from now on is a new one. */
function sendAway({ servers }: World): void {
  for (const { link } of servers) link?.sendAway();
}

function letterStore({ database }: World): { readonly down: string; readonly up: string } {
  const { name, role } = database;
  switch (name) {
    case "postgres":
      return {
        down: `revoke insert on powersync_dead_letters from ${role}`,
        up: `grant insert on powersync_dead_letters to ${role}`,
      };
    case "mysql":
      return {
        down: "create trigger refused before insert on powersync_dead_letters for each row signal sqlstate '45000' set message_text = 'refused'",
        up: "drop trigger refused",
      };
    default:
      return {
        down: "create trigger refused before insert on powersync_dead_letters begin select raise(abort, 'refused'); end",
        up: "drop trigger refused",
      };
  }
}
