/**
 * `npm run figures`: what the code base is like, in figures. With `--json` (`npm run --silent figures -- --json`) the names behind them, too.
 *
 * `src` and `adapters` are meant, without what is generated.
 *
 * - An import is one of values or of types, or a re-export; a file that imports another is its importer. Tests are no importers.
 * - A circle is a set of two or more files of which each one reaches every other by imports.
 * - A name that an entry of the package exports is public: its importers are elsewhere.
 * - An entry weighs what esbuild makes of it and of what it imports statically, minified, without dependencies and Node's own modules. What is
 *   loaded on demand counts separately: it weighs what comes in addition to the entry.
 * - The walk is that of one PUT, a transaction of its own, after another one has warmed up the server: see `house/walk.ts` for what a call is.
 *   A move is a call in another file than the call before; it goes back where its file had been left before.
 */
import { entriesOf, type Weight, weigh } from "./house/bytes.js";
import { structureOf } from "./house/structure.js";
import { readHouse } from "./house/tree.js";
import { walk } from "./house/walk.js";

const structure = structureOf(readHouse(), Object.values(entriesOf()));
const weights = await weigh();
const put = await walk({ guarded: false });

if (process.argv.includes("--json")) {
  console.log(JSON.stringify({ ...structure, weights, put }, null, 2));
} else {
  const { files, lines, topFiles, topFolders, circles, valueCircles } = structure;
  const { internal, public: visible } = structure.narrowExports;
  print([
    ["Files", sum(files), each(files)],
    ["Lines", sum(lines), each(lines)],
    ["Entries at the top of src", topFiles.length + topFolders.length],
    ["  files", topFiles.length],
    ["  folders", topFolders.length],
    ["Import circles, types included", circles.length, sizes(circles)],
    ["Import circles of values alone", valueCircles.length, sizes(valueCircles)],
    ["Files with one importer", structure.withOneImporter.length],
    ["Exported names with at most one importer", internal.length + visible.length],
    ["  of them not public", internal.length],
    ["Names defined in more than one file", Object.keys(structure.definedTwice).length],
    ["Files over 300 lines", structure.long.length, structure.long.join(", ")],
    ...weights.map(
      ({ entry, bytes, gzipped }) =>
        [`Bytes of ${entry}`, bytes, `${grouped(gzipped)} gzipped`] as const,
    ),
    ...onDemand(weights).map(
      ({ source, bytes, gzipped }) =>
        [`  on demand ${source}`, bytes, `${grouped(gzipped)} gzipped`] as const,
    ),
    ["Calls for one PUT", put.calls],
    ["  in files", put.files],
    ["  moves between files", put.moves],
    ["  of them back into a file left before", put.back],
  ]);
}

/** The same file is loaded on demand by several entries, and weighs the same. */
function onDemand(all: readonly Weight[]): Weight["onDemand"] {
  const bySource = new Map(
    all.flatMap((weight) => weight.onDemand.map((one) => [one.source, one] as const)),
  );
  return [...bySource.values()];
}

function print(rows: readonly (readonly [name: string, figure: number, detail?: string])[]): void {
  for (const [name, figure, detail = ""] of rows) {
    console.log(`${name.padEnd(42)}${grouped(figure).padStart(9)}  ${detail}`.trimEnd());
  }
}

function grouped(figure: number): string {
  return figure.toLocaleString("en-US");
}

function sum(figures: Readonly<Record<string, number>>): number {
  return Object.values(figures).reduce((total, figure) => total + figure, 0);
}

function each(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([root, figure]) => `${root} ${grouped(figure)}`)
    .join(", ");
}

function sizes(circles: readonly (readonly string[])[]): string {
  return circles.length === 0
    ? ""
    : `of ${circles.map((circle) => circle.length).join(", ")} files`;
}
