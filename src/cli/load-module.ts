/** Imports modules of the application: its configuration, and its client schema. */
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { isAbsolute, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { readFile } from "node:fs/promises";
import { type ClientSchema, syncedTables } from "../check/client-schema.js";
import { Problem } from "./command.js";
import type { Io } from "./io.js";

/** Imports a module of the application. @throws Problem with a message that says what to do */
export async function loadModule(file: string, io: Io): Promise<Readonly<Record<string, unknown>>> {
  findTypeScript();
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw whyNotLoaded(error, shown(file, io.cwd));
  }
}

/** The export names that PowerSync's own examples use. */
const usualNames = ["AppSchema", "schema", "default"];

/** @throws Problem */
export async function readClientSchema(given: string, io: Io): Promise<ClientSchema> {
  const file = absolute(given, io.cwd);
  if (!existsSync(file)) throw new Problem(`The file ${given} does not exist.`);
  if (file.endsWith(".json")) {
    const value = await readJson(file, given);
    if (isSchema(value)) return value;
    throw new Problem(
      `${given} is not a client schema: it has no "tables". Write the result of the schema's toJSON() to the file.`,
    );
  }
  const exported = await loadModule(file, io);
  const names = [...usualNames, ...Object.keys(exported)];
  const found = names.map((name) => exported[name]).find(isSchema);
  if (found === undefined) {
    throw new Problem(
      `${given} exports no schema. Add: export const AppSchema = new Schema({ … }).`,
    );
  }
  return found;
}

async function readJson(file: string, given: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as unknown;
  } catch {
    throw new Problem(`${given} is not valid JSON.`);
  }
}

function isSchema(value: unknown): value is ClientSchema {
  try {
    syncedTables(value as ClientSchema);
    return true;
  } catch {
    return false;
  }
}

export function absolute(file: string, cwd: string): string {
  return isAbsolute(file) ? file : join(cwd, file);
}

export function shown(file: string, cwd: string): string {
  const path = relative(cwd, file);
  return path.startsWith("..") ? file : path;
}

let hooked = false;

/** Makes imports of `./x.js` find `./x.ts`, because TypeScript files import each other by the names of the compiled files. */
function findTypeScript(): void {
  if (hooked || typeof nodeModule.registerHooks !== "function") return;
  hooked = true;
  nodeModule.registerHooks({
    resolve: (specifier, context, next) => {
      try {
        return next(specifier, context);
      } catch (error) {
        const { code } = error as { readonly code?: unknown };
        const isFile = /^\.{1,2}\/.*\.m?js$/.test(specifier);
        if (code !== "ERR_MODULE_NOT_FOUND" || !isFile) throw error;
        return next(specifier.replace(/js$/, "ts"), context);
      }
    },
  });
}

const withTsx = 'install tsx and run `NODE_OPTIONS="--import tsx" npx powersync-writes …`';

function whyNotLoaded(error: unknown, file: string): Problem {
  const { code, message, stack }: NodeJS.ErrnoException =
    error instanceof Error ? error : new Error(String(error));
  const failed = (why: string) => new Problem(`${file} can't be loaded: ${why}`);
  switch (code ?? "") {
    case "ERR_UNKNOWN_FILE_EXTENSION":
      return failed(
        `Node ${process.version} does not run TypeScript. Use Node 22.18 or newer, or ${withTsx}.`,
      );
    case "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX":
      return failed(`it uses TypeScript that Node does not run by itself: ${withTsx}.`);
    case "ERR_MODULE_NOT_FOUND": {
      const [, name] = /Cannot find package '([^']+)'/.exec(message) ?? [];
      return name === undefined
        ? failed(message)
        : failed(`the package "${name}" is not installed. Run \`npm install ${name}\`.`);
    }
  }
  if (/import statement outside|Unexpected token 'export'/.test(message)) {
    const renamed = file.replace(/\.([tj]s)$/, ".m$1");
    return failed(
      `it is an ES module. Rename it to ${renamed}; or, if the whole project consists of ES modules, set "type": "module" in package.json: \`npm pkg set type=module\`.`,
    );
  }
  const place = placeIn(stack ?? "", file);
  return failed(place === undefined ? message : `${message} (${place})`);
}

/** Where the error was thrown, as `file:line`, if that is in the module itself. */
function placeIn(stack: string, file: string): string | undefined {
  const at = stack.indexOf(`${file}:`);
  if (at === -1) return undefined;
  const [line = ""] = /^\d{1,9}/.exec(stack.slice(at + file.length + 1)) ?? [];
  return line === "" ? undefined : `${file}:${line}`;
}
