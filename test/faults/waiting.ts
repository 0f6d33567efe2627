/** Waits for events, never for a time by which something should have happened. */
import { until } from "../support/uploads.js";
import type { World } from "./terms.js";

/** A bound for what never comes about, on a machine however busy. */
export const neverMs = 600_000;

/** Until the fault has met somebody so many times from now on. Somebody will come: the devices go on writing meanwhile. */
export async function untilFired(world: World, fault: string, more = 1): Promise<void> {
  const before = world.times(fault);
  await until(() => world.times(fault) >= before + more, neverMs);
}

/** Until so many parts of the transactions that were queued at first have been answered. */
export function part(world: World, numerator: number, denominator: number): Promise<void> {
  return world.progress(Math.floor((world.planned * numerator) / denominator));
}
