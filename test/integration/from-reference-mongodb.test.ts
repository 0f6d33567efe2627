/** `fromReference` on the MongoDB store: the mapper, the authorizer and the handler of fatal errors that an application has for PowerSync's reference endpoint. */
import { type Db, MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createWrites,
  fromReference,
  type Principal,
  type ReferenceAuthorizer,
  type ReferenceDeadLetter,
  type ReferenceEntry,
  type ReferenceExtensions,
  type ReferenceMapped,
} from "../../src/index.js";
import { createCollections, type MongoDatabase, mongodb } from "../../src/mongodb/index.js";
import { isChosen } from "../support/chosen.js";
import { from, patch, put, uuid } from "../support/letters.js";
import { createCollection, nullable } from "../support/mongodb.js";
import { type Responder, startResponder } from "../support/mongodb-responder/responder.js";

const mapper = ({ op, table, id, op_data }: ReferenceEntry): ReferenceMapped | null => {
  if (table === "drafts") return null;
  const { fake_title, ...data } = op_data ?? {};
  if (table === "expanded_todos")
    return { table: "todos", op, id, data: { ...data, description: fake_title } };
  if (table === "lists" && op === "DELETE")
    return { table, op: "PATCH", id, data: { name: "deleted" } };
  return { table, op, id, data };
};
const authorizer: ReferenceAuthorizer = {
  authorize: (_crud, { claims }) => claims["role"] === "writer",
};
const writer: Principal = { userId: "alice", claims: { role: "writer" } };
const reader: Principal = { userId: "rita", claims: { role: "reader" } };

const [list, todo] = [uuid(1), uuid(2)];
const newList = put("lists", list, { name: "Groceries" });
const newTodo = put("expanded_todos", todo, { list_id: list, fake_title: "Milk" });
const badTodo = put("expanded_todos", todo, { list_id: list, fake_title: null });
const newDraft = put("drafts", uuid(3), { text: "…" });

describe.skipIf(!isChosen("mongodb"))("fromReference on MongoDB", () => {
  let responder: Responder;
  let client: MongoClient;
  let db: Db;
  let told: ReferenceDeadLetter[];
  let last = 0;

  const made = (extensions: ReferenceExtensions) =>
    createWrites<Principal, MongoDatabase>({
      authenticate: () => writer,
      database: mongodb(client, { database: "app" }),
      logger: false,
      tables: { lists: { access: "everyone" }, todos: { access: "everyone" } },
      ...fromReference(extensions),
    });
  const all: ReferenceExtensions = {
    mapper,
    authorizer,
    fatalErrorHandler: {
      requiresClientHandling: ({ errorCode }) => errorCode === "CHECK_VIOLATION",
      onDeadLetter: (entry) => void told.push(entry),
    },
  };
  const send = (crud: readonly object[], principal = writer) =>
    made(all).processTransaction(from("phone", (last += 10), ...crud), { principal });
  const documents = (name: string) => db.collection(name).find().toArray();
  const letters = async () => (await made(all).deadLetters.list()).letters;

  beforeEach(async () => {
    told = [];
    responder = await startResponder();
    client = new MongoClient(responder.url, { serverSelectionTimeoutMS: 2_000 });
    db = client.db("app");
    await createCollections(mongodb(client, { database: "app" }));
    await createCollection(db, "lists", {
      _id: { bsonType: "string" },
      name: nullable("string", { minLength: 2 }),
    });
    await createCollection(db, "todos", {
      _id: { bsonType: "string" },
      list_id: nullable("string"),
      description: { bsonType: "string" },
    });
  });
  afterEach(async () => {
    await client.close();
    await responder.close();
  });

  it("maps tables, columns and operations, and leaves out what the mapper drops", async () => {
    expect(await send([newDraft, newList, newTodo])).toEqual({ status: "success" });
    expect(await documents("lists")).toEqual([{ _id: list, name: "Groceries" }]);
    expect(await documents("todos")).toMatchObject([
      { _id: todo, list_id: list, description: "Milk" },
    ]);
    expect(
      await send([
        patch("expanded_todos", todo, { fake_title: "Bread" }),
        { op: "DELETE", table: "lists", id: list },
      ]),
    ).toEqual({ status: "success" });
    expect(await documents("todos")).toMatchObject([{ description: "Bread" }]);
    expect(await documents("lists")).toMatchObject([{ _id: list, name: "deleted" }]);
    expect([told, await letters()]).toEqual([[], []]);
  });

  it("refuses a transaction that the authorizer refuses, and records it", async () => {
    expect(await send([newList, newTodo], reader)).toMatchObject({
      status: "fatal_error",
      requiresClientHandling: false,
      failedOperation: { errorCode: "UNAUTHORIZED" },
    });
    expect(await documents("lists")).toEqual([]);
    expect(await letters()).toMatchObject([{ userId: "rita" }]);
    expect(told).toMatchObject([{ authenticatedSubject: "rita", errorCode: "UNAUTHORIZED" }]);
  });

  it("tells the handler of a dead letter that has been committed, and writes nothing of its transaction", async () => {
    expect(await send([newList, badTodo])).toMatchObject({
      status: "fatal_error",
      requiresClientHandling: false,
      failedOperation: { operationIndex: 1 },
    });
    expect([await documents("lists"), await documents("todos")]).toEqual([[], []]);
    const [letter] = await letters();
    expect(told).toMatchObject([
      { occurrenceId: letter?.id, authenticatedSubject: "alice", operationIndex: 1 },
    ]);
  });

  it("leaves a failure to the client where the handler says so, and records nothing", async () => {
    expect(await send([put("lists", list, { name: "x" })])).toMatchObject({
      status: "fatal_error",
      requiresClientHandling: true,
      failedOperation: { errorCode: "CHECK_VIOLATION" },
    });
    expect([await documents("lists"), await letters(), told]).toEqual([[], [], []]);
  });
});
