/** `npm test`. Type tests (`test/types`) are compiled by `npm run typecheck` and need no runner. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { everyDatabase } from "./test/support/chosen.js";
import { LongestFirst } from "./test/support/order.js";

// Tests start some hundred processes of Node, which load much the same.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(
  new URL("node_modules/.cache/powersync-writes/compiled", import.meta.url),
);

const results = process.env["TEST_RESULTS"];
/** What the configuration names wins over what the command line asks for. */
const shuffled = process.argv.some((argument) => argument.startsWith("--sequence.shuffle"));
const fixtures = fileURLToPath(new URL("test/fixtures", import.meta.url));

/**
 * What takes a browser, another runtime, another language, a compiler or a checker of the sources to show: `npm run test:programs`. They wait for programs to start, for minutes
 * in all, and change seldom with what a contributor changes.
 */
const programs = [
  "test/{browser,clients,runtimes}/*.test.ts",
  "test/integration/{cli-init,foreign}.test.ts",
  "test/unit/{readme,regular-expressions,snippets}.test.ts",
];

export default defineConfig({
  test: {
    // For two cores: while two wait for a server, a process, a disk or a clock, the other two have something to do.
    maxWorkers: 4,
    // A worker runs one file after another. To start one for each file, and to load there what the one before had loaded, took a third of the
    // unit tests' processor time. So a file leaves nothing behind: it ends its servers, gives back the clock and what else it has replaced, and holds nothing
    // at the top of a module of `test/support` that another file could not meet. `npm test -- --sequence.shuffle.files` shows whether that is so.
    isolate: false,
    ...(!shuffled && { sequence: { sequencer: LongestFirst } }),
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
        test: {
          name: "all",
          // Two files have nothing to test in a run that leaves MySQL and MariaDB to another.
          include: everyDatabase
            ? ["test/**/*.test.ts"]
            : ["test/!(integration)/*.test.ts", "test/integration/!(mysql*).test.ts"],
          exclude: programs,
          env: { NEST_MAJOR: "12" },
        },
      },
      {
        extends: true,
        test: { name: "programs", include: programs, env: { NEST_MAJOR: "12" } },
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
