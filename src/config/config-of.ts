/** The configuration that writes were made of: for the library's own command, which is given nothing but the writes. */
import type { WritesConfig } from "./config.js";
import type { Principal } from "../context.js";
import type { Writes } from "./writes.js";

// A registered symbol: the command may be of another copy of the package than the application's.
const configKey = Symbol.for("powersync-writes.config");

interface WithConfig {
  readonly [configKey]?: WritesConfig<Principal, unknown>;
}

/** @returns the same writes */
export function withConfig<P extends Principal, DB>(
  writes: Writes<P>,
  config: WritesConfig<P, DB>,
): Writes<P> {
  // Not among its members: whoever prints the writes prints no keys and no passwords.
  return Object.defineProperty(writes, configKey, { value: config });
}

/** `undefined` for what `createWrites` has not made. */
export function configOf(writes: object): WritesConfig<Principal, unknown> | undefined {
  return (writes as WithConfig)[configKey];
}
