/** Converts a client's values to numbers, exactly or not at all. Used by the conversions of every store. */
import { InvalidValue, PrecisionLost } from "./failures.js";

const digitsAlone = /^[+-]?\d+$/;

const decimalForm = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The exact digits of an integer. */
export function integerText(value: unknown, lossyNumbers: boolean): string {
  if (typeof value === "number") {
    if (!Number.isInteger(value)) throw new InvalidValue("The value is not a whole number.");
    refuseRounded(value, lossyNumbers);
    return BigInt(value).toString();
  }
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "boolean") return value ? "1" : "0";
  const text = trimmed(value);
  if (!digitsAlone.test(text)) throw new InvalidValue("The value is not a whole number.");
  return text;
}

export interface Digits {
  /** The digits that the column keeps after the decimal point. Absent: all. */
  readonly scale?: number;
  /** The digits that the column keeps in all, including those after the decimal point. */
  readonly precision?: number;
  /** Throws for a number with more digits after the decimal point, instead of rounding it. */
  readonly exact?: boolean;
}

/**
 * The digits of a decimal number, with at most `scale` of them after the decimal point and `precision` in all. If the column keeps fractions, further digits
 * are rounded, halves away from zero, as every database rounds a decimal. If it keeps none, the value must be whole.
 */
export function decimalText(
  value: unknown,
  lossyNumbers: boolean,
  { scale, precision, exact = false }: Digits = {},
): string {
  if (typeof value === "number") refuseRounded(value, lossyNumbers);
  const given = numberText(value);
  const rounds = scale !== undefined && decimals(given) > scale;
  if (rounds && (exact || scale <= 0)) {
    throw new InvalidValue(`The value has more than ${scale} digits after the decimal point.`);
  }
  const text = rounds ? roundedTo(given, scale) : given;
  if (precision !== undefined && wholeDigits(text) > precision - (scale ?? 0)) {
    throw new InvalidValue("The number is too large.");
  }
  return text;
}

/** Rounds a number with more digits after the decimal point to `scale` digits, halves away from zero, and writes it without an exponent. */
function roundedTo(text: string, scale: number): string {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [before = "", behind = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const digits = `${before}${behind}`;
  /** How many of the digits stay. Negative if there are zeros between the last kept place and the first digit. */
  const kept = digits.length - (behind.length - Number(exponent) - scale);
  const upward = kept >= 0 && digits.charAt(kept) >= "5";
  const whole = digits.slice(0, Math.max(0, kept)).padStart(scale + 1, "0");
  const units = upward ? incremented(whole) : whole;
  const point = units.length - scale;
  const number = `${units.slice(0, point)}.${units.slice(point)}`;
  return mantissa.startsWith("-") && /[1-9]/.test(units) ? `-${number}` : number;
}

/** Adds one to a number given as digits. Not by a BigInt, whose conversion takes quadratic time. */
function incremented(digits: string): string {
  let nines = digits.length;
  while (digits.charCodeAt(nines - 1) === 0x39) nines -= 1;
  const head = digits.slice(0, nines);
  const zeros = "0".repeat(digits.length - nines);
  return head === ""
    ? `1${zeros}`
    : `${head.slice(0, -1)}${String(Number(head.slice(-1)) + 1)}${zeros}`;
}

/** The text of a number; never NaN or an infinity. */
export function numberText(value: unknown): string {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new InvalidValue("The number is too large.");
    return String(value);
  }
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "boolean") return value ? "1" : "0";
  const text = trimmed(value);
  if (!decimalForm.test(text)) throw new InvalidValue("The value is not a number.");
  return text;
}

/**
 * The text of a number for a floating-point column: never an infinity, and zero only for zero. A fraction may become the nearest number. An integer is
 * meant exactly, so a double must be able to hold it or print its digits. A `single` is only expected to keep seven digits, so it is not checked.
 */
export function floatText(value: unknown, single = false): string {
  const text = numberText(value);
  const number = single ? Math.fround(Number(text)) : Number(text);
  const digits = significant(text);
  if (!Number.isFinite(number)) throw new InvalidValue("The number is too large.");
  if (number === 0 && digits !== "") throw new InvalidValue("The number is too small.");
  const whole = !single && digits.length > 15 && decimals(text) <= 0;
  if (
    whole &&
    ![String(number), String(BigInt(number))].some((kept) => significant(kept) === digits)
  )
    throw new InvalidValue("The number has more digits than the column can hold exactly.");
  return text;
}

/** Whether the number, read as a double, prints the same digits. */
export function isDouble(text: string): boolean {
  const kept = String(Number(text));
  return significant(kept) === significant(text) && decimals(kept) === decimals(text);
}

function trimmed(value: unknown): string {
  if (typeof value !== "string") throw new InvalidValue("The value is not a number.");
  return value.trim();
}

/** Throws for an integer that an earlier body parser may have rounded. */
export function refuseRounded(value: number, lossyNumbers: boolean): void {
  if (lossyNumbers && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new PrecisionLost();
  }
}

/** The significant digits of a number; empty for zero. */
function significant(text: string): string {
  const [mantissa = ""] = text.toLowerCase().split("e");
  return withoutTrailingZeros(mantissa.replace(/[+.-]/g, "").replace(/^0+/, ""));
}

/** How many digits after the decimal point the number needs; negative if it ends in zeros before the point. */
function decimals(text: string): number {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  if (!/[1-9]/.test(mantissa)) return Number.NEGATIVE_INFINITY;
  const [whole = "", behind = ""] = mantissa.split(".");
  const fraction = withoutTrailingZeros(behind);
  const zeros = fraction === "" ? whole.length - withoutTrailingZeros(whole).length : 0;
  return fraction.length - zeros - Number(exponent);
}

/** How many digits before the point the number needs; negative if it begins with zeros behind the point. */
function wholeDigits(text: string): number {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const first = `${whole}${fraction}`.search(/[1-9]/);
  return first === -1 ? Number.NEGATIVE_INFINITY : whole.length - first + Number(exponent);
}

/** A loop, because the regular expression `/0+$/` takes quadratic time on a long run of zeros that is not at the end. */
export function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return digits.slice(0, end);
}

/** The largest exponent that is written out as zeros. */
const mostZeros = 1_000;

/**
 * Writes a number from `decimalText` in the way databases write a decimal column: no exponent, no leading zeros,
 * and as many digits after the decimal point as the column keeps, or as the text has. A text with a very large exponent stays as it is.
 */
export function plainDecimal(text: string, scale?: number): string {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const power = Number(exponent);
  if (Math.abs(power) > mostZeros) return text;
  const [before = "", behind = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const point = before.length + power;
  const digits = `${before}${behind}`.padEnd(point, "0");
  const kept = Math.max(0, scale ?? behind.length - power);
  const fraction = point < 0 ? `${"0".repeat(-point)}${digits}` : digits.slice(point);
  const integer = digits.slice(0, Math.max(0, point)).replace(/^0+(?=\d)/, "") || "0";
  const number = kept === 0 ? integer : `${integer}.${fraction.slice(0, kept).padEnd(kept, "0")}`;
  return mantissa.startsWith("-") && /[1-9]/.test(number) ? `-${number}` : number;
}
