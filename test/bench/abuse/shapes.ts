/** Bodies of a size and a shape: each is a transaction in form, and costs as much as its shape can. */
import { constants, gzipSync } from "node:zlib";

export interface Shape {
  readonly name: string;
  /** Of so many bytes, or a few less. */
  body(bytes: number): Buffer;
}

const entry =
  '{"op":"PUT","table":"lists","id":"6f1b2c3d-0000-4000-8000-000000000000","op_id":1,"op_data":{"name":"Groceries","owner_id":"mallory"}}';
const crud = ['{"client_id":"mallory","crud":[', "]}"] as const;
const value = [
  '{"client_id":"mallory","crud":[{"op":"PUT","table":"lists","id":"6f1b2c3d-0000-4000-8000-000000000000","op_id":1,"op_data":{"owner_id":"mallory","settings":',
  "}}]}",
] as const;
const values = [`${value[0]}[`, `]${value[1]}`] as const;
const text = [`${value[0]}"`, `"${value[1]}`] as const;

/** Those that compress to next to nothing. */
export const repetitive: readonly Shape[] = [
  { name: "`{},{},…`", body: repeated(crud, "{}", ",") },
  { name: "`[[[…]]]`", body: nested },
  { name: '`"","",…`', body: repeated(values, '""', ",") },
  { name: "`1,1,…`", body: repeated(values, "1", ",") },
  { name: "ordinary entries", body: repeated(crud, entry, ",") },
];

export const shapes: readonly Shape[] = [
  ...repetitive,
  { name: "`{},{},…` in a value", body: repeated(values, "{}", ",") },
  { name: "many keys", body: keyed },
  { name: "one long text", body: repeated(text, "a", "") },
  { name: "one long text of escapes", body: repeated(text, "\\u0041", "") },
  { name: "one long number", body: repeated(value, "1", "") },
];

/** As small as it gets. */
export function compressed(body: Buffer): Buffer {
  return gzipSync(body, { level: constants.Z_BEST_COMPRESSION });
}

function repeated([head, tail]: readonly [string, string], item: string, between: string) {
  return (bytes: number): Buffer => {
    const times = roomOf(bytes, head, tail, item) / (item.length + between.length);
    const more = `${between}${item}`.repeat(Math.floor(times));
    return Buffer.from(`${head}${item}${more}${tail}`);
  };
}

function nested(bytes: number): Buffer {
  const depth = Math.floor(roomOf(bytes, ...value, "") / 2);
  return Buffer.from(`${value[0]}${"[".repeat(depth)}${"]".repeat(depth)}${value[1]}`);
}

function keyed(bytes: number): Buffer {
  const members = Array.from(
    { length: Math.floor(roomOf(bytes, ...value, "{}") / '"0000000":1,'.length) },
    (_, index) => `"${String(index).padStart(7, "0")}":1`,
  );
  return Buffer.from(`${value[0]}{${members.join(",")}}${value[1]}`);
}

function roomOf(bytes: number, head: string, tail: string, first: string): number {
  return bytes - head.length - tail.length - first.length;
}
