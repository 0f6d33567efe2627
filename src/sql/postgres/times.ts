/**
 * Converts intervals, and ranges of dates and times.
 *
 * Postgres' own parser ignores what it does not know in an interval: it reads `{"hours":2,"minutes":30}` as two and a half minutes. Only forms with a clear
 * meaning are accepted: ISO 8601, Postgres' own, and the object that `pg` returns. In ranges, it takes a time without a zone to be in the connection's zone,
 * and ignores the zone in a `tsrange` and the time in a `daterange`. Each bound is therefore converted like a single value.
 */
import { InvalidValue } from "../../store/failures.js";
import { withoutTrailingZeros } from "../../store/numbers.js";
import type { Column } from "../../store/tables.js";
import { textOf } from "../../store/values.js";
import { parseJson } from "../../wire/parse-json.js";

type IntervalUnit = "months" | "days" | "seconds";

/** The units by their names in Postgres. `m` is left out, because it is a minute in one form and a month in another. */
const units: Readonly<Record<string, readonly [IntervalUnit, factor: number, power?: number]>> = {
  ...unitNames(["months", 12], "years", "year", "yrs", "yr", "y"),
  ...unitNames(["months", 1], "months", "month", "mons", "mon"),
  ...unitNames(["days", 7], "weeks", "week", "w"),
  ...unitNames(["days", 1], "days", "day", "d"),
  ...unitNames(["seconds", 3600], "hours", "hour", "hrs", "hr", "h"),
  ...unitNames(["seconds", 60], "minutes", "minute", "mins", "min"),
  ...unitNames(["seconds", 1], "seconds", "second", "secs", "sec", "s"),
  ...unitNames(["seconds", 1, 3], "milliseconds", "millisecond", "msecs", "msec", "ms"),
  // The seconds of a clock. In capitals, so that no unit in a text can have this name.
  ...unitNames(["seconds", 1], "CLOCK"),
  ...unitNames(["seconds", 1, 6], "microseconds", "microsecond", "usecs", "usec", "us"),
};

function unitNames(unit: (typeof units)[string], ...names: readonly string[]): typeof units {
  return Object.fromEntries(names.map((name) => [name, unit]));
}

/** A number and the name of its unit. */
type Part = readonly [number: string, unit: string];

/** The most characters: more than people or databases write. */
const longestText = 300;
const amount = /^[+-]?\d{1,18}(?:\.\d{1,30})?$/;
const isoPart = /([+-]?\d{1,18}(?:\.\d{1,30})?)([A-Z])/giy;
const isoUnits: readonly (readonly [letter: string, unit: string])[][] = [
  [
    ["Y", "years"],
    ["M", "months"],
    ["W", "weeks"],
    ["D", "days"],
  ],
  [
    ["H", "hours"],
    ["M", "minutes"],
    ["S", "seconds"],
  ],
];
const joined = /^([+-]?\d{1,18}(?:\.\d{1,30})?)([a-z]+)$/;
/** The sign applies to the whole clock. */
const clockForm = /^([+-]?)(\d{1,18}):([0-5]?\d)(?::([0-5]?\d(?:\.\d{1,30})?))?$/;

/** @param exact throws if the column would round it */
export function intervalText(column: Column, value: unknown, exact: boolean): string {
  const given =
    typeof value === "string" && value.trimStart().startsWith("{") ? read(value) : value;
  const isText = typeof given === "string";
  const parts = isText ? partsOfText(textOf(given).trim()) : partsOfObject(given);
  refuseCut(column, parts);
  const text = isText ? textOf(given).trim() : parts.map((part) => part.join(" ")).join(" ");
  return rounded(column, parts, exact, /^P/i.test(text)) ?? (text === "" ? "0 seconds" : text);
}

function read(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw notAnInterval();
  }
}

function notAnInterval(): InvalidValue {
  return new InvalidValue("The value is not an interval.");
}

const members: readonly string[] = [
  "years",
  "months",
  "days",
  "hours",
  "minutes",
  "seconds",
  "milliseconds",
];

/** From an object such as `{ hours: 2, minutes: 30 }`. An empty object is an interval of zero. */
function partsOfObject(value: unknown): readonly Part[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw notAnInterval();
  return Object.entries(value).map(([name, each]: [string, unknown]) => {
    const text = typeof each === "number" || typeof each === "bigint" ? plain(each) : "";
    if (!members.includes(name) || !amount.test(text)) throw notAnInterval();
    return [text, name];
  });
}

/** Without an exponent: `pg` computes milliseconds, and may have made 1e-3 of a microsecond. */
function plain(value: number | bigint): string {
  return Math.abs(Number(value)) < 1e-6 && typeof value === "number"
    ? withoutTrailingZeros(value.toFixed(20)).replace(/\.$/, "")
    : String(value);
}

function partsOfText(text: string): readonly Part[] {
  if (text.length > longestText) throw notAnInterval();
  const parts = /^P/i.test(text) ? isoParts(text.slice(1)) : wordParts(text.split(/ +/));
  if (parts.length === 0) throw notAnInterval();
  return parts;
}

/** `1Y2M3DT4H5M6.7S`, in this order. */
function isoParts(text: string): readonly Part[] {
  const halves = text.split(/T/i);
  if (halves.length > 2 || halves[1] === "") throw notAnInterval();
  return halves.flatMap((half, index) => {
    const known = isoUnits[index] ?? [];
    const found = [...half.matchAll(isoPart)];
    let at = -1;
    if (found.map(([part]) => part).join("") !== half) throw notAnInterval();
    return found.map(([, number = "", letter = ""]): Part => {
      const next = known.findIndex(([each]) => each === letter.toUpperCase());
      if (next <= at) throw notAnInterval();
      at = next;
      return [number, known[next]?.[1] ?? ""];
    });
  });
}

/** Such as `1 year 2 mons -3 days +04:05:06.7`, or `@ 1 day 2 hours ago`. */
function wordParts(words: readonly string[]): readonly Part[] {
  const parts: Part[] = [];
  const ago = words.at(-1)?.toLowerCase() === "ago";
  const last = ago ? words.length - 1 : words.length;
  for (let at = words[0] === "@" ? 1 : 0; at < last; at += 1) {
    const word = (words[at] ?? "").toLowerCase();
    const time = clockForm.exec(word);
    const [, number, unit] = joined.exec(word) ?? [];
    if (time !== null && at === last - 1) {
      const [, sign = "", hours = "", minutes = "", seconds = "0"] = time;
      parts.push([`${sign}${hours}`, "hours"]);
      parts.push([`${sign}${minutes}`, "minutes"]);
      parts.push([`${sign}${seconds}`, "CLOCK"]);
    } else if (number !== undefined && unit !== undefined) {
      parts.push([number, unit]);
    } else if (amount.test(word)) {
      at += 1;
      parts.push([word, (words[at] ?? "").toLowerCase()]);
    } else throw notAnInterval();
  }
  if (parts.some(([, unit]) => !Object.hasOwn(units, unit))) throw notAnInterval();
  return ago ? parts.map(([number, unit]) => [negated(number), unit]) : parts;
}

function negated(number: string): string {
  return number.startsWith("-") ? number.slice(1) : `-${number.replace("+", "")}`;
}

/** How many digits after the decimal point the sums of seconds have. */
const places = 36;
const oneSecond = 10n ** BigInt(places);

/**
 * The interval as another text, if the column does not keep all digits of its seconds; otherwise `undefined`. Postgres rounds to a microsecond, and then to
 * what the column keeps, halves away from zero.
 */
function rounded(
  { scale = 6 }: Column,
  parts: readonly Part[],
  exact: boolean,
  isIso: boolean,
): string | undefined {
  const sums = sumsOf(parts);
  if (sums === undefined) {
    if (exact) throw new InvalidValue("The column may not keep all of the interval's fractions.");
    return undefined;
  }
  const { seconds } = sums;
  const fraction = withoutTrailingZeros(
    String(seconds % oneSecond)
      .replace("-", "")
      .padStart(places, "0"),
  );
  if (fraction.length <= scale) return undefined;
  if (exact) {
    throw new InvalidValue(`The column keeps ${scale} digits of a second's fraction.`);
  }
  const unit = 10n ** BigInt(6 - scale);
  const micros = parts.reduce((sum, part) => sum + microsOf(part, isIso), 0n);
  const magnitude = micros < 0n ? -micros : micros;
  const text = String(((magnitude + unit / 2n) / unit) * unit).padStart(7, "0");
  const sign = micros < 0n ? "-" : "";
  return `${sums.months} months ${sums.days} days ${sign}${text.slice(0, -6)}.${text.slice(-6)} seconds`;
}

/** `undefined`: Postgres distributes the fraction of a day or a month over smaller units. */
function sumsOf(parts: readonly Part[]): Record<IntervalUnit, bigint> | undefined {
  const sums = { months: 0n, days: 0n, seconds: 0n };
  for (const [number, name] of parts) {
    const [unit, factor, power = 0] = units[name] ?? ["seconds", 1];
    const scaled = scaledOf(number, power) * BigInt(factor);
    if (unit !== "seconds" && scaled % oneSecond !== 0n) return undefined;
    sums[unit] += unit === "seconds" ? scaled : scaled / oneSecond;
  }
  return sums;
}

/** Refuses what Postgres would drop without an error. */
function refuseCut({ smallestUnit }: Column, parts: readonly Part[]): void {
  if (smallestUnit === undefined) return;
  const { months, days, seconds } = sumsOf(parts) ?? { months: 1n, days: 1n, seconds: 1n };
  const kept = {
    year: months % 12n === 0n && days === 0n && seconds === 0n,
    month: days === 0n && seconds === 0n,
    day: seconds === 0n,
    hour: seconds % (3600n * oneSecond) === 0n,
    minute: seconds % (60n * oneSecond) === 0n,
  };
  if (!kept[smallestUnit])
    throw new InvalidValue(`The column keeps no smaller units than the ${smallestUnit}.`);
}

/** Rounds a part of an interval like Postgres, by floating-point arithmetic: half a microsecond toward zero, but on a clock to even. */
function microsOf([number, name]: Part, isIso: boolean): bigint {
  const [unit, factor, power = 0] = units[name] ?? ["seconds", 1];
  if (unit !== "seconds") return 0n;
  const [whole = "", behind = ""] = number.replace(/^[+-]/, "").split(".");
  const each = (factor * 1_000_000) / 10 ** power;
  const part = isIso ? Math.abs(Number(number)) - Number(whole) : Number(`0.${behind}`);
  const micros = name === "CLOCK" ? millionthsNearest(behind) : Math.ceil(part * each - 0.5);
  const sum = BigInt(whole) * BigInt(each) + BigInt(Math.max(0, micros));
  return number.startsWith("-") ? -sum : sum;
}

/** @param power of ten that the number is divided by */
function scaledOf(number: string, power: number): bigint {
  const [whole = "", behind = ""] = number.split(".");
  const digits = `${whole}${behind.padEnd(places - power, "0")}`;
  return BigInt(digits.replace("+", ""));
}

/** A second's fraction in millionths, rounded like Postgres: by floating-point arithmetic, halves to even. */
export function millionthsNearest(fraction: string): number {
  const millionths = Number(`0.${fraction}`) * 1_000_000;
  const below = Math.floor(millionths);
  const over = millionths - below;
  if (over !== 0.5) return over < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** The type of the bounds, by the range's type. Ranges of numbers are left to Postgres, because numbers have only one meaning. */
export const boundTypes: Readonly<Record<string, string>> = {
  tstzrange: "timestamptz",
  tstzmultirange: "timestamptz",
  tsrange: "timestamp",
  tsmultirange: "timestamp",
  daterange: "date",
  datemultirange: "date",
};

const rangeForm =
  /\s*(?:(empty)|([[(])(?:"((?:[^"\\]|\\.)*)"|([^,()[\]{}"\\]*)),(?:"((?:[^"\\]|\\.)*)"|([^,()[\]{}"\\]*))([\])]))\s*(,|$)/giy;

/** @param one converts a bound */
export function rangeText(type: string, text: string, one: (bound: string) => string): string {
  const many = type.endsWith("multirange");
  const inside = many ? /^\s*\{(.*)\}\s*$/s.exec(text)?.[1] : text;
  if (inside === undefined) throw notARange();
  const edge = (quoted: string | undefined, plain = "") => {
    const said = (quoted === undefined ? plain : quoted.replace(/\\(.)/gs, "$1")).trim();
    return said === "" || /^-?infinity$/i.test(said) ? said : `"${one(said)}"`;
  };
  const ranges: string[] = [];
  let read = 0;
  let open = inside.trim() !== "";
  for (const match of inside.matchAll(rangeForm)) {
    const [all, empty, from = "", ...rest] = match;
    const [lowQuoted, low, highQuoted, high, to = "", comma = ""] = rest;
    ranges.push(
      empty === undefined ? `${from}${edge(lowQuoted, low)},${edge(highQuoted, high)}${to}` : empty,
    );
    read += all.length;
    open = comma !== "";
  }
  if (read !== inside.length && inside.trim() !== "") throw notARange();
  if (open || (!many && ranges.length !== 1)) throw notARange();
  return many ? `{${ranges.join(",")}}` : ranges.join("");
}

function notARange(): InvalidValue {
  return new InvalidValue("The value is not a range.");
}
