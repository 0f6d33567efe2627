/** Scene 13: how long one request keeps the event loop, for all others. */
import { startServer } from "./processes.js";
import { send } from "./requests.js";
import { blockFigures, type Figure, type Scene } from "./scene.js";
import { shapes } from "./shapes.js";

const MiB = 1024 * 1024;

export const blocking: Scene = {
  number: 13,
  name: "the longest block of the event loop by one request, measured in the server",
  // For all of them.
  seconds: 60,
  run: async ({ seconds, databaseUrl }) => {
    const figures: Figure[] = [];
    const server = await startServer({ databaseUrl, openBytes: Number.MAX_SAFE_INTEGER });
    try {
      const signal = AbortSignal.timeout(seconds * 1_000);
      // The first of a process is slower than all others, and nobody's measure.
      for (const { body } of shapes) {
        await send(server.url, { user: "mallory", body: body(MiB / 16), signal });
      }
      const cases = shapes.flatMap((shape) => [1, 16].map((size) => ({ shape, size })));
      for (const [index, { shape, size }] of cases.entries()) {
        const body = shape.body(size * MiB);
        await server.usage();
        const { outcome } = await send(server.url, { user: "mallory", body, signal });
        const usage = await server.usage();
        figures.push(...blockFigures(`${size} MiB of ${shape.name}`, usage, outcome));
        if (usage !== undefined && !signal.aborted) continue;
        const left = `${cases.length - index - 1} of ${cases.length}`;
        return [...figures, { of: "the rest", name: "not measured", value: left }];
      }
      return figures;
    } finally {
      await server.kill();
    }
  },
};
