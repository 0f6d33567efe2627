/** The bench's side of its servers: starts them, sends requests, and reads what they and the database have used. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import { program } from "../../support/program.js";
import type { Configuration } from "./ours.js";
import type { Workload } from "./workloads.js";

export type ServerName =
  | Configuration
  | "usual pattern"
  | "usual pattern, ledger"
  | "floor, ledger"
  | "floor, ledger, one commit"
  | "floor";

export interface ContenderSettings {
  readonly server: ServerName;
  /** `pglite`: one in the process's memory. */
  readonly databaseUrl: string;
  /** Where the server itself finds it: perhaps through a proxy. */
  readonly throughUrl: string;
}

/** What a server is asked for: to empty and fill the tables; a digest of all rows; what it has used. */
export type Asked = "fill" | "rows" | "usage";

export type Told = { readonly answer: unknown } | { readonly failed: true };

export interface Usage {
  readonly cpuMs: number;
  readonly peakMiB: number;
}

export interface Contender {
  readonly name: ServerName;
  fill(): Promise<void>;
  rows(): Promise<string>;
  usage(): Promise<Usage>;
  /** @throws Error where a transaction is not answered `success` */
  send(body: string): Promise<void>;
  close(): Promise<void>;
}

export async function start(settings: ContenderSettings, bearer: string): Promise<Contender> {
  const entry = await program(new URL("contender.ts", import.meta.url));
  const child = fork(entry, [JSON.stringify(settings)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const url = (await told(child)) as string;
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const ask = (asked: Asked) => {
    child.send(asked);
    return told(child);
  };
  return {
    name: settings.server,
    fill: async () => void (await ask("fill")),
    rows: async () => (await ask("rows")) as string,
    usage: async () => (await ask("usage")) as Usage,
    send: (body) => post(url, agent, bearer, body),
    close: async () => {
      agent.destroy();
      const ended = once(child, "exit");
      child.disconnect();
      await ended;
    },
  };
}

async function told(child: ChildProcess): Promise<unknown> {
  const heard = new AbortController();
  const [message] = (await Promise.race([
    once(child, "message", { signal: heard.signal }),
    once(child, "exit", { signal: heard.signal }).then(() => [{ failed: true }]),
  ])) as [Told];
  heard.abort();
  if ("failed" in message) throw new Error("A server of the bench has failed.");
  return message.answer;
}

function post(url: string, agent: Agent, bearer: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      authorization: `Bearer ${bearer}`,
    };
    const sent = httpRequest(url, { method: "POST", agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const statuses = text.match(/"status":"\w+"/g) ?? ["none"];
        if (statuses.every((status) => status === '"status":"success"')) resolve();
        else reject(new Error(`The bench's upload was answered ${text.slice(0, 500)}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Sends a workload's requests, so many at once. @returns the milliseconds that it took */
export async function run(
  contender: Contender,
  bodies: readonly string[],
  concurrency: number,
): Promise<number> {
  const waiting = bodies.values();
  const started = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const body of waiting) await contender.send(body);
    }),
  );
  return performance.now() - started;
}

export function bodiesOf(workload: Workload, from: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => workload.body(from + index));
}

const ticksPerSecond = 100;

/**
 * Milliseconds of the processor that a database server's processes have used: those that run, and those that its first process has seen end.
 * `undefined` where the system does not say.
 */
export async function databaseCpuMs(names: readonly string[]): Promise<number | undefined> {
  const ids = await readdir("/proc").catch((): string[] => []);
  let ticks = 0;
  let found = false;
  for (const id of ids) {
    if (!/^\d+$/.test(id)) continue;
    const stat = await readFile(`/proc/${id}/stat`, "latin1").catch(() => "");
    const [, name = "", rest = ""] = /^\d+ \((.*)\) (.*)$/s.exec(stat) ?? [];
    if (!names.includes(name)) continue;
    found = true;
    // utime, stime, cutime, cstime: see proc(5).
    for (const field of rest.split(" ").slice(11, 15)) ticks += Number(field);
  }
  return found ? (ticks * 1_000) / ticksPerSecond : undefined;
}
