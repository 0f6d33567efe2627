/** `npm test`. Type tests (`test/types`) are compiled by `npm run typecheck` and need no runner. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const results = process.env["TEST_RESULTS"];
const fixtures = fileURLToPath(new URL("test/fixtures", import.meta.url));

export default defineConfig({
  test: {
    // For two cores: while one waits for a server, a process or a clock, the other two have something to do.
    maxWorkers: 3,
    // For what never ends. No test is about how long it takes, and beside other work a database takes its time to start.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    // The library's own log lines, of failures that tests make on purpose.
    silent: "passed-only",
    reporters: results === undefined ? ["default"] : ["default", ["json", { outputFile: results }]],
    projects: [
      {
        extends: true,
        test: { name: "all", include: ["test/**/*.test.ts"], env: { NEST_MAJOR: "12" } },
      },
      {
        extends: true,
        resolve: {
          alias: [
            // What imports NestJS gets the fixture's; its packages find each other there by themselves.
            { find: /^@nestjs\//, replacement: `${fixtures}/nest11/node_modules/@nestjs/` },
            // In test/conformance: NestJS and no other.
            { find: /^\.\/adapters\.js$/, replacement: `${fixtures}/nest-adapters.ts` },
          ],
        },
        test: {
          name: "nest11",
          include: ["test/integration/nest.test.ts", "test/conformance/*.test.ts"],
          env: { NEST_MAJOR: "11" },
        },
      },
    ],
  },
});
