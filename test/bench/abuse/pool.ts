/** Scene 11: four accounts keep eight large transactions each under way, on a pool of ten connections. */
import { alone, beside, startServer } from "./processes.js";
import { send, transactionOf } from "./requests.js";
import { blockFigures, othersFigures, percentile, type Scene, tally } from "./scene.js";
import type { Sample } from "./processes.js";

const accounts = 4;
const atOnce = 8;

export const pool: Scene = {
  number: 11,
  name: `${accounts} accounts that send ${atOnce} large transactions each at once, again and again; a pool of 10`,
  seconds: 20,
  run: async ({ seconds, operations, databaseUrl }) => {
    const server = await startServer({ databaseUrl });
    try {
      const before = await alone(server, Math.min(10, seconds));
      await server.usage();
      const { result, samples } = await beside(server, seconds, (signal) =>
        keepBusy(server.url, operations, signal),
      );
      const usage = await server.usage();
      const of = `${operations} operations each`;
      return [
        ...othersFigures("nobody else", before),
        { of, name: "answers", value: tally(result) },
        ...othersFigures(of, samples),
        {
          of,
          name: "others' p50, in times of that alone",
          value: percentile(samples, 0.5) / percentile(before, 0.5),
          unit: "times",
        },
        ...blockFigures(of, usage),
      ];
    } finally {
      await server.kill();
    }
  },
};

async function keepBusy(
  url: string,
  operations: number,
  signal: AbortSignal,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const senders = Array.from({ length: accounts * atOnce }, async (_, index) => {
    const user = `mallory${index % accounts}`;
    let body = large(user, operations);
    while (!signal.aborted) {
      const sample = await send(url, { user, body, signal });
      samples.push(sample);
      // What was refused comes again, as from a device.
      if (sample.outcome === "success") body = large(user, operations);
      // One that is refused at once does not come again at once.
      if (sample.ms < 100) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
  await Promise.all(senders);
  return samples;
}

function large(user: string, operations: number): string {
  const crud = Array.from({ length: operations }, (_, index) => ({
    op: "PUT",
    table: "lists",
    id: crypto.randomUUID(),
    op_id: index + 1,
    op_data: { name: "Groceries", owner_id: user },
  }));
  return transactionOf(crypto.randomUUID(), crud);
}
