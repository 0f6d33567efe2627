/** What the database says about its collections. It is read outside of any transaction, because MongoDB lists no collections inside one, and cached. */
import type { CollectionInfo, Db, Document } from "mongodb";
import type { SchemaTrust } from "../store/tables.js";
import { type IdKind, type MongoTable, tableOf } from "./columns.js";

export interface SchemaOptions {
  readonly ids: IdKind;
  readonly keepsNulls: boolean;
  /** By collection: replaces the schema in its validator. */
  readonly schemas: Readonly<Record<string, Document>>;
}

/** A reading of a collection's schema, finished or under way. */
interface Reading {
  /** When it began, by `performance.now()`. */
  readonly begun: number;
  /** `undefined`: there is no such collection. */
  readonly table: Promise<MongoTable | undefined>;
}

export interface Schema {
  /** See `Unit.table`. @param begunAt when the unit began, by `performance.now()`: a reading that misses something must be later than that */
  table(
    name: string,
    columns: readonly string[],
    trust: SchemaTrust | undefined,
    begunAt: number,
  ): Promise<MongoTable | undefined>;
  /** Reads these collections again. */
  anew(names: readonly string[]): Promise<readonly (MongoTable | undefined)[]>;
  /** The names of all collections. */
  names(): Promise<ReadonlySet<string>>;
}

export function createSchema(db: Db, options: SchemaOptions, maxTimeMS: number): Schema {
  const readings = new Map<string, Reading>();

  const read = async (name: string): Promise<MongoTable | undefined> => {
    const [info] = await db.listCollections({ name }, { nameOnly: false, maxTimeMS }).toArray();
    return info === undefined ? undefined : described(info, options);
  };

  const begin = (name: string): Reading => {
    const reading = { begun: performance.now(), table: read(name) };
    readings.set(name, reading);
    // A failed reading is not cached: the next one may succeed.
    reading.table.catch(() => {
      if (readings.get(name) === reading) readings.delete(name);
    });
    return reading;
  };

  return {
    table: async (name, columns, trust, begunAt) => {
      const since = trust?.since ?? begunAt;
      const known = readings.get(name);
      if (known !== undefined && (known.begun >= since || trust?.anew !== true)) {
        const table = await known.table;
        const whole = table !== undefined && columns.every((column) => table.columns.has(column));
        if (whole && known.begun < since) trust?.believed?.set(name, table);
        if (whole || known.begun >= since) return table;
      }
      // If another caller has begun a reading in the meantime, it is shared.
      const newest = readings.get(name);
      return (newest !== undefined && newest.begun >= since ? newest : begin(name)).table;
    },
    anew: (names) => Promise.all(names.map((name) => begin(name).table)),
    names: async () => {
      const all = await db.listCollections({}, { nameOnly: true, maxTimeMS }).toArray();
      return new Set(all.map(({ name }) => name));
    },
  };
}

function described(info: CollectionInfo | Document, options: SchemaOptions): MongoTable {
  const {
    name,
    type,
    options: given = {},
  } = info as {
    readonly name: string;
    readonly type?: string;
    readonly options?: { readonly validator?: Document; readonly collation?: Document };
  };
  const { ids, keepsNulls, schemas } = options;
  const schema = schemas[name] ?? schemaIn(given.validator);
  const { collation } = given;
  const collated = collation !== undefined && collation["locale"] !== "simple";
  const inexact = collated && isInexact(collation);
  return tableOf({
    name,
    ...(schema && { schema }),
    inexact,
    collated,
    view: type === "view",
    ids,
    keepsNulls,
  });
}

/** The `$jsonSchema` in a validator, which may also contain other conditions. */
function schemaIn(validator: Document | undefined): Document | undefined {
  if (validator === undefined) return undefined;
  const own: unknown = validator["$jsonSchema"];
  if (typeof own === "object" && own !== null) return own;
  const parts: unknown = validator["$and"];
  if (!Array.isArray(parts)) return undefined;
  for (const part of parts as readonly Document[]) {
    const found = schemaIn(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether the collation treats different letters as equal. At strength 3, the default, or above, only two spellings of the same letter are equal. */
function isInexact({ strength = 3 }: Document): boolean {
  return Number(strength) < 3;
}
