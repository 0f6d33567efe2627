/** The version of this package, and the packages that the application has installed. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Problem } from "./command.js";
import type { Io } from "./io.js";

export function packageVersion(): string {
  return versionAbove(fileURLToPath(import.meta.url), "powersync-writes") ?? "unknown";
}

/** The version of a package that the application in the folder imports. `undefined`: the package is not installed. */
export function installedVersion(name: string, folder: string): string | undefined {
  try {
    return versionAbove(createRequire(join(folder, "any.js")).resolve(name), name);
  } catch {
    return undefined;
  }
}

/** The version in the package.json above a file. A package may not export its package.json, so it can't be imported. */
function versionAbove(file: string, name: string): string | undefined {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const found = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
        readonly name?: string;
        readonly version?: string;
      };
      if (found.name === name) return found.version;
    } catch {
      // This folder has no package.json.
    }
  }
  return undefined;
}

/** @throws Problem if the driver is not installed */
export async function driver<Driver>(name: string, io: Io): Promise<Driver> {
  const found = await installed<Driver>(name, io);
  if (found === undefined) {
    throw new Problem(`The package "${name}" is not installed. Run \`npm install ${name}\`.`);
  }
  return found;
}

/** Imports the application's copy of a package, or else the copy that this package finds. */
export async function installed<Driver>(name: string, io: Io): Promise<Driver | undefined> {
  for (const from of [join(io.cwd, "any.js"), import.meta.url]) {
    try {
      const file = createRequire(from).resolve(name);
      const module = (await import(pathToFileURL(file).href)) as { readonly default: Driver };
      return module.default;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  return undefined;
}
