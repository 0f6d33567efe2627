/** Keeps the configuration with the writes that were created from it, because the library's own command gets only the writes. */
import type { WritesConfig } from "./config.js";
import type { Principal } from "../context.js";
import type { Writes } from "./writes.js";

// A registered symbol, because the command and the application may load two copies of the package.
const configKey = Symbol.for("powersync-writes.config");

interface WithConfig {
  readonly [configKey]?: WritesConfig<Principal, unknown>;
}

/** @returns the same writes */
export function withConfig<P extends Principal, DB>(
  writes: Writes<P>,
  config: WritesConfig<P, DB>,
): Writes<P> {
  // Not enumerable, so that printing the writes prints no keys and no passwords.
  return Object.defineProperty(writes, configKey, { value: config });
}

/** `undefined` for an object that `createWrites` did not create. */
export function configOf(writes: object): WritesConfig<Principal, unknown> | undefined {
  return (writes as WithConfig)[configKey];
}
