/**
 * Which adapters a database's cases run over.
 *
 * No database knows which adapter a request came through, and no adapter knows where it is written. So one database has its cases over every adapter,
 * which are held to the same bytes there, and each of the others over one. `npm run test:long` runs every pair.
 */
import { long } from "../support/long.js";
import type { TestDialect } from "../support/databases.js";
import type { TestAdapter } from "./adapters.js";

export async function pairs(
  dialects: readonly TestDialect[],
  adapters: readonly TestAdapter[],
): Promise<ReadonlyMap<TestDialect, readonly TestAdapter[]>> {
  const there: TestDialect[] = [];
  for (const dialect of dialects) if (await dialect.available()) there.push(dialect);
  // The quickest one.
  const whole = there.find(({ name }) => name.startsWith("SQLite")) ?? there[0];
  // One that has a framework's body parser in front of it, so that no case is left out.
  const parsing = adapters.filter(({ parses }) => parses);
  return new Map(
    dialects.map((dialect, index) => {
      if (long || dialect === whole) return [dialect, adapters];
      // The other NestJS is another adapter and no other database.
      if (process.env["NEST_MAJOR"] === "11") return [dialect, []];
      return [dialect, parsing.filter((_, number) => number === index % parsing.length)];
    }),
  );
}
