/** `npm test`. Type tests (`test/types`) are compiled by `npm run typecheck` and need no runner. */
import { defineConfig } from "vitest/config";

const results = process.env["TEST_RESULTS"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Databases live in their own processes or in WASM: more workers than this only wait for each other.
    maxWorkers: 2,
    // PGlite takes seconds to start, and longer beside other work.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    reporters: results === undefined ? ["default"] : ["default", ["json", { outputFile: results }]],
  },
});
