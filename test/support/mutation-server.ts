/** A server of the counting mutations in a process of its own: `mutation-server.ts DATABASE_URL`. It tells its parent where it listens, and ends with it. */
import type { Kysely } from "kysely";
import { openByUrl } from "./by-url.js";
import { countingWrites, type CountingTables } from "./counting.js";
import { adapters, listen } from "./uploads.js";

const database = openByUrl(process.argv[2] ?? "") as unknown as Kysely<CountingTables>;
const serverOf = adapters["node:http"];
if (serverOf === undefined) throw new Error("There is no such adapter.");
const { url } = await listen(serverOf(countingWrites(database)));
process.on("disconnect", () => process.exit());
process.send?.(url);
