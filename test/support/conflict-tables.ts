/** Tables whose rules have a `conflict`, in every database and in the memory store. */
import { type Kysely, sql } from "kysely";
import { memoryStore } from "../../src/store/memory.js";
import { everyDatabase, isChosen } from "./chosen.js";
import { dialects, type Row, type TestDialect } from "./databases.js";
import { empty } from "./empty.js";
import { createCollection, documentsOf, mongoTarget, nullable, openMongo } from "./mongodb.js";

export interface ConflictSchema {
  docs: Record<string, unknown>;
  lost: Record<string, unknown>;
}

export interface ConflictTarget {
  readonly name: string;
  readonly concurrent: boolean;
  available(): Promise<boolean>;
  open(): Promise<OpenConflicts>;
}

export interface OpenConflicts {
  /** For `createWrites`. */
  readonly database: Kysely<ConflictSchema>;
  rows(table: "docs" | "lost"): Promise<readonly Row[]>;
  /** Of `docs`. */
  rowsOf(ids: readonly string[]): Promise<readonly Row[]>;
  insert(row: Row): Promise<void>;
  /** As others do it, beside the library. */
  update(id: string, row: Row): Promise<void>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

const types = {
  postgres: { time: "timestamptz(3)", json: "jsonb", float: "real" },
  mysql: { time: "datetime(3)", json: "json", float: "float" },
  sqlite: { time: "timestamp", json: "json", float: "real" },
} as const;

async function createConflictTables(
  db: Kysely<ConflictSchema>,
  family: TestDialect["family"],
): Promise<void> {
  const { time, json, float } = types[family];
  await sql
    .raw(
      `create table docs (id varchar(40) primary key, owner_id varchar(40), title varchar(80), body varchar(80),
        version bigint, updated_at ${time}, title_at ${time}, body_at ${time}, clicked_at bigint,
        quantity integer, price decimal(10,2), weight double precision, ratio ${float}, tags ${json}, high integer, low decimal(10,2), secret varchar(40))`,
    )
    .execute(db);
  await sql
    .raw(
      `create table lost (id varchar(40) primary key, table_name varchar(40), row_id varchar(40), user_id varchar(40), client_id varchar(40),
        operation varchar(10), base ${json}, theirs ${json}, yours ${json}, created_at ${time})`,
    )
    .execute(db);
}

function onDialect(dialect: TestDialect): ConflictTarget {
  return {
    name: dialect.name,
    concurrent: dialect.concurrent,
    available: () => dialect.available(),
    open: async () => {
      const opened = await dialect.open();
      const db = opened.db as unknown as Kysely<ConflictSchema>;
      await createConflictTables(db, dialect.family);
      return {
        database: db,
        rows: async (table) => {
          const rows = await db.selectFrom(table).selectAll().orderBy("id").execute();
          return rows.map((row) => plainRow(row));
        },
        rowsOf: async (ids) => {
          const rows = await db.selectFrom("docs").selectAll().where("id", "in", ids).execute();
          return rows.map((row) => plainRow(row));
        },
        insert: async (row) => void (await db.insertInto("docs").values(row).execute()),
        update: async (id, row) =>
          void (await db.updateTable("docs").set(row).where("id", "=", id).execute()),
        reset: async () => {
          await opened.reset();
          await empty(db, ["docs", "lost"]);
        },
        close: () => opened.close(),
      };
    },
  };
}

const memory: ConflictTarget = {
  name: "memory",
  concurrent: false,
  available: async () => isChosen("memory"),
  open: async () => {
    const text = { type: "text", length: 80 } as const;
    const store = memoryStore({
      tables: {
        docs: {
          columns: {
            id: "text",
            owner_id: "text",
            title: text,
            body: text,
            version: "bigint",
            updated_at: { type: "timestamp", scale: 3 },
            title_at: { type: "timestamp", scale: 3 },
            body_at: { type: "timestamp", scale: 3 },
            clicked_at: "bigint",
            quantity: "integer",
            price: { type: "decimal", precision: 10, scale: 2 },
            weight: "float",
            ratio: "float",
            tags: "json",
            high: "integer",
            low: { type: "decimal", precision: 10, scale: 2 },
            secret: "text",
          },
        },
        lost: {
          columns: {
            id: "text",
            table_name: "text",
            row_id: "text",
            user_id: "text",
            client_id: "text",
            operation: "text",
            base: "json",
            theirs: "json",
            yours: "json",
            created_at: "timestamp",
          },
        },
      },
    });
    return {
      database: store as never,
      rows: async (table) =>
        store
          .rows(table)
          .map((row) => plainRow(row))
          .toSorted((a, b) => (String(a["id"]) < String(b["id"]) ? -1 : 1)),
      rowsOf: async (ids) =>
        store
          .rows("docs")
          .filter(({ id }) => ids.includes(String(id)))
          .map((row) => plainRow(row)),
      insert: (row) => store.transaction((tx) => void tx.insert("docs", row)),
      update: (id, row) => store.transaction((tx) => void tx.update("docs", { id }, row)),
      reset: () => store.clear(),
      close: async () => {},
    };
  },
};

const texts = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, nullable("string", { maxLength: 80 })]));

const mongo: ConflictTarget = {
  name: "MongoDB",
  concurrent: true,
  available: () => mongoTarget.available(),
  open: async () => {
    const { db, store, close } = await openMongo();
    const text = { bsonType: "string" };
    await createCollection(db, "docs", {
      _id: text,
      ...texts("owner_id", "title", "body", "secret"),
      version: nullable("long"),
      updated_at: nullable("date"),
      title_at: nullable("date"),
      body_at: nullable("date"),
      clicked_at: nullable("long"),
      quantity: nullable("int"),
      price: nullable("decimal"),
      weight: nullable("double"),
      ratio: nullable("double"),
      tags: nullable("array"),
      high: nullable("int"),
      low: nullable("decimal"),
    });
    await createCollection(db, "lost", {
      _id: text,
      ...texts("table_name", "row_id", "user_id", "client_id", "operation"),
      base: nullable("object"),
      theirs: nullable("object"),
      yours: nullable("object"),
      created_at: nullable("date"),
    });
    const read = async (table: string, filter: object): Promise<readonly Row[]> => {
      const found = await db.collection(table, { useBigInt64: true }).find(filter).toArray();
      return found.map(({ _id, ...fields }) => {
        const shown = Object.entries(fields).map(([name, value]) => [
          name,
          store.view({} as never, value),
        ]);
        return plainRow({ id: String(_id), ...Object.fromEntries(shown) });
      });
    };
    return {
      database: store as never,
      rows: async (table) =>
        (await read(table, {})).toSorted((a, b) => (String(a["id"]) < String(b["id"]) ? -1 : 1)),
      rowsOf: (ids) => read("docs", { _id: { $in: [...ids] } }),
      insert: async (row) => {
        await db.collection("docs").insertOne((await documentsOf(store, "docs"))(row));
      },
      update: async (id, row) => {
        const $set = (await documentsOf(store, "docs"))(row);
        await db.collection("docs").updateOne({ _id: id as never }, { $set });
      },
      reset: async () => {
        const all = await db.listCollections({}, { nameOnly: true }).toArray();
        for (const { name } of all) await db.collection(name).deleteMany({});
      },
      close,
    };
  },
};

/** Numbers as numbers, times as ISO, documents as their values; without NULLs. */
function plainRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, plainValue(name, value)]),
  );
}

const numbers = ["version", "clicked_at", "quantity", "price", "weight", "ratio", "high", "low"];
const documents = ["tags", "base", "theirs", "yours"];

function plainValue(name: string, value: unknown): unknown {
  if (numbers.includes(name)) return Number(value);
  if (documents.includes(name)) return typeof value === "string" ? JSON.parse(value) : value;
  if (value instanceof Date) return value.toISOString();
  if (name.endsWith("_at")) return new Date(`${String(value).replace(" ", "T")}Z`).toISOString();
  return value;
}

export const conflictTargets: readonly ConflictTarget[] = [
  ...dialects.map(onDialect),
  memory,
  ...(everyDatabase ? [mongo] : []),
];
