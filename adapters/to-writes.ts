/** What every adapter takes: a configuration, or what `createWrites` made of one. */
import type { WritesConfig } from "../src/config.js";
import { createWrites } from "../src/index.js";
import type { Principal } from "../src/layer.js";
import type { Writes } from "../src/writes.js";

export function toWrites<P extends Principal, DB>(
  given: WritesConfig<P, DB> | Writes<P>,
): Writes<P> {
  return isWrites(given) ? given : createWrites(given);
}

function isWrites<P extends Principal, DB>(
  given: WritesConfig<P, DB> | Writes<P>,
): given is Writes<P> {
  return "handle" in given && typeof given.handle === "function";
}
