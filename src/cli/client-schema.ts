/** A PowerSync client's schema from a file: a module that exports a `Schema`, or the JSON that its `toJSON()` returns. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type ClientSchema, syncedTables } from "../check/types.js";
import { Problem } from "./command.js";
import type { Io } from "./io.js";
import { absolute, loadModule } from "./load-config.js";

/** The export names that PowerSync's own examples use. */
const usualNames = ["AppSchema", "schema", "default"];

/** @throws Problem */
export async function readClientSchema(given: string, io: Io): Promise<ClientSchema> {
  const file = absolute(given, io.cwd);
  if (!existsSync(file)) throw new Problem(`There is no file ${given}.`);
  if (file.endsWith(".json")) {
    const value = await readJson(file, given);
    if (isSchema(value)) return value;
    throw new Problem(
      `${given} is no client schema: it needs "tables", as Schema's toJSON() gives.`,
    );
  }
  const exported = await loadModule(file, io);
  const names = [...usualNames, ...Object.keys(exported)];
  const found = names.map((name) => exported[name]).find(isSchema);
  if (found === undefined) {
    throw new Problem(`${given} exports no schema: export const AppSchema = new Schema({ … }).`);
  }
  return found;
}

async function readJson(file: string, given: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as unknown;
  } catch {
    throw new Problem(`${given} is no JSON.`);
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
