/** The processes beside the bench's own: the server under test, and the other users. Both end with the bench. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { program } from "../../support/program.js";
import { putOf, send } from "./requests.js";

export interface Settings {
  readonly databaseUrl: string;
  /** `deadLetters.open`. */
  readonly openLetters?: number;
  /** `deadLetters.openBytes`: so that no body is refused for what others have left behind. */
  readonly openBytes?: number;
}

/** Since it was asked last; the memory since the start. */
export interface Usage {
  readonly peakKiB: number;
  /** Of the event loop: less up to 5 ms; and the most that it took of the processor at a stretch, which other work on the machine does not lengthen. */
  readonly longestBlock: { readonly ms: number; readonly processorMs: number };
}

export interface Sample {
  readonly outcome: string;
  readonly ms: number;
}

export interface BenchServer {
  readonly url: string;
  /** Resolves with the signal or the code of its end. */
  readonly ended: Promise<string>;
  /** `undefined` where it has ended, or does not answer within 30 seconds. */
  usage(): Promise<Usage | undefined>;
  /** The largest resident set so far, in MiB. */
  peakMiB(): number;
  kill(): Promise<void>;
}

/** Starts it, and sends a few PUTs, so that no figure is about what is done once. */
export async function startServer(
  settings: Settings,
  { heapMiB }: { readonly heapMiB?: number } = {},
): Promise<BenchServer> {
  const execArgv = heapMiB === undefined ? [] : [`--max-old-space-size=${heapMiB}`];
  const child = await start(
    new URL("abuse-server.ts", import.meta.url),
    JSON.stringify(settings),
    execArgv,
  );
  const ended = once(child, "exit").then(([code, signal]) => String(signal ?? code));
  const url = await message<string>(child, ended);
  let peakKiB = 0;
  const looking = setInterval(() => {
    void residentKiB(child.pid).then((kiB) => (peakKiB = Math.max(peakKiB, kiB)));
  }, 50);
  void ended.then(() => clearInterval(looking));
  const bound = AbortSignal.timeout(30_000);
  for (let number = 1; number <= 30; number += 1) {
    await send(url, { user: "first", body: putOf("first", "first", number), signal: bound });
  }
  return {
    url,
    ended,
    usage: async () => {
      if (!child.connected) return undefined;
      const answer = message<Usage>(child, ended).catch(() => undefined);
      child.send("usage", () => undefined);
      const usage = await answer;
      peakKiB = Math.max(peakKiB, usage?.peakKiB ?? 0);
      return usage;
    },
    peakMiB: () => peakKiB / 1024,
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

export interface Others {
  /** Ends them, and gives what became of each of their PUTs. What is still unanswered after five seconds is so at the end. */
  stop(): Promise<readonly Sample[]>;
}

export async function startOthers(url: string): Promise<Others> {
  const child = await start(new URL("abuse-others.ts", import.meta.url), url);
  const ended = once(child, "exit").then(([code, signal]) => String(signal ?? code));
  await message(child, ended);
  return {
    stop: async () => {
      const samples = message<readonly Sample[]>(child, ended);
      child.send("stop");
      try {
        return await samples;
      } finally {
        child.kill("SIGKILL");
        await ended;
      }
    },
  };
}

async function start(
  source: URL,
  argument: string,
  execArgv: readonly string[] = [],
): Promise<ChildProcess> {
  return fork(await program(source), [argument], {
    execArgv: [...execArgv],
    // What a server says when it runs out of memory is long, and its end is a figure.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
}

async function message<Message>(child: ChildProcess, ended: Promise<string>): Promise<Message> {
  const [said] = (await Promise.race([
    once(child, "message", { signal: AbortSignal.timeout(30_000) }),
    ended.then((how) => {
      throw new Error(`A process of the bench ended with ${how}.`);
    }),
  ])) as [Message];
  return said;
}

/** The kernel's own maximum, which outlives what the process can still say. Elsewhere than on Linux: 0. */
async function residentKiB(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
}

/** Others beside an attack, which is told to end once they have been heard. */
export async function beside<Result>(
  { url, ended }: BenchServer,
  seconds: number,
  attack: (signal: AbortSignal) => Promise<Result>,
): Promise<{ readonly result: Result; readonly samples: readonly Sample[] }> {
  const others = await startOthers(url);
  const over = new AbortController();
  const attacking = attack(over.signal);
  await Promise.race([attacking, ended, sleep(seconds * 1_000)]);
  const samples = await others.stop();
  over.abort();
  return { result: await attacking, samples };
}

/** The same others with nobody beside them. */
export async function alone(server: BenchServer, seconds: number): Promise<readonly Sample[]> {
  const { samples } = await beside(server, seconds, () => sleep(seconds * 1_000));
  return samples;
}
