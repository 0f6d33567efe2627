/** Points in time and times of day for SQL Server's columns, rounded as the server rounds. */
import { InvalidValue } from "../../store/failures.js";
import {
  clockText,
  instantOf,
  instantText,
  keptOf,
  type Reading,
  timeOfDay,
} from "../../store/timestamps.js";
import { withoutTrailingZeros } from "../../store/numbers.js";

/** Rounds to a number of digits, at most seven; halves up. */
function rounded(reading: Reading, digits: number, exact: boolean): Reading {
  const { seconds, fraction } = reading;
  if (fraction.length <= digits) return reading;
  // Throws.
  if (exact) return keptOf(reading, digits, true, () => 0);
  const up = fraction.charAt(digits) >= "5" ? 1n : 0n;
  const kept = (BigInt(`1${fraction.slice(0, digits)}`) + up).toString();
  const carried = kept.startsWith("2") ? 1 : 0;
  return { seconds: seconds + carried, fraction: withoutTrailingZeros(kept.slice(1)) };
}

export function instant(value: unknown, digits: number, exact: boolean): Reading {
  return rounded(instantOf(value), digits, exact);
}

const daySeconds = 86_400;

export function timeOf(value: unknown, digits: number, exact: boolean): string {
  const kept = rounded(timeOfDay(value), digits, exact);
  if (kept.seconds >= daySeconds) throw new InvalidValue("The time is out of range.");
  return clockText(kept);
}

const firstDateTime = Date.UTC(1753, 0, 1) / 1000;
const ticksPerMs = 0.3;

/** DATETIME stores multiples of 1/300 of a second: `.000`, `.003`, `.007`. */
export function dateTime(reading: Reading, exact: boolean): string {
  const { seconds, fraction } = rounded(reading, 3, exact);
  const ms = Number(fraction.padEnd(3, "0"));
  const kept = Math.round(Math.round(ms * ticksPerMs) / ticksPerMs);
  if (exact && kept !== ms)
    throw new InvalidValue("The column keeps three hundredths of a second.");
  const at = seconds + (kept === 1000 ? 1 : 0);
  if (at < firstDateTime) throw new InvalidValue("The year is out of range.");
  // The only form that does not depend on the session's language.
  const text = instantText({ seconds: at, fraction: "" }).replace(" ", "T");
  return `${text}.${String(kept % 1000).padStart(3, "0")}`;
}

const firstMinute = Date.UTC(1900, 0, 1) / 1000;
const lastMinute = Date.UTC(2079, 5, 6, 23, 59) / 1000;

/** SMALLDATETIME stores minutes. Up to 29.998 seconds are rounded down. */
export function minute({ seconds, fraction }: Reading, exact: boolean): string {
  const over = ((seconds % 60) + 60) % 60;
  if (exact && (over !== 0 || fraction !== ""))
    throw new InvalidValue("The column keeps no seconds.");
  const isLater = over > 29 || (over === 29 && fraction.padEnd(3, "0").slice(0, 3) > "998");
  const at = seconds - over + (isLater ? 60 : 0);
  if (at < firstMinute || at > lastMinute) throw new InvalidValue("The date is out of range.");
  return instantText({ seconds: at, fraction: "" }).replace(" ", "T");
}
