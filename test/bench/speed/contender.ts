/** One of the bench's servers, in a process of its own. `contender.ts SETTINGS`; see `drive.ts`. */
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import { openDatabase } from "../../../examples/todolist/database.js";
import { type Database, prepare } from "../../../examples/todolist/schema.js";
import type { Asked, ContenderSettings, Told } from "./drive.js";
import { serveFloor } from "./floor.js";
import { serveMysqlFloor } from "./floor-mysql.js";
import { serveSqliteFloor } from "./floor-sqlite.js";
import { serveOurs } from "./ours.js";
import type { Listening } from "./serving.js";
import { digestOfRows, fill } from "./rows.js";
import { serveUsual } from "./usual.js";

const { server, databaseUrl, throughUrl } = JSON.parse(process.argv[2] ?? "") as ContenderSettings;

const pglite = databaseUrl === "pglite" ? await PGlite.create() : undefined;

async function serve(): Promise<Listening> {
  const on = { url: throughUrl, ...(pglite && { pglite }) };
  switch (server) {
    case "usual pattern":
    case "usual pattern, ledger":
      return serveUsual(on, { ledger: server === "usual pattern, ledger" });
    case "floor":
    case "floor, ledger":
    case "floor, ledger, one commit":
      if (throughUrl.startsWith("sqlite:")) return serveSqliteFloor(throughUrl);
      if (throughUrl.startsWith("mysql")) return serveMysqlFloor(throughUrl);
      return serveFloor(throughUrl, {
        ledger: server !== "floor",
        oneCommit: server === "floor, ledger, one commit",
      });
    default:
      return serveOurs(on, server);
  }
}

/** Not through the proxy, and not through the pool that is measured. */
async function aside<T>(work: (db: Kysely<Database>) => Promise<T>): Promise<T> {
  if (pglite !== undefined) {
    return work(new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) }));
  }
  const { db } = openDatabase(databaseUrl);
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

const answers: Readonly<Record<Asked, () => Promise<unknown>>> = {
  fill: () => aside(fill),
  rows: () => aside(digestOfRows),
  usage: async () => {
    const { user, system } = process.cpuUsage();
    return { cpuMs: (user + system) / 1_000, peakMiB: process.resourceUsage().maxRSS / 1_024 };
  },
};

await aside((db) =>
  prepare(db, new AbortController().signal, (error) => {
    throw error;
  }),
);
const { url } = await serve();
process.on("message", (asked: Asked) => {
  void answers[asked]().then(
    (answer) => process.send?.({ answer } satisfies Told),
    (error: unknown) => {
      console.error(error);
      process.send?.({ failed: true } satisfies Told);
    },
  );
});
process.on("disconnect", () => process.exit());
process.send?.({ answer: url } satisfies Told);
