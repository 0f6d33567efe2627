/** What needs a row that a dead letter would create waits behind it, whatever the application's own mapping makes of tables and ids. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fatal, fromReference, type CrudEntry, type Write } from "../../src/index.js";
import {
  badList,
  chainScene,
  DEPENDS,
  FATAL,
  INVALID,
  list,
  newList,
  newTodo,
  other,
  remove,
  SUCCESS,
  todo,
} from "../support/chains.js";
import { alice, from, patch, put, uuid } from "../support/letters.js";
import type { OpenTarget } from "../support/target.js";
import { targets } from "../support/targets.js";

interface Named {
  readonly table: string;
  readonly id: string;
}

/** The device says `folders` where the server says `lists`, and puts a letter in front of its ids. */
const renamed = <N extends Named>(named: N): N =>
  named.table === "folders" ? { ...named, table: "lists", id: named.id.replace(/^f-/, "") } : named;

/** The name that a check refuses. */
const refused = "refused";
const judge = ({ values }: Pick<Write, "values">): void => {
  if (values["name"] === refused) throw fatal("REFUSED", "Not that name.");
};

const owner_id = "alice";
const folder = (name: string) => put("folders", `f-${list}`, { name, owner_id });
const badFolder = () => put("folders", `f-${list}`, { name: "New", owner_id, created_at: "soon" });
const changed = (id = list) => patch("folders", `f-${id}`, { name: "x" });
const removed = (id = list) => remove("folders", `f-${id}`);

/** A rule of the device's name, where the default `map` runs in front of the application's. */
const folders = {
  access: "everyone",
  table: "lists",
  id: { columns: ["id"], split: (id: string) => [id.replace(/^f-/, "")] },
};

const referenceMapper = (entry: { op: string; table: string; id: string; op_data?: object }) =>
  ({ ...renamed(entry), data: entry.op_data }) as never;

const mappings: readonly (readonly [string, () => object])[] = [
  [
    "a hook before map",
    () => ({ hooks: { map: { before: (entry: CrudEntry) => renamed(entry) } } }),
  ],
  [
    "a hook behind map",
    () => ({
      hooks: { map: { after: (write: Write | null) => write && renamed(write) } },
      tables: { folders },
    }),
  ],
  [
    "a map of its own that asks the default one",
    () => ({
      map: (entry: CrudEntry, _context: object, next: (entry: CrudEntry) => unknown) =>
        next(renamed(entry)),
    }),
  ],
  [
    "a map of its own",
    () => ({
      map: ({ op, table, id, opData }: CrudEntry) =>
        renamed({ op, table, id, values: { ...opData } }),
    }),
  ],
  [
    "a hook before authorize",
    () => ({
      hooks: { authorize: { before: (write: Write) => renamed(write) } },
      tables: { folders },
    }),
  ],
  ["a mapper for the reference endpoint", () => fromReference({ mapper: referenceMapper })],
];

describe.each(targets)("$name", (target) => {
  let open: OpenTarget;
  let available = true;

  beforeAll(async () => {
    available = await target.available();
    if (available) open = await target.open();
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    await open.reset();
  });
  afterAll(() => open?.close());

  describe.each(mappings)("%s", (name, config) => {
    const made = () => chainScene(open, { authorize: judge, ...config() });

    it("attracts what names the row as the device does, and what names it as the server does", async () => {
      const { send, all } = made();
      expect(await send(folder(refused))).toMatchObject(FATAL);
      expect(await send(changed())).toMatchObject(DEPENDS);
      expect(await send(removed())).toMatchObject(DEPENDS);
      expect(await send(patch("lists", list, { name: "x" }))).toMatchObject(DEPENDS);
      expect(await send(newTodo(1))).toMatchObject(DEPENDS);
      expect(
        await send(put("open_todos", todo(2), { list_id: list, description: "x" })),
      ).toMatchObject(DEPENDS);
      // Of another row, and another user's.
      expect(await send(changed(other))).toEqual(SUCCESS);
      expect(await all()).toHaveLength(6);
    });

    it("attracts them where the value is refused that the row would have", async () => {
      const { send } = made();
      expect(await send(badFolder())).toMatchObject(INVALID);
      expect(await send(changed())).toMatchObject(DEPENDS);
      expect(await send(patch("lists", list, { name: "x" }))).toMatchObject(DEPENDS);
      expect(await send(newTodo(1))).toMatchObject(DEPENDS);
    });

    it("attracts them where the row comes behind what is refused", async () => {
      const { send } = made();
      expect(await send(badList(other), folder("New"))).toMatchObject(INVALID);
      expect(await send(removed())).toMatchObject(DEPENDS);
      expect(await send(newTodo(1))).toMatchObject(DEPENDS);
    });

    it("attracts them where the transaction is refused for its form, and edited", async () => {
      const { writes, send, deadLetters, root } = made();
      const crud = [{ ...folder("New"), metadata: 7 }];
      expect(await writes.processTransaction({ client_id: "phone", crud }, alice)).toMatchObject(
        FATAL,
      );
      expect(await send(changed())).toMatchObject(DEPENDS);
      const { id } = await root();
      expect(await deadLetters.edit(id, { crud: [folder("Edited")] })).toEqual({
        status: "edited",
      });
      expect(await send(newTodo(1))).toMatchObject(DEPENDS);
      expect(await deadLetters.retry(id)).toMatchObject({
        status: "retried",
        dependants: { waiting: 0 },
      });
      expect(await open.rows("lists")).toMatchObject([{ name: "x" }]);
      expect(await open.rows("todos")).toHaveLength(1);
    });

    it("attracts nothing any more when the row has been made", async () => {
      const { send, deadLetters, root } = made();
      expect(await send(folder(refused))).toMatchObject(FATAL);
      expect(await send(folder("New"))).toEqual(SUCCESS);
      const { id, status } = await root();
      expect(status).toBe("stale");
      expect(await send(removed())).toEqual(SUCCESS);
      expect(await send(changed())).toEqual(SUCCESS);
      expect(await deadLetters.retry(id)).toMatchObject({ status: "stale" });
    });

    it("is stale where its row has been made by the server's name, or changed by others", async () => {
      const { send, deadLetters, root, all } = made();
      expect(await send(folder(refused))).toMatchObject(FATAL);
      expect(await send(put("lists", list, { name: "New", owner_id }))).toEqual(SUCCESS);
      expect(await deadLetters.retry((await root()).id)).toMatchObject({ status: "stale" });
      expect(await send(folder(refused))).toMatchObject(FATAL);
      const [, second] = await all();
      await open.change("lists", list, { name: "Somebody else's" });
      expect(await deadLetters.retry(second?.id ?? "")).toMatchObject({ status: "stale" });
    });

    it("a retried letter that makes another's row makes that one stale", async () => {
      const { send, deadLetters, all } = made();
      expect(await send(folder(refused))).toMatchObject(FATAL);
      expect(await send(folder(refused), put("things", uuid(5), { size: 1 }))).toMatchObject(FATAL);
      const [first, second] = await all();
      await deadLetters.edit(second?.id ?? "", { crud: [folder("Made")] });
      expect(await deadLetters.retry(second?.id ?? "")).toEqual({ status: "retried" });
      expect((await all())[0]).toMatchObject({ id: first?.id, status: "stale" });
    });

    it("is nothing of another user's, and nothing is left of it when it is forgotten", async () => {
      const { writes, send } = made();
      expect(await send(badFolder())).toMatchObject(INVALID);
      const bobs = from("tablet", 1, changed());
      expect(await writes.processTransaction(bobs, { principal: { userId: "bob" } })).toEqual(
        SUCCESS,
      );
      await writes.forget("alice");
      expect(await send(changed())).toEqual(SUCCESS);
    });

    it.runIf(name === "a mapper for the reference endpoint" || name === "a hook before map")(
      "leaves other rows alone, for it is known which would be made",
      async () => {
        const { send } = made();
        expect(await send(badFolder())).toMatchObject(INVALID);
        expect(await send(changed(other))).toEqual(SUCCESS);
        expect(await send(patch("things", uuid(5), { size: 1 }))).toEqual(SUCCESS);
      },
    );
  });

  it("what a transaction makes itself is what its mapping makes", async () => {
    // A PUT of one row is one of another, so that the row it names is made by nobody but the letter.
    const { send } = chainScene(open, {
      authorize: judge,
      hooks: {
        map: {
          before: (entry: CrudEntry) =>
            entry.opData?.["name"] === "elsewhere" ? { ...entry, id: other } : entry,
        },
      },
    });
    expect(await send(newList(list, refused))).toMatchObject(FATAL);
    expect(await send(newList(list, "elsewhere"), remove("lists", list))).toMatchObject(DEPENDS);
  });

  it("a mapping that fails leaves all open", async () => {
    const { send } = chainScene(open, {
      map: (entry: CrudEntry, _context: object, next: (entry: CrudEntry) => unknown) => {
        if (entry.opData?.["name"] === refused) throw fatal("REFUSED", "Not that name.");
        return next(entry.op === "PATCH" ? { ...entry, op: "PUT" } : renamed(entry));
      },
    });
    // Even what is no PUT may become one.
    expect(await send(patch("lists", list, { name: refused }))).toMatchObject(FATAL);
    expect(await send(remove("things", uuid(5)))).toMatchObject(DEPENDS);
  });

  it("an id of which the application's code makes no key may be any of its table's", async () => {
    const split = (id: string) => {
      if (id === "unknown") throw fatal("NO_KEY", "There is no such folder.");
      return [id];
    };
    const rule = { ...folders, id: { columns: ["id"], split } };
    const { send } = chainScene(open, { tables: { folders: rule } });
    expect(await send(put("folders", "unknown", { name: "New" }))).toMatchObject(FATAL);
    expect(await send(remove("things", uuid(5)))).toEqual(SUCCESS);
    expect(await send(newTodo(1))).toMatchObject(DEPENDS);
  });

  it("what a mutation stands for may be mapped to anything", async () => {
    const { send } = chainScene(open, {
      mutators: {
        refuse: () => {
          throw fatal("REFUSED", "Not that.");
        },
      },
      hooks: { map: { before: (entry: CrudEntry) => renamed(entry) } },
    });
    const mutation = put("powersync_mutations", uuid(50), { name: "refuse", args: "{}" });
    expect(await send(mutation)).toMatchObject(FATAL);
    expect(await send(changed())).toEqual(SUCCESS);
    expect(await send({ ...mutation, id: uuid(51) }, folder("Optimistic"))).toMatchObject(FATAL);
    expect(await send(changed())).toMatchObject(DEPENDS);
    expect(await send(newTodo(1))).toMatchObject(DEPENDS);
  });
});
