/**
 * A process that retries a dead letter: `letter-process.ts URL ID MODE`. It tells its parent when it is ready,
 * retries when it is told to, and answers with the result's status.
 *
 * `stop`: it tells its parent when the letter's write has been made, and goes no further.
 */
import { once } from "node:events";
import { createWrites } from "../../src/index.js";
import { openByUrl } from "./by-url.js";
import type { TestSchema } from "./schema.js";
import { testConfig, type TestPrincipal } from "./writes.js";

const [, , url = "", id = "", mode = ""] = process.argv;

const db = openByUrl(url);
const { deadLetters } = createWrites<TestPrincipal, TestSchema>({
  ...testConfig(db),
  hooks: {
    persist: {
      after: () => {
        if (mode !== "stop") return undefined;
        process.send?.("written");
        return new Promise<undefined>(() => setInterval(() => undefined, 1_000));
      },
    },
  },
});

process.send?.("ready");
await once(process, "message");
const statuses: string[] = [];
for (let time = 0; time < 5; time += 1) statuses.push((await deadLetters.retry(id)).status);
await db.destroy();
process.send?.(statuses);
process.disconnect();
