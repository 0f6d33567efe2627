/** Prints `N passed, N failed` from Vitest's own JSON report. */
import { readFileSync } from "node:fs";

const [file] = process.argv.slice(2);
const report = JSON.parse(readFileSync(file, "utf8"));
// A file that could not be loaded has no tests to count, and is a failure all the same.
const unloaded = report.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
);
const passed = report.numPassedTests;
const failed = report.numFailedTests + unloaded.length;
const others = report.numTotalTests - passed - report.numFailedTests;

if (others > 0) console.log(`${others} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(passed > 0 && failed === 0 && report.success ? 0 : 1);
