/** Numbers and booleans in every form that a client may send: good ones, bad ones, and those at the edge between. */
import fc from "fast-check";
import type { Sent } from "./meaning.js";

type Values = fc.Arbitrary<Sent>;

const of = (...values: readonly Sent[]): Values => fc.constantFrom(...values);
const digits = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from("0123456789")), minLength, maxLength });

/** A number without a fraction, as a JSON number and as text, plain or not. */
const inForms = (integers: fc.Arbitrary<bigint>): Values =>
  fc.tuple(integers, fc.integer({ min: 0, max: 11 })).map(([integer, form]) => {
    const safe = BigInt(Number.MAX_SAFE_INTEGER);
    const number = integer <= safe && integer >= -safe ? Number(integer) : integer;
    const text = String(integer);
    switch (form) {
      case 0:
      case 1:
      case 2:
        return text;
      case 3:
        return integer < 0n ? `-00${text.slice(1)}` : `+${text}`;
      case 4:
        return ` ${text} `;
      case 5:
        return `${text}.0`;
      case 6:
        return `${text}.5`;
      case 7:
        return `${text}e1`;
      default:
        return number;
    }
  });

const edges = [7n, 8n, 15n, 16n, 23n, 24n, 31n, 32n, 53n, 63n, 64n].flatMap((bits) =>
  [-1n, 0n, 1n].flatMap((by) => [2n ** bits + by, -(2n ** bits) + by]),
);

export const integers: Values = fc.oneof(
  inForms(fc.constantFrom(0n, 1n, -1n, ...edges)),
  inForms(fc.bigInt({ min: -100n, max: 300n })),
  inForms(fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n })),
  inForms(fc.bigInt({ min: -40_000n, max: 40_000n })),
  inForms(fc.bigInt({ min: -(2n ** 33n), max: 2n ** 33n })),
);

const decimalText = fc
  .tuple(fc.constantFrom("", "-", ""), digits(1, 12), digits(0, 4))
  .map(([sign, whole, fraction]) => `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}`);
const longDecimalText = fc
  .tuple(fc.constantFrom("", "-", "+"), digits(0, 32), digits(1, 32))
  .map(([sign, whole, fraction]) => `${sign}${whole}.${fraction}`);
const withExponent = fc
  .tuple(decimalText, fc.constantFrom("e", "E"), fc.integer({ min: -40, max: 40 }))
  .map(([mantissa, e, exponent]) => `${mantissa}${e}${exponent}`);

export const decimals: Values = fc.oneof(
  decimalText,
  decimalText,
  decimalText.map(Number),
  longDecimalText,
  withExponent,
  fc.double({ noNaN: true }),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((cents) => cents / 100),
  integers,
  of("1e400", "-1e-400", "1e308", "1.7976931348623157e308", "1.7976931348623159e308", "5e-324"),
  of("1e-324", "3.4028235e38", "3.5e38", "1e-45", "1e-46", "1e200000", "1e-20000", "1e99999999999"),
  of(1e21, 1e23, 1e300, 1e-7, 5e-324, 0.1 + 0.2, -0, 2 ** 60, Infinity, -Infinity, 16_777_217),
  of(
    "NaN",
    "Infinity",
    "-inf",
    "",
    " ",
    ".",
    "1.",
    ".5",
    "1,5",
    "0x10",
    "1_000",
    "１２",
    "1e",
    "0e999",
    "--1",
  ),
);

export const truths: Values = fc.oneof(
  {
    weight: 4,
    arbitrary: of(true, false, 0, 1, "0", "1", "t", "f", "true", "false", "TRUE", "F", " true "),
  },
  {
    weight: 1,
    arbitrary: of(
      2,
      -1,
      0.5,
      "yes",
      "no",
      "on",
      "off",
      "y",
      "",
      "10",
      "tru",
      "truefalse",
      1n,
      2n ** 64n,
      -0,
    ),
  },
  { weight: 1, arbitrary: integers },
);
