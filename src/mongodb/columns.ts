/** Collections as tables: what `$jsonSchema` says of the fields, and which field is the client's `id`. */
import type { Document } from "mongodb";
import type { Column, Table } from "../store/tables.js";

/** What a client's id is as `_id`. */
export type IdKind = "text" | "uuid" | "objectId";

export interface MongoColumn extends Column {
  /** The document's name for it. */
  readonly field: string;
  /** The aliases of `bsonType` that it may have, `null` left out; `uuid` for a UUID. Empty: any value that BSON has. */
  readonly types: readonly string[];
  /** It may hold a null. Otherwise a null takes the field away. */
  readonly keepsNull: boolean;
  /** Of an object, where the schema says. */
  readonly properties?: ReadonlyMap<string, MongoColumn>;
  /** Of an array. */
  readonly items?: MongoColumn;
}

export interface MongoTable extends Table {
  readonly columns: ReadonlyMap<string, MongoColumn>;
  /** Texts that are not the same are taken for one another by the collection's collation. */
  readonly inexact: boolean;
  /** It has a collation: of one text that is written in two ways, too, who compares bytes makes two. */
  readonly collated: boolean;
  /** It shows documents of other collections. */
  readonly view: boolean;
  /** What a new document's `_id` is, where the rule's key is another field. */
  readonly idKind: IdKind;
}

/** What `listCollections` says of a collection, and the configuration. */
export interface Described {
  readonly name: string;
  /** The validator's, or the configuration's. Absent: nobody says what the fields are. */
  readonly schema?: Document;
  readonly inexact?: boolean;
  readonly collated?: boolean;
  readonly view?: boolean;
  readonly ids: IdKind;
  readonly keepsNulls: boolean;
}

export function tableOf({
  name,
  schema = {},
  inexact = false,
  collated = false,
  view = false,
  ids,
  keepsNulls,
}: Described): MongoTable {
  const { properties = {}, required = [], additionalProperties } = schema as SchemaPart;
  const open = additionalProperties !== false;
  const key = columnOf(
    "_id",
    { bsonType: bsonTypeOf(ids), ...properties["_id"] },
    keepsNulls,
    true,
  );
  const idKind = kindOf(key) ?? ids;
  const columns: [string, MongoColumn][] = [];
  const idName = Object.hasOwn(properties, "id") ? "_id" : "id";
  columns.push([idName, { ...asKey(key, idKind), name: idName }]);
  for (const [field, part] of Object.entries(properties)) {
    if (field === "_id" || !isField(field)) continue;
    columns.push([field, columnOf(field, part, keepsNulls, required.includes(field))]);
  }
  return { name, columns: new Columns(columns, open, keepsNulls), inexact, collated, view, idKind };
}

/** The part of `$jsonSchema` that says what is stored. What else it asks of a document is the server's to judge. */
interface SchemaPart {
  readonly bsonType?: string | readonly string[];
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaPart>>;
  readonly items?: SchemaPart;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly maxLength?: number;
  readonly additionalProperties?: unknown;
}

/** JSON Schema's own names, as aliases of BSON. */
const jsonTypes: Readonly<Record<string, string>> = { boolean: "bool" };

function columnOf(
  field: string,
  part: SchemaPart,
  keepsNulls: boolean,
  isRequired: boolean,
): MongoColumn {
  const { bsonType, type, properties, items, maxLength } = part;
  const named = [bsonType ?? type ?? []].flat().map((name) => jsonTypes[name] ?? name);
  const types = named.filter((name) => name !== "null");
  const admitsNull = named.length === 0 || named.length > types.length;
  const array = types.length === 1 && types[0] === "array";
  const of = items === undefined || Array.isArray(items) ? {} : items;
  const members = part.enum?.filter((each) => typeof each === "string");
  return {
    name: field,
    field,
    types,
    type: array ? typeText(columnOf(field, of, keepsNulls, false).types) : typeText(types),
    array,
    nullable: admitsNull || !isRequired,
    keepsNull: admitsNull && (keepsNulls || isRequired),
    hasDefault: false,
    generated: false,
    ...(types.includes("date") && { scale: 3 }),
    ...(maxLength !== undefined && { length: maxLength }),
    ...(members !== undefined && members.length === part.enum?.length && { members }),
    ...(properties && {
      properties: new Map(
        Object.entries(properties).map(([name, each]) => [
          name,
          columnOf(name, each, true, part.required?.includes(name) === true),
        ]),
      ),
    }),
    ...(array && { items: columnOf(field, of, true, false) }),
  };
}

function typeText(types: readonly string[]): string {
  return types.length === 0 ? "any" : types.join("|");
}

function bsonTypeOf(ids: IdKind): string {
  return ids === "text" ? "string" : ids === "uuid" ? "binData" : "objectId";
}

function kindOf({ types }: MongoColumn): IdKind | undefined {
  if (types.length !== 1) return undefined;
  return ({ string: "text", binData: "uuid", objectId: "objectId" } as const)[String(types[0])];
}

function asKey(column: MongoColumn, kind: IdKind): MongoColumn {
  const uuid = kind === "uuid" ? { types: ["uuid"], type: "uuid" } : {};
  return { ...column, ...uuid, nullable: false, keepsNull: false };
}

/** A field that a rule may name: MongoDB's operators and paths are none. */
function isField(name: string): boolean {
  return name !== "" && !/^\$|[.\0]/.test(name) && name.isWellFormed();
}

/**
 * The fields that a schema names; `_id` by that name too. A collection that takes others has every column that a rule may ask for, each of which takes a rule that
 * lists it.
 */
class Columns extends Map<string, MongoColumn> {
  readonly #open: boolean;
  readonly #keepsNulls: boolean;

  constructor(
    entries: Iterable<readonly [string, MongoColumn]>,
    open: boolean,
    keepsNulls: boolean,
  ) {
    super(entries);
    this.#open = open;
    this.#keepsNulls = keepsNulls;
  }

  override get(name: string): MongoColumn | undefined {
    const known = super.get(name);
    if (known !== undefined) return known;
    if (name === "_id") {
      const id = super.get("id");
      return id && { ...id, name };
    }
    if (!this.#open || !isField(name)) return undefined;
    return { ...columnOf(name, {}, this.#keepsNulls, false), unlisted: true };
  }

  override has(name: string): boolean {
    return this.get(name) !== undefined;
  }
}
