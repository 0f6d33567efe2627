/** A device that is killed again and again while it uploads: in the end all is as if nothing had happened. */
import { createServer } from "node:http";
import express, { type RequestHandler } from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/express.js";
import { createWrites } from "../../src/index.js";
import { postgres, type TestDatabase } from "../support/databases.js";
import { createDevices, queued, queueTransactions } from "../support/device.js";
import { buildDevice, type DeviceProcess, type DeviceProgram } from "../support/device-process.js";
import { long } from "../support/long.js";
import { expectedOf, randomTransaction } from "../support/random-queue.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { effects, type Listening, listen, traceEffects } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const kills = long ? 50 : 8;
/** More than all of the killed ones can send. */
const transactions = 10 * kills;

/** When it is killed: at that upload of its life, so long after the server got it, before it is answered, or after. */
interface Kill {
  readonly upload: number;
  readonly phase: "received" | "applied" | "answered";
  readonly ms: number;
}

const random = (below: number) => Math.floor(Math.random() * below);

function randomKill(): Kill {
  const phases = ["received", "applied", "answered"] as const;
  return {
    upload: 1 + random(2),
    phase: phases[random(3)] ?? "received",
    ms: random(2) * Math.random() * 20,
  };
}

describe.skipIf(!(await postgresAvailable()))("a device that is killed while it uploads", () => {
  const devices = createDevices();
  let source: TestDatabase;
  let server: Listening;
  let program: DeviceProgram;
  let onUpload: RequestHandler = (_request, _response, next) => next();

  beforeAll(async () => {
    source = await postgres.open();
    await traceEffects(source.db);
    program = await buildDevice();
    const writes = createWrites<TestPrincipal, TestSchema>(testConfig(source.db));
    const app = express()
      .post("/api/data", (request, response, next) => void onUpload(request, response, next))
      .use(powersyncWrites(writes));
    server = await listen(createServer(app));
  });
  afterAll(async () => {
    await devices.remove();
    await server?.close();
    await source?.close();
    program?.remove();
  });

  function killAt(child: DeviceProcess, { upload, phase, ms }: Kill): RequestHandler {
    let uploads = 0;
    const kill = () => void (ms === 0 ? child.kill() : setTimeout(child.kill, ms));
    return (_request, response, next) => {
      uploads += 1;
      if (uploads === upload) {
        if (phase === "received") kill();
        if (phase === "answered") response.on("finish", kill);
        if (phase === "applied") {
          const { end } = response;
          response.end = ((...answer: Parameters<typeof end>) => {
            kill();
            // The answer is on its way when the kill comes, or comes too late.
            if (ms > 0) return end.apply(response, answer);
            return response.destroy();
          }) as typeof end;
        }
      }
      next();
    };
  }

  it(
    "has everything applied once and in order, and nothing lost",
    { timeout: 600_000 },
    async () => {
      const queue = Array.from({ length: transactions }, (_, index) => randomTransaction(index));
      const model = expectedOf(queue);
      const file = "killed.db";
      const before = await devices.open(file);
      await queueTransactions(before, queue);
      await devices.close(before);

      const start = (most: number) =>
        program.start({
          folder: devices.folder,
          file,
          url: server.url,
          token: "alice",
          transactions: 1 + random(most),
        });
      let killed = 0;
      for (let life = 0; life < kills; life++) {
        const child = start(8);
        onUpload = killAt(child, randomKill());
        if (!(await child.ended)) killed += 1;
      }
      onUpload = (_request, _response, next) => next();
      expect(killed).toBe(kills);
      expect(await start(50).ended).toBe(true);

      expect(await effects(source.db)).toEqual(model.effects);
      const stored = await source.db
        .selectFrom("things")
        .select(["id", "size"])
        .orderBy("id")
        .execute();
      expect(stored).toEqual(model.rows);
      const poisons = model.outcomes.filter((outcome) => outcome === "fatal_error").length;
      const letters = await source.db.selectFrom("powersync_dead_letters").select("id").execute();
      expect(letters).toHaveLength(poisons);
      const after = await devices.open(file);
      expect(await queued(after)).toEqual([]);
      expect(await after.getAll("SELECT id FROM rejected_writes")).toHaveLength(poisons);
    },
  );
});
