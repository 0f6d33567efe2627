/** What the library is used for, by subject, for the commands that are sent. */
import { createWrites, type WritesConfig } from "../../../src/index.js";
import type { MongoDatabase } from "../../../src/mongodb/index.js";
import { badThing, from, goodThing, patch, put, uuid } from "../letters.js";
import { createCollection, mongoConfig, nullable, type OpenMongo } from "../mongodb.js";
import type { TestPrincipal } from "../writes.js";

const alice = { principal: { userId: "alice" }, clientId: "phone" };
const remove = (table: string, id: string) => ({ op: "DELETE", table, id });

type Config = WritesConfig<TestPrincipal, MongoDatabase>;

function writesOf({ store }: OpenMongo, more: Partial<Config> | object = {}) {
  return createWrites<TestPrincipal, MongoDatabase>({
    ...(mongoConfig(store) as unknown as Config),
    logger: false,
    ...more,
  });
}

export const flows: Readonly<Record<string, (opened: OpenMongo) => Promise<void>>> = {
  "the rows of an owner": async (opened) => {
    const writes = writesOf(opened);
    const list = uuid(1);
    const send = (at: number, ...crud: object[]) =>
      writes.processTransaction(from("phone", at, ...crud), alice);
    await send(1, put("lists", list, { name: "a", settings: "{}", labels: null }));
    await send(2, patch("lists", list, { name: "b" }));
    await send(3, put("todos", uuid(2), { list_id: list, description: "x", completed: 1 }));
    await send(4, patch("todos", uuid(2), { position: 2 }));
    await send(5, remove("todos", uuid(2)));
    await send(5, remove("todos", uuid(2)));
  },
  "runs of changes": async (opened) => {
    const writes = writesOf(opened);
    const send = (at: number, ...crud: object[]) =>
      writes.processTransaction(from("phone", at, ...crud), alice);
    const two = [uuid(1), uuid(2)];
    await send(1, ...two.map((id) => put("lists", id, { name: "a" })));
    await send(3, ...two.map((id) => patch("lists", id, { name: "b" })));
    await send(5, ...two.map((id) => put("todos", id, { list_id: uuid(1), description: "x" })));
    await send(7, ...two.map((id) => remove("todos", id)));
    await send(9, ...two.map((id) => put("authors", id, { name: "x", number: 1 })));
  },
  "rows of every kind of rule": async (opened) => {
    const writes = writesOf(opened, {
      tables: {
        members: { access: "everyone", id: ["list_id", "user_name"] },
        authors: { access: "everyone", id: "uuid", columns: { name: true, number: true } },
        books: mongoConfig(opened.store).tables.books,
        teams: {
          table: "lists",
          scope: {
            anyOf: [
              { isOwner: "owner_id" },
              { isMember: { table: "members", row: "list_id", user: "user_name" } },
            ],
          },
          columns: ["name"],
        },
        fellows: {
          table: "members",
          id: ["list_id", "user_name"],
          scope: {
            isMember: {
              table: "members",
              row: "list_id",
              user: "user_name",
              by: "list_id",
              where: { role: ["x", "y"] },
            },
          },
        },
        named: { table: "lists", scope: () => ({ name: { $ne: "secret" } }), columns: ["name"] },
        kept: {
          table: "lists",
          owner: "owner_id",
          delete: { set: { name: () => "gone" } },
          columns: ["name"],
        },
      },
    });
    const send = (at: number, ...crud: object[]) =>
      writes.processTransaction(from("phone", at, ...crud), alice);
    await send(1, put("members", `${uuid(2)}.alice`, { role: "x" }));
    await send(2, put("authors", uuid(4), { name: "x", number: 7 }));
    await send(3, put("books", uuid(5), { title: "t", author_id: uuid(4) }));
    await send(4, put("kept", uuid(2), { name: "x" }));
    await send(5, patch("teams", uuid(2), { name: "y" }));
    await send(6, patch("named", uuid(2), { name: "z" }), patch("named", uuid(9), { name: "z" }));
    await send(8, remove("kept", uuid(2)));
    await send(9, put("fellows", `${uuid(2)}.bob`, { role: "y" }));
    await send(10, put("fellows", `${uuid(2)}.alice`, { role: "y" }));
  },
  conflicts: async (opened) => {
    await createCollection(opened.db, "docs", {
      _id: { bsonType: "string" },
      title: nullable("string"),
      note: { bsonType: "string" },
      title_at: nullable("date"),
      version: nullable("long"),
      quantity: nullable("int"),
      price: nullable("decimal"),
      tags: nullable("array"),
    });
    let at = 0;
    const send = async (conflict: object, entry: object, previous?: object) => {
      const writes = writesOf(opened, { tables: { docs: { access: "everyone", conflict } } });
      const previous_values = previous && { previous_values: previous };
      await writes.processTransaction(
        from("phone", (at += 1), { ...entry, ...previous_values }),
        alice,
      );
    };
    await send({ version: "version" }, put("docs", "a", { title: "a", tags: "[1]" }));
    await send({ version: "version" }, patch("docs", "a", { title: "b", note: null }), {
      version: 1,
    });
    const add = { add: { quantity: { min: 0, max: 9 } } };
    await send(add, patch("docs", "a", { quantity: 3 }), { quantity: 1 });
    await send({ union: ["tags"] }, patch("docs", "a", { tags: "[2]" }), { tags: "[1]" });
    await send(
      { greatest: ["quantity"], least: ["price"] },
      patch("docs", "a", { quantity: 2, price: "1.5" }),
    );
    await send({ changed: "reject" }, patch("docs", "a", { title: null }), { title: "x" });
    const day = (n: number) => ({ title: String(n), title_at: `2026-01-0${n}T00:00:00Z` });
    await send({ newest: { title: "title_at" } }, patch("docs", "a", day(2)));
    await send({ newest: "title_at" }, patch("docs", "a", day(1)));
  },
  "dead letters": async (opened) => {
    const writes = writesOf(opened);
    const send = (at: number, ...crud: object[]) =>
      writes.processTransaction(from("phone", at, ...crud), alice);
    await send(1, badThing(uuid(1)));
    await send(2, patch("things", uuid(1), { size: 2 }));
    await send(3, patch("things", uuid(1), { size: 3 }));
    await send(4, badThing(uuid(4)));
    await send(5, goodThing(uuid(4)));
    const { letters } = await writes.deadLetters.list({ limit: 10 });
    await writes.deadLetters.list({
      limit: 1,
      table: "things",
      errorCode: "CHECK_VIOLATION",
      userId: "alice",
    });
    const root = letters.find(
      ({ errorCode, status }) => errorCode === "CHECK_VIOLATION" && status === "open",
    );
    const id = root?.id ?? "";
    await writes.deadLetters.get(id);
    await writes.deadLetters.edit(id, from("phone", 1, goodThing(uuid(1))));
    await writes.deadLetters.retry(id);
    await send(6, badThing(uuid(6)));
    const [last] = (await writes.deadLetters.list({ status: "open" })).letters;
    await writes.deadLetters.discard(last?.id ?? "", "of no use");
    await writes.deadLetters.count();
    // The same content again, where no ledger knows of it.
    const forgetful = writesOf(opened, { ledger: false });
    for (let nr = 0; nr < 2; nr += 1)
      await forgetful.processTransaction(from("phone", 7, badThing(uuid(7))), alice);
    await send(8, badThing(uuid(8)));
    const { next } = await writes.deadLetters.retryAll({ userId: "alice" }, { limit: 1 });
    await writes.deadLetters.retryAll(
      { userId: "alice" },
      { force: true, ...(next !== undefined && { cursor: next }) },
    );
  },
  "more letters than one answer holds": async (opened) => {
    const writes = writesOf(opened);
    for (let at = 1; at <= 103; at += 1)
      await writes.processTransaction(from("phone", at, badThing(uuid(at))), alice);
    const { next } = await writes.deadLetters.list({ limit: 102 });
    await writes.deadLetters.list({ limit: 1, ...(next !== undefined && { cursor: next }) });
  },
  "failed attempts": async ({ store }) => {
    await store.unit({}, async ({ attempts }) => {
      for (let nr = 0; nr < 2; nr += 1) await attempts.count("content", 60_000);
      await attempts.isExhausted("content", { attempts: 1, afterMs: 0 }, 60_000);
      await attempts.forget("content");
    });
  },
  "rejections beside dead letters": async (opened) => {
    const rows = [{ id: uuid(8), code: "a" }];
    const writes = writesOf(opened, {
      deadLetters: { rejections: { table: "things", row: () => rows.shift() } },
    });
    await writes.processTransaction(from("phone", 1, badThing(uuid(1))), alice);
  },
  "what is counted, removed and forgotten": async (opened) => {
    const writes = writesOf(opened, {
      checkpoints: true,
      ledger: { retentionDays: 1e-12, prune: false, devices: 1 },
      deadLetters: { keepClosedDays: 1e-12 },
    });
    for (const clientId of ["phone", "tablet", undefined])
      await writes.processTransaction(
        { transaction_id: 1, ...from(clientId as never, 1, goodThing(uuid(1))) },
        { principal: alice.principal, ...(clientId !== undefined && { clientId }) },
      );
    await writes
      .checkpoint({ principal: alice.principal, clientId: "phone" } as never)
      .catch(() => undefined);
    await writes.prune();
    await writes.forget("alice");
  },
  "check() and ready()": async (opened) => {
    const writes = writesOf(opened);
    await writes.check();
    await writes.ready();
  },
};
