/** Blocks of the docs that are parts of files compile, too. Those with a file's name are whole, and `readme.test.ts` compiles them. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sourceConfig } from "../support/source-config.js";

const run = promisify(execFile);
let folder: string;
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "snippets-"));
  await symlink(resolve("node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  // What a snippet leaves to the reader has no type.
  const loose = {
    noImplicitAny: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    useUnknownInCatchVariables: false,
    erasableSyntaxOnly: false,
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(sourceConfig(loose)));
  // The API's examples are taken from the docstrings.
  const pages = (await readdir("docs")).filter((name) => name.endsWith(".md"));
  for (const page of pages) {
    const text = await readFile(join("docs", page), "utf8");
    const blocks = Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, block = ""]) => block);
    for (const [index, block] of blocks.entries()) {
      const isSignature = page === "api.md" && !before(text, block).endsWith("Example:\n\n");
      if (isSignature || /^\/\/ [\w.-]+\.ts\n/.test(block)) continue;
      count += 1;
      // Where several hosts stand beside each other, each has imports of its own.
      for (const [part, source] of block.split(/\n\n(?=import )/).entries()) {
        const name = `${page.replace(".md", "")}-${index + 1}-${part + 1}.ts`;
        await writeFile(join(folder, name), module(source));
      }
    }
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it("there are some", () => {
  expect(count).toBeGreaterThan(40);
});

it("compile", async () => {
  const compile = resolve("test/support/compile-snippets.ts");
  const { stdout } = await run(process.execPath, ["--import", "tsx", compile, folder], {
    maxBuffer: 16 * 1_048_576,
  });
  expect(stdout).toBe("");
});

function before(text: string, block: string): string {
  const at = text.indexOf(`\`\`\`ts\n${block}`);
  return text.slice(Math.max(0, at - 20), at);
}

const names = `import type { TableRule, WritesConfig } from "powersync-writes";
type Any = any;
type Tables = Record<string, Record<string, Any>>;
`;
/** The keys of a table's rule that stand alone in an example. */
const ofRule = /^(?:scope|owner|belongsTo|columns|set|conflict): /;

/** And those of the configuration. Any other is the name of a table. */
const ofConfig =
  /^(?:tables|errors|ledger|deadLetters|limits|timeouts|hooks|cors|parking|ownTables): /;

/** A snippet is one or several rules of a table, options, or statements. `…` is what the reader fills in. */
function module(snippet: string): string {
  const code = snippet
    .replace(/^(?:\/\/.*\n)+/, "")
    .replaceAll(/…(?=,)|(?<=, )…(?= \})/g, "...rest")
    .replaceAll(/(?<=[{(,] ?)…/g, "");
  if (code.startsWith("{")) return rules(code);
  if (/^\w+: /.test(code)) {
    const rule = "TableRule<Any, Tables>";
    const config = "Partial<WritesConfig<Any, Tables>>";
    const others = ofConfig.test(code) ? config : `Record<string, ${rule}>`;
    const type = ofRule.test(code) ? rule : others;
    return `${names}export const options: ${type} = {\n${code.trim().replace(/[,;]$/, "")}\n};\n`;
  }
  return `${code}\nexport {};\n`;
}

/** Each begins and ends at the beginning of a line. */
function rules(code: string): string {
  const each = code.split(/^(?=\{)/m).map((one) => one.replaceAll(/^\/\/.*$/gm, "").trim());
  const declared = each.map(
    (one, index) => `export const rule${index}: TableRule<Any, Tables> = ${one.replace(/;$/, "")};`,
  );
  return `${names}${declared.join("\n")}\n`;
}
