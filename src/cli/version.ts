/** Versions: of this package, and of packages that the application has installed. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export function packageVersion(): string {
  return versionAbove(fileURLToPath(import.meta.url), "powersync-writes") ?? "unknown";
}

/** The version that the application in the folder finds. `undefined`: the package is not installed. */
export function installedVersion(name: string, folder: string): string | undefined {
  try {
    return versionAbove(createRequire(join(folder, "any.js")).resolve(name), name);
  } catch {
    return undefined;
  }
}

/** A package may not export its package.json, so it is looked for above its files. */
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
