/** The words of the suite, as types. */
import type { Random } from "../support/random.js";
import type { WireResult } from "../support/uploads.js";
import type { Proxy } from "../support/proxy.js";
import type { Tally } from "./check.js";
import type { Database, DatabaseName } from "./databases.js";
import type { Device } from "./device.js";
import type { ServerOptions } from "./fault-server.js";
import type { ServerProcess } from "./server-process.js";
import type { Sent, WorkloadOptions } from "./workload.js";

/** One way to lose a write, and how it is tried. */
export interface Cell {
  readonly name: string;
  readonly databases: readonly DatabaseName[];
  /** By name; each must have happened, or the run proves nothing. The devices go on writing until it has. */
  readonly faults: readonly string[];
  /** How often each of them must have happened. Default 1. */
  readonly least?: number;
  /** `few` and `large`: 3 seeds of 10 transactions in the long form, for what waits long or is large. */
  readonly size?: "few" | "large";
  readonly servers?: Partial<ServerOptions>;
  readonly workload?: Partial<WorkloadOptions>;
  /** Before anything is sent. */
  readonly before?: (world: World) => void | Promise<void>;
  /** Runs beside the devices' uploads, which go on until it has ended. What it leaves broken `heal` mends; after it the queues must drain. */
  readonly inject: (world: World) => void | Promise<void>;
  /**
   * In place of devices that upload until their queues are empty, all faults have happened, and `inject` has ended. Nothing is written beside the
   * queues then: whoever uploads has to see to it that every fault happens.
   */
  readonly upload?: (world: World) => Promise<void>;
  readonly heal?: (world: World) => void | Promise<void>;
  /** In place of the check by tags. */
  readonly check?: (world: World) => Promise<Tally>;
}

export interface World {
  /** Its own for each cell, database and seed. */
  readonly random: Random;
  readonly database: Database;
  readonly servers: readonly ServerPlace[];
  readonly devices: readonly Device[];
  /** How many transactions the devices' queues hold at first. */
  readonly planned: number;
  /** Whatever was written by the devices; what a cell sends beside their queues it adds. */
  readonly sent: Sent[];
  /** Letters that were retried: they are applied by now, and out of order. */
  readonly mended: Set<Sent>;
  readonly long: boolean;
  /** The first seed of a run. */
  readonly first: boolean;
  /** What the library meets in the server processes: which of it counts as which fault. */
  readonly errors: { of: (code: string, during: string) => string | undefined };
  /** What the devices ask; cells put others in their place. */
  readonly routes: Routes;
  /** A named fault has happened. */
  fired(fault: string): void;
  times(fault: string): number;
  /** Something that is not as it should be, for the report. */
  complain(what: string): void;
  /** Transactions that have left the devices' queues. */
  done(): number;
  /** Resolves when so many have, or all. */
  progress(transactions: number): Promise<void>;
  /** Aborted when the world ends. */
  readonly stop: AbortSignal;
  /** Run at the end, the latest first, while the database is there; however the run has ended. */
  defer(work: () => Promise<unknown>): void;
}

export interface Routes {
  /** Where a device's next request goes; `index` is what the seed says. */
  url: (device: string, index: number) => string;
  token: (user: string) => string | Promise<string>;
  /** Asked after each answer. False: the device is killed before it takes anything off its queue. */
  survives: (device: string, results: readonly WireResult[]) => boolean;
}

/** Where a server process stands: it can be replaced, and what leads to it and from it stays. */
export interface ServerPlace {
  readonly index: number;
  process: ServerProcess;
  /** From devices to the process. */
  readonly entrance: Proxy;
  /** From the process to the database; none where the database is in the process, or a file. */
  readonly link: Proxy | undefined;
  readonly url: string;
  /** What the next process there serves. */
  options: ServerOptions;
  /** Ends the process, with SIGKILL if nothing else is said, and puts another one in its place. */
  replace(signal?: NodeJS.Signals): Promise<void>;
  /** Until when the latest replacement serves. */
  ready: Promise<void>;
}
