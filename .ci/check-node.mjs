/** Runs before build, start and test. Without it an old Node fails later, and by crashing: better-sqlite3 needs 22. */
const major = Number(process.versions.node.split(".")[0]);

if (major < 22) {
  console.error(
    [
      `Node ${process.versions.node} is too old: this project is built and tested with Node 22 or newer.`,
      "The development dependency `node` brings Node 24 to the npm scripts, but its install script has not run here.",
      "Run `npm ci` again with scripts allowed (no `--ignore-scripts`), or put a newer Node first on your PATH.",
    ].join("\n"),
  );
  process.exit(1);
}
