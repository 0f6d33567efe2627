/** MongoDB as the source database: its collections, their validation, and who may write what. Not tested on a server. */
import { type Db, type Document, MongoClient } from "mongodb";
import {
  createWrites,
  defineMutators,
  fatal,
  type Principal,
  type TableRule,
} from "../../src/index.js";
import { createCollections, mongodb, type MongoDatabase } from "../../src/mongodb/index.js";
import { definitions } from "./mutations.js";
import { rules } from "./rules.js";
import type { Source } from "./source.js";
import { untilMade } from "./until-made.js";

/** `mongodb://user:password@host:27017/database?replicaSet=rs0`, or `mongodb+srv://…`. Transactions need a replica set or a sharded cluster. */
export function openMongo(url: string): Source {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
  const { dbName } = client.options;
  const store = mongodb(client, { database: dbName });
  return {
    name: `MongoDB, database ${dbName}`,
    createWrites: (options) =>
      createWrites<Principal, MongoDatabase>({ ...options, database: store, tables, mutators }),
    prepare: (signal, onFailure) =>
      untilMade(
        async () => {
          await makeCollections(store.db);
          await createCollections(store);
        },
        signal,
        onFailure,
      ),
    close: () => client.close(),
  };
}

const text: Document = { bsonType: "string" };
const orNull = (...bsonTypes: readonly string[]): Document => ({
  bsonType: [...bsonTypes, "null"],
});

/** Ids are the client's texts, because a PowerSync service sends them down unchanged. */
const properties: Readonly<Record<string, Readonly<Record<string, Document>>>> = {
  lists: {
    _id: text,
    name: orNull("string"),
    owner_id: orNull("string"),
    created_at: orNull("date"),
    settings: orNull("object", "array"),
    labels: orNull("array"),
  },
  todos: {
    _id: text,
    list_id: orNull("string"),
    description: text,
    completed: orNull("bool"),
    position: orNull("double"),
    created_at: orNull("date"),
  },
  list_notes: {
    _id: text,
    list_id: orNull("string"),
    note: orNull("string"),
    people: orNull("int"),
  },
  list_members: { _id: text, list_id: text, user_id: text },
};

const children = ["todos", "list_notes", "list_members"];

async function makeCollections(db: Db): Promise<void> {
  const there = await db.listCollections({}, { nameOnly: true }).toArray();
  const names = new Set(there.map(({ name }) => name));
  for (const [name, fields] of Object.entries(properties)) {
    if (names.has(name)) continue;
    const required = Object.keys(fields).filter((field) => fields[field] === text);
    await db.createCollection(name, {
      validator: {
        $jsonSchema: {
          bsonType: "object",
          properties: fields,
          required,
          additionalProperties: false,
        },
      },
      // A PowerSync service reads whole documents from the change stream.
      changeStreamPreAndPostImages: { enabled: true },
    });
  }
  // Every write of a todo looks for its list, and every deletion of a list looks for the rows that belong to it.
  for (const name of children) await db.collection(name).createIndex({ list_id: 1 });
}

const tables: Readonly<Record<string, TableRule<Principal, MongoDatabase>>> = {
  ...rules,
  // The page sends milliseconds, which a date keeps, so `check()` need not warn of more precise times.
  todos: { ...rules.todos, exact: false },
  lists: {
    ...rules.lists,
    exact: false,
    // Some clients delete only the list, and MongoDB has no foreign keys that would delete the rest.
    persist: async (write, { tx: { db, session } }, next) => {
      const outcome = await next(write);
      if (write.op === "DELETE" && outcome.effect === "written")
        for (const name of children)
          await db.collection(name).deleteMany({ list_id: write.id }, { session });
      return outcome;
    },
  },
};

interface Row {
  readonly _id: string;
  readonly [field: string]: unknown;
}

const mutators = defineMutators<MongoDatabase>()(definitions, {
  "list.share": async ({ id, list, with: user_id }, { tx: { db, session }, principal }) => {
    const mine = { _id: list, owner_id: principal.userId };
    if ((await db.collection<Row>("lists").findOne(mine, { session })) === null)
      throw fatal("UNAUTHORIZED", "The list is not yours.");
    if (user_id === principal.userId) throw fatal("YOURSELF", "The list is yours already.");
    const members = db.collection<Row>("list_members");
    const member = { list_id: list, user_id };
    if ((await members.findOne(member, { session })) === null)
      await members.insertOne({ _id: id, ...member }, { session });
  },
});
