/** Instants in microseconds, days, times of day and intervals, by the calendar's own arithmetic. */
import {
  any,
  either,
  isList,
  lenient,
  type Meaning,
  refuse,
  type Sent,
  sentOf,
  store,
  type Verdict,
} from "./meaning.js";

const secondMicros = 1_000_000n;
const dayMicros = 86_400n * secondMicros;

/** Days since 1970-01-01, or `undefined` where the calendar has no such day. */
function dayNumber(year: number, month: number, day: number): number | undefined {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const length = lengths[month - 1];
  if (length === undefined || day < 1 || day > length) return undefined;
  const before = lengths.slice(0, month - 1).reduce((sum, each) => sum + each, 0);
  const years = year - 1;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  // 719,162 days lie between 0001-01-01 and 1970-01-01.
  return years * 365 + leapDays + before + day - 1 - 719_162;
}

const first = BigInt(dayNumber(1, 1, 1) ?? 0) * dayMicros;
const last = BigInt((dayNumber(9999, 12, 31) ?? 0) + 1) * dayMicros - 1n;

interface Instant {
  /** To the second. */
  readonly second: bigint;
  /** Digits of the second's fraction that say something. */
  readonly fraction: string;
  /** In a form that every client and PowerSync's sync itself writes. */
  readonly plain: boolean;
}

const instantForm =
  /^(\d{4})-(\d\d)-(\d\d)(?:([Tt ])(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?( ?)([Zz]|[+-]\d\d(?::?\d\d)?)?$/;

function instantOf(text: string): Instant | undefined {
  const match = instantForm.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, separator = "T", hour = "0", minute = "0", second = "0"] = match;
  const [fraction = "", space = "", zone = "Z"] = match.slice(8);
  const days = dayNumber(Number(year), Number(month), Number(day));
  const offset = offsetMinutes(zone);
  if (days === undefined || offset === undefined) return undefined;
  const nextDay = hour === "24" && Number(minute) === 0 && Number(second) === 0;
  if ((Number(hour) > 23 && !nextDay) || Number(minute) > 59 || Number(second) > 59)
    return undefined;
  const seconds =
    days * 86_400 + Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(second);
  return {
    second: BigInt(seconds) * secondMicros,
    fraction: fraction.replace(/0+$/, ""),
    plain:
      /[T ]/.test(separator) &&
      space === "" &&
      !/z/.test(zone) &&
      !nextDay &&
      Math.abs(offset) <= 14 * 60,
  };
}

function offsetMinutes(zone: string): number | undefined {
  if (/^z$/i.test(zone)) return 0;
  const [, sign, hours, minutes = "0"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (Number(hours) > 15 || Number(minutes) > 59) return undefined;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/**
 * What becomes of a second's digits. Postgres reads a fraction by floating-point arithmetic, halves to the even millionth, and rounds what it counts from
 * the year 2000 once more, halves away from it; MySQL rounds by the seventh digit, and once more, halves up; MariaDB cuts; SQLite keeps all.
 */
export type Digits = "postgres" | "mysql" | "mariadb" | "kept";

const year2000 = BigInt(dayNumber(2000, 1, 1) ?? 0) * dayMicros;

/** In millionths; where all digits are kept, with those that are left. */
function withDigits(
  second: bigint,
  fraction: string,
  digits: number,
  how: Digits,
  origin = 0n,
): string {
  const six = BigInt(fraction.slice(0, 6).padEnd(6, "0"));
  if (how === "kept")
    return `${second + six}${fraction.slice(6) === "" ? "" : `.${fraction.slice(6)}`}`;
  const unit = 10n ** BigInt(6 - digits);
  if (how === "mariadb") return String(second + (six / unit) * unit);
  if (how === "mysql") {
    const micros = six + (/^\d{6}[5-9]/.test(fraction) ? 1n : 0n);
    return String(second + ((micros + unit / 2n) / unit) * unit);
  }
  const double = Number(`0.${fraction}`) * 1e6;
  const even = 2 * Math.round(double / 2);
  const micros = BigInt(double % 1 === 0.5 ? even : Math.round(double));
  const since = second + micros - origin;
  const away = since < 0n ? -1n : 1n;
  return String(origin + away * (((since * away + unit / 2n) / unit) * unit));
}

export interface Range {
  /** Digits of a second's fraction that are kept, and what becomes of others. */
  readonly digits?: number;
  readonly how: Digits;
  /** Instants between these are stored; others may be. */
  readonly from?: string;
  readonly to?: string;
  /** Or must not be. */
  readonly strict?: boolean;
}

export function instant({ digits = 6, how, from, to, strict = false }: Range): Meaning {
  const least = from === undefined ? first : (instantOf(from)?.second ?? first);
  const most = to === undefined ? last : (instantOf(to)?.second ?? last);
  return (value) => {
    const said = typeof value === "string" ? instantOf(value.trim()) : undefined;
    if (said === undefined) return refuse;
    const as = withDigits(said.second, said.fraction, digits, how, year2000);
    const micros = BigInt(as.replace(/\..*/, ""));
    if (micros < least || micros > most) return strict ? refuse : either(as);
    return said.plain && value === String(value).trim() ? store(as) : either(as);
  };
}

/** Of seconds since 1970, exact. */
export function epochText(text: string): string {
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === "") return text;
  return String(BigInt(`${sign}${whole}${fraction.slice(0, 6).padEnd(6, "0")}`));
}

/** Of a date and time without a zone. */
export function instantText(text: string): string {
  const said = instantOf(text);
  return said === undefined ? text : withDigits(said.second, said.fraction, 6, "kept");
}

export const day: Meaning = (value) => {
  const said = typeof value === "string" ? instantOf(value.trim()) : undefined;
  if (said === undefined || said.fraction !== "" || said.second % dayMicros !== 0n) return refuse;
  const as = String(said.second / dayMicros);
  if (said.second < first || said.second > last) return either(as);
  return said.plain && value === String(value).trim() ? store(as) : either(as);
};

export function dayText(text: string): string {
  const said = instantOf(text)?.second;
  return said === undefined ? text : String(said / dayMicros);
}

const timeForm = /^(-?)(\d{2,3}):(\d\d)(?::(\d\d)(?:\.(\d+))?)?$/;

/** A time of day; or a span of up to so many hours. */
export function time({
  digits = 6,
  hours = 23,
  how,
}: {
  readonly digits?: number;
  readonly hours?: number;
  readonly how: Digits;
}): Meaning {
  return (value) => {
    const text = typeof value === "string" ? value.trim() : "";
    const match = timeForm.exec(text);
    if (match === null) return compact(text, how);
    const [, sign, hour, minute, second = "00", fraction = ""] = match;
    const kept = fraction.replace(/0+$/, "");
    const outside = Number(hour) > hours || Number(minute) > 59 || Number(second) > 59;
    const as = spanText(match, digits, how);
    if (hours === 23 && /^24:00(:00(\.0*)?)?$/.test(text)) return either(as);
    if (outside || (hours === 23 && (sign === "-" || hour?.length !== 2))) return refuse;
    // The longest that there is.
    if (hours === 838 && /^-?838:59:59\./.test(text))
      return kept.length > digits ? refuse : either(as);
    return value === text && sign === "" ? store(as) : either(as);
  };
}

/** ISO 8601 without colons. */
function compact(text: string, how: Digits): Verdict {
  const [, hour, minute, second] = /^(\d\d)(\d\d)(\d\d)$/.exec(text) ?? [];
  return hour === undefined ? refuse : lenient(time({ how })(`${hour}:${minute}:${second}`));
}

export function timeText(text: string): string {
  const match = timeForm.exec(text);
  return match === null ? text : spanText(match, 6, "kept");
}

function spanText(match: readonly (string | undefined)[], digits: number, how: Digits): string {
  const [, sign = "", hour = "", minute, second = "00", fraction = ""] = match;
  const whole = BigInt(Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * secondMicros;
  const total = withDigits(whole, fraction.replace(/0+$/, ""), digits, how);
  return total === "0" ? total : `${sign}${total}`;
}

const isoInterval =
  /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?$/;
const clockInterval = /^(?:(\d+) days? )?(\d\d):(\d\d):(\d\d)(?:\.(\d+))?$/;

const memberUnits = ["years", "months", "days", "hours", "minutes", "seconds", "milliseconds"];

/** The object that `pg` makes of one. Sums are left to a test of their own. */
function intervalObject(value: Sent): Verdict {
  if (value === null || typeof value !== "object" || isList(value)) return refuse;
  const members = Object.entries(value);
  const known = members.every(
    ([name, each]) =>
      memberUnits.includes(name) && (typeof each === "number" || typeof each === "bigint"),
  );
  if (!known) return refuse;
  return members.length === 0 ? store("0 0 0") : any;
}

/** Postgres knows many more forms of them; what has marks that are none of its own is not one. */
export const interval: Meaning = (value) => {
  if (typeof value === "object") return intervalObject(value);
  if (typeof value !== "string") return refuse;
  const text = value;
  if (text.startsWith("{")) return intervalObject(sentOf(text) ?? null);
  if (!/^[\w\s:.+@-]+$/.test(text) || /^\s*[+-]?[\d.]*\s*$/.test(text)) return refuse;
  const iso = isoInterval.exec(text);
  const clock = clockInterval.exec(text);
  const [years, months, weeks, days, hours, minutes, seconds, fraction = ""] =
    iso !== null ? iso.slice(1) : clock !== null ? ["0", "0", "0", ...clock.slice(1)] : [];
  if (
    (iso === null && clock === null) ||
    /[PT]$/.test(text) ||
    (Number(minutes ?? 0) > 59 && clock)
  )
    return any;
  const n = (digits: string | undefined) => BigInt(digits ?? "0");
  const whole = (n(hours) * 3600n + n(minutes) * 60n + n(seconds)) * secondMicros;
  const micros = withDigits(whole, fraction.replace(/0+$/, ""), 6, "postgres");
  return store(`${n(years) * 12n + n(months)} ${n(weeks) * 7n + n(days)} ${micros}`);
};

/** As Postgres writes one of no negative parts: `1 year 2 mons 3 days 04:05:06.7`. */
export function intervalText(text: string): string {
  const part = (unit: string) => BigInt(new RegExp(`(\\d+) ${unit}s?\\b`).exec(text)?.[1] ?? "0");
  const clock = /(\d+):(\d\d):(\d\d)(?:\.(\d+))?$/.exec(text) ?? [];
  const [, hours = "0", minutes = "0", seconds = "0", fraction = ""] = clock;
  const whole = BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds);
  const micros = whole * secondMicros + BigInt(fraction.padEnd(6, "0"));
  return `${part("year") * 12n + part("mon")} ${part("day")} ${micros}`;
}
