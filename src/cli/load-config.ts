/** Finds and loads the application's configuration module, and its database. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Kysely } from "kysely";
import type { WritesConfig } from "../config/config.js";
import { configOf, type Writes } from "../config/writes.js";
import type { Principal } from "../context.js";
import { isKysely } from "../sql/families.js";
import { principalIn, Problem } from "./command.js";
import { rememberSecrets } from "./database-url.js";
import type { Io } from "./io.js";
import { absolute, loadModule, shown } from "./load-module.js";

/** Options of every command that reads a configuration. */
export const configOptions = {
  config: {
    type: "string",
    short: "c",
    value: "FILE",
    about:
      "the module that exports `writes` (default: powersync-writes.config.ts, .mts, .js or .mjs)",
  },
  "env-file": {
    type: "string",
    value: "FILE",
    about: "read environment variables from this file first, such as .env",
  },
  principal: {
    type: "string",
    value: "JSON",
    about: 'a caller whose database to use, if it depends on the caller: \'{"userId":"…"}\'',
  },
} as const;

interface ConfigArguments {
  readonly config?: string;
  readonly "env-file"?: string;
  readonly principal?: string;
}

export interface Loaded {
  readonly writes: Writes<Principal>;
  readonly config: WritesConfig<Principal, unknown>;
  /** The module's path, relative to the current folder. */
  readonly file: string;
  /** The principal of `--principal`, to be spread into options of `writes`' functions. */
  readonly whose: { readonly principal?: Principal };
}

const names = ["ts", "mts", "js", "mjs"].map((extension) => `powersync-writes.config.${extension}`);

/** @throws Problem */
export async function loadConfig(values: ConfigArguments, io: Io): Promise<Loaded> {
  const whose =
    values.principal === undefined ? {} : { principal: principalIn("principal", values.principal) };
  readEnvironment(values["env-file"], io);
  const file = findConfig(values.config, io.cwd);
  if (file === undefined) {
    throw new Problem(
      "There is no powersync-writes.config.ts (or .mts, .js, .mjs) in this folder. Name the module that exports `writes` with --config FILE, or create one with `npx powersync-writes init`.",
    );
  }
  const exported = await loadModule(file, io);
  const writes = [exported["writes"], exported["default"]].find(isWrites);
  const config = writes && configOf(writes);
  if (writes === undefined || config === undefined) {
    throw new Problem(
      `${shown(file, io.cwd)} must export \`writes\`, the result of createWrites: export const writes = createWrites({ … }).`,
    );
  }
  io.whenDone(async () => {
    await (await databaseOf({ config, whose }).catch(() => undefined))?.destroy();
  });
  return { writes, config, file: shown(file, io.cwd), whose };
}

/** The Kysely object, if there is one and the principal is known. Rejects with the error that the application's function throws. */
export async function databaseOf({
  config,
  whose: { principal },
}: Pick<Loaded, "config" | "whose">): Promise<Kysely<unknown> | undefined> {
  const { database } = config;
  if (typeof database === "function" || "open" in database) {
    if (principal === undefined) return undefined;
    const open = typeof database === "function" ? database : database.open;
    const opened: object = await open(principal);
    return isKysely(opened) ? opened : undefined;
  }
  return isKysely(database) ? database : undefined;
}

/** @throws Problem if there is no database to which SQL can be sent */
export async function sureDatabase(loaded: Loaded): Promise<Kysely<unknown>> {
  const database = await databaseOf(loaded);
  if (database !== undefined) return database;
  const { config, whose } = loaded;
  const depends = typeof config.database === "function" || "open" in config.database;
  throw new Problem(
    depends && whose.principal === undefined
      ? `\`database\` in ${loaded.file} depends on the caller. Name a caller with --principal '{"userId":"…"}'.`
      : `\`database\` in ${loaded.file} is not a Kysely object, so it does not contain the library's own tables.`,
  );
}

/** @throws Problem */
export function readEnvironment(file: string | undefined, io: Io): void {
  if (file !== undefined) {
    try {
      process.loadEnvFile(absolute(file, io.cwd));
    } catch {
      throw new Problem(`The file ${file}, given with --env-file, can't be read.`);
    }
  }
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && /URL|URI|DSN/i.test(name)) rememberSecrets(value, io.secrets);
    if (value !== undefined && value.length >= 6 && /PASSWORD|SECRET|TOKEN/i.test(name)) {
      io.secrets.add(value);
    }
  }
}

/** The path of the given module or, by default, of one with a usual name. `undefined` if there is none. @throws Problem if the given module does not exist */
export function findConfig(given: string | undefined, cwd: string): string | undefined {
  if (given === undefined) return names.map((name) => join(cwd, name)).find(existsSync);
  const file = absolute(given, cwd);
  if (!existsSync(file)) throw new Problem(`The file ${given} does not exist.`);
  return file;
}

function isWrites(value: unknown): value is Writes<Principal> {
  return typeof value === "object" && value !== null && "deadLetters" in value;
}
