/** Hooks as providers: a class marked `@WriteHook()` is found wherever it is provided, with what it injects. */
import { Injectable, SetMetadata } from "@nestjs/common";
import type { DiscoveryService, Reflector } from "@nestjs/core";
import type { Hooks, LayerName, Principal } from "../../src/pipeline/layers.js";

/** What such a class implements; as `Hooks`, but it may have other members as well. */
export type WriteHooks<P extends Principal = Principal, DB = unknown> = Hooks<P, DB>;

export interface WriteHookOptions {
  /** Hooks run by this number, lowest first; default 0. Those with the same number run as Nest found them. */
  readonly order?: number;
}

const orderKey = "powersync-writes:hook";

/**
 * Adds a provider's hooks to those of the configuration, which come first. `after` runs in reverse order, as everywhere.
 *
 *     @WriteHook({ order: 1 })
 *     class Audit implements WriteHooks<Caller, Database> {
 *       constructor(@Inject(AuditLog) log: AuditLog) { … }
 *       readonly persist = { after: async (outcome, { tx }) => { … } };
 *     }
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
 * Every hook that the application provides, in order. For when all providers have been made.
 *
 * @throws TypeError for a hook that is made anew for every request: the pipeline is put together once
 */
export function providedHooks<P extends Principal, DB>(
  discovery: DiscoveryService,
  reflector: Reflector,
): readonly Hooks<P, DB>[] {
  const orders = new Map<object, number>();
  for (const provider of discovery.getProviders()) {
    const instance: unknown = provider.instance;
    // The token as well: a test may have put something else in the class' place.
    const order = [provider.token, provider.metatype]
      .filter((each) => typeof each === "function")
      .map((each) => reflector.get<number | undefined>(orderKey, each))
      .find((each) => each !== undefined);
    if (order === undefined) continue;
    if (!provider.isDependencyTreeStatic()) {
      throw new TypeError(`${provider.name}: a write hook can't be request-scoped or transient.`);
    }
    if (typeof instance === "object" && instance !== null) orders.set(instance, order);
  }
  return [...orders]
    .toSorted(([, one], [, other]) => one - other)
    .map(([instance]) => hooksOf<P, DB>(instance));
}

function hooksOf<P extends Principal, DB>(instance: Hooks<P, DB>): Hooks<P, DB> {
  const names = Object.keys(layers) as LayerName[];
  return {
    ...Object.fromEntries(
      names.flatMap((name) => (instance[name] ? [[name, instance[name]]] : [])),
    ),
    // A method: it needs its `this`.
    ...(instance.committed && {
      committed: (committed, context) => instance.committed?.(committed, context),
    }),
  };
}
