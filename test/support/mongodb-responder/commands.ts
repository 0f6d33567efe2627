/** The commands on documents. What a command has that is not known here is refused. */
import { BSON, Int32, Long, ObjectId } from "mongodb";
import {
  type Collection,
  type Data,
  Pending,
  type Snapshot,
  takenId,
  writeConflict,
} from "./data.js";
import { evaluate } from "./expressions.js";
import { matches } from "./query.js";
import { seedOf, updated } from "./update.js";
import { add, compare, type Doc, isEqual, keyText, Refusal, typeOf, unknown } from "./values.js";

export interface Running {
  readonly data: Data;
  readonly snapshot: Snapshot;
  readonly collection: Collection;
  readonly ns: string;
  /** Keeps what does not fit a batch; gives its number. */
  keep(documents: readonly Doc[]): Long;
}

type Command = (command: Doc, running: Running) => Doc;

/** By name, what each may have beside what every command has. */
export const commands: Readonly<
  Record<string, { readonly options: readonly string[]; readonly run: Command }>
> = {
  find: {
    options: ["filter", "sort", "projection", "limit", "batchSize", "singleBatch", "collation"],
    run: ({ filter = {}, sort, projection, limit, collation }, running) => {
      const all = found_(running, filter as Doc, collation as Doc | undefined);
      const found = sorted(all, sort as Doc | undefined);
      const some =
        limit === undefined || Number(limit) === 0
          ? found
          : found.slice(0, Math.abs(Number(limit)));
      return cursor(
        running,
        some.map((document) => projected(document, projection as Doc | undefined)),
      );
    },
  },
  aggregate: {
    options: ["pipeline", "cursor"],
    run: ({ pipeline }, running) =>
      cursor(
        running,
        (pipeline as readonly Doc[]).reduce<readonly Doc[]>(
          stage,
          found_(running, firstMatch(pipeline as readonly Doc[])),
        ),
      ),
  },
  insert: {
    options: ["documents", "ordered", "bypassEmptyTsReplacement"],
    run: ({ documents }, running) =>
      writing((documents as readonly Doc[]).map((each) => () => (insert(running, each), { n: 1 }))),
  },
  update: {
    options: ["updates", "ordered", "bypassEmptyTsReplacement"],
    run: ({ updates }, running) =>
      writing((updates as readonly Doc[]).map((each, index) => () => update(running, each, index))),
  },
  delete: {
    options: ["deletes", "ordered"],
    run: ({ deletes }, running) =>
      writing((deletes as readonly Doc[]).map((each) => () => remove(running, each))),
  },
  findAndModify: {
    options: ["query", "update", "new", "upsert", "fields", "remove", "bypassEmptyTsReplacement"],
    run: (command, running) => findAndModify(command, running),
  },
};

/** A filter by `_id` needs no look at all documents. */
function found_(
  running: Running,
  filter: Doc,
  collation = running.collection.options["collation"] as Doc | undefined,
): readonly Doc[] {
  const { data, snapshot, collection } = running;
  const isInexact = collation !== undefined && Number(collation["strength"] ?? 3) < 3;
  const keys = isInexact ? undefined : keysIn(filter);
  const some =
    keys === undefined
      ? Array.from(data.all(snapshot, collection), ([, document]) => document)
      : keys.map((key) => data.get(snapshot, collection, key)).filter((each) => each !== undefined);
  return some.filter((document) => matches(document, filter, isInexact ? isSameLetters : isEqual));
}

/** Of letters alone, at a strength of less than 3. */
function isSameLetters(one: unknown, other: unknown): boolean {
  const folded = (value: unknown) => (typeof value === "string" ? value.toLowerCase() : value);
  return isEqual(folded(one), folded(other));
}

function keysIn(filter: Doc): readonly string[] | undefined {
  if (Object.hasOwn(filter, "_id")) {
    const id = filter["_id"];
    if (typeof id !== "object" || id === null || typeOf(id) !== "object") return [keyText(id)];
    const { $eq, $in } = id as { readonly $eq?: unknown; readonly $in?: readonly unknown[] };
    if ($eq !== undefined) return [keyText($eq)];
    if ($in !== undefined) return [...new Set($in.map(keyText))];
  }
  const parts = filter["$and"];
  if (!Array.isArray(parts)) return undefined;
  for (const part of parts as readonly Doc[]) {
    const keys = keysIn(part);
    if (keys !== undefined) return keys;
  }
  return undefined;
}

function firstMatch([first]: readonly Doc[]): Doc {
  return (first?.["$match"] as Doc | undefined) ?? {};
}

function sorted(documents: readonly Doc[], sort: Doc | undefined): readonly Doc[] {
  if (sort === undefined) return documents;
  const keys = Object.entries(sort).map(([name, order]) => [name, Number(order)] as const);
  return documents.toSorted((one, other) => {
    for (const [name, order] of keys) {
      const each = compare(one[name], other[name]) * order;
      if (each !== 0) return each;
    }
    return 0;
  });
}

/** Of top fields alone. */
function projected(document: Doc, projection: Doc | undefined): Doc {
  if (projection === undefined || Object.keys(projection).length === 0) return document;
  const entries = Object.entries(projection);
  const isOut = (value: unknown) =>
    value === false || (typeof value !== "object" ? value === 0 : Number(value) === 0);
  const fields = entries.filter(([name]) => name !== "_id");
  const out = (fields.length > 0 ? fields : entries).every(([, value]) => isOut(value));
  const named = new Set(entries.map(([name]) => name));
  if (out) return Object.fromEntries(Object.entries(document).filter(([name]) => !named.has(name)));
  const made: [string, unknown][] = [];
  if (
    !entries.some(([name, value]) => name === "_id" && isOut(value)) &&
    document["_id"] !== undefined
  )
    made.push(["_id", document["_id"]]);
  for (const [name, value] of fields) {
    if (name.includes(".")) throw unknown("a projection of a path");
    const plain = value instanceof Int32 ? value.value : value;
    const shown = plain === 1 || plain === true ? document[name] : evaluate(value, document);
    if (shown !== undefined) made.push([name, shown]);
  }
  return Object.fromEntries(made);
}

function stage(documents: readonly Doc[], given: Doc): readonly Doc[] {
  const [[name, operand] = ["", {}], ...others] = Object.entries(given);
  if (others.length > 0)
    throw new Refusal(
      40_323,
      "Location40323",
      "A pipeline stage specification object must contain exactly one field.",
    );
  switch (name) {
    case "$match":
      return documents.filter((document) => matches(document, operand as Doc));
    case "$project":
      return documents.map((document) => projected(document, operand as Doc));
    case "$group":
      return grouped(documents, operand as Doc);
    default:
      throw unknown(`the stage ${name}`);
  }
}

function grouped(documents: readonly Doc[], { _id, ...fields }: Doc): readonly Doc[] {
  const groups = new Map<string, { id: unknown; all: Doc[] }>();
  for (const document of documents) {
    const id = evaluate(_id, document) ?? null;
    const group = groups.get(keyText(id)) ?? { id, all: [] };
    groups.set(keyText(id), group);
    group.all.push(document);
  }
  return Array.from(groups.values(), ({ id, all }) => ({
    _id: id,
    ...Object.fromEntries(
      Object.entries(fields).map(([name, accumulator]) => {
        const { $sum, ...others } = accumulator as Doc;
        if ($sum === undefined || Object.keys(others).length > 0) throw unknown("an accumulator");
        return [
          name,
          all.reduce<unknown>((sum, each) => add(sum, evaluate($sum, each)), new Int32(0)),
        ];
      }),
    ),
  }));
}

const batch = 101;
const mostBytes = 12 * 1024 * 1024;

/** As many as a reply may hold. */
export function firstBatch(
  documents: readonly Doc[],
): readonly [some: readonly Doc[], left: readonly Doc[]] {
  let [count, bytes] = [0, 0];
  for (const each of documents) {
    bytes += BSON.calculateObjectSize(each);
    if (count >= batch || (count > 0 && bytes > mostBytes)) break;
    count += 1;
  }
  return [documents.slice(0, count), documents.slice(count)];
}

function cursor({ ns, keep }: Running, documents: readonly Doc[]): Doc {
  const [some, left] = firstBatch(documents);
  return {
    cursor: { firstBatch: some, id: left.length === 0 ? Long.ZERO : keep(left), ns },
    ok: 1,
  };
}

/** One after the other, up to the first that is refused for what it holds. */
function writing(writes: readonly (() => Doc)[]): Doc {
  let [n, modified] = [0, 0];
  const upserted: unknown[] = [];
  for (const [index, write] of writes.entries()) {
    try {
      const { n: count, nModified = 0, upserted: made } = write();
      n += Number(count);
      modified += Number(nModified);
      if (made !== undefined) upserted.push(made);
    } catch (error) {
      if (!(error instanceof Refusal) || ![11_000, 121, 66].includes(error.code)) throw error;
      const { code, message, more } = error;
      return {
        n,
        nModified: modified,
        writeErrors: [{ index, code, errmsg: message, ...more }],
        ok: 1,
      };
    }
  }
  return { n, nModified: modified, ...(upserted.length > 0 && { upserted }), ok: 1 };
}

function insert({ data, snapshot, collection }: Running, given: Doc): void {
  const document = given["_id"] === undefined ? { _id: new ObjectId(), ...given } : given;
  const key = keyText(document["_id"]);
  if (BSON.calculateObjectSize(document) > 16 * 1024 * 1024)
    throw new Refusal(10_334, "BSONObjectTooLarge", "object to insert too large");
  if (data.get(snapshot, collection, key) !== undefined) throw takenId(collection, document);
  data.write(snapshot, collection, key, document);
}

function update(running: Running, given: Doc, index: number): Doc {
  const { q, u, upsert = false, multi = false, ...others } = given;
  refuseOthers("an update", others);
  const found = found_(running, q as Doc);
  const chosen = multi === true ? found : found.slice(0, 1);
  if (chosen.length === 0 && upsert === true) {
    const made = upserted(running, q as Doc, u);
    return { n: 1, upserted: { index, _id: made["_id"] } };
  }
  let nModified = 0;
  for (const document of chosen) if (replace(running, document, u)) nModified += 1;
  return { n: chosen.length, nModified };
}

/** Whether anything has changed: what stays as it is, is not written. */
function replace({ data, snapshot, collection }: Running, document: Doc, change: unknown): boolean {
  const after = updated(document, change, false);
  if (isEqual(document, after) && sameTypes(document, after)) return false;
  data.write(snapshot, collection, keyText(document["_id"]), after);
  return true;
}

function sameTypes(one: Doc, other: Doc): boolean {
  return Buffer.from(BSON.serialize(one)).equals(BSON.serialize(other));
}

function upserted(running: Running, filter: Doc, change: unknown): Doc {
  const seed = seedOf(filter);
  const made = updated(seed, change, true);
  const document = made["_id"] === undefined ? { _id: new ObjectId(), ...made } : made;
  insert(running, document);
  return document;
}

function remove(running: Running, given: Doc): Doc {
  const { q, limit, ...others } = given;
  refuseOthers("a delete", others);
  const found = found_(running, q as Doc);
  const chosen = Number(limit) === 1 ? found.slice(0, 1) : found;
  const { data, snapshot, collection } = running;
  for (const { _id } of chosen) data.write(snapshot, collection, keyText(_id), undefined);
  return { n: chosen.length };
}

function findAndModify(command: Doc, running: Running): Doc {
  const { query = {}, update: change, upsert = false, fields, remove: removes = false } = command;
  if (removes === true) throw unknown("findAndModify that removes");
  const [document] = found_(running, query as Doc);
  if (document === undefined && upsert !== true)
    return { lastErrorObject: { n: 0, updatedExisting: false }, value: null, ok: 1 };
  const key =
    document === undefined
      ? keyText(upserted(running, query as Doc, change)["_id"])
      : keyText(document["_id"]);
  if (document !== undefined) replace(running, document, change);
  const shown =
    command["new"] === true
      ? running.data.get(running.snapshot, running.collection, key)
      : document;
  const value = shown === undefined ? null : projected(shown, fields as Doc | undefined);
  return { lastErrorObject: { n: 1, updatedExisting: document !== undefined }, value, ok: 1 };
}

function refuseOthers(what: string, others: Doc): void {
  for (const name of Object.keys(others)) throw unknown(`${name} of ${what}`);
}

/** In a transaction, whoever meets another's write is refused at once. */
export function asConflict(error: unknown): unknown {
  return error instanceof Pending ? writeConflict() : error;
}
