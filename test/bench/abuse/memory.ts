/** Scene 9: a hundred small requests at once that inflate to the largest body that is taken, each shape against a server with a heap of 512 MiB. */
import { beside, startServer } from "./processes.js";
import { send } from "./requests.js";
import { type Figure, othersFigures, type Scene, tally } from "./scene.js";
import { compressed, repetitive, type Shape } from "./shapes.js";

const heapMiB = 512;
const requests = 100;
const accounts = 10;
const bytes = 16 * 1024 * 1024;

export const memory: Scene = {
  number: 9,
  name: `${requests} requests at once of ${accounts} accounts, 16 MiB each once inflated; a heap of ${heapMiB} MiB`,
  // Until all are answered, or the process has ended.
  seconds: 30,
  run: async ({ seconds, databaseUrl }) => {
    const figures: Figure[] = [];
    for (const shape of repetitive) figures.push(...(await attacked(shape, seconds, databaseUrl)));
    return figures;
  },
};

async function attacked(
  shape: Shape,
  seconds: number,
  databaseUrl: string,
): Promise<readonly Figure[]> {
  const body = compressed(shape.body(bytes));
  const server = await startServer({ databaseUrl }, { heapMiB });
  try {
    let end = "runs on";
    void server.ended.then((how) => (end = `ended with ${how}`));
    const { result, samples } = await beside(server, seconds, (signal) =>
      Promise.all(
        Array.from({ length: requests }, (_, index) =>
          send(server.url, { user: `mallory${index % accounts}`, body, encoding: "gzip", signal }),
        ),
      ),
    );
    const of = `${shape.name}, ${Math.ceil(body.length / 1024)} KiB of gzip`;
    const process = end;
    const peak = server.peakMiB();
    return [
      { of, name: "the process", value: process },
      { of, name: "peak RSS", value: peak, unit: "MiB" },
      { of, name: "answers", value: tally(result) },
      ...othersFigures(of, samples),
    ];
  } finally {
    await server.kill();
  }
}
