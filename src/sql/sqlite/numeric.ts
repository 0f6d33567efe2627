/**
 * Numbers as SQLite keeps them: an integer of 64 bits, or a double.
 * A column of NUMERIC affinity (any type whose name SQLite does not know: DECIMAL, DATE, JSON, STRING) turns text that looks like a number into one,
 * and silently rounds what neither holds.
 */
import { InvalidValue } from "../values.js";

const min = -(2n ** 63n);
const max = 2n ** 63n - 1n;
const maxDigits = 19;
const zero = 0x30;

// White space as SQLite knows it.
const numeric = /^[\t-\r ]*([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?[\t-\r ]*$/;

/** Text that a column of NUMERIC affinity would store as a number. */
export function looksNumeric(text: string): boolean {
  return numeric.test(text);
}

/** An integer's digits, as a parameter. The driver binds every JavaScript number as a double. */
export function int64(digits: string): bigint {
  if (digits.replace(/^[+-]?0*/, "").length > maxDigits) throw tooLarge();
  const integer = BigInt(digits.replace("+", ""));
  if (integer < min || integer > max) throw tooLarge();
  return integer;
}

/** A decimal number's text, as a parameter for a column that keeps numbers as it can: exactly, or not at all. */
export function exactNumber(text: string): bigint | number {
  const { sign, digits, exponent } = partsOf(text);
  if (digits === "") return 0n;
  if (exponent >= 0) {
    if (digits.length + exponent > maxDigits) throw tooLarge();
    return int64(`${sign}${digits}${"0".repeat(exponent)}`);
  }
  const number = Number(text);
  // The shortest text of a double is what it is read back as.
  const kept = partsOf(String(number));
  if (kept.digits !== digits || kept.exponent !== exponent) {
    throw new InvalidValue("The number has more digits than the column can hold exactly.");
  }
  return number;
}

/** A column of type REAL: the nearest double, but never an infinity, and nothing that is not there for zero. */
export function double(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number)) throw tooLarge();
  if (number === 0 && partsOf(text).digits !== "") {
    throw new InvalidValue("The number is too small.");
  }
  return number;
}

/** Sign, digits without the zeros around them, and the power of ten of the last one. */
function partsOf(text: string): {
  readonly sign: string;
  readonly digits: string;
  readonly exponent: number;
} {
  const match = numeric.exec(text);
  if (match === null) throw new InvalidValue("The value is not a number.");
  const [, sign = "", whole = "", fraction = "", onlyFraction = "", power = "0"] = match;
  const all = `${whole}${fraction}${onlyFraction}`;
  let end = all.length;
  // Not by a regular expression: a long run of zeros inside would take it the square of its length.
  while (all.charCodeAt(end - 1) === zero) end -= 1;
  return {
    sign: sign === "-" ? "-" : "",
    digits: all.slice(0, end).replace(/^0+/, ""),
    exponent: Number(power) - fraction.length - onlyFraction.length + all.length - end,
  };
}

function tooLarge(): InvalidValue {
  return new InvalidValue("The number is too large.");
}
