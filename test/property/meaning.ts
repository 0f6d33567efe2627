/**
 * What values mean, said without the library: the oracle of the property tests.
 * A meaning is one text, so that what was sent and what was read back can be compared as texts.
 */

/** A value as JSON carries it; `bigint` is an integer with all its digits, Infinity a number that no double holds. */
export type Sent =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Sent[]
  | { readonly [key: string]: Sent };

/** What must become of a value. `either` may be refused, but is stored as nothing else; `any` is the database's own language. */
export type Verdict =
  | { readonly must: "store" | "either"; readonly as: string }
  | { readonly must: "refuse" | "any" };

/** What a value means for a column of a kind. Never asked about NULL. */
export type Meaning = (value: Exclude<Sent, null>) => Verdict;

export const refuse: Verdict = { must: "refuse" };
export const any: Verdict = { must: "any" };

export function store(as: string): Verdict {
  return { must: "store", as };
}

export function either(as: string): Verdict {
  return { must: "either", as };
}

/** What must be stored in its plain form may be refused in this one. */
export function lenient(verdict: Verdict): Verdict {
  return verdict.must === "store" ? either(verdict.as) : verdict;
}

/** JSON text that keeps every digit. */
export function jsonOf(value: Sent): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") {
    return Number.isFinite(value) ? JSON.stringify(value) : value > 0 ? "1e999" : "-1e999";
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(jsonOf).join(",")}]`;
  const members = Object.entries(value).map(
    ([key, each]) => `${JSON.stringify(key)}:${jsonOf(each)}`,
  );
  return `{${members.join(",")}}`;
}

/** JSON text as a value; integers that a number can't carry are `bigint`. `undefined`: no JSON. */
export function sentOf(text: string): Sent | undefined {
  return parsed(text, (source) => {
    const number = Number(source);
    return /^-?\d+$/.test(source) && !Number.isSafeInteger(number) ? BigInt(source) : number;
  });
}

/**
 * JSON text, with numbers made of their own texts; `undefined` where it is none. Read here and not by JSON.parse, which takes some keys with escapes
 * for others that it has seen before (V8 13.6), and then gives a reviver no text for their numbers.
 */
export function parsed<T>(text: string, number: (source: string) => T): Sent | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let at = 0;
  const read = (): unknown => {
    const token = tokens[at++] ?? "";
    if (token === "[") return list();
    if (token === "{") return members();
    return /^[-\d]/.test(token) ? number(token) : (JSON.parse(token) as unknown);
  };
  const list = (): unknown[] => {
    const items: unknown[] = [];
    for (; tokens[at] !== "]"; at += tokens[at] === "," ? 1 : 0) items.push(read());
    at += 1;
    return items;
  };
  const members = (): object => {
    const entries = new Map<string, unknown>();
    for (; tokens[at] !== "}"; at += tokens[at] === "," ? 1 : 0) {
      const key = read() as string;
      at += 1;
      entries.set(key, read());
    }
    at += 1;
    return Object.fromEntries(entries);
  };
  return read() as Sent;
}

export function isList(value: Sent): value is readonly Sent[] {
  return Array.isArray(value);
}

/** Whether some text, key or number in it is such. */
export function holds(value: Sent, is: (leaf: string | number) => boolean): boolean {
  if (typeof value === "string" || typeof value === "number") return is(value);
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).some(
    ([key, each]) => (!isList(value) && is(key)) || holds(each as Sent, is),
  );
}
