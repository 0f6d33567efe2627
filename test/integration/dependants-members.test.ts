/** A write that is refused for want of a membership waits behind the dead letter that would make its sender a member: on every database. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { anyOf, isMember, isOwner } from "../../src/index.js";
import {
  chainScene,
  DEPENDS,
  FATAL,
  list,
  newTodo,
  other,
  remove,
  SUCCESS,
  todo,
} from "../support/chains.js";
import { patch, put } from "../support/letters.js";
import { mongoTarget } from "../support/mongodb.js";
import type { OpenTarget } from "../support/target.js";
import { targets } from "../support/targets.js";

describe.each([...targets, mongoTarget])(
  "a membership that a letter would create, on $name",
  (target) => {
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

    const made = (config: object = {}) => chainScene(open, config);
    const member = { table: "members", row: "list_id", user: "user_name" } as const;
    const where = { role: ["editor", "owner"] };
    const tables = {
      lists: { scope: anyOf(isOwner("owner_id"), isMember({ ...member, where })) },
      todos: { scope: isMember({ ...member, by: "list_id", where }) },
      open_todos: { table: "todos", belongsTo: { list_id: "lists" } },
      members: { access: "everyone", id: ["list_id", "user_name"] },
    };
    const UNAUTHORIZED = { failedOperation: { errorCode: "UNAUTHORIZED" } };
    const bobs = () =>
      open.insert({
        lists: [
          { id: list, name: "His", owner_id: "bob" },
          { id: other, name: "His, too", owner_id: "bob" },
        ],
        todos: [{ id: todo(9), list_id: list, description: "there" }],
      });
    /** It can't be made, for it has no such column. */
    const joins = (id: string, user = "alice") =>
      put("members", `${id}.${user}`, { role: "editor", extra: 1 });

    it("is waited for by its row, by what belongs to it, and by another column", async () => {
      const { send, root, deadLetters } = made({ tables });
      await bobs();
      expect(await send(joins(list))).toMatchObject(FATAL);
      for (const crud of [
        [patch("lists", list, { name: "Ours" })],
        [newTodo(1)],
        [patch("todos", todo(9), { description: "seen" })],
        [put("open_todos", todo(2), { list_id: list, description: "x" })],
        [patch("open_todos", todo(9), { completed: 1 })],
        [newTodo(3), remove("todos", todo(9))],
      ])
        expect(await send(...crud), JSON.stringify(crud)).toMatchObject(DEPENDS);
      // Of another list it would be no member.
      expect(await send(newTodo(4, other))).toMatchObject(UNAUTHORIZED);
      expect(await send(patch("lists", other, { name: "x" }))).toMatchObject(UNAUTHORIZED);
      const { id, dependants } = await root();
      expect(dependants).toBe(6);
      await deadLetters.edit(id, {
        crud: [put("members", `${list}.alice`, { role: "editor" })],
      });
      expect(await deadLetters.retry(id)).toMatchObject({ status: "retried" });
      expect((await open.rows("todos")).map((row) => row["id"])).toEqual([
        todo(1),
        todo(2),
        todo(3),
      ]);
      const lists = await open.rows("lists");
      expect(new Set(lists.map((row) => row["name"]))).toEqual(new Set(["His, too", "Ours"]));
    });

    it("is of the sender, who has none yet", async () => {
      const { send } = made({ tables });
      await bobs();
      expect(await send(joins(list, "carol"))).toMatchObject(FATAL);
      expect(await send(newTodo(1))).toMatchObject(UNAUTHORIZED);
      // Whoever is there with another role needs no row.
      await open.insert({ members: [{ list_id: other, user_name: "alice", role: "guest" }] });
      expect(await send(joins(other))).toMatchObject(FATAL);
      expect(await send(newTodo(2, other))).toMatchObject(UNAUTHORIZED);
    });

    it("is waited for by a row that is hidden", async () => {
      const hidden = { ...tables, todos: { ...tables.todos, hideForeign: true } };
      const { send, events } = made({ tables: hidden });
      await bobs();
      expect(await send(patch("todos", todo(9), { description: "x" }))).toEqual(SUCCESS);
      expect(await send(joins(list))).toMatchObject(FATAL);
      expect(await send(patch("todos", todo(9), { description: "x" }))).toMatchObject(DEPENDS);
      expect(events.filter(({ type }) => type === "row_missing")).toHaveLength(1);
    });
  },
);
