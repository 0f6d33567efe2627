/** A row's key, of the one text that a client has for it. */
import { type FatalError, fatal } from "../errors.js";
import type { Principal } from "../layer.js";
import type { Rule } from "../rules.js";
import type { Values } from "./rows.js";

export function notAKey(): FatalError {
  return fatal("INVALID_DATA", "The row's id is not of the form that its table needs.");
}

/** By column, not yet converted. Throws fatal INVALID_DATA where the id has not as many values as the key has columns. */
export function keyOf<P extends Principal, DB>({ key }: Rule<P, DB>, id: string): Values {
  const parts = key.split(id);
  if (parts.length !== key.columns.length) throw notAKey();
  return Object.fromEntries(key.columns.map((column, index) => [column, parts[index]]));
}
