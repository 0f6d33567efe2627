/** The package's entries, and how much each one weighs for whoever bundles it alone. Reads the sources; nothing is built or written. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import config from "../../../tsup.config.js";

export interface Weight {
  readonly entry: string;
  readonly source: string;
  /** Minified, with every dependency and Node's own modules left out. */
  readonly bytes: number;
  readonly gzipped: number;
}

/** Names and source files, as tsup is told them. */
export function entriesOf(): Readonly<Record<string, string>> {
  const { entry } = config as { readonly entry?: unknown };
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw new Error("tsup.config.ts names its entries in another form.");
  }
  return entry as Readonly<Record<string, string>>;
}

export async function weigh(): Promise<readonly Weight[]> {
  return Promise.all(
    Object.entries(entriesOf()).map(async ([entry, source]) => {
      const { outputFiles } = await build({
        entryPoints: [source],
        bundle: true,
        write: false,
        minify: true,
        format: "esm",
        platform: "node",
        target: "es2023",
        packages: "external",
      });
      const contents = outputFiles[0]?.contents ?? new Uint8Array();
      return { entry, source, bytes: contents.length, gzipped: gzipSync(contents).length };
    }),
  );
}
