/** A project of an application's, in a folder of its own, and the command run in it: from the sources, by Node alone, as npx would run it. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { rmSync } from "node:fs";
import { build } from "esbuild";
import { entriesOf } from "./house/bytes.js";
import { program } from "./program.js";

export interface Project {
  readonly folder: string;
  /** Writes a file. */
  write(name: string, text: string): Promise<void>;
  read(name: string): Promise<string>;
  /** Runs the command to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Starts it. */
  start(args: readonly string[], options?: RunOptions): Promise<ChildProcessWithoutNullStreams>;
  remove(): Promise<void>;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param type of its package.json */
export async function createProject(type: "module" | "commonjs" = "module"): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "powersync-writes-project-"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "app", type }));
  await linkPackages(join(folder, "node_modules"));
  const start: Project["start"] = async (args, { env = {} } = {}) => {
    const { PATH = "", HOME = "", NODE_COMPILE_CACHE: cache = "" } = process.env;
    return spawn(process.execPath, [await program(mainFile), ...args], {
      cwd: folder,
      // What the run of the tests has set is no setting of the project's.
      env: { PATH, HOME, ...(cache !== "" && { NODE_COMPILE_CACHE: cache }), ...env },
    });
  };
  return {
    folder,
    write: (name, text) => writeFile(join(folder, name), text),
    read: (name) => readFile(join(folder, name), "utf8"),
    start,
    run: async (args, options = {}) => {
      const child = await start(args, options);
      child.stdin.end(options.input ?? "");
      return ended(child);
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

const mainFile = new URL("../../src/cli/main.ts", import.meta.url);

export async function ended(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, stdout, stderr };
}

/** What npm would install: the packages of this repository, and the library as it is built, from the sources, with their types. */
async function linkPackages(modules: string): Promise<void> {
  await mkdir(modules);
  const installed = resolve("node_modules");
  await Promise.all(
    (await readdir(installed))
      .filter((name) => !name.startsWith(".") && name !== "powersync-writes")
      .map((name) => symlink(join(installed, name), join(modules, name))),
  );
  const library = join(modules, "powersync-writes");
  await mkdir(library);
  await symlink(resolve("src"), join(library, "src"));
  await symlink(resolve("adapters"), join(library, "adapters"));
  await symlink(await builtLibrary(), join(library, "dist"));
  const exports = Object.fromEntries(
    Object.entries(entriesOf()).map(([name, source]) => [
      name === "index" ? "." : `./${name}`,
      { types: `./${source}`, default: `./dist/${name}.js` },
    ]),
  );
  const manifest = { name: "powersync-writes", type: "module", exports };
  await writeFile(join(library, "package.json"), JSON.stringify(manifest));
}

let built: Promise<string> | undefined;

/** All entries, once, with what they share in files of its own, as the package has it. */
function builtLibrary(): Promise<string> {
  built ??= buildLibrary();
  return built;
}

async function buildLibrary(): Promise<string> {
  const outdir = resolve("node_modules/.cache/powersync-writes/library", crypto.randomUUID());
  const { cli: _cli, ...entries } = entriesOf();
  await build({
    entryPoints: entries,
    outdir,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "silent",
  });
  process.once("exit", () => rmSync(outdir, { recursive: true, force: true }));
  return outdir;
}
