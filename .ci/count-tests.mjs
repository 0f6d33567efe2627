/**
 * Says what Vitest's own JSON reports hold: each failure by its name and the first line of its message, so that the end of a log tells what has
 * happened, and `N passed, N failed` in all.
 *
 * `node .ci/count-tests.mjs FOLDER RUN…`: exits 1 where a test failed, or a run had none. RUN.json in the folder is the report of a run, and
 * RUN-again.json that of a second run of the files in which tests failed. What passes there is reported as a failure that did not come twice.
 * `node .ci/count-tests.mjs --failed FOLDER RUN`: prints those files, where it makes sense to run them again.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** So many files at most: more is no coincidence. */
const mostAgain = 3;
/** Its cases are random, and the second run would have others. */
const random = /^test\/property\//;

const listing = process.argv[2] === "--failed";
const [folder, ...runs] = process.argv.slice(listing ? 3 : 2);

if (listing) {
  const report = readReport(runs[0]);
  const files = new Set(report && failuresOf(report).map(({ file }) => file));
  if (files.size <= mostAgain && ![...files].some((file) => random.test(file)))
    console.log([...files].join("\n"));
} else {
  const counts = runs.map(count);
  const sum = (name) => counts.reduce((all, each) => all + each[name], 0);
  // The other runs leave out, by choice, what the first one has run.
  const [{ skipped }] = counts;
  if (skipped > 0) console.log(`${skipped} skipped`);
  if (sum("once") > 0) console.log(`${sum("once")} failed once, and passed when run again`);
  console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
  process.exitCode = sum("failed") === 0 ? 0 : 1;
}

function count(run) {
  const report = readReport(run);
  if (report === undefined || report.numPassedTests === 0) {
    console.log(`FAILED ${run}: the test runner has reported no test that passed.`);
    return { passed: 0, skipped: 0, once: 0, failed: 1 };
  }
  const failures = failuresOf(report);
  print("FAILED", failures);
  const again = readReport(`${run}-again`);
  const stay = again && failuresOf(again);
  if (stay) print("FAILED AGAIN", stay);
  const passedAgain = stay?.length === 0 && again.numPassedTests > 0;
  if (passedAgain) console.log("Run again, by themselves, these files passed.");
  return {
    passed: report.numPassedTests,
    skipped: report.numTotalTests - report.numPassedTests - report.numFailedTests,
    once: passedAgain ? failures.length : 0,
    failed: passedAgain ? 0 : Math.max(failures.length, report.success ? 0 : 1),
  };
}

function print(word, failures) {
  for (const { file, name, message } of failures)
    console.log(`${word} ${file}: ${name}: ${message}`);
}

function readReport(run) {
  const file = join(folder, `${run}.json`);
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
