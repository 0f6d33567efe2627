/** Generates `generated/page.ts` from the sources in `page/`: the markup, the style, and the bundled script. `npm run generate` runs it. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = new URL("./page/", import.meta.url);

/** Returns the text of each generated file, by its name. */
export async function generatePage(): Promise<Record<string, string>> {
  const [markup, style, script] = await Promise.all([
    readFile(new URL("page.html", here), "utf8"),
    readFile(new URL("page.css", here), "utf8"),
    bundled(),
  ]);
  return {
    "page.ts": [
      "// Generated from src/admin/page by src/admin/generate.ts. Change those files, not this one.\n",
      "/** The page for dead letters. */\n",
      `export const pageHtml = ${lines(markup)};\n`,
      `export const pageCss = ${lines(style)};\n`,
      `export const pageJs = ${lines(script)};\n`,
    ].join(""),
  };
}

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("main.ts", here))],
    absWorkingDir: fileURLToPath(new URL("../../../", here)),
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
    write: false,
  });
  // esbuild writes the paths of the sources as comments.
  return (outputFiles[0]?.text ?? "").replace(/^\/\/ .*\n/gm, "");
}

/** Writes each line as a string of its own, so that diffs of the generated file are readable. */
function lines(text: string): string {
  const all = text.split("\n").map((line) => `  ${JSON.stringify(line)},\n`);
  return `[\n${all.join("")}].join("\\n")`;
}
