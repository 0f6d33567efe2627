/** Points in time in the forms that PowerSync's clients and its sync produce. */
import { InvalidValue, withoutTrailingZeros } from "./value.js";

const form =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/**
 * The same instant in UTC, `YYYY-MM-DD HH:MM:SS[.ffffff]`, no zone. Text without a zone is UTC already.
 * Throws {@link InvalidValue} for what is no instant, or has digits beyond the microsecond.
 */
export function utcTimestamp(value: unknown): string {
  const text = value instanceof Date ? isoOf(value) : value;
  const match = typeof text === "string" ? form.exec(text.trim()) : null;
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

/** The day of a date, or of a timestamp at midnight UTC; any other time of day would be lost. */
export function dateOnly(value: unknown): string {
  const utc = utcTimestamp(value);
  if (!utc.endsWith(" 00:00:00")) throw new InvalidValue("The value is not a date without time.");
  return utc.slice(0, 10);
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
