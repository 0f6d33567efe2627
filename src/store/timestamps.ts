/** Reads dates, times and points in time in the forms that PowerSync's clients and its sync produce. */
import { InvalidValue } from "./failures.js";
import { withoutTrailingZeros } from "./values.js";

const timestampForm =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/**
 * The same instant in UTC, `YYYY-MM-DD HH:MM:SS[.ffffff]`, no zone. Text without a zone is UTC already.
 * Throws {@link InvalidValue} for what is no instant, or has digits beyond the microsecond.
 */
export function utcTimestamp(value: unknown): string {
  const text = value instanceof Date ? isoOf(value) : value;
  const match = typeof text === "string" ? timestampForm.exec(text.trim()) : null;
  if (match === null) throw new InvalidValue("The value is not a date and time.");
  const [, year, month, day, hour = "00", minute = "00", second = "00", digits = "", zone = "Z"] =
    match;

  const local = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // Date.parse takes the 30th of February for the 1st of March, and 24:00 for the next day.
  if (
    Number.isNaN(local) ||
    !isoOf(new Date(local)).startsWith(`${year}-${month}-${day}T${hour}`)
  ) {
    throw new InvalidValue("There is no such date and time.");
  }
  const utc = isoOf(new Date(local - offsetMs(zone)));
  if (utc.length !== 24) throw new InvalidValue("The year is out of range.");
  const fraction = withoutTrailingZeros(digits);
  if (fraction.length > 6) throw new InvalidValue("The time is finer than a microsecond.");
  return `${utc.slice(0, 10)} ${utc.slice(11, 19)}${fraction === "" ? "" : `.${fraction}`}`;
}

/** The day of a date, or of a timestamp at midnight UTC; any other time of day would be lost. A driver's Date may be at midnight of the process's zone. */
export function dateOnly(value: unknown): string {
  const utc = utcTimestamp(value instanceof Date ? (localDay(value) ?? value) : value);
  if (!utc.endsWith(" 00:00:00")) throw new InvalidValue("The value is not a date without time.");
  return utc.slice(0, 10);
}

/** Midnight UTC of the same day, for a Date at midnight of the process's zone that is not midnight UTC. */
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

/** A time of day, `HH:MM:SS[.ffffff]`. No zone, no words, nothing that a database would guess at. */
export function timeOfDay(value: unknown): string {
  const match = typeof value === "string" ? timeForm.exec(value.trim()) : null;
  if (match === null) throw new InvalidValue("The value is not a time of day.");
  return timeText(match);
}

/** @param match with hours, minutes, seconds and the digits behind their point */
export function timeText([, hours = "24", minutes = "00", seconds = "00", digits = ""]: readonly (
  | string
  | undefined
)[]): string {
  const fraction = withoutTrailingZeros(digits);
  if (fraction.length > 6) throw new InvalidValue("The time is finer than a microsecond.");
  return `${hours}:${minutes}:${seconds}${fraction === "" ? "" : `.${fraction}`}`;
}

/** The same text. Throws where it has more digits behind the second than the column keeps: the database would round. */
export function fine(text: string, digits = 6): string {
  const fraction = withoutTrailingZeros(/\.(\d+)/.exec(text)?.[1] ?? "");
  if (fraction.length > digits) {
    throw new InvalidValue(
      digits === 0
        ? "The column keeps no fractions of a second."
        : `The column keeps ${digits} digits of a second's fraction.`,
    );
  }
  return text;
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
