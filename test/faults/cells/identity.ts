/** Who sends, and from which copy of a queue: ids that come a second time with other content, copies that come late, and what has been pruned meanwhile. */
import { sign, signingKey, startProvider } from "../../support/identity-provider.js";
import { seeded } from "../../support/random.js";
import { until } from "../../support/uploads.js";
import { deviceOf } from "../world.js";
import { isRequest, onEntrances } from "../points.js";
import { uploadAll } from "../run.js";
import type { Cell, World } from "../terms.js";
import { neverMs, part, untilFired } from "../waiting.js";
import { createWriter, type DeviceName, type Sent } from "../workload.js";

const shared = ["postgres", "mysql", "sqlite"] as const;

/** One device that has been wiped, or signed in by another: the same client id, and ids that begin at 1 again. */
const oneClient: readonly DeviceName[] = [
  { name: "alice", user: "alice", clientId: "one" },
  { name: "bob", user: "bob", clientId: "one" },
  { name: "alice-again", user: "alice", clientId: "one" },
];

const losesAnswers = (world: World) =>
  onEntrances(world, [
    { fault: "HTTP answer lost", at: isRequest, verdict: () => ({ lose: "answer" }), every: 4 },
  ]);

const inVain = "keys asked for in vain";
const withNewKey = "signed with a new key";

export const identity: readonly Cell[] = [
  {
    name: "two-users-one-client",
    databases: [...shared, "pglite"],
    faults: ["the same ids from another user", "the same ids with other content"],
    workload: { devices: oneClient },
    inject: losesAnswers,
    upload: async (world) => {
      const stop = new AbortController();
      for (const device of world.devices) {
        await device.upload(stop.signal);
        if (device.name === "bob") world.fired("the same ids from another user");
        if (device.name === "alice-again") world.fired("the same ids with other content");
      }
    },
  },
  {
    name: "device-restored",
    databases: shared,
    faults: ["sent again from a backup", "ids used a second time behind it"],
    inject: losesAnswers,
    upload: async (world) => {
      const phone = deviceOf(world, "phone");
      // Made when a third had been answered.
      const backup = phone.queue.slice(Math.ceil(phone.queue.length / 3));
      await uploadAll(world);
      // What it had not sent when the backup was made, it sends again, though all has been answered; and then goes on counting from there.
      const rewound = createWriter("restored", seeded(world.random.below(2 ** 31)), {
        firstId: backup[0]?.transaction.crud[0]?.op_id ?? 1,
        firstNumber: backup[0]?.number ?? 1,
      });
      const later = Array.from({ length: 5 }, () => rewound());
      world.sent.push(...later);
      phone.queue = [...backup, ...later];
      for (const _ of backup) world.fired("sent again from a backup");
      for (const _ of later) world.fired("ids used a second time behind it");
      await uploadAll(world);
    },
  },
  {
    name: "late-copy",
    databases: shared,
    faults: ["held back, and delivered late"],
    inject: (world) =>
      // The device hears that the connection is gone, and sends again; the copy arrives when that and others have been answered since.
      onEntrances(world, [
        {
          fault: "held back, and delivered late",
          at: isRequest,
          verdict: () => ({ hangUp: true, hold: world.progress(world.done() + 5), lose: "answer" }),
          every: 5,
          most: world.long ? 12 : 3,
        },
      ]),
  },
  {
    name: "replayed-in-part-after-pruning",
    databases: ["postgres", "mysql"],
    faults: ["pruned in between", "sent again in part"],
    inject: () => undefined,
    upload: async (world) => {
      await Promise.all(
        world.devices.map(async (device) => {
          while (device.queue.length > 0) {
            const batch = device.queue.slice(0, 2 + world.random.below(4));
            // Its answer is lost: the device knows of nothing.
            const results = await device.send(batch, anyUrl(world)).catch(() => []);
            if (!results.every(({ status }) => status === "success")) {
              await untilAnswered(world, device, batch);
              continue;
            }
            await prune(world);
            for (const part of [batch.slice(0, 1), batch.slice(1)]) {
              if (part.length === 0) continue;
              world.fired("sent again in part");
              await untilAnswered(world, device, part);
            }
          }
        }),
      );
    },
  },
  {
    name: "identity-provider-down",
    databases: shared,
    faults: [inVain, withNewKey],
    inject: async (world) => {
      const serving = serveTokens(world);
      // Nobody has a token before.
      world.routes.token = async (user) => sign((await serving).first, { sub: user });
      const { provider, second } = await serving;
      await untilFired(world, inVain, 3);
      provider.answer = undefined;
      await part(world, 1, 2);
      // The servers ask for keys once in a while only; until then they don't know the new one.
      provider.keys = [second.jwk];
      world.routes.token = (user) => {
        world.fired(withNewKey);
        return sign(second, { sub: user });
      };
    },
  },
];

/** Servers that have no keys yet, and a provider that does not give them any. */
async function serveTokens(world: World) {
  const first = await signingKey("ES256", "first");
  const second = await signingKey("ES256", "second");
  const provider = await startProvider([first.jwk]);
  world.defer(provider.close);
  provider.answer = (_request, response) => {
    world.fired(inVain);
    response.writeHead(503).end();
  };
  for (const place of world.servers) {
    place.options = { ...place.options, jwksUri: provider.url };
    await place.replace();
  }
  return { first, second, provider };
}

function anyUrl(world: World): string {
  return world.random.pick(world.servers).url;
}

/** Sent again until it is through, and taken off the queue. */
async function untilAnswered(
  world: World,
  device: World["devices"][number],
  batch: readonly Sent[],
): Promise<void> {
  let left = batch;
  await until(async () => {
    const results = await device.send(left, anyUrl(world)).catch(() => []);
    const through = results.findIndex(
      ({ status }) => status !== "success" && status !== "fatal_error",
    );
    left = left.slice(through === -1 ? results.length : through);
    return left.length === 0;
  }, neverMs);
  device.queue.splice(0, batch.length);
}

/** As if the retention had passed since all that has been answered. One at a time: two would be in each other's way. */
function prune(world: World): Promise<void> {
  const pruned = (pruning.get(world) ?? Promise.resolve()).then(() => pruneNow(world));
  pruning.set(world, pruned);
  return pruned;
}

const pruning = new WeakMap<World, Promise<void>>();

async function pruneNow(world: World): Promise<void> {
  const { database, servers } = world;
  const ago = database.name === "mysql" ? "interval 200 day" : "interval '200 days'";
  const times = ["answered_at", "request_at", "first_request_at"];
  const older = times.map((name) => `${name} = ${name} - ${ago}`).join(", ");
  // It locks what transactions under way may want.
  await until(() =>
    database.query(`update powersync_ledger set ${older}`).then(
      () => true,
      (error: { readonly code?: unknown }) => {
        if (error.code === "40P01" || error.code === "ER_LOCK_DEADLOCK") return false;
        throw error;
      },
    ),
  );
  await servers[0]?.process.ask({ kind: "prune" });
  world.fired("pruned in between");
}
