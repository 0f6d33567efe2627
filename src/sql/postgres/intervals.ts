/**
 * Intervals for Postgres. Its own reader passes over what it does not know: of `{"hours":2,"minutes":30}` it makes two and a half minutes. So only
 * forms whose meaning is sure are given to it: ISO 8601, Postgres' own, and the object that `pg` makes of one.
 */
import { parseJson } from "../../wire/parse-json.js";
import type { Column } from "../../store/tables.js";
import { InvalidValue } from "../../store/failures.js";
import { textOf, withoutTrailingZeros } from "../../store/values.js";

type Unit = "months" | "days" | "seconds";

/** What one of each unit is. Each has several names in Postgres; `m` alone is not among them, which is a minute to one form and a month to another. */
const units: Readonly<Record<string, readonly [Unit, factor: number, power?: number]>> = {
  ...named(["months", 12], "years", "year", "yrs", "yr", "y"),
  ...named(["months", 1], "months", "month", "mons", "mon"),
  ...named(["days", 7], "weeks", "week", "w"),
  ...named(["days", 1], "days", "day", "d"),
  ...named(["seconds", 3600], "hours", "hour", "hrs", "hr", "h"),
  ...named(["seconds", 60], "minutes", "minute", "mins", "min"),
  ...named(["seconds", 1], "seconds", "second", "secs", "sec", "s"),
  ...named(["seconds", 1, 3], "milliseconds", "millisecond", "msecs", "msec", "ms"),
  ...named(["seconds", 1, 6], "microseconds", "microsecond", "usecs", "usec", "us"),
};

function named(unit: (typeof units)[string], ...names: readonly string[]): typeof units {
  return Object.fromEntries(names.map((name) => [name, unit]));
}

/** A number and the name of its unit. */
type Part = readonly [number: string, unit: string];

const number = String.raw`[+-]?\d{1,18}(?:\.\d{1,30})?`;
const iso = new RegExp(
  `^P(?=.)(?:(${number})Y)?(?:(${number})M)?(?:(${number})W)?(?:(${number})D)?(?:T(?=.)(?:(${number})H)?(?:(${number})M)?(?:(${number})S)?)?$`,
  "i",
);
const isoUnits = ["years", "months", "weeks", "days", "hours", "minutes", "seconds"] as const;
/** Such as `1 year 2 mons -3 days 04:05:06.7`. The clock's sign is for all of it. */
const words = new RegExp(
  String.raw`^(?:@ +)?((?:${number} *[a-z]+(?: +|$))*)(?:([+-]?)(\d{1,18}):([0-5]?\d)(?::([0-5]?\d(?:\.\d{1,30})?))?)?(?: *(ago))?$`,
  "i",
);
const word = new RegExp(`(${number}) *([a-z]+)`, "gi");

/** @param exact throws where the column would round it */
export function intervalText(column: Column, value: unknown, exact: boolean): string {
  const given =
    typeof value === "string" && value.trimStart().startsWith("{") ? read(value) : value;
  const isText = typeof given === "string";
  const parts = isText ? partsOf(textOf(given).trim()) : membersOf(given);
  const text = isText ? textOf(given).trim() : parts.map((part) => part.join(" ")).join(" ");
  return rounded(column, parts, exact) ?? (text === "" ? "0 seconds" : text);
}

function read(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw notOne();
  }
}

function notOne(): InvalidValue {
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

/** Of an object such as `{ hours: 2, minutes: 30 }`. One without members is no time at all. */
function membersOf(value: unknown): readonly Part[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw notOne();
  return Object.entries(value).map(([name, each]: [string, unknown]) => {
    const text = typeof each === "number" || typeof each === "bigint" ? plain(each) : "";
    if (!members.includes(name) || !wholeNumber.test(text)) throw notOne();
    return [text, name];
  });
}

const wholeNumber = new RegExp(`^${number}$`);

/** Without an exponent: `pg` computes milliseconds, and may have made 1e-3 of a microsecond. */
function plain(value: number | bigint): string {
  return Math.abs(Number(value)) < 1e-6 && typeof value === "number"
    ? value.toFixed(20).replace(/\.?0+$/, "")
    : String(value);
}

function partsOf(text: string): readonly Part[] {
  const inIso = iso.exec(text);
  if (inIso !== null) {
    return isoUnits.flatMap((unit, index): readonly Part[] => {
      const found = inIso[index + 1];
      return found === undefined ? [] : [[found, unit]];
    });
  }
  const inWords = text === "" ? null : words.exec(text);
  if (inWords === null) throw notOne();
  const [, named = "", sign = "", hours, minutes = "0", seconds = "0", ago] = inWords;
  const parts: Part[] = Array.from(named.matchAll(word), ([, count = "", unit = ""]) => [
    count,
    unit.toLowerCase(),
  ]);
  if (parts.some(([, unit]) => !Object.hasOwn(units, unit))) throw notOne();
  if (hours !== undefined) {
    parts.push([`${sign}${hours}`, "hours"]);
    parts.push([`${sign}${minutes}`, "minutes"]);
    parts.push([`${sign}${seconds}`, "seconds"]);
  }
  if (parts.length === 0) throw notOne();
  return ago === undefined ? parts : parts.map(([count, unit]) => [negated(count), unit]);
}

function negated(count: string): string {
  return count.startsWith("-") ? count.slice(1) : `-${count.replace("+", "")}`;
}

/** Digits behind the second's point that sums are made with. */
const places = 36;
const oneSecond = 10n ** BigInt(places);

/** Another text for it, where the column does not keep all digits of its seconds; else none. Postgres rounds to a microsecond, and then to what the column keeps, halves away from zero. */
function rounded(
  { scale = 6 }: Column,
  parts: readonly Part[],
  exact: boolean,
): string | undefined {
  const sums = { months: 0n, days: 0n, seconds: 0n };
  for (const [count, name] of parts) {
    const [unit, factor, power = 0] = units[name] ?? ["seconds", 1];
    const scaled = scaledOf(count, power) * BigInt(factor);
    const isWhole = scaled % oneSecond === 0n;
    // A fraction of a day or a month is Postgres' to spread over what is smaller.
    if (unit !== "seconds" && !isWhole) {
      if (exact) throw new InvalidValue("The column may not keep all of the interval's fractions.");
      return undefined;
    }
    sums[unit] += unit === "seconds" ? scaled : scaled / oneSecond;
  }
  const { seconds } = sums;
  const magnitude = seconds < 0n ? -seconds : seconds;
  const fraction = withoutTrailingZeros(String(magnitude % oneSecond).padStart(places, "0"));
  if (fraction.length <= scale) return undefined;
  if (exact) {
    throw new InvalidValue(`The column keeps ${scale} digits of a second's fraction.`);
  }
  const unit = 10n ** BigInt(6 - scale);
  const micros = (magnitude / oneSecond) * 1_000_000n + BigInt(millionthsNearest(fraction));
  const kept = ((micros + unit / 2n) / unit) * unit;
  const text = String(kept).padStart(7, "0");
  const sign = seconds < 0n ? "-" : "";
  return `${sums.months} months ${sums.days} days ${sign}${text.slice(0, -6)}.${text.slice(-6)} seconds`;
}

/** @param power of ten that the number is divided by */
function scaledOf(count: string, power: number): bigint {
  const [whole = "", behind = ""] = count.split(".");
  const digits = `${whole}${behind.padEnd(places - power, "0")}`;
  return BigInt(digits.replace("+", ""));
}

/** A second's fraction in millionths, as Postgres reads it: by floating-point arithmetic, and halves to the even one. */
export function millionthsNearest(fraction: string): number {
  const millionths = Number(`0.${fraction}`) * 1_000_000;
  const below = Math.floor(millionths);
  const over = millionths - below;
  if (over !== 0.5) return over < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
