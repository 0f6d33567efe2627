/** Points in time, days, times of day and intervals in every form that a client may send, and in forms that are none. */
import fc from "fast-check";
import type { Sent } from "./meaning.js";
import { decimals, integers, truths } from "./sent-numbers.js";
import { binaries, documents, texts, uuids } from "./sent-texts.js";

type Values = fc.Arbitrary<Sent>;

const of = (...values: readonly Sent[]): Values => fc.constantFrom(...values);
const pad = (number: number, length = 2): string => String(number).padStart(length, "0");

/** Clock changes: London, Berlin and New York in 2026, Lord Howe's half an hour, Samoa's day that was not, Dublin's odd minutes. */
const clockChanges = [
  "2026-03-29T01:00:00",
  "2026-03-29T02:30:00",
  "2026-10-25T01:30:00",
  "2026-10-25T02:30:00",
  "2026-03-08T02:30:00",
  "2026-11-01T01:30:00",
  "2026-04-05T01:45:00",
  "2011-12-30T12:00:00",
  "1916-10-01T02:34:39",
  "1970-01-01T00:00:00",
  "1969-12-31T23:59:59",
  "2038-01-19T03:14:07",
  "2038-01-19T03:14:08",
  "2000-02-29T23:59:59",
  "1900-02-28T23:59:59",
];
const noDays = [
  "1900-02-29T00:00:00",
  "2023-02-29T00:00:00",
  "2026-02-30T00:00:00",
  "2026-04-31T00:00:00",
  "2026-13-01T00:00:00",
  "2026-00-10T00:00:00",
  "2026-01-00T00:00:00",
  "2026-01-01T24:00:00",
  "2026-01-01T24:00:01",
  "2026-01-01T25:00:00",
  "2026-01-01T10:60:00",
  "2026-06-30T23:59:60",
  "0000-01-01T00:00:00",
  "0000-12-31T23:59:59",
];
const farDays = [
  "0001-01-01T00:00:00",
  "0999-12-31T23:59:59",
  "1000-01-01T00:00:00",
  "9999-12-31T23:59:59",
  "9999-12-31T00:00:00",
];

const local = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }).map(isoAt) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 2_147_483_647 }).map(isoAt) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 40_000 }).map((day) => isoAt(day * 86_400)) },
  { weight: 2, arbitrary: fc.constantFrom(...clockChanges) },
  { weight: 1, arbitrary: fc.constantFrom(...farDays) },
  { weight: 1, arbitrary: fc.constantFrom(...noDays) },
);
const fraction = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  { weight: 3, arbitrary: fc.constantFrom(".000", ".5", ".123", ".999", ".000000", ".120000") },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 0, max: 999_999 }).map((micros) => `.${pad(micros, 6)}`),
  },
  { weight: 1, arbitrary: fc.constantFrom(".1234567", ".1234560000", ".0000001", ".") },
);
const zone = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 3, arbitrary: fc.constant("Z") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "+00:00",
      "+01:00",
      "+02:00",
      "-04:00",
      "+05:30",
      "+0545",
      "-03",
      "+10:30",
      "+11",
      "+14:00",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "z",
      " Z",
      " +01",
      "-12:00",
      "+15:59",
      "+16:00",
      "+01:60",
      " Europe/Berlin",
      "+1",
      "UTC",
      "BC",
    ),
  },
);

function isoAt(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19);
}

export const instants: Values = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(local, fraction, zone, fc.constantFrom("T", " ", "T", " ", "t"))
      .map(([at, part, offset, between]) => `${at.replace("T", between)}${part}${offset}`),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(local, zone).map(([at, offset]) => `${at.slice(0, 16)}${offset}`),
  },
  { weight: 1, arbitrary: local.map((at) => at.slice(0, 10)) },
  {
    weight: 1,
    arbitrary: of(
      "",
      "now",
      "today",
      "infinity",
      "-infinity",
      "epoch",
      "yesterday",
      "10000-01-01T00:00:00Z",
      "+010000-01-01T00:00:00Z",
      "2026-1-1",
      "01/02/2026",
      "2026-01-01 10:00 PM",
      1_767_225_600,
      1_767_225_600_000,
      "1767225600",
      "2026-W01-1",
      "2026-01-01T10",
      true,
      "99-01-01",
    ),
  },
);

export const days: Values = fc.oneof(
  { weight: 4, arbitrary: local.map((at) => at.slice(0, 10)) },
  { weight: 1, arbitrary: local.map((at) => `${at.slice(0, 10)}T00:00:00.000Z`) },
  { weight: 1, arbitrary: local.map((at) => `${at.slice(0, 10)} 02:00:00+02`) },
  { weight: 2, arbitrary: instants },
);

const clock = fc
  .tuple(
    fc.integer({ min: 0, max: 23 }),
    fc.integer({ min: 0, max: 59 }),
    fc.integer({ min: 0, max: 59 }),
  )
  .map(([hour, minute, second]) => `${pad(hour)}:${pad(minute)}:${pad(second)}`);

export const times: Values = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(clock, fraction).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: clock.map((at) => at.slice(0, 5)) },
  {
    weight: 2,
    arbitrary: of(
      "24:00:00",
      "24:00",
      "25:00:00",
      "23:59:60",
      "12:60:00",
      "-01:00:00",
      "100:00:00",
      "838:59:59",
      "839:00:00",
      "now",
      "allballs",
      "10:00 PM",
      "10:00:00+02",
      "10:00:00Z",
      "2026-01-01 10:00:00",
      "2026-01-01T10:00:00Z",
      "101112",
      101112,
      10,
      "",
      "T10:00",
      "1:2:3",
      "10",
      true,
    ),
  },
  { weight: 1, arbitrary: instants },
);

const few = fc.integer({ min: 0, max: 99 });
export const intervals: Values = fc.oneof(
  fc
    .tuple(few, few, few, few, few, few, fraction)
    .map(
      ([years, months, days, hours, minutes, seconds, part]) =>
        `P${years}Y${months}M${days}DT${hours}H${minutes}M${seconds}${part}S`,
    ),
  fc.tuple(few, clock, fraction).map(([days, at, part]) => `${days} days ${at}${part}`),
  fc.tuple(clock, fraction).map((parts) => parts.join("")),
  of(
    "P1D",
    "PT1S",
    "P2W",
    "PT0.000001S",
    "PT0.0000001S",
    "00:00:00",
    "",
    "soon",
    "P",
    "PT",
    5,
    "1 fortnight",
    true,
    [],
    "P1.5D",
  ),
);

/** What any column may be sent: everything that the others are. */
export const anything: Values = fc.oneof(
  fc.constant(null),
  integers,
  decimals,
  texts,
  truths,
  documents,
  instants,
  times,
  uuids,
  binaries,
);
