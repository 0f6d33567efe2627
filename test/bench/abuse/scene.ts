/** What a scene is, and how its figures are made of samples. */
import type { Sample, Usage } from "./processes.js";

export interface SceneOptions {
  /** How long an attack goes on at most. */
  readonly seconds: number;
  /** Operations in each transaction of the scene about the pool. */
  readonly operations: number;
  /** Of the scene's own, with the test tables and the library's. */
  readonly databaseUrl: string;
}

export interface Scene {
  /** What `--scene` chooses it by. */
  readonly number: number;
  readonly name: string;
  /** Default of `seconds`. */
  readonly seconds: number;
  run(options: SceneOptions): Promise<readonly Figure[]>;
}

export interface Figure {
  /** What was done. */
  readonly of: string;
  readonly name: string;
  readonly value: number | string;
  readonly unit?: "ms" | "s" | "MiB" | "rows" | "rows/s" | "times";
  /** What explains the value. */
  readonly note?: string;
}

/** How others fared. A PUT that was not applied counts as one that takes for ever. */
export function othersFigures(of: string, samples: readonly Sample[]): readonly Figure[] {
  return [
    { of, name: "others' PUTs applied", value: appliedOf(samples) },
    { of, name: "others' answers", value: tally(samples) },
    { of, name: "others' p50", value: percentile(samples, 0.5), unit: "ms" },
    { of, name: "others' p99", value: percentile(samples, 0.99), unit: "ms" },
  ];
}

/** What kept the event loop longest. */
export function blockFigures(
  of: string,
  usage: Usage | undefined,
  note?: string,
): readonly Figure[] {
  const name = "longest block of the event loop";
  if (usage === undefined) return [{ of, name, value: "the server does not say" }];
  const { ms, processorMs } = usage.longestBlock;
  return [
    { of, name, value: ms, unit: "ms", ...(note !== undefined && { note }) },
    { of, name: "longest block in processor time", value: processorMs, unit: "ms" },
  ];
}

export function appliedOf(samples: readonly Sample[]): string {
  const applied = samples.filter(({ outcome }) => outcome === "success");
  return `${applied.length} of ${samples.length}`;
}

/** `Infinity` where too few were applied. */
export function percentile(samples: readonly Sample[], share: number): number {
  const times = samples
    .map(({ outcome, ms }) => (outcome === "success" ? ms : Infinity))
    .sort((a, b) => a - b);
  return times[Math.ceil(share * times.length) - 1] ?? Infinity;
}

/** `3 × 429, 2 × success`, the most frequent first. */
export function tally(samples: readonly Pick<Sample, "outcome">[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of samples) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([outcome, count]) => `${count} × ${outcome}`).join(", ") || "none";
}
