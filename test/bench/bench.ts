/**
 * `npm run bench`: this library beside the usual hand-written pattern and beside the floor, over HTTP, on the same database, in the same run, taking
 * turns. Each server is a process of its own with a database of its own; all get the same bytes, and in the end all databases must hold the same rows,
 * or the run is void. Speeds are medians of the rounds; only their ratios mean anything elsewhere.
 *
 * `npm run bench -- --database mysql` (`mariadb`, `sqlite`, `pglite`; default `postgres`), `--cases W1,W3`, `--rounds 5`, `--warm-up 6` (rounds that are not counted), `--trips 0,2,20`,
 * `--servers "ledger, owner, JWT|usual pattern"` runs some of them, beside the one that the others are compared with;
 * `--write` puts the tables and charts into docs/performance.md.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createPostgresDatabase } from "../support/databases.js";
import { createMysqlDatabase } from "../support/mysql.js";
import { mariadbServer, mysqlServer, postgresAvailable } from "../support/servers.js";
import {
  bodiesOf,
  type Contender,
  databaseCpuMs,
  run,
  type ServerName,
  start,
} from "./speed/drive.js";
import { configurationNames, oneCommit, stepByStep } from "./speed/ours.js";
import { createProxy, type Proxy } from "./speed/proxy.js";
import {
  chart,
  costs,
  counts,
  type Counted,
  latencies,
  median,
  type Measured,
  type Result,
  speeds,
} from "./speed/report.js";
import { token } from "./speed/serving.js";
import { longest, type Workload, workloads } from "./speed/workloads.js";
import { writeDocs } from "./speed/docs.js";

const { values: options } = parseArgs({
  options: {
    database: { type: "string", default: "postgres" },
    cases: { type: "string", default: workloads.map(({ name }) => name).join() },
    rounds: { type: "string", default: "7" },
    "warm-up": { type: "string", default: "6" },
    concurrency: { type: "string", default: "1,8" },
    trips: { type: "string", default: "0,2,20" },
    servers: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds);
const warmUp = Number(options["warm-up"]);
const trips = options.trips.split(",").map(Number);
const chosen = workloads.filter(({ name }) => options.cases.split(",").includes(name));
const bearer = await token();

interface Kind {
  readonly protocol?: "postgres" | "mysql";
  /** Of its server. */
  readonly processes: readonly string[];
  readonly available: () => Promise<boolean>;
  readonly create: () => Promise<{ readonly url: string; drop(): Promise<void> }>;
}

const kinds: Readonly<Record<string, Kind>> = {
  postgres: {
    protocol: "postgres",
    processes: ["postgres"],
    available: postgresAvailable,
    create: createPostgresDatabase,
  },
  mysql: {
    protocol: "mysql",
    processes: ["mysqld"],
    available: mysqlServer.available,
    create: () => createMysqlDatabase(mysqlServer),
  },
  mariadb: {
    protocol: "mysql",
    processes: ["mariadbd", "mysqld"],
    available: mariadbServer.available,
    create: () => createMysqlDatabase(mariadbServer),
  },
  sqlite: { processes: [], available: async () => true, create: inFolder },
  pglite: {
    processes: [],
    available: async () => true,
    create: async () => ({ url: "pglite", drop: async () => undefined }),
  },
};

async function inFolder() {
  const folder = await mkdtemp(join(tmpdir(), "powersync-writes-bench-"));
  return {
    url: `sqlite:${join(folder, "bench.db")}`,
    drop: () => rm(folder, { recursive: true, force: true }),
  };
}

const kind = kinds[options.database];
if (kind === undefined) {
  throw new Error(`--database is one of ${Object.keys(kinds).join(", ")}.`);
}
if (!(await kind.available())) {
  console.error(`The bench needs a server of ${options.database}; none answers.`);
  process.exit(1);
}

const everyServer: readonly ServerName[] =
  options.database === "postgres"
    ? [
        ...configurationNames,
        `ledger, owner, JWT${stepByStep}`,
        `ledger, owner, JWT${oneCommit}`,
        "usual pattern",
        "floor, ledger",
        "floor, ledger, one commit",
        "floor",
      ]
    : [
        ...configurationNames,
        ...(options.database.startsWith("m") ? ([`ledger, owner, JWT${stepByStep}`] as const) : []),
        "usual pattern",
        "usual pattern, ledger",
        ...(options.database === "pglite" ? [] : (["floor, ledger"] as const)),
      ];
const reference: ServerName = options.database === "postgres" ? "floor, ledger" : "usual pattern";
const named = options.servers?.split("|");
const unknown = named?.find((name) => !everyServer.some((each) => each === name));
if (unknown !== undefined) {
  throw new Error(`--servers names "${unknown}". It may name ${everyServer.join(" | ")}.`);
}
const servers = everyServer.filter((name) => name === reference || (named?.includes(name) ?? true));

interface Stage {
  readonly contenders: readonly Contender[];
  /** Where there is one between each server and its database. */
  readonly proxies: readonly Proxy[];
  close(): Promise<void>;
}

/** A server of each kind, and a database for each. */
async function open(tripMs: number | undefined, names: readonly ServerName[]): Promise<Stage> {
  const closing: (() => Promise<void> | void)[] = [];
  const contenders: Contender[] = [];
  const proxies: Proxy[] = [];
  for (const server of names) {
    const { url, drop } = await (kind as Kind).create();
    let throughUrl = url;
    if (tripMs !== undefined && kind?.protocol !== undefined) {
      const address = new URL(url);
      const port = Number(address.port || (kind.protocol === "postgres" ? 5432 : 3306));
      const proxy = await createProxy(port, kind.protocol, tripMs);
      address.port = String(proxy.port);
      throughUrl = address.href;
      proxies.push(proxy);
      closing.push(() => proxy.close());
    }
    const contender = await start({ server, databaseUrl: url, throughUrl }, bearer);
    contenders.push(contender);
    closing.unshift(() => contender.close());
    closing.push(drop);
  }
  return {
    contenders,
    proxies,
    close: async () => {
      for (const close of closing) await close();
    },
  };
}

async function sameRows({ contenders }: Stage, workload: Workload): Promise<void> {
  const digests = new Map<string, string[]>();
  for (const contender of contenders) {
    const digest = await contender.rows();
    digests.set(digest, [...(digests.get(digest) ?? []), contender.name]);
  }
  if (digests.size > 1) {
    const groups = [...digests.values()].map((names) => names.join(" and ")).join("; but ");
    throw new Error(`The run is void: after ${workload.name} the rows differ: ${groups}.`);
  }
}

/** Rounds in which each server has a turn, each time in another order. */
async function measure(
  stage: Stage,
  workload: Workload,
  concurrency: number,
  tripMs: number,
  requests: number,
  uncounted = 1,
): Promise<Result> {
  const { contenders } = stage;
  const samples = new Map<Contender, { ms: number[]; cpu: number[]; database: number[] }>();
  for (const contender of contenders) {
    samples.set(contender, { ms: [], cpu: [], database: [] });
    await contender.fill();
  }
  let request = 1;
  // The first rounds are for what is done once, and for the compiler: a server runs for days.
  for (let round = 0; round < uncounted + rounds; round += 1) {
    const bodies = bodiesOf(workload, request, requests);
    request += requests;
    const from = round % contenders.length;
    for (const contender of [...contenders.slice(from), ...contenders.slice(0, from)]) {
      const before = await contender.usage();
      const databaseBefore = await databaseCpuMs((kind as Kind).processes);
      const ms = await run(contender, bodies, concurrency);
      const databaseAfter = await databaseCpuMs((kind as Kind).processes);
      const after = await contender.usage();
      if (round < uncounted) continue;
      const sample = samples.get(contender);
      sample?.ms.push(ms);
      sample?.cpu.push(after.cpuMs - before.cpuMs);
      if (databaseBefore !== undefined && databaseAfter !== undefined) {
        sample?.database.push(databaseAfter - databaseBefore);
      }
    }
  }
  await sameRows(stage, workload);
  const measured: Measured[] = [];
  const each = workload.unit === "tx/s" ? workload.transactions : workload.operations;
  for (const [contender, { ms, cpu, database }] of samples) {
    measured.push({
      server: contender.name,
      perSecond: (requests * each * 1_000) / median(ms),
      requestMs: median(ms) / requests,
      serverCpuMs: median(cpu) / requests,
      databaseCpuMs: database.length === 0 ? undefined : median(database) / requests,
      peakMiB: (await contender.usage()).peakMiB,
    });
  }
  return { workload, concurrency, tripMs, measured };
}

async function count(stage: Stage, workload: Workload): Promise<Counted> {
  const traffic: Counted["traffic"][number][] = [];
  for (const [index, contender] of stage.contenders.entries()) {
    const proxy = stage.proxies[index];
    if (proxy === undefined) continue;
    await contender.fill();
    const [last, ...first] = bodiesOf(workload, 1, 3).toReversed();
    // What is done once for a connection or a device is not counted.
    for (const body of first.toReversed()) await contender.send(body);
    proxy.reset();
    await contender.send(last ?? "");
    traffic.push({ server: contender.name, traffic: { ...proxy.traffic } });
  }
  return { workload, traffic };
}

const near: Result[] = [];
const far: Result[] = [];
const counted: Counted[] = [];

if (trips.includes(0)) {
  const stage = await open(undefined, servers);
  for (const workload of chosen) {
    for (const concurrency of options.concurrency.split(",").map(Number)) {
      near.push(await measure(stage, workload, concurrency, 0, workload.requests, warmUp));
    }
    console.log(`\n${speeds(near.slice(-2), reference)}`);
  }
  await stage.close();
}
if (kind.protocol !== undefined) {
  const stage = await open(2, servers);
  for (const workload of chosen) counted.push(await count(stage, workload));
  await stage.close();
  for (const tripMs of trips.filter((each) => each > 0)) {
    const away = await open(tripMs, servers);
    for (const workload of chosen.filter(({ operations }) => operations <= 100)) {
      far.push(await measure(away, workload, 1, tripMs, workload.operations === 1 ? 10 : 3));
    }
    await away.close();
  }
  if (trips.includes(20)) {
    // One statement after the other would take minutes.
    const names = servers.filter(
      (name) => !name.endsWith(stepByStep) && !name.startsWith("usual pattern"),
    );
    const away = await open(20, names);
    for (const contender of away.contenders) await contender.fill();
    for (const contender of away.contenders) {
      // The first of a device takes several trips.
      for (const workload of workloads.slice(0, 1))
        for (const body of bodiesOf(workload, 1, 2)) await contender.send(body);
      const bodies = bodiesOf(longest, 1, 1);
      const ms = await run(contender, bodies, 1).catch(() => undefined);
      const took = ms === undefined ? "was not applied in time" : `took ${Math.round(ms)} ms`;
      console.log(`\n${longest.title}, 20 ms away: ${contender.name} ${took}`);
    }
    await away.close();
  }
}

const sections = {
  speeds: speeds(near, reference),
  costs: costs(near),
  counts: counts(counted),
  latencies: latencies(far),
};
for (const [name, text] of Object.entries(sections))
  if (text !== "") console.log(`\n${name}\n\n${text}`);
if (options.write) {
  const title = "Writes on Postgres, with the database on the same machine";
  await writeDocs(
    options.database,
    sections,
    options.database === "postgres" ? { "performance-postgres.svg": chart(title, near) } : {},
  );
}
