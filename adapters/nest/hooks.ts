/** Hooks as Nest providers: `@WriteHook()` marks a class, and the module finds it in whichever module provides it. */
import { Injectable, SetMetadata } from "@nestjs/common";
import type { DiscoveryService, Reflector } from "@nestjs/core";
import type { Principal } from "../../src/context.js";
import type { Hooks, LayerName } from "../../src/pipeline/layers.js";

/** Implemented by a class that is marked `@WriteHook()`. The class may have other members as well. */
export type WriteHooks<P extends Principal = Principal, DB = unknown> = Hooks<P, DB>;

/** Options of `@WriteHook()`. */
export interface WriteHookOptions {
  /** Hooks run in ascending order of this number. Hooks with the same number run in the order in which Nest found them. Default 0. */
  readonly order?: number;
}

/** The metadata key of `order`. */
const orderKey = "powersync-writes:hook";

/**
 * Adds a provider's hooks to those of the configuration, which run first. As in a list of hooks, `after` runs in reverse order.
 *
 * Put it on a class that implements `WriteHooks`: `@WriteHook({ order: 1 })`. The class may inject other providers.
 *
 * @example
 * class Audit implements WriteHooks<Caller, Database> {
 *   readonly persist = {
 *     after: (outcome: WriteOutcome, { tx, principal }: OperationContext<Caller, Database>) => audit(tx, principal, outcome),
 *   };
 * }
 * WriteHook({ order: 1 })(Audit);
 */
export function WriteHook({ order = 0 }: WriteHookOptions = {}): ClassDecorator {
  return (type) => {
    Injectable()(type);
    SetMetadata(orderKey, order)(type);
  };
}

const layers: Readonly<Record<LayerName, true>> = {
  authenticate: true,
  validate: true,
  map: true,
  authorize: true,
  persist: true,
  deadLetter: true,
  respond: true,
};

/**
 * Finds every hook that the application provides, in order. Call it once all providers have been created.
 *
 * @throws TypeError for a request-scoped or transient hook, because the pipeline is built once and needs one instance, and for one without members
 */
export function providedHooks<P extends Principal, DB>(
  discovery: DiscoveryService,
  reflector: Reflector,
): readonly Hooks<P, DB>[] {
  const orders = new Map<object, number>();
  for (const provider of discovery.getProviders()) {
    const instance: unknown = provider.instance;
    // The token is checked as well: if a test has overridden the provider, the marked class is only the token.
    const order = [provider.token, provider.metatype]
      .filter((each) => typeof each === "function")
      .map((each) => reflector.get<number | undefined>(orderKey, each))
      .find((each) => each !== undefined);
    if (order === undefined) continue;
    if (!provider.isDependencyTreeStatic()) {
      throw new TypeError(
        `${provider.name}: a write hook can't be request-scoped or transient. Use the default scope.`,
      );
    }
    if (typeof instance === "object" && instance !== null) orders.set(instance, order);
  }
  return [...orders]
    .toSorted(([, one], [, other]) => one - other)
    .map(([instance]) => hooksOfInstance<P, DB>(instance));
}

function hooksOfInstance<P extends Principal, DB>(instance: Hooks<P, DB>): Hooks<P, DB> {
  const names = Object.keys(layers) as LayerName[];
  const found = names.flatMap((name) => (instance[name] ? [[name, instance[name]] as const] : []));
  if (found.length === 0 && instance.committed === undefined) {
    throw new TypeError(
      `${instance.constructor.name}: a class with @WriteHook() needs a member that is named after a layer (${names.join(", ")}), or committed.`,
    );
  }
  return {
    ...Object.fromEntries(found),
    // `committed` is a method of the class, and needs its `this`.
    ...(instance.committed && {
      committed: (committed, context) => instance.committed?.(committed, context),
    }),
  };
}
