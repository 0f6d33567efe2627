/** Number 13: how long one request keeps the event loop, for all others. */
import { startServer } from "./processes.js";
import { send } from "./requests.js";
import type { Figure, Scene } from "./scene.js";
import { shapes } from "./shapes.js";

const MiB = 1024 * 1024;

export const blocking: Scene = {
  number: 13,
  name: "the longest block of the event loop by one request, measured in the server",
  // For all of them.
  seconds: 60,
  run: async ({ seconds, databaseUrl }) => {
    const figures: Figure[] = [];
    const server = await startServer({ databaseUrl });
    try {
      const signal = AbortSignal.timeout(seconds * 1_000);
      for (const shape of shapes) {
        for (const size of [1, 16]) {
          const body = shape.body(size * MiB);
          await server.usage();
          const { outcome } = await send(server.url, { user: "mallory", body, signal });
          const usage = await server.usage();
          const of = `${size} MiB of ${shape.name}`;
          figures.push({
            of,
            name: "longest block",
            value: usage?.longestBlockMs ?? "the server does not say",
            unit: "ms",
            note: outcome,
          });
          if (usage !== undefined && !signal.aborted) continue;
          const left = `${shapes.length * 2 - figures.length} of ${shapes.length * 2}`;
          return [...figures, { of: "the rest", name: "not measured", value: left }];
        }
      }
      return figures;
    } finally {
      await server.kill();
    }
  },
};
