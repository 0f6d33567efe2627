/**
 * `npm run bench:blocking`: the longest turn of the event loop while one request is processed, for bodies of several shapes and sizes.
 *
 * A timer ticks each millisecond, and a turn is what runs between two ticks: nobody else is answered meanwhile. Its length is given by the clock, which other programs of the
 * machine make longer, and in the processor's time of the thread, which is the same beside other work. Garbage collection is part of both.
 * A request's transactions are ended after three seconds, which does not shorten a turn. Postgres writes, at `DATABASE_URL_POSTGRES` or 127.0.0.1:5432; each case is run twice on a warm process, and the best of them counts.
 * `npm run bench:blocking -- keys` runs those whose names match.
 */
import { createWrites, type WriteRequest } from "../../src/index.js";
import { postgres } from "../support/databases.js";
import { testConfig } from "../support/writes.js";

const mebibyte = 1024 * 1024;
const sizes = [1, 16];

let opId = 0;
const entry = (data: string) =>
  `{"op":"PUT","table":"lists","id":"${crypto.randomUUID()}","op_id":${(opId += 1)},"op_data":${data}}`;
const transaction = (crud: string) => `{"crud":[${crud}]}`;
const upload = (...transactions: string[]) =>
  `{"client_id":"bench","transactions":[${transactions.join()}]}`;
const one = (data: string) => upload(transaction(entry(data)));

/** Parts up to a length, with commas between them. */
function joined(bytes: number, part: (index: number) => string): string {
  const parts: string[] = [];
  for (let length = 0, index = 0; ; index += 1) {
    const next = part(index);
    length += next.length + 1;
    if (length > bytes) return parts.join();
    parts.push(next);
  }
}

const list = (index: number) =>
  entry(`{"name":"Groceries of week ${index}","settings":{"color":"green","sort":${index}}}`);

/** Bodies of about so many bytes. */
const shapes: Readonly<Record<string, (bytes: number) => string>> = {
  "ordinary entries, one transaction": (bytes) =>
    upload(transaction(joined(Math.min(bytes, 1.6 * mebibyte), list))),
  "ordinary entries, many transactions": (bytes) =>
    upload(...Array.from({ length: 90 }, () => transaction(joined(bytes / 92, list)))),
  "long texts": (bytes) =>
    one(`{"name":"x","settings":[${joined(bytes - 1_000, () => `"${"x".repeat(100_000)}"`)}]}`),
  "texts that are not ASCII": (bytes) =>
    one(`{"name":"x","settings":["${"\u6f22".repeat(Math.min(bytes / 3 - 1_000, 4_000_000))}"]}`),
  "integers beyond 2^53": (bytes) =>
    one(
      `{"settings":[${joined(Math.min(bytes - 1_000, 8 * mebibyte), () => "9007199254740993")}]}`,
    ),
  "as many values as may be": (bytes) =>
    one(`{"settings":[${joined(Math.min(bytes - 1_000, 1_490_000), () => "{}")}]}`),
  "as many keys in one object as may be": () =>
    one(
      `{"settings":{${Array.from({ length: 49_999 }, (_, index) => `"${index.toString(36)}${"k".repeat(14)}":1`).join()}}}`,
    ),
  "keys, all different": (bytes) =>
    one(
      `{"settings":{${joined(Math.min(bytes - 1_000, 2.2 * mebibyte), (index) => `"${index.toString(36)}":1`)}}}`,
    ),
  "objects with a key each, all different": (bytes) =>
    one(
      `{"settings":[${joined(Math.min(bytes - 1_000, 2.8 * mebibyte), (index) => `{"${index.toString(36)}":1}`)}]}`,
    ),
  "more values than may be": (bytes) => one(`{"settings":[${joined(bytes - 1_000, () => "{}")}]}`),
  "empty objects as operations": (bytes) =>
    upload(transaction(joined(Math.min(bytes - 1_000, 1_490_000), () => "{}"))),
  "empty objects as operations of many transactions": (bytes) =>
    upload(
      ...Array.from({ length: 90 }, () =>
        transaction(joined(Math.min(bytes, 2_900_000) / 92, () => "{}")),
      ),
    ),
  "lists inside each other": (bytes) =>
    one(`{"settings":${"[".repeat(bytes / 2 - 500)}${"]".repeat(bytes / 2 - 500)}}`),
  "a dead letter of ordinary entries": (bytes) =>
    upload(
      transaction(`${joined(Math.min(bytes, 1.6 * mebibyte), list)},${entry('{"nowhere":1}')}`),
    ),
};

interface Longest {
  ms: number;
  cpuMs: number;
  ticks: number;
}

/** The longest turn while something runs. */
async function longestTurn(run: () => Promise<unknown>): Promise<Longest> {
  const longest: Longest = { ms: 0, cpuMs: 0, ticks: 0 };
  let at = performance.now();
  let cpu = process.threadCpuUsage();
  let running = true;
  const turn = () => {
    const used = process.threadCpuUsage(cpu);
    longest.ms = Math.max(longest.ms, performance.now() - at);
    longest.cpuMs = Math.max(longest.cpuMs, (used.user + used.system) / 1_000);
    longest.ticks += 1;
    at = performance.now();
    cpu = process.threadCpuUsage();
    if (running) setTimeout(turn, 1);
  };
  turn();
  await run();
  running = false;
  await new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
  return longest;
}

const database = await postgres.open();
const writes = createWrites({
  ...testConfig(database.db),
  logger: false,
  timeouts: { transactionMs: 600_000, requestMs: 3_000 },
});

function request(body: Uint8Array): WriteRequest {
  return {
    method: "POST",
    url: "/api/data",
    headers: new Headers({ authorization: "Bearer alice", "content-type": "application/json" }),
    body: async () => body,
    signal: new AbortController().signal,
  };
}

const repetitions = 2;
for (let time = 0; time < 5; time += 1) {
  await writes.handle(request(Buffer.from(upload(transaction(joined(100_000, list))))));
}
console.log("| body | MiB | longest turn, ms | of it the processor's | ticks | answer |");
console.log("| --- | --- | --- | --- | --- | --- |");
const chosen = new RegExp(process.argv[2] ?? "");
for (const [name, shape] of Object.entries(shapes).filter(([each]) => chosen.test(each))) {
  for (const size of sizes) {
    let best: Longest | undefined;
    let answer = "";
    let length = 0;
    for (let time = 0; time < repetitions; time += 1) {
      await database.reset();
      const body = Buffer.from(shape(size * mebibyte));
      length = body.byteLength;
      const longest = await longestTurn(async () => {
        const response = await writes.handle(request(body));
        const code = /"error_code":"(\w+)"/.exec(response.body)?.[1];
        answer = `${response.status} ${code ?? /"status":"(\w+)"/.exec(response.body)?.[1] ?? ""}`;
      });
      if (best === undefined || longest.cpuMs < best.cpuMs) best = longest;
    }
    if (best === undefined) throw new Error("It has not been run.");
    const figures = [(length / mebibyte).toFixed(1), best.ms.toFixed(0), best.cpuMs.toFixed(0)];
    console.log(`| ${[name, ...figures, best.ticks, answer].join(" | ")} |`);
  }
}
await database.close();
