/** Values as databases take them: exact, or refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringifyJson } from "../../src/wire/serialize.js";
import { InvalidValue, PrecisionLost } from "../../src/store/failures.js";
import { booleanOf, jsonText, textOf } from "../../src/store/values.js";
import { decimalText, integerText, numberText, plainDecimal } from "../../src/store/numbers.js";

describe("integerText", () => {
  it("gives the digits of any integer, exactly", () => {
    fc.assert(
      fc.property(fc.bigInt(), (integer) => {
        expect(BigInt(integerText(integer, true))).toBe(integer);
        expect(BigInt(integerText(integer.toString(), true))).toBe(integer);
      }),
    );
    fc.assert(
      fc.property(fc.maxSafeInteger(), (integer) => {
        expect(BigInt(integerText(integer, true))).toBe(BigInt(integer));
      }),
    );
  });

  it.each<[unknown, string]>([
    [true, "1"],
    [false, "0"],
    [1.0, "1"],
    [-0, "0"],
    ["-7", "-7"],
    [" 42\n", "42"],
    ["9223372036854775807", "9223372036854775807"],
    [1e15, "1000000000000000"],
  ])("takes %o", (value, text) => {
    expect(integerText(value, true)).toBe(text);
  });

  it.each([1.5, NaN, Infinity, "1.5", "1e3", "", " ", "0x10", "1 2", "١", {}, [], [1]])(
    "refuses %o",
    (value) => {
      expect(() => integerText(value, false)).toThrow(InvalidValue);
    },
  );

  it("does not pass on an integer that has been rounded", () => {
    for (const value of [2 ** 53, -(2 ** 53), 12345678901234567890]) {
      expect(() => integerText(value, true)).toThrow(PrecisionLost);
      expect(integerText(value, false)).toBe(BigInt(value).toString());
    }
  });
});

describe("decimalText", () => {
  it.each<[unknown, string]>([
    [0.1, "0.1"],
    [1e-7, "1e-7"],
    [1e21, "1e+21"],
    ["12345678901234567890.12", "12345678901234567890.12"],
    ["+.5", "+.5"],
    ["5.", "5."],
    [" 1.50 ", "1.50"],
    [12n, "12"],
    [true, "1"],
  ])("takes %o as it is", (value, text) => {
    expect(decimalText(value, false)).toBe(text);
  });

  it.each([
    "",
    ".",
    "e5",
    "1e",
    "1,5",
    "NaN",
    "Infinity",
    "-inf",
    "0x1",
    "1_000",
    "1 0",
    NaN,
    Infinity,
    {},
    [1],
  ])("refuses %o", (value) => {
    expect(() => decimalText(value, false)).toThrow(InvalidValue);
  });

  it.each([
    "1.25",
    "1.250000",
    "1250e-3",
    "125e-2",
    "0.125e1",
    "100",
    "100e-2",
    "1e300",
    "0",
    "0.000",
    "0e-9",
    "-0.50",
    "100.e-4",
    1.25,
    5n,
  ])("takes %s where there is room for two digits", (value) => {
    expect(() => decimalText(value, false, { scale: 2, exact: true })).not.toThrow();
  });

  it.each(["1.255", "0.001", "1e-3", "12.5e-2", "100e-5", ".005", 0.1 + 0.2, 1e-7])(
    "refuses %s there, where it must be exact",
    (value) => {
      expect(() => decimalText(value, false, { scale: 2, exact: true })).toThrow(InvalidValue);
    },
  );

  it("rounds to the digits that the column keeps, halves away from zero, and nothing where it keeps none", () => {
    const text = fc
      .tuple(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), fc.integer({ min: -8, max: 8 }))
      .map(([digits, exponent]) => ({ digits, exponent, text: `${digits}e${exponent}` }));
    fc.assert(
      fc.property(text, fc.integer({ min: -3, max: 6 }), ({ digits, exponent, text }, scale) => {
        const shift = exponent + scale;
        const unit = 10n ** BigInt(Math.max(0, -shift));
        const fits = digits % unit === 0n;
        const judge = (exact: boolean) => decimalText(text, false, { scale, exact });
        if (fits) {
          expect(judge(true)).toBe(judge(false));
          return;
        }
        expect(() => judge(true)).toThrow(InvalidValue);
        if (scale <= 0) {
          expect(() => judge(false)).toThrow(InvalidValue);
          return;
        }
        const magnitude = digits < 0n ? -digits : digits;
        const units = (magnitude * 2n + unit) / (unit * 2n);
        const [whole = "", fraction = ""] = judge(false).split(".");
        expect(fraction).toHaveLength(scale);
        expect(BigInt(`${whole}${fraction}`)).toBe(digits < 0n ? -units : units);
      }),
    );
  });

  it.each([
    ["99999999.995", 10, 2],
    ["9.5e9", 10, 1],
    ["0.9999", 3, 3],
  ])("does not let %s become more than the column holds", (text, precision, scale) => {
    expect(() => decimalText(text, false, { precision, scale })).toThrow(InvalidValue);
  });

  it("rounds millions of digits in a moment, nines included", () => {
    const nines = `0.${"9".repeat(3_000_000)}`;
    expect(decimalText(nines, false, { scale: 2 })).toBe("1.00");
    expect(decimalText(`${"9".repeat(2_000_000)}.995`, false, { scale: 2 })).toHaveLength(
      2_000_004,
    );
  });

  it("does not pass on an integer that has been rounded", () => {
    expect(() => decimalText(2 ** 53, true)).toThrow(PrecisionLost);
    expect(decimalText("9007199254740993", true)).toBe("9007199254740993");
  });
});

describe("numberText", () => {
  it("reads back as the same number", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(Number(numberText(number))).toBe(number === 0 ? 0 : number);
      }),
    );
  });

  it.each([NaN, Infinity, -Infinity, "NaN", "Infinity", "many", {}, []])("refuses %o", (value) => {
    expect(() => numberText(value)).toThrow(InvalidValue);
  });
});

describe("plainDecimal", () => {
  it.each<[string, number | undefined, string]>([
    ["12.5", 2, "12.50"],
    ["+12.5000", 2, "12.50"],
    ["1250e-2", 2, "12.50"],
    ["0012", 0, "12"],
    [".5", 1, "0.5"],
    ["5.", 0, "5"],
    ["1.2E3", 2, "1200.00"],
    ["1e-7", 10, "0.0000001000"],
    ["-0.00", 2, "0.00"],
    ["-1e2", 0, "-100"],
    ["1200", -2, "1200"],
    ["0.10", undefined, "0.10"],
    ["1250e-2", undefined, "12.50"],
    ["1.5e3", undefined, "1500"],
    ["0e-3", undefined, "0.000"],
    ["1e-1001", undefined, "1e-1001"],
    ["1e999999999", 2, "1e999999999"],
  ])("writes %s with a scale of %s as %s", (text, scale, plain) => {
    expect(plainDecimal(text, scale)).toBe(plain);
  });
});

describe("booleanOf", () => {
  it.each([true, 1, 1n, "1", "t", "T", "true", " TRUE "])("true: %o", (value) => {
    expect(booleanOf(value)).toBe(true);
  });
  it.each([false, 0, -0, 0n, "0", "f", "false", "False"])("false: %o", (value) => {
    expect(booleanOf(value)).toBe(false);
  });
  it.each([2, -1, 0.5, NaN, "", "yes", "on", "maybe", {}, [], [true]])("refuses %o", (value) => {
    expect(() => booleanOf(value)).toThrow(InvalidValue);
  });
});

describe("textOf", () => {
  it.each<[unknown, string]>([
    ["", ""],
    ["Grüße 🎉 \u0001", "Grüße 🎉 \u0001"],
    [1.5, "1.5"],
    [true, "true"],
    [12345678901234567890n, "12345678901234567890"],
  ])("takes %o", (value, text) => {
    expect(textOf(value)).toBe(text);
  });

  it.each(["a\0b", "\ud83c", "\udf89\ud83c", {}, []])("refuses %o", (value) => {
    expect(() => textOf(value)).toThrow(InvalidValue);
  });
});

describe("jsonText", () => {
  const of = (value: unknown, lossy = false) => jsonText(value, lossy, stringifyJson);

  it.each<[unknown, string]>([
    ['{"a": 1}', '{"a": 1}'],
    ["null", "null"],
    ['"text"', '"text"'],
    [{ a: [1, "x", null] }, '{"a":[1,"x",null]}'],
    [[], "[]"],
    [5, "5"],
    [false, "false"],
    [{ big: 12345678901234567890n }, '{"big":12345678901234567890}'],
    ['{"big": 12345678901234567890}', '{"big": 12345678901234567890}'],
  ])("writes %o", (value, text) => {
    expect(of(value)).toBe(text);
  });

  it.each(["", "hello", "{a:1}", "'a'", "undefined", '{"a":1}}', '"a\0"'])(
    "refuses text that is no JSON: %o",
    (value) => {
      expect(() => of(value)).toThrow(InvalidValue);
    },
  );

  it("refuses a number that JSON has no form for, instead of making it null", () => {
    for (const value of [Infinity, { a: [-Infinity] }]) {
      expect(() => of(value)).toThrow(InvalidValue);
    }
  });

  it("does not pass on integers that have been rounded, wherever they are", () => {
    for (const value of [2 ** 60, { a: [1, { b: 2 ** 53 }] }, [null, undefined, 2 ** 53]]) {
      expect(() => of(value, true)).toThrow(PrecisionLost);
    }
    expect(of({ a: 2 ** 53 - 1, b: 0.1 }, true)).toBe('{"a":9007199254740991,"b":0.1}');
  });
});
