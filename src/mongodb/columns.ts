/** Collections as tables: the fields as `$jsonSchema` describes them, and the field that holds the client's `id`. */
import type { Document } from "mongodb";
import type { Column, Table } from "../store/tables.js";

/** How a client's id is stored in `_id`. */
export type IdKind = "text" | "uuid" | "objectId";

export interface MongoColumn extends Column {
  /** The name of the field in documents. */
  readonly field: string;
  /** Its possible types, as aliases of `bsonType` without `null`; `uuid` for a UUID. Empty: any BSON type. */
  readonly types: readonly string[];
  /** Whether a null is stored. Otherwise a null removes the field. */
  readonly keepsNull: boolean;
  /** The members of an object, if the schema names them. */
  readonly properties?: ReadonlyMap<string, MongoColumn>;
  /** The elements of an array. */
  readonly items?: MongoColumn;
}

export interface MongoTable extends Table {
  readonly columns: ReadonlyMap<string, MongoColumn>;
  /** Whether the collection's collation treats different letters as equal. */
  readonly inexact: boolean;
  /** Whether the collection has a collation. It may then treat texts as equal that differ in their bytes. */
  readonly collated: boolean;
  /** Whether it is a view, which shows documents of other collections. */
  readonly view: boolean;
  /** The kind of `_id` that a new document gets if the rule's key is another field. */
  readonly idKind: IdKind;
}

/** A collection as `listCollections` and the configuration describe it. */
export interface Described {
  readonly name: string;
  /** From the validator, or from the configuration. Absent: the fields are not described. */
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

/** The part of `$jsonSchema` that describes what is stored. The rest is left to the server's validation. */
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

/** Type names of JSON Schema, as aliases of BSON types. */
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

/** Whether a rule may name this field. Operators and paths of MongoDB are no fields. */
function isField(name: string): boolean {
  return name !== "" && !/^\$|[.\0]/.test(name) && name.isWellFormed();
}

/**
 * The fields that a schema names; `_id` can also be asked for by that name. If a collection accepts other fields, `get` returns a column for any of them, which
 * is marked `unlisted`: only a rule that lists the column may write it.
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
