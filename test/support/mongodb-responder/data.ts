/** Documents with their versions: what each snapshot sees, and who meets whom when they write. */
import { matches } from "./query.js";
import { schemaFailures } from "./json-schema.js";
import { type Doc, keyText, Refusal } from "./values.js";

interface Index {
  readonly name: string;
  readonly key: Doc;
  readonly unique?: boolean;
  readonly sparse?: boolean;
  readonly partialFilterExpression?: Doc;
}

interface Version {
  readonly at: number;
  /** `undefined`: there is none from then on. */
  readonly doc: Doc | undefined;
}

export interface Collection {
  readonly options: Doc;
  readonly indexes: Index[];
  readonly versions: Map<string, Version[]>;
}

/** What a transaction sees, and what it has written. */
export interface Snapshot {
  readonly at: number;
  readonly writes: Map<Collection, Map<string, Doc | undefined>>;
  /** Settled once it has ended. */
  readonly ended: Promise<void>;
  end: () => void;
}

/** Somebody else's transaction that is open has written the document: who is in none waits for it. */
export class Pending extends Error {
  readonly by: Snapshot;

  constructor(by: Snapshot) {
    super("Somebody else is writing the document.");
    this.by = by;
  }
}

export function writeConflict(): Refusal {
  return new Refusal(
    112,
    "WriteConflict",
    "Caused by :: Write conflict during plan execution and yielding is disabled. :: Please retry your operation or multi-document transaction.",
    ["TransientTransactionError"],
  );
}

export class Data {
  readonly collections = new Map<string, Collection>();
  readonly #open = new Set<Snapshot>();
  readonly #pending = new Map<Collection, Map<string, Snapshot>>();
  #now = 1;

  begin(): Snapshot {
    let end: () => void = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const snapshot: Snapshot = { at: this.#now, writes: new Map(), ended, end };
    this.#open.add(snapshot);
    return snapshot;
  }

  commit(snapshot: Snapshot): void {
    this.#now += 1;
    for (const [collection, writes] of snapshot.writes) {
      for (const [key, doc] of writes) {
        const versions = collection.versions.get(key) ?? [];
        collection.versions.set(key, [...versions, { at: this.#now, doc }]);
      }
    }
    this.abort(snapshot);
    this.#trim(snapshot);
  }

  abort(snapshot: Snapshot): void {
    this.#open.delete(snapshot);
    for (const [collection, writes] of snapshot.writes) {
      const pending = this.#pending.get(collection);
      for (const key of writes.keys()) if (pending?.get(key) === snapshot) pending.delete(key);
    }
    snapshot.end();
  }

  /** Versions that nobody can see any more. */
  #trim({ writes }: Snapshot): void {
    const oldest = Math.min(this.#now, ...Array.from(this.#open, ({ at }) => at));
    for (const [collection, keys] of writes) {
      for (const key of keys.keys()) {
        const versions = collection.versions.get(key) ?? [];
        const seen = versions.findLastIndex(({ at }) => at <= oldest);
        const left = versions.slice(Math.max(0, seen));
        if (left.length === 1 && left[0]?.doc === undefined) collection.versions.delete(key);
        else collection.versions.set(key, left);
      }
    }
  }

  get(snapshot: Snapshot, collection: Collection, key: string): Doc | undefined {
    const writes = snapshot.writes.get(collection);
    if (writes?.has(key)) return writes.get(key);
    return collection.versions.get(key)?.findLast(({ at }) => at <= snapshot.at)?.doc;
  }

  /** In the order in which they were made. */
  *all(snapshot: Snapshot, collection: Collection): Iterable<readonly [string, Doc]> {
    const keys = new Set([
      ...collection.versions.keys(),
      ...(snapshot.writes.get(collection)?.keys() ?? []),
    ]);
    for (const key of keys) {
      const doc = this.get(snapshot, collection, key);
      if (doc !== undefined) yield [key, doc];
    }
  }

  /** @throws Pending, Refusal for a conflict, a value that is taken, or a document that the validator does not take */
  write(snapshot: Snapshot, collection: Collection, key: string, doc: Doc | undefined): void {
    const by = this.#pending.get(collection)?.get(key);
    if (by !== undefined && by !== snapshot) throw new Pending(by);
    const last = collection.versions.get(key)?.at(-1);
    if (last !== undefined && last.at > snapshot.at) throw writeConflict();
    if (doc !== undefined) {
      this.#checkValidator(collection, doc);
      for (const index of collection.indexes)
        this.#checkUnique(snapshot, collection, index, key, doc);
    }
    const writes = snapshot.writes.get(collection) ?? new Map<string, Doc | undefined>();
    snapshot.writes.set(collection, writes.set(key, doc));
    const pending = this.#pending.get(collection) ?? new Map<string, Snapshot>();
    this.#pending.set(collection, pending.set(key, snapshot));
  }

  #checkValidator({ options }: Collection, doc: Doc): void {
    const validator = options["validator"] as Doc | undefined;
    if (validator === undefined || matches(doc, validator)) return;
    const schema = validator["$jsonSchema"] as Doc | undefined;
    const rules = schema === undefined ? [] : schemaFailures(doc, schema);
    const details = { operatorName: "$jsonSchema", schemaRulesNotSatisfied: rules };
    throw new Refusal(121, "DocumentValidationFailure", "Document failed validation", [], {
      errInfo: { failingDocumentId: doc["_id"], ...(rules.length > 0 && { details }) },
    });
  }

  #checkUnique(
    snapshot: Snapshot,
    collection: Collection,
    index: Index,
    key: string,
    doc: Doc,
  ): void {
    if (index.unique !== true) return;
    const text = indexText(index, doc);
    if (text === undefined) return;
    for (const [other, each] of this.all(snapshot, collection)) {
      if (other === key || indexText(index, each) !== text) continue;
      throw taken(collection, index, doc);
    }
    // What this one can't see yet.
    for (const [other, versions] of collection.versions) {
      const last = versions.at(-1);
      if (other === key || last?.doc === undefined || last.at <= snapshot.at) continue;
      if (indexText(index, last.doc) === text) throw writeConflict();
    }
    for (const each of this.#open) {
      if (each === snapshot) continue;
      for (const [other, written] of each.writes.get(collection) ?? [])
        if (other !== key && written !== undefined && indexText(index, written) === text)
          throw new Pending(each);
    }
  }
}

function taken({ options }: Collection, { name, key }: Index, doc: Doc): Refusal {
  const keyValue = Object.fromEntries(Object.keys(key).map((field) => [field, doc[field] ?? null]));
  const message = `E11000 duplicate key error collection: ${String(options["ns"])} index: ${name} dup key: ${JSON.stringify(keyValue)}`;
  return new Refusal(11_000, "DuplicateKey", message, [], { keyPattern: key, keyValue });
}

/** Of the `_id` index, before anything is written. */
export function takenId(collection: Collection, doc: Doc): Refusal {
  return taken(collection, { name: "_id_", key: { _id: 1 } }, doc);
}

/** `undefined`: the index has no entry of it. */
function indexText({ key, sparse, partialFilterExpression }: Index, doc: Doc): string | undefined {
  const fields = Object.keys(key);
  if (partialFilterExpression !== undefined && !matches(doc, partialFilterExpression))
    return undefined;
  if (sparse === true && fields.every((field) => doc[field] === undefined)) return undefined;
  return fields.map((field) => keyText(doc[field])).join(" ");
}
