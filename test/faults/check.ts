/** Holds what was sent against what became of it: each transaction in exactly one place, once, whole and in order; and the database as the model has it. */
import type { Sent } from "./workload.js";

/** What is found once all has been healed. */
export interface Found {
  /** All that was ever written and committed, in that order. */
  readonly history: readonly HistoryEntry[];
  readonly letters: readonly FoundLetter[];
  readonly queued: ReadonlySet<Sent>;
  /** What the tables hold: by `table id`, the tag. */
  readonly rows: ReadonlyMap<string, string>;
}

export interface HistoryEntry {
  readonly effect: string;
  /** The database transaction, where the database tells. */
  readonly unit?: string;
}

export interface FoundLetter {
  readonly status: string;
  readonly payload: string;
}

export interface Tally {
  readonly sent: number;
  readonly applied: number;
  readonly letters: number;
  readonly queued: number;
  readonly lost: number;
  readonly twice: number;
  readonly partial: number;
  readonly reordered: number;
  /** Refused although it could be applied, or the other way round; and rows that are not as the history says. */
  readonly wrong: number;
  /** One line for each that is not as it should be. */
  readonly complaints: readonly string[];
}

export const counted = [
  "sent",
  "applied",
  "letters",
  "queued",
  "lost",
  "twice",
  "partial",
  "reordered",
  "wrong",
] as const;

type Place = "applied" | "letter" | "queued" | "lost" | "twice" | "partial";

/** @param mended transactions that were letters and have been retried: they are applied, out of order */
export function check(
  sent: readonly Sent[],
  found: Found,
  mended: ReadonlySet<Sent> = new Set(),
): Tally {
  const complaints: string[] = [];
  const times = new Map<string, HistoryEntry[]>();
  for (const entry of found.history) {
    const known = times.get(entry.effect);
    if (known === undefined) times.set(entry.effect, [entry]);
    else known.push(entry);
  }
  const letters = lettersOf(found.letters);
  const places = new Map<Place, number>();
  let wrong = 0;
  for (const each of sent) {
    const place = placeOf(each, times, letters, found.queued);
    places.set(place, (places.get(place) ?? 0) + 1);
    const name = nameOf(each);
    if (place !== "applied" && place !== "letter" && place !== "queued")
      complaints.push(`${name} is ${place}`);
    const fatal = each.outcome === "fatal_error" && !mended.has(each);
    if (place === (fatal ? "applied" : "letter")) {
      wrong += 1;
      complaints.push(`${name} is ${place}, and should not be`);
    }
  }
  // What nobody should have written: the repetition of a DELETE, which has met a later row.
  const known = new Set(sent.flatMap(({ effects }) => effects));
  const strange = [...times.keys()].filter((effect) => !known.has(effect));
  complaints.push(...strange.map((effect) => `nobody should have written: ${effect}`));
  const reordered = countReordered(sent, found.history, mended, complaints);
  wrong += compareRows(found, complaints);
  const count = (place: Place) => places.get(place) ?? 0;
  return {
    sent: sent.length,
    applied: count("applied"),
    letters: count("letter"),
    queued: count("queued"),
    lost: count("lost"),
    twice: count("twice") + strange.length,
    partial: count("partial"),
    reordered,
    wrong,
    complaints,
  };
}

export function nameOf({ device, number }: Sent): string {
  return `${device}/${number}`;
}

/** How often each transaction lies there, open, by its name. */
function lettersOf(letters: readonly FoundLetter[]): ReadonlyMap<string, number> {
  const open = new Map<string, number>();
  for (const { status, payload } of letters) {
    if (status !== "open" && status !== "stale") continue;
    const [, name = ""] = /"tag": ?"([^"/]+\/\d+)\//.exec(payload) ?? [];
    open.set(name, (open.get(name) ?? 0) + 1);
  }
  return open;
}

function placeOf(
  sent: Sent,
  times: ReadonlyMap<string, readonly HistoryEntry[]>,
  letters: ReadonlyMap<string, number>,
  queued: ReadonlySet<Sent>,
): Place {
  const written = sent.effects.map((effect) => times.get(effect) ?? []);
  const there = written.filter((entries) => entries.length > 0);
  const recorded = letters.get(nameOf(sent)) ?? 0;
  if (written.some((entries) => entries.length > 1)) return "twice";
  if (there.length > 0) {
    const units = new Set(there.map(([entry]) => entry?.unit));
    if (there.length < written.length || units.size > 1) return "partial";
    return recorded > 0 ? "twice" : "applied";
  }
  if (recorded > 0) return recorded > 1 ? "twice" : "letter";
  return queued.has(sent) ? "queued" : "lost";
}

function countReordered(
  sent: readonly Sent[],
  history: readonly HistoryEntry[],
  mended: ReadonlySet<Sent>,
  complaints: string[],
): number {
  const position = new Map<string, number>();
  for (const [index, { effect }] of history.entries()) {
    if (!position.has(effect)) position.set(effect, index);
  }
  const latest = new Map<string, { readonly at: number; readonly name: string }>();
  let reordered = 0;
  for (const each of sent) {
    const at = position.get(each.effects[0] ?? "");
    if (at === undefined || mended.has(each)) continue;
    const before = latest.get(each.device);
    if (before !== undefined && before.at > at) {
      reordered += 1;
      complaints.push(`${nameOf(each)} came before ${before.name}`);
    }
    latest.set(each.device, { at, name: nameOf(each) });
  }
  return reordered;
}

function compareRows({ history, rows }: Found, complaints: string[]): number {
  const expected = new Map<string, string>();
  for (const { effect } of history) {
    const [table, id, sign, tag = ""] = effect.split(" ");
    if (sign === "=") expected.set(`${table} ${id}`, tag);
    else expected.delete(`${table} ${id}`);
  }
  const other = [...new Set([...expected.keys(), ...rows.keys()])].filter(
    (row) => expected.get(row) !== rows.get(row),
  );
  for (const row of other)
    complaints.push(`${row} is ${rows.get(row)}, and not ${expected.get(row)}`);
  return other.length;
}
