/** What the database says of its collections, read outside of any transaction (MongoDB lists none inside) and remembered. */
import type { CollectionInfo, Db, Document } from "mongodb";
import type { SchemaTrust } from "../store/tables.js";
import { type IdKind, type MongoTable, tableOf } from "./columns.js";

export interface SchemaOptions {
  readonly ids: IdKind;
  readonly keepsNulls: boolean;
  /** By collection, in place of its validator. */
  readonly schemas: Readonly<Record<string, Document>>;
}

/** What has been read of a collection. */
interface Reading {
  /** By `performance.now()`, when it was begun. */
  readonly begun: number;
  /** `undefined`: there is none. */
  readonly table: Promise<MongoTable | undefined>;
}

export interface Schema {
  /** As `Unit.table`. @param begunAt when the unit began: what is missing must have been missing since */
  table(
    name: string,
    columns: readonly string[],
    trust: SchemaTrust | undefined,
    begunAt: number,
  ): Promise<MongoTable | undefined>;
  /** Read anew. */
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
    // What could not be read, may be readable the next time.
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
      // All who wait share the one that another has begun meanwhile.
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

/** A validator may ask for more beside the schema. */
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

/** Of any locale, some letters are equal to others; at strength 3, the default, those alone that are written in two ways. */
function isInexact({ strength = 3 }: Document): boolean {
  return Number(strength) < 3;
}
