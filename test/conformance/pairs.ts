/**
 * Which adapters a database's cases run over.
 *
 * No database knows which adapter a request came through, and no adapter knows where it is written. So one database has its cases over every adapter,
 * which are held to the same bytes there, and each of the others over one. `npm run test:long` runs every pair.
 */
import { long } from "../support/long.js";
import type { Target } from "../support/target.js";
import type { TestAdapter } from "./adapters.js";

export async function pairs(
  targets: readonly Target[],
  adapters: readonly TestAdapter[],
): Promise<ReadonlyMap<Target, readonly TestAdapter[]>> {
  const there: Target[] = [];
  for (const target of targets) if (await target.available()) there.push(target);
  // The quickest one.
  const whole = there.find(({ name }) => name.startsWith("SQLite")) ?? there[0];
  // One that has a framework's body parser in front of it, so that no case is left out.
  const parsing = adapters.filter(({ parses }) => parses);
  return new Map(
    targets.map((target, index) => {
      if (long || target === whole) return [target, adapters];
      // The other NestJS is another adapter and no other database.
      if (process.env["NEST_MAJOR"] === "11") return [target, []];
      return [target, parsing.filter((_, number) => number === index % parsing.length)];
    }),
  );
}
