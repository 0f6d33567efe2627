/** The package as a stranger gets it: packed, unpacked beside its dependencies alone, every subpath imported. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const { name, version, exports, dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
// The frameworks and pg are optional: nothing may need them to be imported, but NestJS' module, which is made of decorators, and what is for one package alone.
const beside = [...Object.keys(dependencies), "kysely"];
const needs = {
  "./nest": ["@nestjs/common", "@nestjs/core"],
  "./otel": ["@opentelemetry/api"],
  "./mongodb": ["mongodb"],
};
const problems = [];

const folder = mkdtempSync(join(tmpdir(), "package-"));
try {
  const installed = unpack();
  checkFiles(installed);
  checkLinks(installed);
  checkText(installed);
  await checkClient(installed);
  await checkHosts(installed);
  checkCommand(installed);
  await checkSubpaths();
} finally {
  rmSync(folder, { recursive: true });
}

for (const problem of problems) console.error(`The package: ${problem}`);
if (problems.length > 0) process.exit(1);
console.log(`The package imports: ${Object.keys(exports).join(" ")}`);

function unpack() {
  const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
    encoding: "utf8",
  });
  // A package of its own, whatever the folders above hold.
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true }));
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  execFileSync("tar", ["-xzf", join(folder, packed.trim()), "-C", modules]);
  // Tarballs hold everything in a folder of this name.
  const installed = join(modules, name);
  execFileSync("mv", [join(modules, "package"), installed]);
  for (const one of beside) link(one);
  return installed;
}

function link(one) {
  const there = join(folder, "node_modules", one);
  mkdirSync(dirname(there), { recursive: true });
  symlinkSync(resolve("node_modules", one), there);
}

function checkFiles(installed) {
  const expected = ["CHANGELOG.md", "LICENSE", "README.md", "dist", "docs", "package.json"];
  const found = readdirSync(installed).sort();
  if (found.join() !== expected.join()) problems.push(`holds ${found.join(", ")}`);
  const others = readdirSync(join(installed, "docs")).filter(
    (file) => !/\.(?:md|svg)$/.test(file) && file !== "grafana.json",
  );
  if (others.length > 0) problems.push(`holds ${others.join(", ")} in docs`);
}

/** What README and the docs link to is in the package: each file, and each heading. */
function checkLinks(installed) {
  const docs = readdirSync(join(installed, "docs")).map((file) => join("docs", file));
  for (const page of ["README.md", "CHANGELOG.md", ...docs]) {
    for (const [, link] of prose(join(installed, page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path, heading] = link.split("#");
      const target = path === "" ? join(installed, page) : join(installed, dirname(page), path);
      const isThere =
        existsSync(target) && (heading === undefined || headings(target).includes(heading));
      if (!isThere) problems.push(`${page} links to ${link}, which is not in it.`);
    }
  }
}

function prose(file) {
  return readFileSync(file, "utf8").replace(/^```.*?^```$/gms, "");
}

/** As GitHub makes links of them: one that comes again is numbered. */
function headings(file) {
  const seen = new Map();
  return Array.from(prose(file).matchAll(/^#+ (.*)$/gm), ([, text]) => {
    const link = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const before = seen.get(link) ?? 0;
    seen.set(link, before + 1);
    return before === 0 ? link : `${link}-${before}`;
  });
}

function checkText(installed) {
  const dist = join(installed, "dist");
  for (const file of readdirSync(dist).filter((one) => one.endsWith(".js"))) {
    const text = readFileSync(join(dist, file), "utf8");
    if (/\bnew Function\b|\beval\(/.test(text)) problems.push(`${file} makes code of text.`);
    if (/\brequire\(/.test(text)) problems.push(`${file} calls require().`);
  }
  // What runs on the edge, and every chunk that it takes along.
  const reached = ["index.js", "fetch.js", "jwt.js", "memory.js", "admin.js", "audit.js"];
  for (const file of reached) {
    const text = readFileSync(join(dist, file), "utf8");
    const [foreign] = /\bnode:|\bexpress\b|\bkoa\b|@nestjs/.exec(text) ?? [];
    if (foreign !== undefined) problems.push(`${file} speaks of ${foreign}.`);
    for (const [, from] of text.matchAll(/(?:from|import)\s*\(?"([^"]+)"/g)) {
      if (from.startsWith("./") && !reached.includes(from.slice(2))) reached.push(from.slice(2));
      if (!from.startsWith("./") && !beside.includes(from))
        problems.push(`${file} imports ${from}.`);
    }
  }
}

/** What an app carries along for the connector: small, and nothing that a browser or React Native does not have. */
async function checkClient(installed) {
  try {
    const client = join(installed, "dist", "client.js");
    const { outputFiles, metafile } = await build({
      // As an app takes it that has no mutators: what it does not import is left out.
      stdin: {
        contents: `export { PowerSyncWriteConnector } from ${JSON.stringify(client)};`,
        resolveDir: installed,
      },
      bundle: true,
      minify: true,
      format: "esm",
      platform: "neutral",
      supported: { "top-level-await": false },
      metafile: true,
      write: false,
      logLevel: "silent",
    });
    const size = gzipSync(outputFiles[0].contents, { level: 9 }).length;
    console.log(`The connector is ${size} bytes, minified and gzipped.`);
    // Some 300 of them are for aborting an upload: its request, its waiting, and what the application is asked.
    if (size > 6_900) problems.push(`The connector has ${size} bytes gzipped; 6,900 may be.`);
    const inputs = Object.keys(metafile.inputs).filter((input) => input !== "<stdin>");
    if (inputs.length > 1) problems.push(`client.js takes along ${inputs.join(", ")}`);
  } catch (error) {
    problems.push(`client.js can't be bundled: ${error.message}`);
  }
}

/** An application that mounts no admin routes does not bundle them. */
async function checkHosts(installed) {
  for (const host of ["express", "koa", "fetch", "node"]) {
    const { outputFiles } = await build({
      stdin: {
        contents: `export { powersyncWrites } from "./${host}.js";`,
        resolveDir: join(installed, "dist"),
      },
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
      write: false,
      logLevel: "silent",
    });
    if (outputFiles[0].text.includes("/api/admin/"))
      problems.push(`${host}.js takes the admin routes along.`);
  }
}

/** As npx starts it, beside what a stranger has installed. */
function checkCommand(installed) {
  const { bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  const command = (...args) =>
    execFileSync(process.execPath, [join(installed, bin[name]), ...args], { encoding: "utf8" });
  const [first] = readFileSync(join(installed, bin[name]), "utf8").split("\n");
  if (first !== "#!/usr/bin/env node") problems.push(`${bin[name]} begins with ${first}`);
  if (command("--version").trim() !== version) problems.push("the command tells another version.");
  const sql = command("tables", "--print", "--dialect", "postgres");
  if (!sql.includes("powersync_ledger")) problems.push("the command prints no tables.");
}

async function checkSubpaths() {
  const require = createRequire(pathToFileURL(join(folder, "stranger.js")));
  // Last of all what needs more than the others may.
  const subpaths = Object.keys(exports).sort((a, b) => (a in needs) - (b in needs));
  for (const subpath of subpaths) {
    for (const one of needs[subpath] ?? []) link(one);
    const specifier = join(name, subpath);
    try {
      const path = require.resolve(specifier);
      if (!path.endsWith(".js")) readFileSync(path);
      else {
        const imported = Object.keys(await import(pathToFileURL(path)));
        if (imported.length === 0) problems.push(`${specifier} is empty.`);
        // As an application in CommonJS gets it.
        const required = Object.keys(require(specifier)).filter((one) => one !== "module.exports");
        if (required.sort().join() !== imported.sort().join())
          problems.push(`require("${specifier}") gives ${required.join(", ")}.`);
      }
    } catch (error) {
      problems.push(`${specifier}: ${error.message}`);
    }
  }
}
