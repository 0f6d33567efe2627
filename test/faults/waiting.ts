/** Waits for events, never for a time by which something should have happened. */
import { until } from "../support/uploads.js";
import type { World } from "./terms.js";

/** Until the fault has really met somebody: it stays as long. */
export async function untilFired(world: World, fault: string, more = 1): Promise<void> {
  world.release();
  const before = world.times(fault);
  await until(() => world.times(fault) >= before + more);
}

/** So many parts of all transactions have been answered. */
export function part(world: World, numerator: number, denominator: number): Promise<void> {
  return world.progress(Math.floor((world.sent.length * numerator) / denominator));
}
