/** Texts, JSON documents, identifiers and bytes in every form that a client may send, and broken ones. */
import fc from "fast-check";
import { jsonOf, type Sent } from "./meaning.js";

type Values = fc.Arbitrary<Sent>;

const of = (...values: readonly Sent[]): Values => fc.constantFrom(...values);
const pieces = [
  "a",
  "Z",
  " ",
  "  ",
  "'",
  '"',
  "\\",
  "`",
  "%",
  "_",
  "?",
  "$1",
  ":x",
  "é",
  "ß",
  "\u0130",
];
const farPieces = [
  "日本",
  "🎉",
  "👩‍👩‍👧",
  "\u{10FFFF}",
  "\u200B",
  "\uFEFF",
  "\n",
  "\r\n",
  "\t",
  "\u0001",
  "\u007F",
  "e\u0301",
];
const badPieces = ["\0", "\uD83C", "\uDF89", "\uDF89\uD83C"];

const good = fc.string({ unit: fc.constantFrom(...pieces, ...farPieces), maxLength: 12 });
const wide = fc.string({ unit: "binary", maxLength: 24 });
const bad = fc.tuple(good, fc.constantFrom(...badPieces), good).map((parts) => parts.join(""));
const long = fc
  .tuple(
    fc.integer({ min: 17, max: 23 }),
    fc.constantFrom("x", "é", "🎉"),
    fc.constantFrom("", " ", "   "),
  )
  .map(([count, piece, end]) => piece.repeat(count) + end);

const leaf: Values = fc.oneof(
  of(
    null,
    true,
    false,
    0,
    -0,
    1.5,
    1e-7,
    1e21,
    2n ** 63n,
    -(2n ** 53n) - 1n,
    10n ** 29n,
    "",
    "null",
  ),
  good,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc
    .bigInt({ min: -(2n ** 70n), max: 2n ** 70n })
    .map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n)),
);
const rareLeaf: Values = fc.oneof(
  { weight: 40, arbitrary: leaf },
  { weight: 1, arbitrary: bad },
  { weight: 1, arbitrary: of(Infinity) },
);

/** JSON with sub-lists and objects, up to a few levels. */
const trees: Values = fc.letrec<{ tree: Sent }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    rareLeaf,
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(good, of("a", "b", "__proto__", "1", "") as fc.Arbitrary<string>),
      tie("tree"),
      { maxKeys: 4 },
    ),
  ),
})).tree;

const nested: Values = fc
  .tuple(fc.constantFrom(10, 31, 32, 33, 50), fc.boolean(), leaf)
  .map(([depth, asText, inside]) => {
    let value: Sent = inside;
    for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { k: value };
    return asText ? jsonOf(value) : value;
  });

export const documents: Values = fc.oneof(
  { weight: 6, arbitrary: trees },
  { weight: 6, arbitrary: trees.map(jsonOf) },
  { weight: 1, arbitrary: trees.map((tree) => ` \n${jsonOf(tree)}\t`) },
  { weight: 1, arbitrary: nested },
  { weight: 1, arbitrary: good },
  {
    weight: 2,
    arbitrary: of(
      "",
      "{",
      "{a:1}",
      "[1,]",
      "'a'",
      "undefined",
      "NaN",
      '{"a":1,"a":2}',
      '"\\u0000"',
      '"\\ud800"',
      '{"\\u0000":1}',
      '{"n":1.10}',
      "1e400",
      "[1e400]",
      "-0",
      "01",
      "123456789012345678901234567890.123456789",
      "null",
      "true",
      '"t"',
      '"😀"',
      '"\\ud83d\\ude00"',
      "\uFEFF1",
      "\u00A01",
      "[0.1,1E2,-1e-2]",
      '["\uD83C"]',
      "{}",
      "[]",
      '"1"',
    ),
  },
);

export const texts: Values = fc.oneof(
  { weight: 4, arbitrary: good },
  { weight: 3, arbitrary: wide },
  { weight: 2, arbitrary: long },
  { weight: 1, arbitrary: bad },
  { weight: 1, arbitrary: trees },
  {
    weight: 1,
    arbitrary: of(
      0,
      -0,
      1.5,
      1e21,
      1e-7,
      true,
      false,
      2n ** 63n,
      10n ** 30n,
      "null",
      "1e3",
      "0123",
    ),
  },
);

export const uuids: Values = fc.oneof(
  { weight: 4, arbitrary: fc.uuid() },
  fc.uuid().map((id) => id.toUpperCase()),
  fc.uuid().map((id) => id.replaceAll("-", "")),
  fc.uuid().map((id) => `{${id}}`),
  fc.uuid().map((id) => ` ${id}`),
  fc.uuid().map((id) => id.slice(1)),
  fc.uuid().map((id) => `${id}0`),
  fc.uuid().map((id) => id.replace(/^./, "g")),
  of(
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "",
    "1",
    12345678901234567890123456789012n,
  ),
);

export const binaries: Values = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .uint8Array({ maxLength: 40 })
      .map((bytes) => Buffer.from(bytes).toString("base64")),
  },
  {
    weight: 3,
    arbitrary: fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((bytes) => Buffer.from(bytes).toString("base64")),
  },
  fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
  fc
    .uint8Array({ maxLength: 9 })
    .map((bytes) => Buffer.from(bytes).toString("base64").replace(/=+$/, "")),
  fc.uint8Array({ maxLength: 9 }).map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`),
  of(
    "",
    "=",
    "====",
    "AP+A",
    "AP-A",
    "AP+",
    "AB==",
    "AA==",
    "AAA",
    "A A A A",
    "AAAA\n",
    "é",
    1234,
    true,
    12,
    [0, 255],
  ),
  fc.uuid(),
);
