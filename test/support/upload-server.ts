/** A server in a process of its own: `upload-server.ts DATABASE_URL`. It tells its parent where it listens, and ends with it. */
import { createWrites } from "../../src/index.js";
import { openByUrl } from "./by-url.js";
import type { TestSchema } from "./schema.js";
import { adapters, listen } from "./uploads.js";
import { testConfig, type TestPrincipal } from "./writes.js";

const database = openByUrl(process.argv[2] ?? "");
const writes = createWrites<TestPrincipal, TestSchema>({
  ...testConfig(database),
  // One caller stands for many.
  limits: { concurrentRequests: 1_000 },
});
const serverOf = adapters["node:http"];
if (serverOf === undefined) throw new Error("There is no such adapter.");
const server = serverOf(writes);
// A parent that is busy for longer than that would send on a connection that has been ended meanwhile.
server.keepAliveTimeout = 0;
const { url } = await listen(server);
process.on("disconnect", () => process.exit());
process.send?.(url);
