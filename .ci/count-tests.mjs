/**
 * Says what Vitest's own JSON reports hold: `N passed, N failed`, and each failure by its name and the first line of its message, so that the end of a
 * log tells what has happened.
 *
 * `node .ci/count-tests.mjs RESULTS [AGAIN]`: exits 1 where a test failed, or none ran. AGAIN is the report of a second run of the files
 * in which tests failed. What passes there is reported by name, as a failure that did not come twice.
 * `node .ci/count-tests.mjs --failed RESULTS`: prints those files, where it makes sense to run them again.
 */
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

/** So many files at most: more is no coincidence. */
const mostAgain = 3;
/** Its cases are random, and the second run would have others. */
const random = /^test\/property\//;

const listing = process.argv[2] === "--failed";
const [first, second] = process.argv.slice(listing ? 3 : 2);
const report = readReport(first);
const failures = report === undefined ? [] : failuresOf(report);

if (listing) {
  const files = [...new Set(failures.map(({ file }) => file))];
  if (files.length <= mostAgain && !files.some((file) => random.test(file)))
    console.log(files.join("\n"));
} else {
  process.exitCode = count() ? 0 : 1;
}

function count() {
  if (report === undefined) {
    console.log("The test runner has left no report.");
    return false;
  }
  const again = second !== undefined && existsSync(second) ? readReport(second) : undefined;
  const stay = again === undefined ? failures : failuresOf(again);
  const passedAgain = again !== undefined && again.numPassedTests > 0 && stay.length === 0;
  for (const { file, name, message } of failures)
    console.log(`FAILED ${file}: ${name}: ${message}`);
  if (passedAgain) console.log("Run again, by themselves, these files passed.");
  else if (again !== undefined)
    for (const { file, name, message } of stay)
      console.log(`FAILED AGAIN ${file}: ${name}: ${message}`);

  const passed = report.numPassedTests;
  const others = report.numTotalTests - passed - report.numFailedTests;
  if (others > 0) console.log(`${others} skipped`);
  const failed = passedAgain ? 0 : Math.max(failures.length, report.success ? 0 : 1);
  if (passedAgain) console.log(`${failures.length} failed once, and passed when run again`);
  console.log(`${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0;
}

function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/** A file that could not be loaded has no tests to count, and is a failure all the same. */
function failuresOf({ testResults }) {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (failed.length === 0 && status === "failed")
      return [{ file, name: "the file", message: firstLine(message) }];
    return failed.map(({ fullName, failureMessages }) => ({
      file,
      name: fullName,
      message: firstLine(failureMessages?.[0]),
    }));
  });
}

function firstLine(message = "") {
  return message.split("\n", 1)[0].slice(0, 300);
}
