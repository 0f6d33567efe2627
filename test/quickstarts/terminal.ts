/** A shell into which a page's lines are pasted, one complete command after another. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { delimiter } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** For a command, and for a server to listen. On a quiet machine they take seconds. */
const patienceMs = 180_000;

export class Terminal {
  readonly #shell: ChildProcess;
  readonly #mark = `done-${crypto.randomUUID()}`;
  #printed = "";
  #complained = "";

  constructor(folder: string, programs: string) {
    this.#shell = spawn("bash", ["--norc", "--noprofile"], {
      cwd: folder,
      env: environment(programs),
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own: what it has started ends with it.
      detached: true,
    });
    this.#shell.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#printed += text));
    this.#shell.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => (this.#complained += text));
  }

  /** @returns what the commands have printed, and the folder in which they have ended */
  async paste(text: string): Promise<{ readonly printed: string; readonly folder: string }> {
    let printed = "";
    let folder = "";
    for (const command of commandsOf(text)) {
      this.#printed = this.#complained = "";
      // A terminal's input is not the lines that follow.
      this.#write(`{ ${command}\n} </dev/null`);
      this.#write(`printf '\\n%s %s %s\\n' ${this.#mark} "$?" "$PWD"`);
      const end = new RegExp(`\\n${this.#mark} (\\d+) (.*)\\n`);
      await this.#until(command, async () => end.test(this.#printed));
      const [whole = "", code, where = ""] = end.exec(this.#printed) ?? [];
      if (code !== "0") throw this.#failed(command, `ended with ${code}`);
      printed += this.#printed.replace(whole, "\n");
      folder = where;
    }
    return { printed, folder };
  }

  /** Runs a command that does not end, and waits for it to print where it listens. */
  async serve(command: string, address: string): Promise<void> {
    this.#printed = this.#complained = "";
    this.#write(`{ ${command}\n} </dev/null; printf '\\n%s\\n' ${this.#mark}`);
    await this.#until(command, async () => {
      if (this.#printed.includes(this.#mark)) throw this.#failed(command, "ended");
      return `${this.#printed}${this.#complained}`.includes(address);
    });
  }

  async close(): Promise<void> {
    const { pid, exitCode } = this.#shell;
    if (pid === undefined || exitCode !== null) return;
    const ended = once(this.#shell, "exit");
    process.kill(-pid, "SIGKILL");
    await ended;
  }

  #write(line: string): void {
    this.#shell.stdin?.write(`${line}\n`);
  }

  async #until(command: string, isThere: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + patienceMs;
    while (!(await isThere())) {
      if (this.#shell.exitCode !== null) throw this.#failed(command, "ended the shell");
      if (Date.now() > end) throw this.#failed(command, `was not through in ${patienceMs} ms`);
      await sleep(20);
    }
  }

  #failed(command: string, how: string): Error {
    return new Error(`"${command}" ${how}.\n${this.#printed}\n${this.#complained}`);
  }
}

/** Lines, put together where one alone is no complete command: an open quote, or a `\` at its end. */
function commandsOf(text: string): readonly string[] {
  const commands: string[] = [];
  let open = "";
  for (const line of text.trimEnd().split("\n")) {
    open = open === "" ? line : `${open}\n${line}`;
    const isComplete =
      !open.endsWith("\\") &&
      spawnSync("bash", ["-n", "-c", open], { stdio: "ignore" }).status === 0;
    if (!isComplete) continue;
    if (open.trim() !== "") commands.push(open);
    open = "";
  }
  if (open !== "") throw new Error(`No complete command:\n${open}`);
  return commands;
}

/** A reader's environment: without this repository's programs, and without what `npm run` has added. */
function environment(programs: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) =>
      !/^npm_(?:package|lifecycle|command|execpath|node_execpath|config_local_prefix|config_prefix)/.test(
        name,
      ) && !["NODE_OPTIONS", "NODE_PATH", "INIT_CWD", "DATABASE_URL", "PORT"].includes(name),
  );
  const path = (process.env["PATH"] ?? "").split(delimiter);
  return {
    ...Object.fromEntries(own),
    PATH: [programs, ...path.filter((one) => !one.includes("node_modules"))].join(delimiter),
    NO_COLOR: "1",
    // What has been fetched before is taken from npm's cache.
    npm_config_prefer_offline: "true",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
  };
}

/** Whether `bash`, `psql` and `curl` are there. */
export function missingPrograms(): readonly string[] {
  return ["bash", "psql", "curl"].filter((name) => {
    try {
      execFileSync(name, ["--version"], { stdio: "ignore" });
      return false;
    } catch {
      return true;
    }
  });
}
