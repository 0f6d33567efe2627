/** Parses dates, times and timestamps in the forms that PowerSync's clients and sync produce, and rounds fractions of a second as columns do. */
import { InvalidValue } from "./failures.js";
import { withoutTrailingZeros } from "./numbers.js";

/** A point in time, or a time of day. */
export interface Reading {
  /** Whole seconds: since 1970 in UTC, or since midnight. */
  readonly seconds: number;
  /** The digits of the second's fraction, without trailing zeros. */
  readonly fraction: string;
  /** The same whole second as `YYYY-MM-DD HH:MM:SS` in UTC, if the value was spelled like this. */
  readonly spelled?: string;
}

const timestampForm =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/** Parses a point in time. Text without a zone is in UTC. Throws {@link InvalidValue} for anything else. */
export function instantOf(value: unknown): Reading {
  const text = value instanceof Date ? isoOf(value) : value;
  const match = typeof text === "string" ? timestampForm.exec(text.trim()) : null;
  if (match === null) throw new InvalidValue("The value is not a date and time.");
  const [, year, month, day, hour = "00", minute = "00", second = "00", digits = "", zone = "Z"] =
    match;

  const local = localMs(
    Number(year),
    Number(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  if (local === undefined) throw new InvalidValue("There is no such date and time.");
  const fraction = withoutTrailingZeros(digits);
  if (zone === "Z" || zone === "z") {
    const spelled = `${year}-${month}-${day} ${hour}:${minute}:${second}`;
    return { seconds: local / 1000, fraction, spelled };
  }
  return { seconds: (local - offsetMs(zone)) / 1000, fraction };
}

/** The Gregorian calendar repeats after 400 years. */
const fourCenturiesMs = 146_097 * 86_400_000;

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Milliseconds since 1970. `undefined` for a date or a time of day that does not exist. */
function localMs(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && isLeap ? 29 : (monthDays[month - 1] ?? 0);
  if (day < 1 || day > days) return undefined;
  // `Date.UTC` takes a year below 100 for one of the twentieth century.
  return Date.UTC(year + 400, month - 1, day, hour, minute, second) - fourCenturiesMs;
}

/** `YYYY-MM-DD HH:MM:SS[.ffffff]` in UTC, no zone. */
export function instantText({ seconds, fraction, spelled }: Reading): string {
  if (spelled !== undefined) return `${spelled}${pointAnd(fraction)}`;
  const utc = isoOf(new Date(seconds * 1000));
  if (utc.length !== 24) throw new InvalidValue("The year is out of range.");
  return `${utc.slice(0, 10)} ${utc.slice(11, 19)}${pointAnd(fraction)}`;
}

/** The day of a date, or of a timestamp at midnight UTC; another time of day is refused, because it would be lost. A driver's Date may be at local midnight. */
export function dateOnly(value: unknown): string {
  const utc = instantText(instantOf(value instanceof Date ? (localDay(value) ?? value) : value));
  if (!utc.endsWith(" 00:00:00")) throw new InvalidValue("The value is not a date without time.");
  return utc.slice(0, 10);
}

/** Midnight UTC of the same day, for a Date at midnight of the process's time zone. `undefined` if it is at another time, or at midnight UTC. */
function localDay(date: Date): Date | undefined {
  if (date.getTime() % 86_400_000 === 0) return undefined;
  const time = [date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds()];
  if (time.some((each) => each !== 0)) return undefined;
  const day = new Date(0);
  day.setUTCFullYear(date.getFullYear(), date.getMonth(), date.getDate());
  return day;
}

const timeForm =
  /^(?:([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?|24:00(?::00(?:\.0+)?)?)$/;

/** Parses a time of day. Zones and other text that databases interpret in their own ways are refused. */
export function timeOfDay(value: unknown): Reading {
  const match = typeof value === "string" ? timeForm.exec(value.trim()) : null;
  if (match === null) throw new InvalidValue("The value is not a time of day.");
  return clockOf(match);
}

/** @param match a match with groups for hours, minutes, seconds and the second's fraction */
export function clockOf([, hours = "24", minutes = "0", seconds = "0", digits = ""]: readonly (
  | string
  | undefined
)[]): Reading {
  return {
    seconds: Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds),
    fraction: withoutTrailingZeros(digits),
  };
}

/** `HH:MM:SS[.ffffff]` */
export function clockText({ seconds, fraction }: Reading): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${parts.map((part) => String(part).padStart(2, "0")).join(":")}${pointAnd(fraction)}`;
}

/** Rounds a second's fraction to `digits` digits. Returns millionths; 1,000,000 means the next second. */
export type RoundSecond = (reading: Reading, digits: number) => number;

/**
 * The reading as a column stores it that keeps `digits` digits of a second, at most six.
 *
 * @param exact throws {@link InvalidValue} if digits would be lost
 */
export function keptOf(
  reading: Reading,
  digits: number,
  exact: boolean,
  round: RoundSecond,
): Reading {
  if (reading.fraction.length <= digits) return reading;
  if (exact) {
    throw new InvalidValue(
      digits === 0
        ? "The column keeps no fractions of a second."
        : `The column keeps ${digits} digits of a second's fraction.`,
    );
  }
  const millionths = round(reading, digits);
  return millionths < 1_000_000
    ? { ...reading, fraction: withoutTrailingZeros(String(millionths).padStart(6, "0")) }
    : { seconds: reading.seconds + 1, fraction: "" };
}

/** Rounds millionths to `digits` digits, halves up. */
export function halfUp(millionths: number, digits: number): number {
  const unit = 10 ** (6 - digits);
  return Math.floor((millionths + unit / 2) / unit) * unit;
}

/** The first six digits of a fraction, as millionths. */
export function millionthsOf(fraction: string): number {
  return Number(fraction.slice(0, 6).padEnd(6, "0"));
}

function pointAnd(fraction: string): string {
  return fraction === "" ? "" : `.${fraction}`;
}

function offsetMs(zone: string): number {
  if (zone.toUpperCase() === "Z") return 0;
  const sign = zone.startsWith("-") ? -1 : 1;
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2));
  if (hours > 15 || minutes > 59) throw new InvalidValue("There is no such time zone.");
  return sign * (hours * 60 + minutes) * 60_000;
}

function isoOf(date: Date): string {
  if (Number.isNaN(date.getTime())) throw new InvalidValue("The value is not a date and time.");
  return date.toISOString();
}
