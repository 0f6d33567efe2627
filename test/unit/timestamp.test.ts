/** Points in time: the same instant in, in whatever form, the same UTC text out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dateOnly, instantOf, instantText } from "../../src/store/timestamps.js";
import { InvalidValue } from "../../src/store/failures.js";

const utcTimestamp = (value: unknown) => instantText(instantOf(value));

/** From the year 1000 to 8999, so that no offset leads out of four digits. */
const anyInstant = fc.integer({ min: -30_600_000_000, max: 221_800_000_000 });
const anyMicros = fc.integer({ min: 0, max: 999_999 });
const anyOffset = fc.integer({ min: -15 * 60 - 59, max: 15 * 60 + 59 });

function pad(number: number, digits = 2): string {
  return String(number).padStart(digits, "0");
}

function isoAt(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19);
}

/** Local time and offset of an instant, as a device in that zone would write them. */
function zoned(seconds: number, micros: number, offset: number, separator: string): string {
  const local = isoAt(seconds + offset * 60).replace("T", separator);
  const sign = offset < 0 ? "-" : "+";
  const minutes = Math.abs(offset);
  return `${local}.${pad(micros, 6)}${sign}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

describe("a point in time", () => {
  it("gives the same instant for every way to write it", () => {
    fc.assert(
      fc.property(anyInstant, anyMicros, anyOffset, (seconds, micros, offset) => {
        const fraction = micros === 0 ? "" : `.${pad(micros, 6).replace(/0+$/, "")}`;
        const expected = `${isoAt(seconds).replace("T", " ")}${fraction}`;
        expect(utcTimestamp(zoned(seconds, micros, offset, "T"))).toBe(expected);
        expect(utcTimestamp(zoned(seconds, micros, offset, " "))).toBe(expected);
        expect(utcTimestamp(`${isoAt(seconds)}.${pad(micros, 6)}Z`)).toBe(expected);
        expect(utcTimestamp(`${isoAt(seconds)}.${pad(micros, 6)}000`)).toBe(expected);
        expect(utcTimestamp(expected)).toBe(expected);
      }),
    );
  });

  it("agrees with Date about milliseconds", () => {
    fc.assert(
      fc.property(anyInstant, fc.integer({ min: 0, max: 999 }), (seconds, millis) => {
        const date = new Date(seconds * 1000 + millis);
        expect(utcTimestamp(date)).toBe(utcTimestamp(date.toISOString()));
        expect(Date.parse(`${utcTimestamp(date).replace(" ", "T")}Z`)).toBe(date.getTime());
      }),
    );
  });

  it.each([
    ["2024-02-29T12:00:00Z", "2024-02-29 12:00:00"],
    ["2000-02-29 00:00:00+00", "2000-02-29 00:00:00"],
    ["2026-03-29T02:30:00", "2026-03-29 02:30:00"],
    ["2026-03-29T02:30:00+01:00", "2026-03-29 01:30:00"],
    ["2026-10-25T02:30:00+02:00", "2026-10-25 00:30:00"],
    ["2026-10-25T02:30:00+01:00", "2026-10-25 01:30:00"],
    ["2024-12-31T23:30:00-01:00", "2025-01-01 00:30:00"],
    ["2024-03-01T00:30:00+01:00", "2024-02-29 23:30:00"],
    ["2026-01-01T00:00:00+05:45", "2025-12-31 18:15:00"],
    ["2026-01-01T00:00:00+0545", "2025-12-31 18:15:00"],
    ["2026-01-01T00:00:00-08", "2026-01-01 08:00:00"],
    ["2026-01-01 00:00:00 +02", "2025-12-31 22:00:00"],
    ["2026-01-01t00:00:00z", "2026-01-01 00:00:00"],
    ["  2026-01-01T10:20  ", "2026-01-01 10:20:00"],
    ["2026-01-01", "2026-01-01 00:00:00"],
    ["2026-01-01T00:00:00.000001Z", "2026-01-01 00:00:00.000001"],
    ["2026-01-01T00:00:00.1200000000Z", "2026-01-01 00:00:00.12"],
    ["2026-01-01T00:00:00.123456789Z", "2026-01-01 00:00:00.123456789"],
    ["1969-12-31T23:59:59.999999Z", "1969-12-31 23:59:59.999999"],
    ["0001-01-01T00:00:00Z", "0001-01-01 00:00:00"],
    ["9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999"],
  ])("%s", (text, utc) => {
    expect(utcTimestamp(text)).toBe(utc);
  });

  it.each([
    "2023-02-29T00:00:00Z",
    "1900-02-29",
    "2026-02-30T00:00:00Z",
    "2026-04-31",
    "2026-13-01",
    "2026-00-10",
    "2026-01-00",
    "2026-01-01T24:00:00Z",
    "2026-01-01T23:60:00Z",
    "2026-01-01T23:59:60Z",
    "2026-01-01T00:00:00+16:00",
    "2026-01-01T00:00:00+01:60",
    "2026-01-01T00:00:00.",
    "2026-01-01T10",
    "2026-01-01T",
    "2026-1-1",
    "26-01-01",
    "12026-01-01T00:00:00Z",
    "+012026-01-01T00:00:00Z",
    "-000001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-01:00",
    "2026-01-01T00:00:00 Europe/Vienna",
    "2026-01-01\n00:00:00",
    "٢٠٢٦-01-01",
    "infinity",
    "now",
    "",
    0,
    1767225600000,
    1n,
    true,
    {},
    [],
    new Date(Number.NaN),
    new Date(8.64e15),
  ])("refuses %o", (value) => {
    expect(() => utcTimestamp(value)).toThrow(InvalidValue);
  });
});

describe("dateOnly", () => {
  it.each([
    ["2024-02-29", "2024-02-29"],
    ["2024-02-29T00:00:00Z", "2024-02-29"],
    ["2024-02-29 00:00:00.000", "2024-02-29"],
    ["2024-03-01T01:00:00+01:00", "2024-03-01"],
    [new Date(Date.UTC(2024, 1, 29)), "2024-02-29"],
  ])("%s", (value, day) => {
    expect(dateOnly(value)).toBe(day);
  });

  it("takes a Date at midnight of the process's own zone for its day there, as drivers read a date", () => {
    const zone = process.env["TZ"];
    try {
      for (const each of ["Europe/Vienna", "America/New_York", "Pacific/Kiritimati", "UTC"]) {
        process.env["TZ"] = each;
        expect(dateOnly(new Date(2024, 1, 29))).toBe("2024-02-29");
        expect(dateOnly(new Date("0099-03-01T00:00:00"))).toBe("0099-03-01");
        expect(dateOnly(new Date(Date.UTC(2024, 1, 29)))).toBe("2024-02-29");
        expect(() => dateOnly(new Date(2024, 1, 29, 9, 30))).toThrow(InvalidValue);
      }
    } finally {
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  });

  it.each([
    "2024-02-29T00:00:01Z",
    "2024-02-29T00:00:00.000001Z",
    "2024-02-29T00:00:00+01:00",
    "2023-02-29",
    "today",
    20240229,
  ])("refuses %s, for something would be lost", (value) => {
    expect(() => dateOnly(value)).toThrow(InvalidValue);
  });
});
