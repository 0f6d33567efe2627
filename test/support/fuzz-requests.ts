/** Requests that nobody would send on purpose: valid uploads, changed where it hurts. The same for the same seed and number. */
import { deflateSync, gzipSync } from "node:zlib";

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Random {
  /** From 0, below `end`. */
  below(end: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    chance: (probability) => next() < probability,
    pick: <T>(from: readonly T[]) => from[below(from.length)] as T,
  };
}

export function fuzzRequest(seed: number, number: number): FuzzRequest {
  const random = randomOf(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  let value: unknown = template(random, number);
  for (let changes = random.pick([0, 0, 1, 1, 2, 3, 8]); changes > 0; changes -= 1) {
    value = mutated(value, random);
  }
  let body: Buffer = Buffer.from(text(value, random), random.chance(0.02) ? "utf16le" : "utf8");
  for (let changes = random.pick([0, 0, 0, 0, 0, 0, 0, 1, 2, 5]); changes > 0; changes -= 1) {
    body = corrupted(body, random);
  }
  const headers: Record<string, string> = {
    "content-type": "application/json",
    authorization: `Bearer user${random.below(50)}`,
  };
  if (random.chance(0.1)) body = encoded(body, headers, random);
  if (random.chance(0.1)) Object.assign(headers, random.pick(oddHeaders));
  if (random.chance(0.02)) delete headers["authorization"];
  if (random.chance(0.02)) delete headers["content-type"];
  return {
    method: random.chance(0.03) ? random.pick(["GET", "PUT", "DELETE", "OPTIONS"]) : "POST",
    path: random.chance(0.05) ? random.pick(oddPaths) : "/api/data",
    headers,
    body,
  };
}

const tables = [
  "lists",
  "todos",
  "things",
  "members",
  "authors",
  "books",
  "my_todos",
  "named_lists",
  "hidden_lists",
  "nowhere",
];
const columns = [
  "name",
  "owner_id",
  "settings",
  "labels",
  "description",
  "completed",
  "position",
  "created_at",
  "code",
  "amount",
  "size",
  "big",
  "parent_id",
  "doubled",
  "role",
  "title",
  "author_id",
  "list_id",
];

const uuid = (random: Random) =>
  `0000000${random.below(9)}-0000-4000-8000-00000000000${random.below(9)}`;

function template(random: Random, number: number): unknown {
  const entry = (index: number) => {
    const data = Object.fromEntries(
      Array.from({ length: random.below(4) }, () => [random.pick(columns), scalar(random)]),
    );
    const op = random.pick(["PUT", "PUT", "PATCH", "DELETE"]);
    const table = random.pick(tables);
    const op_id = number * 10 + index;
    return random.chance(0.7)
      ? { op, table, id: uuid(random), op_id, op_data: data }
      : { op, type: table, id: uuid(random), op_id, tx_id: number, data, old: null, metadata: "x" };
  };
  const crud = () => Array.from({ length: random.below(4) }, (_, index) => entry(index));
  const client_id = `phone${random.below(5)}`;
  switch (random.below(5)) {
    case 0:
      return { client_id, transaction_id: number, crud: crud() };
    case 1:
      return { batch: crud() };
    default:
      return {
        client_id,
        queue_id: null,
        transactions: Array.from({ length: 1 + random.below(3) }, () => ({ crud: crud() })),
      };
  }
}

/** Written into the text as they are, for JSON.stringify knows no such numbers. */
const raw = (source: string) => `\u0001raw:${source}\u0001`;

function scalar(random: Random): unknown {
  switch (random.below(8)) {
    case 0:
      return null;
    case 1:
      return random.pick([0, 1, -1, 1.5, 2 ** 31, 2 ** 53 + 2, -(2 ** 63), 5e-324]);
    case 2:
      return raw(
        random.pick(["1e400", "-1e400", "-0", "9223372036854775808", "1".repeat(400), "1e-400"]),
      );
    case 3:
      return random.chance(0.5);
    case 4:
      return random.pick([
        "",
        "\u0000",
        "\ud800",
        "\udc00\ud800",
        "\ufeff",
        "💥",
        "'; drop table lists; --",
      ]);
    case 5:
      return random.pick(["2024-01-01T00:00:00Z", "9999-99-99", "{}", "[1", "NaN", uuid(random)]);
    case 6:
      return "x".repeat(random.pick([1, 10, 100, 5_000]));
    default:
      return random.below(1_000_000);
  }
}

function anything(random: Random, depth = 0): unknown {
  if (depth < 3 && random.chance(0.2)) {
    return Array.from({ length: random.below(4) }, () => anything(random, depth + 1));
  }
  if (depth < 3 && random.chance(0.2)) {
    return Object.fromEntries(
      Array.from({ length: random.below(4) }, () => [key(random), anything(random, depth + 1)]),
    );
  }
  if (random.chance(0.02)) return nested(random.pick([30, 65, 200, 2_000]), random.chance(0.5));
  return scalar(random);
}

function nested(levels: number, arrays: boolean): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = arrays ? [value] : { a: value };
  return value;
}

function key(random: Random): string {
  return random.pick([
    ...columns,
    "__proto__",
    "constructor",
    "prototype",
    "toJSON",
    "hasOwnProperty",
    "crud",
    "transactions",
    "batch",
    "op",
    "table",
    "type",
    "id",
    "op_id",
    "op_data",
    "client_id",
    "",
    "\u0000",
    "a.b",
    'a"b',
    "x".repeat(300),
  ]);
}

/** One place in it is another one: a copy, for nothing is shared. */
function mutated(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.chance(0.15)) {
    switch (random.below(4)) {
      case 0:
        return [value];
      case 1:
        return { [key(random)]: value };
      default:
        return anything(random);
    }
  }
  if (Array.isArray(value)) {
    const items = [...(value as readonly unknown[])];
    const at = random.below(items.length + 1);
    switch (random.below(5)) {
      case 0:
        items.splice(at, 1);
        return items;
      case 1:
        items.splice(at, 0, at < items.length ? items[at] : anything(random));
        return items;
      case 2:
        return items.toReversed();
      default:
        if (items.length > 0) {
          const inside = random.below(items.length);
          items[inside] = mutated(items[inside], random);
        }
        return items;
    }
  }
  const members = Object.entries(value);
  const at = random.below(members.length);
  const member = members[at];
  if (member === undefined) return { [key(random)]: anything(random) };
  switch (random.below(6)) {
    case 0:
      return Object.fromEntries(members.toSpliced(at, 1));
    case 1:
      return Object.fromEntries(members.with(at, [key(random), member[1]]));
    case 2:
      return Object.fromEntries([...members, [key(random), anything(random)]]);
    default:
      return Object.fromEntries(members.with(at, [member[0], mutated(member[1], random)]));
  }
}

function text(value: unknown, random: Random): string {
  const written = (JSON.stringify(value) ?? "null").replace(
    /"\\u0001raw:([^"\\]*)\\u0001"/g,
    (_, source: string) => source,
  );
  if (random.chance(0.02)) return `\ufeff${written}`;
  // The same member twice.
  if (random.chance(0.03)) return written.replace(/"(op|id|crud|table)":/, '"$1":null,"$1":');
  return written;
}

function corrupted(body: Buffer, random: Random): Buffer {
  if (body.length === 0) return Buffer.from([random.below(256)]);
  const at = random.below(body.length);
  const end = Math.min(body.length, at + random.below(20));
  switch (random.below(5)) {
    case 0: {
      const copy = Buffer.from(body);
      copy[at] = random.below(256);
      return copy;
    }
    case 1:
      return body.subarray(0, at);
    case 2:
      return Buffer.concat([body.subarray(0, at), body.subarray(end)]);
    case 3:
      return Buffer.concat([body.subarray(0, end), body.subarray(at)]);
    default:
      return Buffer.concat([
        body.subarray(0, at),
        Buffer.from(random.pick(["{", "}", "[", "]", '"', ",", ":", "\\", "\u0000", "null", "e9"])),
        body.subarray(at),
      ]);
  }
}

function encoded(body: Buffer, headers: Record<string, string>, random: Random): Buffer {
  const encoding = random.pick(["gzip", "deflate", "GZIP", "identity", "br", "gzip, gzip", ""]);
  headers["content-encoding"] = encoding;
  const packed = encoding === "deflate" ? deflateSync(body) : gzipSync(body);
  return random.chance(0.7) ? packed : corrupted(packed, random);
}

const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  { "content-type": "text/plain" },
  { "content-type": "application/json; charset=utf-16" },
  { "content-type": "application/merge-patch+json; charset=UTF-8" },
  { authorization: "Basic YTpi" },
  { authorization: "Bearer " },
  { "x-correlation-id": "x".repeat(500) },
  { "x-correlation-id": "a b<script>" },
  { traceparent: "00-00000000000000000000000000000000-0000000000000000-00" },
  { origin: "https://evil.example" },
  { "x-http-method-override": "DELETE" },
];

const oddPaths: readonly string[] = [
  "/api/data/",
  "/api/data/limits",
  "/api/data/openapi.yaml",
  "/api//data",
  "/api/data/../data",
  "/api/%64ata",
  "/api/data?x=1#y",
  "/API/DATA",
  "/",
  "/api/data/limits/",
];
