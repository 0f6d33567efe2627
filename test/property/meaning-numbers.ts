/** Numbers by their digits: exact arithmetic, no rounding but where a column is a floating-point one. */
import { either, lenient, type Meaning, refuse, type Sent, store } from "./meaning.js";

/** digits × 10 ^ exponent, without zeros at either end. */
interface Exact {
  readonly sign: "" | "-";
  readonly digits: string;
  readonly exponent: bigint;
}

const form = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/;

function exactOf(text: string): Exact | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", only = "", power = "0"] = match;
  const all = `${whole}${fraction}${only}`;
  const kept = all.replace(/0+$/, "");
  const digits = kept.replace(/^0+/, "");
  if (digits === "") return { sign: "", digits, exponent: 0n };
  const places = BigInt(fraction.length + only.length - (all.length - kept.length));
  return { sign: sign === "-" ? "-" : "", digits, exponent: BigInt(power) - places };
}

function said({ sign, digits, exponent }: Exact): string {
  return digits === "" ? "0" : `${sign}${digits}e${exponent}`;
}

/** One text for one number. A text that is no number stays what it is. */
export function exactText(text: string): string {
  const exact = exactOf(text.trim());
  return exact === undefined ? text : said(exact);
}

/** The one text of a double, as it is read back. */
export function doubleText(text: string): string {
  return String(Number(text) + 0);
}

export function singleText(text: string): string {
  return String(Math.fround(Number(text)) + 0);
}

/** The digits that were sent. */
function digitsOf(value: Sent): string | undefined {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? String(value) : undefined;
    case "bigint":
      return String(value);
    case "boolean":
      return value ? "1" : "0";
    case "string":
      return value.trim();
    default:
      return undefined;
  }
}

function numeric(judge: (exact: Exact, text: string) => ReturnType<Meaning>): Meaning {
  return (value) => {
    const text = digitsOf(value);
    const exact = text === undefined ? undefined : exactOf(text);
    if (text === undefined || exact === undefined) return refuse;
    const verdict = judge(exact, text);
    // Spaces around it, and huge exponents of zero.
    return text === value || (typeof value !== "string" && exact.digits !== "")
      ? verdict
      : typeof value === "string"
        ? lenient(verdict)
        : verdict;
  };
}

function wholeDigits({ digits, exponent }: Exact): bigint {
  return digits === "" ? 0n : BigInt(digits.length) + exponent;
}

function integerOf(exact: Exact): bigint | undefined {
  if (exact.exponent < 0n || wholeDigits(exact) > 400n) return undefined;
  return BigInt(`${exact.sign}${exact.digits === "" ? "0" : exact.digits}`) * 10n ** exact.exponent;
}

export function integer(least: bigint, greatest: bigint): Meaning {
  return numeric((exact, text) => {
    const number = integerOf(exact);
    if (number === undefined || number < least || number > greatest) return refuse;
    return /^[+-]?\d+$/.test(text) ? store(said(exact)) : either(said(exact));
  });
}

export function signedInteger(bits: bigint): Meaning {
  return integer(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n);
}

export function unsignedInteger(bits: bigint): Meaning {
  return integer(0n, 2n ** bits - 1n);
}

/** So many digits before the point, and so many behind it: of more, the nearest, halves away from zero. */
export function decimal(before: number, behind: number): Meaning {
  return numeric((exact, text) => {
    const kept = nearest(exact, behind);
    if (kept.digits === "") return /e/i.test(text) ? either("0") : store("0");
    return wholeDigits(kept) <= BigInt(before) ? store(said(kept)) : refuse;
  });
}

function nearest(exact: Exact, behind: number): Exact {
  const over = -exact.exponent - BigInt(behind);
  if (over <= 0n) return exact;
  if (over > BigInt(exact.digits.length)) return { sign: "", digits: "", exponent: 0n };
  const unit = 10n ** over;
  const units = (BigInt(exact.digits) * 2n + unit) / (unit * 2n);
  return exactOf(`${exact.sign}${units}e-${behind}`) ?? exact;
}

/** What SQLite keeps in a column of NUMERIC affinity: an integer of 64 bits, or a double that is written with the same digits. */
export function sqliteNumber(fits: Meaning = decimal(400, 400)): Meaning {
  return numeric((exact, text) => {
    const verdict = fits(text);
    if (verdict.must === "refuse") return refuse;
    const number = integerOf(exact);
    if (number !== undefined && number >= -(2n ** 63n) && number < 2n ** 63n) return verdict;
    const kept = exactOf(String(Number(text)));
    if (kept === undefined || said(kept) !== said(exact)) return refuse;
    return number === undefined ? verdict : lenient(verdict);
  });
}

/**
 * The nearest floating-point number. An integer is meant as it is: it must be the number itself, or the way in which JavaScript writes it.
 */
function floating(nearest: (number: number) => number, strict: boolean): Meaning {
  return numeric((exact, text) => {
    const number = nearest(Number(text)) + 0;
    if (!Number.isFinite(number) || (number === 0 && exact.digits !== "")) return refuse;
    const whole = integerOf(exact);
    const kept = exactOf(String(number));
    if (whole === undefined || BigInt(number) === whole || (kept && said(kept) === said(exact))) {
      return store(String(number));
    }
    return strict ? refuse : either(String(number));
  });
}

export const double = floating(Number, true);
/** It has seven digits: whoever sends more can't mean them all. */
export const single = floating(Math.fround, false);

export const truth: Meaning = (value) => {
  const word = typeof value === "object" ? "" : String(value).toLowerCase();
  const plain = word.trim();
  const as = ["true", "t", "1"].includes(plain)
    ? "true"
    : ["false", "f", "0"].includes(plain)
      ? "false"
      : undefined;
  if (as === undefined) return refuse;
  return plain === word ? store(as) : either(as);
};

/** As databases write a boolean. */
export function truthText(text: string): string {
  return text === "1" ? "true" : text === "0" ? "false" : text;
}
