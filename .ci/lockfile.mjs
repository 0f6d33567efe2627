/**
 * Keeps package-lock.json good for everybody: `node .ci/lockfile.mjs` mends it, `--check` only looks.
 *
 * - No download addresses: where packages come from is each machine's own configuration. Links name folders of this repository.
 * - An entry for every optional dependency. npm leaves one out where it could not be fetched, as happens with binaries for other
 *   platforms, and `npm ci` then refuses the whole file. Such an entry is never installed on another platform than its own.
 */
import { readFileSync, writeFileSync } from "node:fs";

const file = "package-lock.json";
const lock = JSON.parse(readFileSync(file, "utf8"));
const { packages } = lock;
const found = [];

for (const [path, entry] of Object.entries(packages)) {
  if (entry.resolved !== undefined && !isWorkspace(entry)) {
    found.push(`${path} names a download address.`);
    delete entry.resolved;
  }
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isThere(path, name)) continue;
    found.push(`${name}, optional for ${path}, has no entry.`);
    packages[`node_modules/${name}`] = {
      version: range.replace(/^[\^~]/, ""),
      ...(entry.dev && { dev: true }),
      optional: true,
      ...platformOf(name),
    };
  }
}

if (found.length === 0) {
  console.log(`${file} is complete.`);
} else if (process.argv.includes("--check")) {
  console.error(found.slice(0, 10).join("\n"));
  console.error(`${file} has ${found.length} faults. Run \`node .ci/lockfile.mjs\`.`);
  process.exit(1);
} else {
  const sorted = Object.keys(packages).sort((a, b) => a.localeCompare(b, "en"));
  lock.packages = Object.fromEntries(sorted.map((path) => [path, packages[path]]));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`Mended ${found.length} faults of ${file}.`);
}

/** A link to a folder of this repository, which has an entry of its own. */
function isWorkspace({ link, resolved }) {
  return link === true && lock.packages[""].workspaces?.includes(resolved) === true;
}

/** Beside the package or in a folder above it, as Node looks for it. */
function isThere(path, name) {
  for (let from = path; ; from = from.slice(0, from.lastIndexOf("/node_modules/"))) {
    if (packages[`${from}/node_modules/${name}`] !== undefined) return true;
    if (!from.includes("/node_modules/")) return packages[`node_modules/${name}`] !== undefined;
  }
}

/** Packages with binaries are named for what they run on. */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const only = (key, known) => {
    const word = words.find((each) => known.includes(each));
    return word === undefined ? {} : { [key]: [word] };
  };
  const os = only("os", [
    "aix",
    "android",
    "darwin",
    "freebsd",
    "linux",
    "netbsd",
    "openbsd",
    "openharmony",
    "sunos",
    "win32",
  ]);
  const cpu = only("cpu", [
    "arm",
    "arm64",
    "ia32",
    "loong64",
    "mips64el",
    "ppc64",
    "riscv64",
    "s390x",
    "wasm32",
    "x64",
  ]);
  if (os.os === undefined && cpu.cpu === undefined)
    throw new Error(`${name} does not say what it runs on.`);
  const linux = os.os?.[0] === "linux";
  const libc = words.some((word) => word.startsWith("musl"))
    ? "musl"
    : words.some((word) => word.startsWith("gnu"))
      ? "glibc"
      : undefined;
  return { ...cpu, ...(linux && libc && { libc: [libc] }), ...os };
}
