/** `node --expose-gc --import tsx fuzz-process.ts COUNT SEED`: sends that many requests to a server of its own, and tells its parent what came of it. */
import { Agent, request as send } from "node:http";
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { createWrites } from "../../src/index.js";
import { betterSqlite3 } from "./databases.js";
import { fuzzRequest, type FuzzRequest } from "./fuzz-requests.js";
import { tableNames, type TestSchema } from "./schema.js";
import { adapters, listen } from "./uploads.js";
import { testConfig, type TestPrincipal } from "./writes.js";

export interface FuzzReport {
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly results: Readonly<Record<string, number>>;
  /** The first few, each with what makes it happen again. */
  readonly faults: readonly string[];
  /** Bytes, after forced collections: past the warm-up, and at the end. */
  readonly heap: readonly [number, number];
  readonly seconds: number;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const [count = 0, seed = 0] = process.argv.slice(2).map(Number);
const warmUp = Math.min(5_000, count / 2);
/** Or the tables would be what is measured. */
const emptyEvery = 1_000;

const faults: string[] = [];
const fault = (number: number, what: string) => {
  if (faults.length < 20) faults.push(`SEED=${seed}, request ${number}: ${what}`);
};
process.on("uncaughtException", (error) => fault(-1, `uncaught: ${error.stack}`));
process.on("unhandledRejection", (error) => fault(-1, `unhandled: ${String(error)}`));

const contract = parse(
  readFileSync(new URL("../../src/wire/openapi.yaml", import.meta.url), "utf8"),
) as { readonly components: object };
const ajv = new Ajv2020({ strictTypes: false, logger: false });
ajv.addVocabulary(["discriminator", "components"]);
ajv.addSchema({ $id: "contract", components: contract.components });
const schemaOf = (name: string) => ajv.compile({ $ref: `contract#/components/schemas/${name}` });
const upload = schemaOf("UploadResponse");
const limits = schemaOf("LimitsResponse");
const message = schemaOf("Message");

const database = await betterSqlite3.open();
const writes = createWrites<TestPrincipal, TestSchema>({
  ...testConfig(database.db),
  cors: { origins: ["https://app.example"] },
});
const serverOf = adapters["node:http"];
if (serverOf === undefined) throw new Error("There is no such adapter.");
const server = await listen(serverOf(writes));
const { port } = new URL(server.url);
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

const statuses: Record<string, number> = {};
const results: Record<string, number> = {};
const tally = (of: Record<string, number>, name: string | number) => {
  of[name] = (of[name] ?? 0) + 1;
};

function ask({ method, path, headers, body }: FuzzRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asked = send(
      {
        agent,
        port,
        method,
        path,
        headers: { ...headers, "content-length": body.length },
        timeout: 90_000,
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      },
    );
    asked.on("timeout", () => asked.destroy(new Error("no answer in time")));
    asked.on("error", reject);
    asked.end(body);
  });
}

const expected = new Set([200, 204, 400, 401, 403, 404, 413, 415, 429, 503]);

/** Everything that the contract says of an answer. */
function judge(number: number, { path, method }: FuzzRequest, answer: Answered): void {
  const { status, headers, body } = answer;
  tally(statuses, status);
  if (!expected.has(status)) return fault(number, `${status}: ${body.slice(0, 300)}`);
  if (status === 204) return;
  if (status === 200 && path.includes("openapi.yaml")) return;
  // What is not ours is answered by the adapter.
  const ours = headers["x-correlation-id"] !== undefined;
  if (!ours && status !== 404) fault(number, `${status} without x-correlation-id`);
  if ((status === 429 || status === 503) && headers["retry-after"] === undefined) {
    fault(number, `${status} without Retry-After`);
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return fault(number, `${status}, not JSON: ${body.slice(0, 300)}`);
  }
  const validate =
    status !== 200 ? message : method === "GET" && path.includes("limits") ? limits : upload;
  if (!validate(value)) fault(number, `${status}: ${ajv.errorsText(validate.errors)}`);
  const told = value as { readonly results?: readonly { readonly status: string }[] };
  for (const each of told.results ?? []) tally(results, each.status);
}

async function run(from: number, to: number): Promise<void> {
  let next = from;
  const worker = async () => {
    while (next < to) {
      const number = next;
      next += 1;
      if (number % emptyEvery === 0) await database.reset();
      const request = fuzzRequest(seed, number);
      try {
        judge(number, request, await ask(request));
      } catch (error) {
        fault(number, String(error));
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

function heapUsed(): number {
  if (globalThis.gc === undefined) throw new Error("Run with --expose-gc.");
  for (let time = 0; time < 3; time += 1) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

const started = performance.now();
await run(0, warmUp);
const before = heapUsed();
await run(warmUp, count);
const after = heapUsed();

// It still works, and every table is there.
for (const table of tableNames) await database.db.selectFrom(table).selectAll().limit(1).execute();
agent.destroy();
await server.close();
await database.close();
const report: FuzzReport = {
  requests: count,
  statuses,
  results,
  faults,
  heap: [before, after],
  seconds: (performance.now() - started) / 1000,
};
process.send?.(report, () => process.disconnect());
