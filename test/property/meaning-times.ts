/** Instants in microseconds, days, times of day and intervals, by the calendar's own arithmetic. */
import { any, either, lenient, type Meaning, refuse, store, type Verdict } from "./meaning.js";

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
  readonly micros: bigint;
  /** Digits of the second's fraction that say something. */
  readonly digits: number;
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
  const said = fraction.replace(/0+$/, "");
  const seconds =
    days * 86_400 + Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(second);
  return {
    micros: BigInt(seconds) * secondMicros + BigInt(said.slice(0, 6).padEnd(6, "0")),
    digits: said.length,
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

export interface Range {
  /** Digits of a second's fraction. */
  readonly digits?: number;
  /** Instants between these are stored; others may be. */
  readonly from?: string;
  readonly to?: string;
  /** Or must not be. */
  readonly strict?: boolean;
}

export function instant({ digits = 6, from, to, strict = false }: Range = {}): Meaning {
  const least = from === undefined ? first : (instantOf(from)?.micros ?? first);
  const most = to === undefined ? last : (instantOf(to)?.micros ?? last);
  return (value) => {
    const said = typeof value === "string" ? instantOf(value.trim()) : undefined;
    if (said === undefined || said.digits > digits) return refuse;
    const as = String(said.micros);
    if (said.micros < least || said.micros > most) return strict ? refuse : either(as);
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
  return String(instantOf(text)?.micros ?? text);
}

export const day: Meaning = (value) => {
  const said = typeof value === "string" ? instantOf(value.trim()) : undefined;
  if (said === undefined || said.digits > 6 || said.micros % dayMicros !== 0n) return refuse;
  const as = String(said.micros / dayMicros);
  if (said.micros < first || said.micros > last) return either(as);
  return said.plain && value === String(value).trim() ? store(as) : either(as);
};

export function dayText(text: string): string {
  const said = instantOf(text)?.micros;
  return said === undefined ? text : String(said / dayMicros);
}

const timeForm = /^(-?)(\d{2,3}):(\d\d)(?::(\d\d)(?:\.(\d+))?)?$/;

/** A time of day; or a span of up to so many hours. */
export function time({ digits = 6, hours = 23 } = {}): Meaning {
  return (value) => {
    const text = typeof value === "string" ? value.trim() : "";
    const match = timeForm.exec(text);
    if (match === null) return compact(text);
    const [, sign, hour, minute, second = "00", fraction = ""] = match;
    const kept = fraction.replace(/0+$/, "");
    const outside = Number(hour) > hours || Number(minute) > 59 || Number(second) > 59;
    const as = timeText(text);
    if (hours === 23 && /^24:00(:00(\.0*)?)?$/.test(text)) return either(as);
    if (outside || kept.length > digits || (hours === 23 && (sign === "-" || hour?.length !== 2)))
      return refuse;
    return value === text && sign === "" ? store(as) : either(as);
  };
}

/** ISO 8601 without colons. */
function compact(text: string): Verdict {
  const [, hour, minute, second] = /^(\d\d)(\d\d)(\d\d)$/.exec(text) ?? [];
  return hour === undefined ? refuse : lenient(time()(`${hour}:${minute}:${second}`));
}

export function timeText(text: string): string {
  const [, sign = "", hour = "", minute, second = "00", fraction = ""] = timeForm.exec(text) ?? [];
  if (hour === "") return text;
  const micros = (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1_000_000;
  const total = micros + Number(fraction.slice(0, 6).padEnd(6, "0"));
  return `${total === 0 ? "" : sign}${total}`;
}

const isoInterval =
  /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?$/;
const clockInterval = /^(?:(\d+) days? )?(\d\d):(\d\d):(\d\d)(?:\.(\d+))?$/;

/** Postgres knows many more forms of them. */
export const interval: Meaning = (value) => {
  if (typeof value === "object") return refuse;
  const text = String(value);
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
  if (fraction.replace(/0+$/, "").length > 6) return refuse;
  const n = (digits: string | undefined) => BigInt(digits ?? "0");
  const micros =
    (n(hours) * 3600n + n(minutes) * 60n + n(seconds)) * secondMicros +
    BigInt(fraction.slice(0, 6).padEnd(6, "0"));
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
