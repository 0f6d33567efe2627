/** Everything that a cell takes place in: an empty database, server processes with proxies before and behind them, and devices with full queues. */
import { createProxy } from "../support/proxy.js";
import { seeded, seedOf } from "../support/random.js";
import type { Database, DatabaseServer } from "./databases.js";
import { createDevice, type Device } from "./device.js";
import type { Sabotage } from "./sabotage.js";
import type { Processes, ServerProcess } from "./server-process.js";
import type { Cell, ServerPlace, World } from "./terms.js";
import { queuedFirst, type Sent, threeDevices, writerOf } from "./workload.js";

export interface Plan {
  readonly cell: Cell;
  readonly server: DatabaseServer;
  readonly seed: number;
  readonly transactions: number;
  readonly long: boolean;
  /** The first seed of a run. */
  readonly first: boolean;
  /** The servers' pools send transactions as a whole, where the database can. */
  readonly flights: boolean;
  readonly processes: Processes;
  readonly sabotage?: Sabotage | undefined;
  /** Whether enough has been sent. The devices write on until it has. */
  readonly enough?: ((sent: readonly Sent[]) => boolean) | undefined;
}

export interface OpenWorld extends World {
  readonly fires: ReadonlyMap<string, number>;
  readonly complaints: readonly string[];
  /** Faults that the cell names and that have not happened as often as they must. */
  missing(): readonly string[];
  /** Users whose device has an empty queue write on as long as this says true. Nobody does, until it is called. */
  writeWhile(wanted: () => boolean): void;
  /** Transactions that were sent to the database as a whole. */
  flown(): number;
  close(): Promise<void>;
}

/** Longer than the servers' time-outs, so that they answer before it has passed. */
const patienceMs = { usual: 80_000, impatient: 12_000 };

export async function openWorld(plan: Plan): Promise<OpenWorld> {
  const { cell, server, seed, transactions, long } = plan;
  const database = await server.open();
  const own = seedOf(seed, `${cell.name} ${server.name}`);
  const random = seeded(own);
  const places: ServerPlace[] = [];
  // What is in the process is in one alone.
  for (const index of database.tables === undefined ? [0, 1] : [0])
    places.push(await openPlace(plan, database, index));
  const options = { devices: threeDevices, transactions, ...cell.workload };
  const sent: Sent[] = [];
  const fires = new Map<string, number>();
  const complaints: string[] = [];
  const deferred: (() => Promise<unknown>)[] = [];
  const stop = new AbortController();
  let writesOn = () => false;
  let done = 0;
  let flown = 0;
  let waiting: { readonly count: number; resolve(): void }[] = [];
  const tellWaiting = () => {
    const all = devices.every(({ queue }) => queue.length === 0);
    for (const each of waiting) if (all || done >= each.count) each.resolve();
    waiting = waiting.filter(({ count }) => !all && done < count);
  };
  const answered = () => {
    done += 1;
    // Behind the device, which takes it off its queue.
    queueMicrotask(tellWaiting);
  };
  const devices = options.devices.map((name) => {
    const mine = seeded(seedOf(own, name.name));
    // Flights are tried where they can succeed; what grounds them comes from the others.
    const plain = plan.flights && name.user === "alice" && cell.workload?.poison === undefined;
    const write = writerOf(own, name.name, { ...options, plain });
    const size = () => 1 + mine.below(5);
    const written = (count: number) => {
      const next = Array.from({ length: count }, () => write());
      sent.push(...next);
      return next;
    };
    return createDevice({
      ...name,
      queue: written(queuedFirst(options)),
      route: () => world.routes.url(name.name, mine.below(places.length)),
      size,
      more: () => (writesOn() ? written(size()) : []),
      token: () => world.routes.token(name.user),
      survives: (results) => world.routes.survives(name.name, results),
      patienceMs: patienceMs[cell.servers?.impatient === true ? "impatient" : "usual"],
      answered,
    });
  });
  const fired = (fault: string) => void fires.set(fault, (fires.get(fault) ?? 0) + 1);
  const errors = { of: (_code: string, _during: string): string | undefined => undefined };
  for (const { process } of places) {
    process.onTold = (told) => {
      if (told.kind === "fired") return fired(told.fault);
      if (told.kind === "flown") {
        flown += 1;
        return;
      }
      const fault = errors.of(told.code, told.during);
      if (fault !== undefined) fired(fault);
    };
  }
  const world: OpenWorld = {
    random,
    database,
    servers: places,
    devices,
    planned: sent.length,
    sent,
    mended: new Set<Sent>(),
    long,
    first: plan.first,
    routes: {
      url: (_device, index) => (places[index] as ServerPlace).url,
      token: (user) => user,
      survives: () => true,
    },
    fires,
    complaints,
    errors,
    fired,
    times: (fault) => fires.get(fault) ?? 0,
    complain: (what) => void complaints.push(what),
    done: () => done,
    missing: () => cell.faults.filter((fault) => (fires.get(fault) ?? 0) < (cell.least ?? 1)),
    writeWhile: (wanted) => {
      writesOn = wanted;
    },
    flown: () => flown,
    stop: stop.signal,
    defer: (work) => void deferred.unshift(work),
    progress: (count) =>
      new Promise((resolve) => {
        waiting.push({ count, resolve });
        tellWaiting();
      }),
    close: async () => {
      stop.abort();
      for (const { entrance, link, process } of places) {
        await entrance.close();
        // Pools wait for what connections still have to say.
        await link?.close();
        await closed(process);
        plan.processes.give(process);
      }
      for (const work of deferred) await work();
      await database.drop();
    },
  };
  return world;
}

async function openPlace(plan: Plan, database: Database, index: number): Promise<ServerPlace> {
  const { cell, processes, sabotage } = plan;
  const { network } = database;
  const link = network && (await createProxy(network.port, network.protocol));
  const entrance = await createProxy(0, "http");
  const process = await processes.take();
  const place: ServerPlace = {
    index,
    process,
    entrance,
    link,
    options: {
      url: database.url(link?.port ?? 0),
      seed: plan.seed + index,
      ...cell.servers,
      flights: plan.flights,
      ...(sabotage !== undefined && { sabotage }),
      ...(database.tables !== undefined && { tables: database.tables }),
    },
    url: `http://127.0.0.1:${entrance.port}/api/data`,
    ready: Promise.resolve(),
    replace: (signal = "SIGKILL") => {
      const { process: ending } = place;
      ending.signal(signal);
      const ended = Promise.all([place.ready, ending.ended]);
      place.ready = ended.then(() => (place.process === ending ? follow() : undefined));
      return place.ready;
    },
  };
  /** It may be ended again before it serves anything. */
  const follow = async (): Promise<void> => {
    const { onTold } = place.process;
    const next = await processes.take();
    place.process = next;
    next.onTold = onTold;
    try {
      entrance.to = await next.open(place.options);
    } catch (error) {
      if (next.alive()) throw error;
      return follow();
    }
  };
  entrance.to = await process.open(place.options);
  database.askThrough(
    async (statement) =>
      (await place.process.ask({ kind: "query", sql: statement })) as readonly unknown[],
  );
  return place;
}

const closeMs = 20_000;

/** Ready for another world; or killed, where it does not come to an end. */
async function closed(process: ServerProcess): Promise<void> {
  process.signal("SIGCONT");
  const timer = setTimeout(() => process.signal("SIGKILL"), closeMs);
  await process.ask({ kind: "close" }).catch(() => process.signal("SIGKILL"));
  clearTimeout(timer);
  if (!process.alive()) await process.ended;
}

export function deviceOf(world: World, name: string): Device {
  const found = world.devices.find((device) => device.name === name);
  if (found === undefined) throw new Error(`There is no device ${name}.`);
  return found;
}
