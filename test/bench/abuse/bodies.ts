/** Scene 10: a thousand sockets whose bodies don't come. One that is ended is opened again five seconds later. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { alone, beside, startServer } from "./processes.js";
import { type Figure, othersFigures, type Scene, tally } from "./scene.js";

const sockets = 1_000;
const accounts = 125;
const againMs = 5_000;
const atOnceMs = 1_000;

export const bodies: Scene = {
  number: 10,
  name: `${sockets} sockets of ${accounts} accounts, whose bodies don't come: half of them send nothing, half a byte a second`,
  // Longer than the default of `timeouts.bodyMs`.
  seconds: 70,
  run: async ({ seconds, databaseUrl }) => {
    const server = await startServer({ databaseUrl });
    try {
      const before = await alone(server, Math.min(5, seconds));
      const { result, samples } = await beside(server, seconds, (signal) =>
        holdAll(Number(new URL(server.url).port), signal),
      );
      const of = "the attack";
      return [
        ...othersFigures("nobody else", before),
        { of, name: "sockets ended", value: `${result.ends.length} of ${result.opened}` },
        { of, name: "their answers", value: tally(result.ends) },
        ...firsts(of, result.ends),
        ...othersFigures(of, samples),
      ];
    } finally {
      await server.kill();
    }
  },
};

interface End {
  /** The status; or how it ended without one. */
  readonly outcome: string;
  /** Until the status came, and until the socket was closed. */
  readonly answeredMs?: number;
  readonly closedMs: number;
  readonly dribbles: boolean;
}

/** Of those that were not refused as soon as they came. */
function firsts(of: string, ends: readonly End[]): readonly Figure[] {
  const held = ends.filter(({ answeredMs, closedMs }) => (answeredMs ?? closedMs) >= atOnceMs);
  const refused = `${ends.length - held.length} of ${ends.length}`;
  const first = (times: readonly number[]) =>
    times.length === 0
      ? { value: "not in that time" }
      : { value: Math.min(...times) / 1_000, unit: "s" as const };
  const byKind = [false, true].flatMap((dribbles) => {
    const those = held.filter((end) => end.dribbles === dribbles);
    const by = dribbles ? "a byte a second" : "nothing";
    const answered = first(those.flatMap(({ answeredMs }) => answeredMs ?? []));
    const closed = first(those.map(({ closedMs }) => closedMs));
    return [
      { of, name: `first answered of those that send ${by}`, ...answered },
      { of, name: `first ended of those that send ${by}`, ...closed },
    ];
  });
  return [{ of, name: "of them refused at once", value: refused }, ...byKind];
}

async function holdAll(port: number, signal: AbortSignal) {
  const ends: End[] = [];
  let opened = 0;
  await Promise.all(
    Array.from({ length: sockets }, async (_, index) => {
      // Not all in one moment, which the queue of the listening socket would not take.
      await sleep(index, undefined, { signal }).catch(() => undefined);
      while (!signal.aborted) {
        opened += 1;
        const end = await hold(port, `mallory${index % accounts}`, index % 2 === 1, signal);
        if (end === undefined) return;
        ends.push(end);
        await sleep(againMs, undefined, { signal }).catch(() => undefined);
      }
    }),
  );
  return { ends, opened };
}

/** `undefined` where it is ended here, by the signal. */
async function hold(
  port: number,
  user: string,
  dribbles: boolean,
  signal: AbortSignal,
): Promise<End | undefined> {
  const started = performance.now();
  const socket = connect({ port, host: "127.0.0.1" });
  let said = "";
  let answeredMs: number | undefined;
  let failure = "closed without an answer";
  const ending = () => socket.destroy();
  signal.addEventListener("abort", ending);
  socket
    .setEncoding("latin1")
    .on("data", (text: string) => {
      answeredMs ??= performance.now() - started;
      said += text;
    })
    .on("error", (error: NodeJS.ErrnoException) => (failure = error.code ?? failure));
  socket.write(
    `POST /api/data HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${user}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`,
  );
  const dribble = setInterval(() => dribbles && byteInto(socket), 1_000);
  await once(socket, "close");
  clearInterval(dribble);
  signal.removeEventListener("abort", ending);
  if (signal.aborted) return undefined;
  const [, status] = /^HTTP\/1\.1 (\d+)/.exec(said) ?? [];
  return {
    outcome: status ?? failure,
    ...(answeredMs !== undefined && { answeredMs }),
    closedMs: performance.now() - started,
    dribbles,
  };
}

function byteInto(socket: Socket): void {
  if (socket.writable) socket.write(" ");
}
