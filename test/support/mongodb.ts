/** The test tables as collections: on a real MongoDB, where `DATABASE_URL_MONGODB` names one, and otherwise on the responder, which is none. */
import { type Db, type Document, MongoClient } from "mongodb";
import { createWrites } from "../../src/index.js";
import { createCollections, mongodb, type MongoStore } from "../../src/mongodb/index.js";
import { plainDecimal } from "../../src/store/numbers.js";
import { isChosen } from "./chosen.js";
import type { Row } from "./databases.js";
import { startResponder } from "./mongodb-responder/responder.js";
import { appTableNames, rowOrder } from "./schema.js";
import type { OpenTarget, Target } from "./target.js";
import { auditRules, byName, plainRules } from "./writes.js";

export const nullable = (bsonType: string | readonly string[], more: Document = {}): Document => ({
  bsonType: [bsonType, "null"].flat(),
  ...more,
});

const uuid = { bsonType: "binData" };

/** As the tables of the others are, but for what MongoDB has no word for: references, defaults, and columns that the database makes. */
const schemas: Readonly<Record<string, Document>> = {
  lists: {
    _id: uuid,
    name: nullable("string"),
    owner_id: nullable("string"),
    created_at: nullable("date"),
    settings: nullable(["object", "array"]),
    labels: nullable("array"),
  },
  todos: {
    _id: uuid,
    list_id: nullable("binData"),
    description: { bsonType: "string" },
    completed: nullable("bool"),
    position: nullable("double"),
    created_at: nullable("date"),
  },
  things: {
    _id: uuid,
    code: nullable("string", { maxLength: 8 }),
    amount: nullable("decimal"),
    size: nullable("int", { minimum: 0 }),
    big: nullable("long"),
    parent_id: nullable("binData"),
    stock: { bsonType: "int" },
  },
  members: {
    _id: { bsonType: "objectId" },
    list_id: { bsonType: "binData" },
    user_name: { bsonType: "string", maxLength: 40 },
    role: nullable("string"),
  },
  authors: {
    _id: { bsonType: "objectId" },
    number: { bsonType: "int" },
    uuid: { bsonType: "binData" },
    name: nullable("string"),
  },
  books: {
    _id: { bsonType: "objectId" },
    number: { bsonType: "int" },
    uuid: { bsonType: "binData" },
    title: nullable("string"),
    author: nullable("int"),
  },
};

const required: Readonly<Record<string, readonly string[]>> = {
  todos: ["description"],
  members: ["list_id", "user_name"],
  authors: ["uuid"],
  books: ["uuid"],
  powersync_audit: ["owner_id"],
};

const auditSchema: Document = {
  _id: uuid,
  owner_id: { bsonType: "string" },
  code: nullable("string", { maxLength: 64 }),
  big: nullable("long"),
  size: nullable("int", { minimum: 0 }),
  note: nullable("string"),
};

/** Where it is not null: as a UNIQUE of SQL has it. */
const uniqueWhere = (field: string, bsonType: string): Document => ({
  key: { [field]: 1 },
  name: field,
  unique: true,
  partialFilterExpression: { [field]: { $type: bsonType } },
});

const indexes: Readonly<Record<string, readonly Document[]>> = {
  things: [uniqueWhere("code", "string")],
  members: [{ key: { list_id: 1, user_name: 1 }, name: "member", unique: true }],
  authors: [{ key: { uuid: 1 }, name: "uuid", unique: true }],
  books: [{ key: { uuid: 1 }, name: "uuid", unique: true }],
  powersync_audit: [uniqueWhere("code", "string"), uniqueWhere("big", "long")],
};

export async function createCollection(db: Db, name: string, properties: Document): Promise<void> {
  const $jsonSchema = {
    bsonType: "object",
    properties,
    required: ["_id", ...(required[name] ?? [])],
    additionalProperties: false,
  };
  await db.createCollection(name, { validator: { $jsonSchema } });
  const own = indexes[name];
  if (own !== undefined) await db.collection(name).createIndexes(own as never);
}

export interface OpenMongo {
  readonly client: MongoClient;
  readonly store: MongoStore;
  readonly db: Db;
  close(): Promise<void>;
}

export const mongoUrl = process.env["DATABASE_URL_MONGODB"];

/**
 * An empty database of its own, with the library's collections.
 *
 * @param url of a server; empty: the responder
 */
export async function openMongo(
  options: Omit<Parameters<typeof mongodb>[1], "database"> = {},
  { url = mongoUrl }: { readonly url?: string } = {},
): Promise<OpenMongo> {
  const responder = url === undefined || url === "" ? await startResponder() : undefined;
  const client = new MongoClient(responder?.url ?? String(url), { monitorCommands: true });
  const database = `powersync_writes_${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`;
  const store = mongodb(client, { database, ...options });
  await createCollections(store);
  const db = client.db(database);
  return {
    client,
    store,
    db,
    close: async () => {
      await db.dropDatabase();
      await client.close();
      await responder?.close();
    },
  };
}

/** As `testConfig`, with the one rule that holds SQL in the words that every store has. */
export function mongoConfig(store: MongoStore) {
  return {
    authenticate: byName,
    database: store,
    // No foreign key tells that a todo's list is one that a dead letter would create: this does.
    tables: { ...plainRules, todos: { belongsTo: { list_id: "lists" } } },
  };
}

export const mongoTarget: Target = {
  name: mongoUrl === undefined ? "MongoDB's responder" : "MongoDB",
  deferred: true,
  parentsFirst: false,
  references: false,
  concurrent: true,
  available: async () => isChosen("mongodb"),
  open: async () => openTarget(await openMongo()),
};

export async function createTestCollections(db: Db): Promise<void> {
  for (const [name, properties] of Object.entries(schemas))
    await createCollection(db, name, properties);
}

async function openTarget({ db, store, close }: OpenMongo): Promise<OpenTarget> {
  await createTestCollections(db);
  return {
    writes: ({ audit = false, ...options } = {}) => {
      const config = mongoConfig(store);
      const tables = { ...config.tables, ...(audit && auditRules) };
      return createWrites({ ...config, tables, logger: false, ...options });
    },
    prepareAudit: () => createCollection(db, "powersync_audit", auditSchema),
    auditRows: () => db.collection("powersync_audit").countDocuments(),
    reset: async () => {
      const all = await db.listCollections({}, { nameOnly: true }).toArray();
      for (const { name } of all) await db.collection(name).deleteMany({});
    },
    insert: async (rows) => {
      for (const table of appTableNames.toReversed()) {
        const given = rows[table] ?? [];
        if (given.length === 0) continue;
        const document = await documentsOf(store, table);
        await db.collection(table).insertMany(given.map(document));
      }
    },
    change: async (table, id, to) => {
      const document = await documentsOf(store, table);
      const filter = { _id: document({ id })["_id"] as never };
      if (to === null) await db.collection(table).deleteOne(filter);
      else await db.collection(table).updateOne(filter, { $set: document(to) });
    },
    rows: async (table, ids) => {
      const all = await db.collection(table, { useBigInt64: true }).find().toArray();
      const columns = Object.keys(schemas[table] ?? {});
      return all
        .map((document) => plainRow(store, columns, document))
        .filter(({ id }) => ids === undefined || ids.includes(String(id)))
        .toSorted((a, b) => (orderOf(table, a) < orderOf(table, b) ? -1 : 1));
    },
    letters: async (userIds) => {
      const wanted = userIds === undefined ? {} : { userId: { $in: [...userIds] } };
      const all = await db.collection("powersync_dead_letters").find(wanted).toArray();
      return Promise.all(all.map((letter) => letterRow(store, letter)));
    },
    answered: () => db.collection("powersync_ledger").countDocuments(),
    close,
  };
}

/** Rows as documents of the types that the schema names. */
export async function documentsOf(
  store: MongoStore,
  table: string,
): Promise<(row: Row) => Document> {
  const known = await store.unit({}, (unit) => unit.table(table));
  return (row) => {
    const fields = Object.entries(row).map(([name, value]) => {
      const column = known?.columns.get(name);
      if (column === undefined) throw new Error(`${table} has no ${name}.`);
      return [name === "id" ? "_id" : name, store.convert(column, value, false)];
    });
    return Object.fromEntries(fields) as Document;
  };
}

/** What is absent is a null to those who read it, and one in stock. */
function plainRow(store: MongoStore, columns: readonly string[], document: Document): Row {
  const row = columns.map((field) => {
    const value = store.view({} as never, document[field]);
    const shown = typeof value === "bigint" ? value.toString() : value;
    if (field === "stock") return [field, shown ?? 1];
    if (field === "amount" && typeof shown === "string") return [field, plainDecimal(shown, 2)];
    return [field === "_id" ? "id" : field, shown];
  });
  return JSON.parse(JSON.stringify(Object.fromEntries(row))) as Row;
}

function orderOf(table: keyof typeof rowOrder, row: Row): string {
  return rowOrder[table]
    .split(", ")
    .map((column) => String(row[column]))
    .join();
}

async function letterRow(store: MongoStore, letter: Document): Promise<Row> {
  const whole = await store.unit({}, (unit) => unit.letters.find(String(letter["_id"])));
  return {
    error_code: letter["errorCode"],
    operation_index: letter["operationIndex"],
    user_id: letter["userId"],
    client_id: letter["clientId"],
    status: letter["status"],
    attempts: letter["attempts"],
    root: letter["root"],
    payload: whole?.payload,
  };
}
