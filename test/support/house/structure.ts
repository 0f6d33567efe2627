/** What the files and their imports amount to: figures, and the names behind them. */
import { readdirSync } from "node:fs";
import type { House } from "./tree.js";

export interface Structure {
  readonly files: Readonly<Record<string, number>>;
  readonly lines: Readonly<Record<string, number>>;
  readonly topFiles: readonly string[];
  readonly topFolders: readonly string[];
  /** Files that import each other, directly or not, with imports of types counted. */
  readonly circles: readonly (readonly string[])[];
  readonly valueCircles: readonly (readonly string[])[];
  readonly withOneImporter: readonly string[];
  /** `file: name`. Those that an entry of the package exports are `public`. */
  readonly narrowExports: Readonly<Record<"internal" | "public", readonly string[]>>;
  readonly definedTwice: Readonly<Record<string, readonly string[]>>;
  /** Over 300 lines. */
  readonly long: readonly string[];
}

const longLines = 300;

export function structureOf(files: readonly House[], entries: readonly string[]): Structure {
  const top = readdirSync("src", { withFileTypes: true });
  const importers = new Map<string, Set<string>>();
  for (const { path, imports } of files) {
    for (const { from } of imports) add(importers, from, path);
  }
  return {
    files: byRoot(files, () => 1),
    lines: byRoot(files, ({ lines }) => lines),
    topFiles: top.filter((entry) => entry.isFile()).map(({ name }) => name),
    topFolders: top.filter((entry) => entry.isDirectory()).map(({ name }) => name),
    circles: circlesOf(files, () => true),
    valueCircles: circlesOf(files, ({ value }) => value),
    withOneImporter: files
      .map(({ path }) => path)
      .filter((path) => importers.get(path)?.size === 1),
    narrowExports: narrowExports(files, entries),
    definedTwice: definedTwice(files),
    long: files.filter(({ lines }) => lines > longLines).map(({ path }) => path),
  };
}

function byRoot(
  files: readonly House[],
  figure: (file: House) => number,
): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const file of files) {
    const root = file.path.split("/", 1)[0] ?? "";
    sums[root] = (sums[root] ?? 0) + figure(file);
  }
  return sums;
}

/** Strongly connected components of more than one file, by Tarjan's algorithm; the largest first. */
function circlesOf(
  files: readonly House[],
  counts: (one: House["imports"][number]) => boolean,
): readonly (readonly string[])[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: (readonly string[])[] = [];

  const visit = (path: string): number => {
    const number = numbers.size;
    let low = number;
    numbers.set(path, number);
    stack.push(path);
    for (const { from } of (byPath.get(path)?.imports ?? []).filter(counts)) {
      if (!byPath.has(from)) continue;
      if (!numbers.has(from)) low = Math.min(low, visit(from));
      else if (stack.includes(from)) low = Math.min(low, numbers.get(from) ?? low);
    }
    lowest.set(path, low);
    if (low === number) {
      const circle = stack.splice(stack.indexOf(path));
      if (circle.length > 1) circles.push(circle.sort());
    }
    return low;
  };

  for (const { path } of files) if (!numbers.has(path)) visit(path);
  return circles.sort((a, b) => b.length - a.length);
}

/** Exported names that at most one file imports. An entry's own exports are for whoever uses the package. */
function narrowExports(
  files: readonly House[],
  entries: readonly string[],
): Structure["narrowExports"] {
  const importers = new Map<string, Set<string>>();
  for (const { path, imports } of files) {
    for (const { from, names } of imports) {
      for (const name of names) add(importers, `${from}: ${name}`, path);
    }
  }
  const narrow = { internal: [] as string[], public: [] as string[] };
  for (const { path, exported } of files) {
    if (entries.includes(path)) continue;
    for (const name of exported) {
      const by = new Set([
        ...(importers.get(`${path}: ${name}`) ?? []),
        ...(importers.get(`${path}: *`) ?? []),
      ]);
      if (by.size > 1) continue;
      const isPublic = [...by].some((importer) => entries.includes(importer));
      narrow[isPublic ? "public" : "internal"].push(`${path}: ${name}`);
    }
  }
  return narrow;
}

function definedTwice(files: readonly House[]): Structure["definedTwice"] {
  const definers = new Map<string, Set<string>>();
  for (const { path, defined } of files) for (const name of defined) add(definers, name, path);
  return Object.fromEntries(
    [...definers]
      .filter(([, paths]) => paths.size > 1)
      .map(([name, paths]) => [name, [...paths]] as const)
      .sort(([, a], [, b]) => b.length - a.length),
  );
}

function add(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(value));
}
