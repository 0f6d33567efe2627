/** An open transaction as a `Unit` of the port. */
import type { Document } from "mongodb";
import { LeftScope, noRowSecurity } from "../store/failures.js";
import type { Change, Effect, MergedChange, Values } from "../store/change.js";
import type { FingerprintOptions, Fingerprints, Inspect, Table } from "../store/tables.js";
import type { TransactionResult } from "../model.js";
import type { Unit } from "../store/store.js";
import { typedJson, sha256 } from "../wire/serialize.js";
import { rowOf, newDocument } from "./documents.js";
import { forget, prune, openAttempts, openCheckpoints } from "./bookkeeping.js";
import { openLetters } from "./letters.js";
import { mergeChange } from "./merge.js";
import { writeRun } from "./runs.js";
import {
  columnIn,
  filterOf,
  filterOfAny,
  findAll,
  findOne,
  mostAtOnce,
  ours,
  type Sending,
} from "./commands.js";
import { type MongoTransaction, throwFailure, type Watch } from "./transaction.js";
import { viewed } from "./values.js";
import { writeChange } from "./write.js";

interface UnitParts {
  readonly tx: MongoTransaction;
  readonly sending: Sending;
  /** The same, for the library's own collections: a duplicate key there is contention. */
  readonly owning: Sending;
  readonly watch: Watch;
  readonly earlier: TransactionResult | undefined;
  readonly hasLetters: boolean;
  readonly inspect: Inspect;
  readonly uniqueKeys: (table: Table) => Promise<readonly (readonly string[])[]>;
  readonly giveWay: (() => Promise<void> | undefined) | undefined;
  readonly together: boolean;
}

export function openUnit({
  tx,
  sending,
  owning,
  watch,
  earlier,
  hasLetters,
  inspect,
  uniqueKeys,
  giveWay,
  together,
}: UnitParts): Unit<MongoTransaction> {
  const left = (effect: string): void => {
    if (effect === "left") watch.failure ??= { error: new LeftScope() };
  };
  /** Makes the change at this index, together with the changes after it that can share its commands. */
  const next = async (run: readonly Change[], at: number): Promise<readonly Effect[]> => {
    const several = together ? await writeRun(sending, run, at) : undefined;
    return several ?? [await writeChange(sending, run[at] as Change)];
  };
  return {
    tx,
    earlier,
    hasLetters,
    throwIfFailed: () => throwFailure(watch),
    become: async () => {
      throw noRowSecurity({ name: "mongodb" });
    },
    table: (name, columns) => sending.tableOf(name, columns),
    write: async (run) => {
      const effects: Effect[] = [];
      for (let change = run[0]; change !== undefined; change = run[effects.length]) {
        const { operationIndex } = change;
        try {
          await giveWay?.();
          effects.push(...(await guarded(watch, () => next(run, effects.length))));
        } catch (cause) {
          return { effects, failure: { operationIndex, cause } };
        }
      }
      for (const effect of effects) left(effect);
      return { effects };
    },
    merge: async (change: MergedChange) => {
      const merged = await guarded(watch, () => mergeChange(sending, change));
      left(merged.effect);
      return merged;
    },
    read: async (table, key, columns) => {
      const found = await findOne(sending, table, filterOf(table, key), fields(table, columns));
      return found === null ? undefined : rowOf(table, found, columns);
    },
    lookUp: async (table, match, take) => {
      const { field } = columnIn(table, take);
      const found = await findOne(sending, table, filterOf(table, match), [field]);
      return found === null ? undefined : { value: viewed(found[field]) };
    },
    addAside: (table, values) => addAside(sending, uniqueKeys, table, values),
    // MongoDB has no foreign keys.
    foreignKeys: async () => [],
    fingerprint: (table, keys, options) => fingerprint(sending, table, keys, options),
    letters: openLetters(owning),
    attempts: openAttempts(owning),
    checkpoints: openCheckpoints(owning),
    prune: (what, step) => prune(owning, what, step),
    forget: (userId, most) => forget(owning, userId, most),
    inspect,
  };
}

/** A refused change fails the whole unit, even if no statement has failed. */
async function guarded<T>(watch: Watch, run: () => Promise<T>): Promise<T> {
  throwFailure(watch);
  try {
    return await run();
  } catch (error) {
    watch.failure ??= { error };
    throw error;
  }
}

function fields(
  table: Table,
  columns: readonly string[] | undefined,
): readonly string[] | undefined {
  return columns?.map((name) => ours(table).columns.get(name)?.field ?? name);
}

async function fingerprint(
  sending: Sending,
  table: Table,
  keys: readonly Values[],
  { columns: asked }: FingerprintOptions = {},
): Promise<Fingerprints | undefined> {
  const known = ours(table).columns;
  if (asked !== undefined && !asked.every((name) => known.has(name))) return undefined;
  const wanted = asked?.map((name) => columnIn(table, name).field);
  const found: (Document | undefined)[] = [];
  for (let first = 0; first < keys.length; first += mostAtOnce) {
    const some = keys.slice(first, first + mostAtOnce);
    found.push(...(await documentsOf(sending, table, some, wanted)));
  }
  // Documents may have fields that no schema names.
  const columns = asked ?? columnsIn(table, found);
  const hashes = found.map(async (document) => {
    if (document === undefined) return null;
    const values = columns.map((name) => [name, viewed(document[columnIn(table, name).field])]);
    return sha256(typedJson(values));
  });
  return { columns, hashes: await Promise.all(hashes) };
}

async function documentsOf(
  sending: Sending,
  table: Table,
  keys: readonly Values[],
  wanted: readonly string[] | undefined,
): Promise<readonly (Document | undefined)[]> {
  const names = Object.keys(keys[0] ?? {});
  const keyFields = names.map((name) => columnIn(table, name).field);
  const fields = wanted && [...keyFields, ...wanted];
  const all = await findAll(sending, table, filterOfAny(table, keys), fields);
  const nameOf = (values: readonly unknown[]) =>
    typedJson(values.map((each) => String(viewed(each))));
  const byKey = new Map(
    all.map((document) => [nameOf(keyFields.map((field) => document[field])), document] as const),
  );
  return keys.map((key) => byKey.get(nameOf(names.map((name) => key[name]))));
}

function columnsIn(table: Table, documents: readonly (Document | undefined)[]): readonly string[] {
  const names = new Set(table.columns.keys());
  for (const document of documents)
    for (const field of Object.keys(document ?? {}))
      if (field !== "_id" && table.columns.has(field)) names.add(field);
  return [...names];
}

async function addAside(
  sending: Sending,
  uniqueKeys: (table: Table) => Promise<readonly (readonly string[])[]>,
  table: Table,
  values: Values,
): Promise<{ readonly error: unknown } | undefined> {
  const { id } = values;
  if (id !== undefined) {
    const same = await findOne(sending, table, filterOf(table, { id }), []);
    if (same !== null) return undefined;
  }
  const missing = Array.from(ours(table).columns.values()).filter(
    ({ name, nullable, field }) => field !== "_id" && !nullable && (values[name] ?? null) === null,
  );
  if (missing.length > 0)
    return {
      error: new Error(`${table.name} requires ${missing.map(({ name }) => name).join(", ")}.`),
    };
  for (const columns of await uniqueKeys(table)) {
    const own = Object.fromEntries(columns.map((name) => [name, values[name] ?? null]));
    if (columns.some((name) => columnIn(table, name).field === "_id")) continue;
    if ((await findOne(sending, table, filterOf(table, own), [])) !== null)
      return { error: new Error(`${table.name}: ${columns.join(", ")} is taken.`) };
  }
  const { collection, on, send } = sending;
  const document = newDocument(table, {}, values);
  await send(() => collection(table.name).insertOne(document, on));
  return undefined;
}
