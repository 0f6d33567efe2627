/** Scene 12: how much one account can make the server write down, and whom a device stops that has too many dead letters. */
import pg from "pg";
import { type BenchServer, beside, type Sample, startServer } from "./processes.js";
import { putOf, send, transactionOf } from "./requests.js";
import { appliedOf, type Figure, othersFigures, type Scene, tally } from "./scene.js";

const atOnce = 8;
const openLetters = 10;
const paceMs = 100;
/** Another user than the one whose devices are as many as may be. */
const broken = "trudy";

export const records: Scene = {
  number: 12,
  name: "one account's records: a new client id with every transaction; and a device with too many open dead letters",
  seconds: 15,
  run: async (options) => [...(await newDevices(options)), ...(await brokenDevice(options))],
};

interface Options {
  readonly seconds: number;
  readonly databaseUrl: string;
}

/** A DELETE of what is not there leaves nothing but the library's own rows. */
async function newDevices({ seconds, databaseUrl }: Options): Promise<readonly Figure[]> {
  const server = await startServer({ databaseUrl });
  try {
    const before = await ownRows(databaseUrl);
    const started = performance.now();
    const { result, samples } = await beside(server, seconds, async (signal) => {
      const all: Sample[] = [];
      await Promise.all(Array.from({ length: atOnce }, () => sendAll(server.url, all, signal)));
      return all;
    });
    const lasted = (performance.now() - started) / 1_000;
    const after = await ownRows(databaseUrl);
    const of = "new client ids";
    // Each of the other users' PUTs that was applied has a row too, in one table.
    const others = samples.filter(({ outcome }) => outcome === "success").length;
    const figures = [...after].flatMap(([table, count]): Figure[] => {
      const more = count - (before.get(table) ?? 0) - (table === "powersync_ledger" ? others : 0);
      if (more <= 0) return [];
      return [
        { of, name: `more in ${table}`, value: more, unit: "rows" },
        { of, name: `more in ${table}`, value: more / lasted, unit: "rows/s" },
      ];
    });
    return [
      ...figures,
      { of, name: "answers", value: tally(result) },
      ...othersFigures(of, samples),
    ];
  } finally {
    await server.kill();
  }
}

async function sendAll(url: string, all: Sample[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const entry = { op: "DELETE", table: "lists", id: crypto.randomUUID(), op_id: 1 };
    const body = transactionOf(crypto.randomUUID(), [entry]);
    all.push(await send(url, { user: "mallory", body, signal }));
  }
}

async function brokenDevice({ seconds, databaseUrl }: Options): Promise<readonly Figure[]> {
  const server = await startServer({ databaseUrl, openLetters });
  try {
    const filling = await fill(server);
    const { result, samples } = await beside(server, Math.min(10, seconds), async (signal) => {
      const poisoned = paced(signal, (number) =>
        send(server.url, { user: broken, body: poisonOf("broken", number), signal }),
      );
      const good = paced(signal, (number) =>
        send(server.url, { user: broken, body: putOf(broken, "good", number), signal }),
      );
      return { poisoned: await poisoned, good: await good };
    });
    const of = `a device at deadLetters.open, ${openLetters}`;
    return [
      { of, name: "until it is refused", value: tally(filling) },
      { of, name: "its answers from then on", value: tally(result.poisoned) },
      { of, name: "the user's other device: PUTs applied", value: appliedOf(result.good) },
      { of, name: "the user's other device: answers", value: tally(result.good) },
      ...othersFigures(of, samples),
    ];
  } finally {
    await server.kill();
  }
}

/** Until the first answer that is no longer a dead letter, or three times as many. */
async function fill({ url }: BenchServer): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const signal = AbortSignal.timeout(30_000);
  for (let number = 1; number <= openLetters * 3; number += 1) {
    const sample = await send(url, { user: broken, body: poisonOf("broken", -number), signal });
    samples.push(sample);
    if (sample.outcome !== "fatal_error") break;
  }
  return samples;
}

/** One after the other, ten a second. */
async function paced(
  signal: AbortSignal,
  run: (number: number) => Promise<Sample>,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let number = 1; !signal.aborted; number += 1) {
    samples.push(await run(number));
    await new Promise((resolve) => setTimeout(resolve, paceMs));
  }
  return samples;
}

/** What the column's CHECK refuses. */
function poisonOf(client: string, opId: number): string {
  const id = crypto.randomUUID();
  const op_id = opId < 0 ? -opId : 1_000 + opId;
  return transactionOf(client, [{ op: "PUT", table: "things", id, op_id, op_data: { size: -1 } }]);
}

/** Of each of the library's tables, whatever they are called. */
async function ownRows(databaseUrl: string): Promise<ReadonlyMap<string, number>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select tablename as name from pg_tables where tablename like 'powersync\\_%'`,
    );
    const counts = new Map<string, number>();
    for (const { name } of tables) {
      const { rows } = await client.query<{ count: string }>(`select count(*) from "${name}"`);
      counts.set(name, Number(rows[0]?.count));
    }
    return counts;
  } finally {
    await client.end();
  }
}
