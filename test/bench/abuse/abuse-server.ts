/** The server under test, in a process of its own: Express on node:http, a pool of ten connections. `abuse-server.ts SETTINGS`, see `processes.ts`. */
import { createWrites } from "../../../src/index.js";
import { openByUrl } from "../../support/by-url.js";
import type { TestSchema } from "../../support/schema.js";
import { adapters, listen } from "../../support/uploads.js";
import { byName, type TestPrincipal } from "../../support/writes.js";
import type { Settings, Usage } from "./processes.js";

const { databaseUrl, openLetters: open, openBytes } = JSON.parse(process.argv[2] ?? "") as Settings;
const writes = createWrites<TestPrincipal, TestSchema>({
  authenticate: byName,
  database: openByUrl(databaseUrl),
  tables: { lists: { owner: "owner_id" }, things: { access: "everyone" } },
  logger: false,
  deadLetters: {
    ...(open !== undefined && { open }),
    ...(openBytes !== undefined && { openBytes }),
  },
});
const serverOf = adapters["Express 5"];
if (serverOf === undefined) throw new Error("There is no such adapter.");
const { url } = await listen(serverOf(writes));

// Not `monitorEventLoopDelay`, which misses what comes right after its `reset`.
const everyMs = 5;
let longest = { ms: 0, processorMs: 0 };
let lookedAt = performance.now();
let used = process.threadCpuUsage();
setInterval(look, everyMs);

function look(): void {
  const now = performance.now();
  const ms = now - lookedAt - everyMs;
  const { user, system } = process.threadCpuUsage(used);
  longest = {
    ms: Math.max(longest.ms, ms),
    processorMs: Math.max(longest.processorMs, (user + system) / 1_000),
  };
  lookedAt = now;
  used = process.threadCpuUsage();
}

process.on("message", () => {
  look();
  const usage: Usage = { peakKiB: process.resourceUsage().maxRSS, longestBlock: longest };
  longest = { ms: 0, processorMs: 0 };
  process.send?.(usage);
});
process.on("disconnect", () => process.exit());
process.send?.(url);
