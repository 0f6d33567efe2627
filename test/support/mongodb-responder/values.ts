/** BSON values as the responder compares them: in BSON's order of types, numbers of all types by what they are worth. */
import { Binary, Decimal128, Double, Int32, Long, ObjectId } from "mongodb";

export type Doc = Readonly<Record<string, unknown>>;

/** A command fails with this. */
export class Refusal extends Error {
  readonly code: number;
  readonly codeName: string;
  readonly labels: readonly string[];
  readonly more: Doc;

  constructor(
    code: number,
    codeName: string,
    message: string,
    labels: readonly string[] = [],
    more: Doc = {},
  ) {
    super(message);
    this.code = code;
    this.codeName = codeName;
    this.labels = labels;
    this.more = more;
  }
}

/** What the responder does not know it refuses, so that nobody takes it for done. */
export function unknown(what: string): Refusal {
  return new Refusal(238, "NotImplemented", `The responder does not know ${what}.`);
}

const minKey = 0;
const types: readonly [name: string, order: number, is: (value: unknown) => boolean][] = [
  ["null", minKey + 1, (value) => value === null || value === undefined],
  ["int", 2, (value) => value instanceof Int32],
  ["long", 2, (value) => value instanceof Long],
  ["double", 2, (value) => value instanceof Double],
  ["decimal", 2, (value) => value instanceof Decimal128],
  ["string", 3, (value) => typeof value === "string"],
  ["array", 5, (value) => Array.isArray(value)],
  ["binData", 6, (value) => value instanceof Binary],
  ["objectId", 7, (value) => value instanceof ObjectId],
  ["bool", 8, (value) => typeof value === "boolean"],
  ["date", 9, (value) => value instanceof Date],
  ["object", 4, (value) => typeof value === "object" && !("_bsontype" in (value ?? {}))],
];

export function typeOf(value: unknown): string {
  return kindOf(value)[0];
}

function kindOf(value: unknown): (typeof types)[number] {
  const found = types.find(([, , is]) => is(value));
  if (found === undefined) throw unknown(`a value of the kind of ${String(value)}`);
  return found;
}

export function isNumber(value: unknown): boolean {
  return kindOf(value)[1] === 2;
}

/** Below zero, zero, or above, as BSON orders them. */
export function compare(one: unknown, other: unknown): number {
  const [[type, first], [, second]] = [kindOf(one), kindOf(other)];
  if (first !== second) return first - second;
  switch (type) {
    case "null":
      return 0;
    case "int":
    case "long":
    case "double":
    case "decimal":
      return compareNumbers(one, other);
    case "array":
      return compareLists(one as readonly unknown[], other as readonly unknown[]);
    case "object":
      return compareLists(Object.entries(one as Doc).flat(), Object.entries(other as Doc).flat());
    case "binData":
    case "objectId":
      return order(bytesOf(one), bytesOf(other));
    case "date":
      return (one as Date).getTime() - (other as Date).getTime();
    default:
      return order(one as string, other as string);
  }
}

function bytesOf(value: unknown): string {
  if (value instanceof ObjectId) return value.toHexString();
  const { sub_type: type, buffer, position } = value as Binary;
  const text = Buffer.from(buffer).toString("hex");
  return `${String(position).padStart(10, "0")} ${type} ${text}`;
}

function order<T extends string | boolean | bigint>(one: T, other: T): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

function compareLists(one: readonly unknown[], other: readonly unknown[]): number {
  for (let at = 0; at < Math.min(one.length, other.length); at += 1) {
    const each = compare(one[at], other[at]);
    if (each !== 0) return each;
  }
  return one.length - other.length;
}

export function isEqual(one: unknown, other: unknown): boolean {
  return compare(one, other) === 0;
}

/** One text for values that are equal. */
export function keyText(value: unknown): string {
  const [type, place] = kindOf(value);
  if (place === 2) {
    const [mantissa, exponent] = scaled(value);
    let [digits, zeros] = [mantissa, exponent];
    while (digits !== 0n && digits % 10n === 0n) [digits, zeros] = [digits / 10n, zeros + 1];
    return `number ${digits}e${digits === 0n ? 0 : zeros}`;
  }
  if (type === "array") return `array [${(value as readonly unknown[]).map(keyText).join()}]`;
  if (type === "object")
    return `object {${Object.entries(value as Doc)
      .map(([name, each]) => `${JSON.stringify(name)}:${keyText(each)}`)
      .join()}}`;
  if (type === "date") return `date ${(value as Date).getTime()}`;
  if (type === "binData" || type === "objectId") return `${type} ${bytesOf(value)}`;
  return `${type} ${JSON.stringify(value ?? null)}`;
}

function compareNumbers(one: unknown, other: unknown): number {
  const [[a, m], [b, n]] = [scaled(one), scaled(other)];
  const least = Math.min(m, n);
  return order(a * 10n ** BigInt(m - least), b * 10n ** BigInt(n - least));
}

/** As a whole number and a power of ten. A double is taken for its shortest digits. */
function scaled(value: unknown): readonly [bigint, number] {
  const [mantissa = "", power = "0"] = String(value).toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  if (!/^-?\d+$/.test(whole + fraction)) throw unknown(`the number ${String(value)}`);
  return [BigInt(whole + fraction), Number(power) - fraction.length];
}

/** The sum in the wider of the two types, as the server has it. */
export function add(one: unknown, other: unknown, sign: 1 | -1 = 1): unknown {
  const kinds = [typeOf(one), typeOf(other)];
  const [[a, m], [b, n]] = [scaled(one), scaled(other)];
  const least = Math.min(m, n);
  const sum = a * 10n ** BigInt(m - least) + BigInt(sign) * b * 10n ** BigInt(n - least);
  if (kinds.includes("decimal")) return Decimal128.fromStringWithRounding(`${sum}e${least}`);
  if (kinds.includes("double")) return new Double(Number(one) + sign * Number(other));
  const whole = sum * 10n ** BigInt(least);
  if (BigInt.asIntN(32, whole) === whole && !kinds.includes("long"))
    return new Int32(Number(whole));
  return BigInt.asIntN(64, whole) === whole ? Long.fromBigInt(whole) : new Double(Number(whole));
}
