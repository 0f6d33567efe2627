/** Runs one cell on one database with one seed: the devices upload while the fault is made, all is healed, the queues drain, and what is there is checked. */
import { check, type Tally } from "./check.js";
import { letters, rows } from "./databases.js";
import type { World } from "./terms.js";
import { openWorld, type OpenWorld, type Plan } from "./world.js";

export interface Outcome extends Tally {
  readonly fires: ReadonlyMap<string, number>;
  /** Why the run has failed; empty where it has not. */
  readonly failures: readonly string[];
}

/** For what never comes about. */
const uploadMs = 240_000;
const drainMs = 90_000;

export async function run(plan: Plan): Promise<Outcome> {
  const world = await openWorld(plan);
  try {
    const { cell } = plan;
    const upload = cell.upload ?? uploadAll;
    await cell.before?.(world);
    const inject = async () => {
      await cell.inject(world);
      world.release();
    };
    await bounded(Promise.all([upload(world), inject()]), uploadMs, "The uploads");
    await heal(world);
    await cell.heal?.(world);
    const stop = AbortSignal.timeout(drainMs);
    await Promise.all(world.devices.map((device) => device.upload(stop)));
    await cell.after?.(world);
    await heal(world);
    // Whatever is still under way, in the name of clients that have left, comes to its end.
    for (const { process } of world.servers) await process.ask({ kind: "drain" });
    return outcomeOf(plan, world, await (cell.check ?? look)(world));
  } catch (error) {
    // Those behind it find their database all the same.
    await plan.server.start().catch(() => undefined);
    throw error;
  } finally {
    await world.close();
  }
}

export function uploadAll(world: Pick<OpenWorld, "devices">): Promise<void> {
  const stop = AbortSignal.timeout(uploadMs);
  return Promise.all(world.devices.map((device) => device.upload(stop))).then(() => undefined);
}

async function heal({ servers }: OpenWorld): Promise<void> {
  for (const place of servers) {
    place.entrance.judge = undefined;
    if (place.link !== undefined) place.link.judge = undefined;
    place.process.signal("SIGCONT");
    await place.ready;
    if (!place.process.alive()) await place.replace();
  }
}

async function look(world: World): Promise<Tally> {
  const { database, sent, devices, mended } = world;
  const found = {
    history: await database.history(),
    letters: await letters(database),
    rows: await rows(database),
    queued: new Set(devices.flatMap(({ queue }) => queue)),
  };
  return check(sent, found, mended);
}

function outcomeOf({ cell }: Plan, { fires, complaints }: OpenWorld, tally: Tally): Outcome {
  const { queued, lost, twice, partial, reordered, wrong } = tally;
  const bad = queued + lost + twice + partial + reordered + wrong;
  const missing = cell.faults.filter((fault) => (fires.get(fault) ?? 0) === 0);
  return {
    ...tally,
    fires,
    failures: [
      ...(bad > 0 ? tally.complaints : []),
      ...(queued > 0 ? [`${queued} transactions are still queued`] : []),
      ...complaints,
      ...missing.map((fault) => `"${fault}" has not happened`),
    ],
  };
}

async function bounded<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} do not come to an end.`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
