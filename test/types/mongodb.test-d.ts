/** What `tx` is on MongoDB, and what a rule may say there. */
import { type ClientSession, type Db, MongoClient } from "mongodb";
import { createWrites } from "../../src/index.js";
import {
  createCollections,
  mongodb,
  type MongoDatabase,
  type MongoTransaction,
} from "../../src/mongodb/index.js";
import { expectType } from "./expect.js";

interface Caller {
  readonly userId: string;
  readonly team: string;
}

const client = new MongoClient("mongodb://localhost:27017/?replicaSet=rs0");
const database = mongodb(client, { database: "app", ids: "uuid", nulls: "unset" });
void createCollections(database);

createWrites<Caller, MongoDatabase>({
  authenticate: () => ({ userId: "alice", team: "red" }),
  database,
  tables: {
    lists: { scope: (_, { principal }) => ({ team: principal.team }) },
    todos: { columns: ["list_id", "description"], belongsTo: { list_id: "lists" } },
  },
  hooks: {
    persist: {
      after: async (_, { tx }) => {
        expectType<MongoTransaction>()(tx);
        expectType<ClientSession>()(tx.session);
        expectType<Db>()(tx.db);
        await tx.db.collection("audit").insertOne({ at: new Date() }, { session: tx.session });
      },
    },
  },
});

// @ts-expect-error The database has a name.
mongodb(client, {});
// @ts-expect-error No such kind of id.
mongodb(client, { database: "app", ids: "number" });
