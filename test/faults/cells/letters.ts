/** What can't be applied, wherever it stands in its batch; and letters that are retried at once, or by a process that ends in the middle of it. */
import { statuses } from "../../support/uploads.js";
import { seeded } from "../../support/random.js";
import { letters } from "../databases.js";
import { isCommit, isRequest, isStatement, killed, onEntrances, onLinks } from "../points.js";
import { uploadAll } from "../run.js";
import type { Cell, World } from "../terms.js";
import { createWriter, type Sent } from "../workload.js";

const everywhere = ["postgres", "mysql", "sqlite", "pglite"] as const;
const batch = 50;

function poisonAtEachIndex(onFatal: "stop" | "skip"): Cell {
  const fault = `poison among ${batch}, ${onFatal}`;
  return {
    name: `poison-at-each-index-${onFatal}`,
    databases: everywhere,
    size: "few",
    faults: [fault, "the batch sent again"],
    servers: { onFatal },
    workload: { transactions: 3, poison: 0 },
    inject: () => undefined,
    upload: async (world) => {
      await uploadAll(world);
      // Now and then the answer is lost, and the batch comes a second time.
      onEntrances(world, [
        {
          fault: "the batch sent again",
          at: isRequest,
          verdict: () => ({ lose: "answer" }),
          most: batch,
        },
      ]);
      const indexes = world.long ? batch : 4;
      for (let step = 0; step < indexes; step += 1) {
        const index = world.long ? step : world.random.below(batch);
        await sendBatch(world, index, step, onFatal);
        world.fired(fault);
      }
    },
  };
}

async function sendBatch(
  world: World,
  index: number,
  step: number,
  onFatal: "stop" | "skip",
): Promise<void> {
  const [device] = world.devices;
  if (device === undefined) return;
  const write = createWriter(`batch${step}`, seeded(world.random.below(2 ** 31)), {
    poison: [index + 1],
    operations: 1,
    // No other transaction of the batch is to depend on it.
    mendable: true,
    firstId: 1_000 * (step + 1),
  });
  const all = Array.from({ length: batch }, () => write());
  world.sent.push(...all);
  let left: readonly Sent[] = all;
  for (let tries = 0; left.length > 0; tries += 1) {
    if (tries > 200) return world.complain(`The batch ${step} is never through.`);
    const url = world.servers[tries % world.servers.length]?.url ?? "";
    const results = statuses(await device.send(left, url).catch(() => []));
    const upTo = results.findIndex((status) => status !== "success" && status !== "fatal_error");
    const through = upTo === -1 ? results.length : upTo;
    const poisoned = all.length - left.length + results.indexOf("fatal_error");
    if (results.includes("fatal_error") && poisoned !== index)
      world.complain(`The batch ${step} failed at ${poisoned}, and not at ${index}.`);
    if (onFatal === "stop" && results.slice(0, through).indexOf("fatal_error") < through - 1) {
      if (results.slice(0, through).includes("fatal_error"))
        world.complain(`The batch ${step} went on behind its failure.`);
    }
    left = left.slice(through);
  }
}

const mendable = { mendable: true, poison: 4 } as const;

export const deadLetters: readonly Cell[] = [
  poisonAtEachIndex("stop"),
  poisonAtEachIndex("skip"),
  {
    name: "letter-retried-10-times-at-once",
    databases: ["postgres", "mysql"],
    faults: ["retried 10 times at once"],
    workload: mendable,
    inject: () => undefined,
    upload: async (world) => {
      await uploadAll(world);
      await mend(world);
      for (const { id } of await letters(world.database)) await retryTenTimes(world, id);
      allMended(world);
    },
  },
  {
    name: "letter-retry-killed",
    databases: ["postgres", "mysql"],
    faults: ["killed at a statement", "killed before COMMIT", "killed behind COMMIT"],
    workload: mendable,
    inject: () => undefined,
    upload: async (world) => {
      await uploadAll(world);
      await mend(world);
      // Each letter in its turn meets one of them, so that none waits for a letter that does not come.
      const kills = [
        killed(world, "killed at a statement", isStatement(world, 2), "statement"),
        killed(world, "killed before COMMIT", isCommit, "statement"),
        killed(world, "killed behind COMMIT", isCommit, "answer"),
      ].map((point) => ({ ...point, every: 1, most: world.long ? 3 : 1 }));
      for (const { id } of await letters(world.database)) {
        const next = kills.filter(({ fault, most }) => world.times(fault) < most);
        onLinks(world, next.length === 0 ? [] : [world.random.pick(next)]);
        await retryUntilClosed(world, id);
      }
      allMended(world);
    },
  },
];

/** What made them fail is so no more. */
async function mend({ database }: World): Promise<void> {
  await database.query("alter table items drop constraint items_size");
}

function allMended({ sent, mended }: World): void {
  for (const each of sent) if (each.outcome === "fatal_error") mended.add(each);
}

async function retry(world: World, letter: string, attempt: number): Promise<string> {
  const place = world.servers[attempt % world.servers.length];
  await place?.ready;
  const result = await place?.process.ask({ kind: "retry", letter });
  return String((result as { readonly status: string } | undefined)?.status);
}

/** All at once; and again, where a time-out has met all of them. */
async function retryTenTimes(world: World, letter: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, copy) => retry(world, letter, copy)),
    );
    world.fired("retried 10 times at once");
    const retried = results.filter((status) => status === "retried").length;
    if (retried > 1) world.complain(`A letter was retried: ${results.join(", ")}.`);
    if (!results.every((status) => status === "failed")) return;
  }
  world.complain(`The letter ${letter} can't be retried.`);
}

async function retryUntilClosed(world: World, letter: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const status = await retry(world, letter, attempt).catch(() => "killed");
    if (status === "retried" || status === "not_open") return;
  }
  world.complain(`The letter ${letter} can't be retried.`);
}
