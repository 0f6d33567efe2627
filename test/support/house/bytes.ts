/** The package's entries, and how much each one weighs for whoever bundles it alone. Reads the sources; nothing is built or written. */
import { relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import config from "../../../tsup.config.js";

export interface Weight {
  readonly entry: string;
  readonly source: string;
  /** Minified, with every dependency and Node's own modules left out. What is imported on demand is not among it. */
  readonly bytes: number;
  readonly gzipped: number;
  /** What the entry loads where it is used, by the file that is imported. */
  readonly onDemand: readonly Omit<Weight, "entry" | "onDemand">[];
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
  return Promise.all(Object.entries(entriesOf()).map(([entry, source]) => weighed(entry, source)));
}

async function weighed(entry: string, source: string): Promise<Weight> {
  const { outputFiles, metafile } = await build({
    entryPoints: [source],
    outdir: "bytes",
    bundle: true,
    splitting: true,
    metafile: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "node",
    target: "es2023",
    packages: "external",
  });
  const { outputs } = metafile;
  const contents = new Map(
    outputFiles.map((file) => [relative(".", file.path).replaceAll("\\", "/"), file.contents]),
  );
  const madeOf = (from: string) =>
    Object.keys(outputs).find((path) => outputs[path]?.entryPoint === from);

  /** A file and what it imports statically, but for what is loaded already. */
  const loadedWith = (path: string, loaded: ReadonlySet<string>): ReadonlySet<string> => {
    const found = new Set<string>();
    const visit = (at: string): void => {
      if (loaded.has(at) || found.has(at) || outputs[at] === undefined) return;
      found.add(at);
      for (const { path: next, kind } of outputs[at].imports) {
        if (kind === "import-statement") visit(next);
      }
    };
    visit(path);
    return found;
  };
  const weightOf = (files: ReadonlySet<string>) => {
    const all = Buffer.concat([...files].map((path) => contents.get(path) ?? new Uint8Array()));
    return { bytes: all.length, gzipped: gzipSync(all).length };
  };

  const own = loadedWith(madeOf(source) ?? "", new Set());
  const demanded = Object.values(outputs).flatMap(({ imports }) =>
    imports.flatMap(({ path, kind }) => (kind === "dynamic-import" ? path : [])),
  );
  const onDemand = [...new Set(demanded)].map((path) => ({
    source: outputs[path]?.entryPoint ?? path,
    ...weightOf(loadedWith(path, own)),
  }));
  return { entry, source, ...weightOf(own), onDemand };
}
