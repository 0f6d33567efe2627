/** The demo, as `npm start` runs it, in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Demo {
  readonly url: string;
  /** What it has written so far. */
  said(): string;
  /** SIGTERM. @returns the exit code; null where it had to be killed */
  stop(): Promise<number | null>;
}

const startMs = 120_000;
const stopMs = 60_000;

/** Resolves once its tables are there. */
export async function startDemo(env: Readonly<Record<string, string>>): Promise<Demo> {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
    scripts: Readonly<Record<string, string>>;
  };
  const { JWKS_URL: _jwks, POWERSYNC_URL: _service, ...inherited } = process.env;
  const child = spawn("sh", ["-c", scripts["start"] ?? "exit 1"], {
    env: {
      ...inherited,
      PATH: `${resolve("node_modules/.bin")}${delimiter}${process.env["PATH"]}`,
      PORT: "0",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  }
  const exited = once(child, "exit");
  for (const end = Date.now() + startMs; !said.includes("\ncurl ");) {
    if (child.exitCode !== null || Date.now() > end) {
      child.kill("SIGKILL");
      throw new Error(`The demo did not start.\n${said}`);
    }
    await sleep(50);
  }
  const url = /^Listening on (\S+)/m.exec(said)?.[1] ?? "";
  return { url, said: () => said, stop: () => stop(child, exited) };
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<number | null> {
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), stopMs);
  await exited;
  clearTimeout(late);
  return child.exitCode;
}
