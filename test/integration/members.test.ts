/** Who is a member by `isMember`, on every store: by a row of another table, and not by the row that is just being written. */
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anyOf,
  createWrites,
  isMember,
  isOwner,
  type Principal,
  type TransactionResult,
  type WriteEvent,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { isChosen } from "../support/chosen.js";
import { dialects, postgres } from "../support/databases.js";
import { createCollection, openMongo } from "../support/mongodb.js";
import { byName } from "../support/writes.js";

type Tables = WritesConfig<Principal, never>["tables"];
type Row = Readonly<Record<string, unknown>>;

interface Opened {
  writes(tables: Tables): Writes<Principal>;
  /** As any client would see them, by id. */
  rows(table: "folders" | "folder_members"): Promise<readonly Row[]>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

interface Place {
  readonly name: string;
  /** Whole transactions are sent at once. */
  readonly flights: boolean;
  available(): Promise<boolean>;
  open(events: WriteEvent[]): Promise<Opened>;
}

const names = ["folders", "folder_members"] as const;

function onSql(dialect: (typeof dialects)[number], flights: boolean): Place {
  return {
    name: dialect === postgres && !flights ? `${dialect.name}, step by step` : dialect.name,
    flights,
    available: () => dialect.available(),
    open: async (events) => {
      const database = await dialect.open({ flights });
      const db = database.db as never as typeof database.db;
      await sql`create table folders (id varchar(40) primary key, owner_id varchar(40), name varchar(40))`.execute(
        db,
      );
      await sql`create table folder_members (id varchar(40) primary key, folder_id varchar(40), user_id varchar(40), role varchar(20), note varchar(40))`.execute(
        db,
      );
      return {
        writes: (tables) =>
          createWrites({
            authenticate: byName,
            database: db as never,
            tables,
            logger: false,
            onEvent: (event) => void events.push(event),
          }),
        rows: async (table) =>
          (await sql<Row>`select * from ${sql.table(table)} order by id`.execute(db)).rows,
        reset: async () => {
          for (const name of names) await sql`delete from ${sql.table(name)}`.execute(db);
        },
        close: () => database.close(),
      };
    },
  };
}

const places: readonly Place[] = [
  ...dialects.map((dialect) => onSql(dialect, dialect === postgres)),
  onSql(postgres, false),
  {
    name: "memory",
    flights: false,
    available: async () => isChosen("memory"),
    open: async (events) => {
      const text = "text" as const;
      const member = { id: text, folder_id: text, user_id: text, role: text, note: text };
      const tables = {
        folders: { columns: { id: text, owner_id: text, name: text } },
        folder_members: { columns: member },
      };
      let store = memoryStore({ tables });
      return {
        writes: (rules) =>
          createWrites({
            authenticate: byName,
            database: store as never,
            tables: rules,
            logger: false,
            onEvent: (event) => void events.push(event),
          }),
        rows: async (table) => store.rows(table),
        reset: async () => {
          store = memoryStore({ tables });
        },
        close: async () => undefined,
      };
    },
  },
  {
    name: "MongoDB",
    flights: false,
    available: async () => isChosen("mongodb"),
    open: async (events) => {
      const { db, store, close } = await openMongo();
      const text = { bsonType: ["string", "null"] };
      const id = { bsonType: "string" };
      await createCollection(db, "folders", { _id: id, owner_id: text, name: text });
      const members = { _id: id, folder_id: text, user_id: text, role: text, note: text };
      await createCollection(db, "folder_members", members);
      return {
        writes: (tables) =>
          createWrites({
            authenticate: byName,
            database: store as never,
            tables,
            logger: false,
            onEvent: (event) => void events.push(event),
          }),
        rows: async (table) => {
          const found = await db.collection(table).find().sort({ _id: 1 }).toArray();
          return found.map(({ _id, ...row }) => ({ id: _id, ...row }));
        },
        reset: async () => {
          for (const name of names) await db.collection(name).deleteMany({});
        },
        close,
      };
    },
  },
];

const put = (table: string, id: string, op_data: object = {}) => ({
  op: "PUT",
  table,
  id,
  op_data,
});
const patch = (table: string, id: string, op_data: object) => ({ op: "PATCH", table, id, op_data });
const del = (table: string, id: string) => ({ op: "DELETE", table, id });

/** `success`, the error's code, or `retryable_error`. */
const wordOf = (result: TransactionResult) =>
  result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;

const members = { table: "folder_members", row: "folder_id", user: "user_id" } as const;
const join = (id: string, user_id: string, more: object = {}) =>
  put("folder_members", id, { folder_id: "f", user_id, ...more });

for (const place of places) {
  describe.skipIf(!(await place.available()))(`members, on ${place.name}`, () => {
    const events: WriteEvent[] = [];
    let opened: Opened;
    let opId = 0;

    beforeAll(async () => {
      opened = await place.open(events);
    });
    beforeEach(async () => {
      await opened.reset();
      events.length = 0;
    });
    afterAll(() => opened.close());

    /** Each rule's writes are made once, so that what they know of tables and devices is known the second time. */
    const made = new Map<Tables, Writes<Principal>>();
    const send = async (tables: Tables, userId: string, ...crud: readonly object[]) => {
      const writes = made.get(tables) ?? opened.writes(tables);
      made.set(tables, writes);
      const entries = crud.map((entry) => ({ ...entry, op_id: (opId += 1) }));
      const body = { client_id: `of ${userId}`, crud: entries };
      return wordOf(await writes.processTransaction(body, { principal: { userId } }));
    };
    beforeEach(() => made.clear());

    describe("the row that is being written", () => {
      const byFolder: Tables = {
        folders: { owner: "owner_id" },
        folder_members: { scope: isMember({ ...members, by: "folder_id" }) },
      };
      const byParent: Tables = {
        folders: { scope: anyOf(isOwner("owner_id"), isMember(members)) },
        folder_members: { belongsTo: { folder_id: "folders" } },
      };
      const open: Tables = { folder_members: { access: "everyone" } };

      it("makes nobody a member by itself", async () => {
        for (const tables of [byFolder, byParent]) {
          await opened.reset();
          made.clear();
          expect(await send(byParent, "alice", put("folders", "f"), put("folders", "g"))).toBe(
            "success",
          );
          expect(await send(open, "alice", join("1", "bob"))).toBe("success");
          // Twice: what is known of tables and devices by then is sent another way.
          for (const time of ["first", "second"]) {
            const say = `${tables === byFolder ? "by folder" : "by parent"}, ${time}`;
            expect(await send(tables, "eve", join("e", "eve")), say).toBe("UNAUTHORIZED");
            // Nor does a row that was a membership of something else, or of somebody else.
            const moved = { folder_id: "g" };
            expect(await send(tables, "bob", patch("folder_members", "1", moved)), say).toBe(
              "UNAUTHORIZED",
            );
            expect(
              await send(tables, "bob", put("folder_members", "1", { ...moved, user_id: "bob" })),
              say,
            ).toBe("UNAUTHORIZED");
            expect(
              await send(tables, "eve", patch("folder_members", "1", { user_id: "eve" })),
              say,
            ).toBe("UNAUTHORIZED");
            expect(await send(tables, "bob", join("2", "carol")), say).toBe("success");
            expect(await send(tables, "carol", join("3", "dave", { note: say })), say).toBe(
              "success",
            );
          }
          expect(
            (await opened.rows("folder_members")).map(
              ({ id, folder_id, user_id }) =>
                `${String(id)} ${String(folder_id)} ${String(user_id)}`,
            ),
          ).toEqual(["1 f bob", "2 f carol", "3 f dave"]);
          const flown = events.filter((event) => event.type === "transaction" && event.flown);
          expect(flown.length > 0).toBe(place.flights);
        }
      });

      it("counts where the write does not decide whose membership it is", async () => {
        expect(await send(byParent, "alice", put("folders", "f"))).toBe("success");
        expect(await send(open, "alice", join("1", "bob"))).toBe("success");
        for (const tables of [byFolder, byParent]) {
          const note = patch("folder_members", "1", { note: "mine" });
          expect(await send(tables, "bob", note)).toBe("success");
          expect(await send(tables, "eve", note)).toBe("UNAUTHORIZED");
        }
        expect(await send(byFolder, "bob", del("folder_members", "1"))).toBe("success");
        expect(await opened.rows("folder_members")).toEqual([]);
        expect(await send(byFolder, "bob", join("1", "bob"))).toBe("UNAUTHORIZED");
      });

      it("is one for what comes behind it", async () => {
        const tables: Tables = { ...byParent, folder_members: { access: "everyone" } };
        expect(await send(tables, "alice", put("folders", "f"))).toBe("success");
        const rename = patch("folders", "f", { name: "b" });
        expect(await send(tables, "bob", rename, join("1", "bob"))).toBe("UNAUTHORIZED");
        expect(await send(tables, "bob", join("1", "bob"), rename)).toBe("success");
      });
    });
  });
}
