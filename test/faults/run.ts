/** Runs one cell on one database with one seed: the devices upload while the fault is made, all is healed, the queues drain, and what is there is checked. */
import { check, type Tally } from "./check.js";
import { letters, rows } from "./databases.js";
import type { World } from "./terms.js";
import { neverMs } from "./waiting.js";
import { openWorld, type OpenWorld, type Plan } from "./world.js";

export interface Outcome extends Tally {
  readonly fires: ReadonlyMap<string, number>;
  readonly flown: number;
  /** Why the run has failed; empty where it has not. */
  readonly failures: readonly string[];
}

export async function run(plan: Plan): Promise<Outcome> {
  const world = await openWorld(plan);
  try {
    const { cell } = plan;
    await cell.before?.(world);
    let injecting = true;
    const inject = async () => {
      await cell.inject(world);
      injecting = false;
    };
    const enough = () => plan.enough?.(world.sent) ?? true;
    // The one rule by which no fault comes too late: work goes on until each has met some.
    if (cell.upload === undefined)
      world.writeWhile(() => injecting || world.missing().length > 0 || !enough());
    const upload = cell.upload ?? uploadAll;
    // What `inject` does at once is done before anything is sent.
    await bounded(Promise.all([inject(), upload(world)]), neverMs, "The uploads", world);
    world.writeWhile(() => false);
    await heal(world);
    await cell.heal?.(world);
    await uploadAll(world, AbortSignal.any([world.stop, AbortSignal.timeout(neverMs)]));
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

export async function uploadAll(world: World, stop = world.stop): Promise<void> {
  await Promise.all(world.devices.map((device) => device.upload(stop)));
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

function outcomeOf({ cell }: Plan, world: OpenWorld, tally: Tally): Outcome {
  const { fires, complaints } = world;
  const { queued, lost, twice, partial, reordered, wrong } = tally;
  const bad = queued + lost + twice + partial + reordered + wrong;
  return {
    ...tally,
    fires,
    flown: world.flown(),
    failures: [
      ...(bad > 0 ? tally.complaints : []),
      ...(queued > 0 ? [`${queued} transactions are still queued`] : []),
      ...complaints,
      ...world.missing().map((fault) => notOften(fault, fires.get(fault) ?? 0, cell.least)),
    ],
  };
}

function notOften(fault: string, times: number, least = 1): string {
  return times === 0
    ? `"${fault}" has not happened`
    : `"${fault}" has happened ${times} times, not ${least}`;
}

/** Says also what is missing: the uploads may go on because a fault does not come. */
async function bounded<T>(
  work: Promise<T>,
  ms: number,
  what: string,
  world: OpenWorld,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const left = world.devices.map(({ name, queue }) => `${name} ${queue.length}`).join(", ");
      const missing = world.missing().join(", ") || "none";
      reject(
        new Error(`${what} do not come to an end. Queued: ${left}. Missing faults: ${missing}.`),
      );
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
