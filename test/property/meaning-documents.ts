/** Text, words of a list, identifiers, bytes, JSON documents and arrays. */
import {
  any,
  either,
  holds,
  isList,
  jsonOf,
  lenient,
  type Meaning,
  parsed,
  refuse,
  type Sent,
  sentOf,
  store,
  type Verdict,
} from "./meaning.js";
import { exactText, sqliteNumber } from "./meaning-numbers.js";

export interface TextLimits {
  /** In characters. */
  readonly length?: number;
  /** In bytes of UTF-8. */
  readonly bytes?: number;
  /** Spaces at the end are not kept. */
  readonly padded?: boolean;
}

/** Objects and lists are JSON in a text column, as they are in the client's own. */
export function text({
  length = Infinity,
  bytes = Infinity,
  padded = false,
}: TextLimits = {}): Meaning {
  return (value) => {
    if (holds(value, (leaf) => leaf === Infinity || leaf === -Infinity)) return refuse;
    const said = typeof value === "object" ? jsonOf(value) : String(value);
    if (!said.isWellFormed() || said.includes("\0")) return refuse;
    if (Array.from(said).length > length || Buffer.byteLength(said) > bytes) return refuse;
    return padded && said.endsWith(" ") ? refuse : store(said);
  };
}

export function word(members: readonly string[]): Meaning {
  return (value) => (typeof value === "string" && members.includes(value) ? store(value) : refuse);
}

/** Several of a list: with commas between them, or a JSON array. */
export function words(members: readonly string[]): Meaning {
  return (value) => {
    const said = typeof value === "string" && value.startsWith("[") ? sentOf(value) : value;
    const list = typeof said === "string" ? said.split(",").filter((each) => each !== "") : said;
    if (list === undefined || !Array.isArray(list)) return refuse;
    if (!list.every((each) => typeof each === "string" && members.includes(each))) return refuse;
    const verdict = store(members.filter((member) => list.includes(member)).join(","));
    return typeof value === "string" && /^,|,,|.,$/.test(value) ? lenient(verdict) : verdict;
  };
}

export const uuid: Meaning = (value) => {
  if (typeof value === "object") return refuse;
  const digits = String(value)
    .trim()
    .replace(/^\{(.*)\}$/, "$1")
    .replaceAll("-", "")
    .toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(digits)) return refuse;
  const plain = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(String(value));
  return plain ? store(digits) : either(digits);
};

export function uuidText(said: string): string {
  return said.replaceAll("-", "").toLowerCase();
}

/** Hexadecimal digits of what base64 stands for; a column of so many bytes may also take a UUID for its own. */
export function bytes({
  most = Infinity,
  exactly,
}: { most?: number; exactly?: number } = {}): Meaning {
  return (value) => {
    if (typeof value !== "string") return refuse;
    const id = exactly === 16 ? uuid(value) : refuse;
    if (id.must === "store" || id.must === "either") return id;
    const decoded = Buffer.from(value, "base64");
    if (decoded.toString("base64") !== value) return refuse;
    if (decoded.length > most || (exactly !== undefined && decoded.length !== exactly))
      return refuse;
    return store(decoded.toString("hex"));
  };
}

/** One text for one document: keys sorted, of those that are there twice the last, numbers by their digits. */
export function documentText(json: string): string {
  const numbers = parsed(json, (source) => ({ number: exactText(source) }));
  return numbers === undefined ? json : JSON.stringify(sorted(numbers));
}

function sorted(value: Sent): unknown {
  if (value === null || typeof value !== "object") return value;
  if (isList(value)) return value.map(sorted);
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => [{ key }, sorted(each)]);
}

const unstorable = (leaf: string | number) =>
  typeof leaf === "string" && (leaf.includes("\0") || !leaf.isWellFormed());

function documentOf(value: Exclude<Sent, null>): { json: string; tree: Sent } | undefined {
  if (typeof value !== "string") {
    const infinite = holds(value, (leaf) => leaf === Infinity || leaf === -Infinity);
    return infinite ? undefined : { json: jsonOf(value), tree: value };
  }
  const tree = sentOf(value);
  return tree === undefined ? undefined : { json: value, tree };
}

/** Deeper than people write; databases differ in what they take. */
function depthOf(value: Sent): number {
  if (value === null || typeof value !== "object") return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** @param keepsText the column keeps the document's text; else its characters and numbers must fit the database's own */
export function document(keepsText: boolean, deepest = 60): Meaning {
  return (value) => {
    const said = documentOf(value);
    if (said === undefined) return refuse;
    const as = documentText(said.json);
    // A raw half of a pair, that no text holds.
    if (!said.json.isWellFormed()) return keepsText ? either(as) : refuse;
    if (holds(said.tree, unstorable)) return keepsText ? either(as) : refuse;
    if (depthOf(said.tree) > deepest || /[eE][+-]?\d{3}/.test(said.json)) return either(as);
    return store(as);
  };
}

/** In SQLite, a document that is a number becomes one. */
export const sqliteDocument: Meaning = (value) => {
  const verdict = document(true)(value);
  const tree = documentOf(value)?.tree;
  if (typeof tree !== "number" && typeof tree !== "bigint") return verdict;
  const number = sqliteNumber()(typeof value === "string" ? value.trim() : value);
  return number.must === "store" ? verdict : number.must === "refuse" ? refuse : lenient(verdict);
};

/** Elements by their own kind; lists inside lists are further dimensions, unless the elements themselves may be lists. */
export function array(element: Meaning, ofDocuments = false): Meaning {
  return (value) => {
    const literal = typeof value === "string" && value.trimStart().startsWith("{");
    if (literal) return literalOf(value, element);
    const list = typeof value === "string" ? sentOf(value) : value;
    if (list === undefined || list === null || !Array.isArray(list)) return refuse;
    const dimensions = ofDocuments ? [list.length] : dimensionsOf(list);
    if (dimensions === undefined || dimensions.length > 6) return refuse;
    // A list of empty lists would be an empty one.
    if (dimensions.length > 1 && dimensions.includes(0)) return refuse;
    return listed(list, element, dimensions.length);
  };
}

/** Lengths by dimension, outermost first; `undefined` where sub-lists differ. */
function dimensionsOf(list: readonly Sent[]): readonly number[] | undefined {
  if (!list.some((each) => isList(each))) return [list.length];
  const inner = list.map((each) => (isList(each) ? dimensionsOf(each) : undefined));
  const [one] = inner;
  if (one === undefined || inner.some((each) => String(each) !== String(one))) return undefined;
  return [list.length, ...one];
}

function listed(list: readonly Sent[], element: Meaning, dimensions: number): Verdict {
  const verdicts = list.map((each): Verdict => {
    if (each === null) return store("null");
    if (dimensions > 1 && isList(each)) return listed(each, element, dimensions - 1);
    const verdict = element(each);
    return "as" in verdict ? { ...verdict, as: JSON.stringify(verdict.as) } : verdict;
  });
  if (verdicts.some(({ must }) => must === "refuse")) return refuse;
  if (verdicts.some(({ must }) => must === "any")) return any;
  const as = `[${verdicts.map((each) => ("as" in each ? each.as : "")).join(",")}]`;
  return verdicts.every(({ must }) => must === "store") ? store(as) : either(as);
}

/** Postgres' own form, where it is simple; a JSON object is no list. */
function literalOf(said: string, element: Meaning): Verdict {
  const json = sentOf(said);
  if (json !== undefined && Object.keys(json as object).length > 0) return refuse;
  const [, inside] = /^\{([\w.,-]*)\}$/.exec(said) ?? [];
  if (inside === undefined || /^,|,,|,$/.test(inside)) return any;
  const list = inside === "" ? [] : inside.split(",");
  return listed(
    list.map((each) => (each === "NULL" ? null : each)),
    element,
    1,
  );
}

/** An array that the database has written as JSON, its elements as texts. */
export function arrayText(element: (text: string) => string): (json: string) => string {
  const write = (value: Sent): string => {
    if (isList(value as Sent)) return `[${(value as readonly Sent[]).map(write).join(",")}]`;
    return value === null ? "null" : JSON.stringify(element(String(value)));
  };
  return (json) => write(sentOf(json) ?? json);
}
