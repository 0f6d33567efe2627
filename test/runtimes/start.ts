/** Bundles a file, and runs it on Deno, Bun or workerd. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { Miniflare } from "miniflare";

export interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

export type Runtime = "Deno" | "Bun" | "workerd";

type Environment = Readonly<Record<string, string>>;

/** @param file for Deno and Bun a program that prints `PORT n` or a line with its address, for workerd a module with `fetch` */
export async function start(runtime: Runtime, file: string, env: Environment): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), "runtime-"));
  const bundle = join(folder, "bundle.mjs");
  await build({
    entryPoints: [file],
    outfile: bundle,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2023",
    logLevel: "error",
    external: ["pg-native", "cloudflare:sockets"],
    ...(runtime === "workerd" && { conditions: ["workerd"] }),
    // pg asks for Node's modules with require().
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire("file:///bundle.mjs");',
    },
  });
  const running =
    runtime === "workerd"
      ? await startWorker(bundle, env)
      : await startProcess(runtime, bundle, env);
  return {
    url: running.url,
    stop: async () => {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startWorker(bundle: string, env: Environment): Promise<Running> {
  const worker = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    modules: [{ type: "ESModule", path: "bundle.mjs", contents: await readFile(bundle, "utf8") }],
    compatibilityDate: "2026-01-01",
    compatibilityFlags: ["nodejs_compat"],
    bindings: env,
    // Nothing is fetched from elsewhere.
    cf: false,
    telemetry: { enabled: false },
  });
  const url = (await worker.ready).origin;
  return { url, stop: () => worker.dispose() };
}

/** The programs themselves: a script in front of one would be killed in its place. */
const commands = {
  Deno: ["node_modules/deno/deno", "run", "--allow-all", "--no-config"],
  Bun: ["node_modules/.bin/bun", "run"],
} as const;

async function startProcess(
  runtime: "Deno" | "Bun",
  bundle: string,
  env: Environment,
): Promise<Running> {
  const [program, ...options] = commands[runtime];
  const child = spawn(resolve(program), [...options, bundle], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const port = await portOf(child).catch((cause: unknown) => {
    child.kill("SIGKILL");
    throw new Error(`${runtime} did not start.\n${said}`, { cause });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      if (child.exitCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Ours, or Deno's own `Listening on http://…:8000/`. */
async function portOf(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on("line", (line) => {
        const port = /^PORT (\d+)$|http:\/\/[^/]*:(\d+)/.exec(line)?.slice(1).find(Boolean);
        if (port !== undefined) found(port);
      });
    }
    child.on("exit", (code) => failed(new Error(`It ended with ${String(code)}.`)));
    setTimeout(() => failed(new Error("It printed no port.")), 90_000).unref();
  });
}
