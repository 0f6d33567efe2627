/** Processes of `fault-server.ts`: they are told what to serve, serve one world after another, and are killed. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { program } from "../support/program.js";
import type { Order, ServerOptions, Told } from "./fault-server.js";

export interface ServerProcess {
  /** @returns where it listens */
  open(options: ServerOptions): Promise<number>;
  /** As a caller in the same process: past HTTP. Rejects where the process ends meanwhile. */
  ask(order: Exclude<Order, { readonly kind: "open" }>): Promise<unknown>;
  /** SIGKILL, SIGSTOP, SIGCONT or SIGTERM. Nothing where it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** Its exit code, `null` where a signal has ended it. */
  readonly ended: Promise<number | null>;
  /** Not killed, and not ended. */
  alive(): boolean;
  onTold: ((told: Exclude<Told, { readonly number: number }>) => void) | undefined;
}

/** Started before they are needed: a process takes longer to start than a transaction to run. */
export function createProcesses() {
  const idle: Promise<ServerProcess>[] = [];
  const all = new Set<ServerProcess>();
  const start = async () => {
    const started = await startProcess();
    all.add(started);
    void started.ended.then(() => all.delete(started));
    return started;
  };
  const take = async (): Promise<ServerProcess> => {
    const taken = await (idle.shift() ?? start());
    return taken.alive() ? taken : take();
  };
  return {
    take,
    /** For whoever is next. */
    give: (process: ServerProcess) => {
      process.onTold = undefined;
      if (process.alive()) idle.push(Promise.resolve(process));
    },
    /** So that so many are there. */
    prepare: (count: number) => {
      while (idle.length < count) idle.push(start());
    },
    end: async () => {
      for (const each of await Promise.all(idle)) each.signal("SIGKILL");
      for (const each of all) each.signal("SIGKILL");
      await Promise.all([...all].map(({ ended }) => ended));
    },
  };
}

export type Processes = ReturnType<typeof createProcesses>;

async function startProcess(): Promise<ServerProcess> {
  const script = await program(new URL("fault-server.ts", import.meta.url));
  const child = fork(script, [], { execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-10_000);
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let number = 0;
  let alive = true;
  let killed = false;
  const ended = once(child, "exit").then(([code]) => {
    alive = false;
    const error = new Error(`The server has ended with ${String(code)}.\n${said}`);
    for (const { reject } of waiting.values()) reject(error);
    return code as number | null;
  });
  const own = {
    ended,
    alive: () => alive && !killed,
    onTold: undefined as ServerProcess["onTold"],
    open: async (options: ServerOptions) => {
      const url = await ask({ kind: "open", options });
      return Number(new URL(String(url)).port);
    },
    ask: (order: Order) => ask(order),
    signal: (signal: NodeJS.Signals) => {
      if (alive) child.kill(signal);
      if (signal === "SIGKILL") killed = true;
    },
  };
  const ask = (order: Order): Promise<unknown> =>
    new Promise((resolve, reject) => {
      number += 1;
      waiting.set(number, { resolve, reject });
      if (!alive) return reject(new Error("The server has ended."));
      child.send({ ...order, number }, (error) => error && reject(error));
    });
  child.on("message", (told: Told) => {
    if (told.kind !== "answer" && told.kind !== "failure") return own.onTold?.(told);
    const asked = waiting.get(told.number);
    waiting.delete(told.number);
    if (told.kind === "answer") asked?.resolve(told.value);
    else asked?.reject(new Error(told.message));
  });
  return own;
}
