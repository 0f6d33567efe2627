/** What `defineTables` refuses, and what it infers: inline and as a const. */
import { type ColumnType, type Generated, type Kysely, sql, type Transaction } from "kysely";
import {
  anyOf,
  createWrites,
  defineTables,
  fatal,
  isMember,
  isOwner,
  type Principal,
  type SplitContext,
  type StoredRow,
  type Writes,
} from "../../src/index.js";
import { expectType } from "./expect.js";

interface Database {
  lists: { id: string; name: string | null; owner_id: string | null; deleted_at: Date | null };
  todos: { id: string; list_id: string; done: boolean; updated_at: Date };
  members: {
    list_id: string;
    user_id: string;
    role: "viewer" | "editor" | "owner";
    level: Generated<number>;
    active: ColumnType<boolean, boolean | undefined, boolean>;
    left_at: Date | null;
  };
  "app.people": { number: number; uuid: string };
}

interface User {
  readonly userId: string;
  readonly role: "admin" | "member";
}

declare const database: Kysely<Database>;
declare const user: User;

const tables = defineTables<Database, User>()({
  lists: {
    owner: "owner_id",
    columns: ["name", "owner_id"],
    operations: ["PUT", "PATCH"],
    delete: { set: { deleted_at: () => sql`now()` } },
    scope: (eb, { principal, tx }) => {
      expectType<User>()(principal);
      expectType<Transaction<Database>>()(tx);
      // @ts-expect-error There is no such table.
      void eb("nowhere.id", "=", "1");
      return eb("lists.deleted_at", "is", null);
    },
    authorize: async (write, { principal, stored }) => {
      expectType<"PUT" | "PATCH" | "DELETE">()(write.op);
      expectType<StoredRow | undefined>()(await stored());
      if (principal.role !== "admin") throw fatal("ADMINS_ONLY", "no");
    },
  },
  tasks: {
    table: "todos",
    id: ["list_id", "id"],
    columns: {
      done: true,
      finished: "done",
      list: {
        column: "list_id",
        references: { table: "app.people", match: "uuid", take: "number" },
        convert: (value, { principal }) => {
          expectType<unknown>()(value);
          return principal.role;
        },
      },
    },
    setOnInsert: {
      updated_at: ({ principal }) => {
        expectType<User>()(principal);
        return sql`now()`;
      },
    },
    belongsTo: { list_id: "lists" },
    put: "replace",
  },
  people: {
    table: "app.people",
    id: {
      columns: ["uuid", "number"],
      split: (id: string, { principal }: SplitContext<User>) => [id, principal.role],
    },
    belongsTo: { number: { table: "tasks", by: "list_id", optional: true } },
    access: "everyone",
  },
});
expectType<Writes<User>>()(createWrites({ authenticate: () => user, database, tables }));

// Inline, and for any principal that has a user id.
expectType<Writes<User>>()(
  createWrites({
    authenticate: () => user,
    database,
    tables: defineTables<Database>()({
      lists: {
        authorize: (_write, { principal }) => expectType<Principal>()(principal),
        scope: (eb, { principal }) => eb("lists.owner_id", "=", principal.userId),
      },
      todos: {},
    }),
  }),
);
// @ts-expect-error Its callbacks need a role, and these callers have none.
createWrites({ authenticate: () => ({ userId: "a" }), database, tables });

const define = defineTables<Database>();
// @ts-expect-error No option of a rule.
define({ lists: { onwer: "owner_id" } });
// @ts-expect-error No option of a rule, also beside a callback.
define({ lists: { onwer: "owner_id", scope: (eb) => eb("lists.owner_id", "is", null) } });
// @ts-expect-error No table, and the rule names none.
define({ lits: { owner: "owner_id" } });
// @ts-expect-error No table.
define({ mine: { table: "list", owner: "owner_id" } });
// @ts-expect-error No column of that table.
define({ lists: { owner: "list_id" } });
// @ts-expect-error No column of that table.
define({ mine: { table: "todos", owner: "owner_id" } });
// @ts-expect-error No column.
define({ lists: { owner: "owner_id", columns: ["nmae"] } });
// @ts-expect-error No column.
define({ lists: { owner: "owner_id", columns: { nmae: true } } });
// @ts-expect-error No column.
define({ lists: { owner: "owner_id", columns: { title: "nmae" } } });
// @ts-expect-error No column.
define({ lists: { owner: "owner_id", columns: { title: { column: "nmae" } } } });
// @ts-expect-error No column, and the rule names none.
define({ lists: { owner: "owner_id", columns: { title: { readOnly: "ignore" } } } });
// @ts-expect-error No option of a column.
define({ lists: { owner: "owner_id", columns: { name: { readonly: "ignore" } } } });
define({
  lists: {
    owner: "owner_id",
    // @ts-expect-error No column, also where a callback stands behind it.
    columns: { nmae: true, title: { column: "name", convert: (value) => value } },
  },
});
// @ts-expect-error A server's column goes by the source database's name.
define({ lists: { owner: "owner_id", set: { title: () => "x" } } });
// @ts-expect-error The same, where a row is made.
define({ lists: { owner: "owner_id", setOnInsert: { title: () => "x" } } });
// @ts-expect-error No column of the table.
define({ lists: { owner: "owner_id", insertOnly: ["created_by"] } });
define({
  lists: {
    scope: anyOf(
      isOwner("owner_id"),
      isMember({ table: "members", row: "list_id", user: "user_id" }),
    ),
    insertOnly: ["owner_id"],
    persist: (write, { tx }, next) => {
      expectType<Transaction<Database>>()(tx);
      return next(write);
    },
  },
  todos: {
    scope: isMember({ table: "members", row: "list_id", user: "user_id", by: "list_id" }),
  },
});
// @ts-expect-error No column of the table.
define({ lists: { scope: isOwner("owner") } });
// @ts-expect-error The same inside.
define({ lists: { scope: anyOf(isOwner("owner_id"), isOwner("owner")) } });
// @ts-expect-error No table.
define({ lists: { scope: isMember({ table: "member", row: "list_id", user: "user_id" }) } });
// @ts-expect-error No column of that table.
define({ lists: { scope: isMember({ table: "members", row: "list", user: "user_id" }) } });
const all = { table: "members", row: "list_id", user: "user_id" } as const;
define({
  lists: {
    scope: anyOf(
      isMember({ ...all, where: { role: ["editor", "owner"], left_at: null } }),
      isMember({ ...all, where: { role: "owner", level: [1, 2], active: true } }),
    ),
  },
});
// @ts-expect-error No column of the members.
define({ lists: { scope: isMember({ ...all, where: { roles: "owner" } }) } });
// @ts-expect-error The same, beside one that there is.
define({ lists: { scope: isMember({ ...all, where: { role: "owner", actve: true } }) } });
// @ts-expect-error The same inside.
define({ lists: { scope: anyOf(isMember({ ...all, where: { role: "owner", actve: true } })) } });
// @ts-expect-error No value of the column.
define({ lists: { scope: isMember({ ...all, where: { role: "admin" } }) } });
// @ts-expect-error The same in a list.
define({ lists: { scope: isMember({ ...all, where: { role: ["owner", "admin"] } }) } });
// @ts-expect-error No value of the column's type.
define({ lists: { scope: isMember({ ...all, where: { level: "high" } }) } });
// @ts-expect-error It is never null.
define({ lists: { scope: isMember({ ...all, where: { level: null } }) } });
// @ts-expect-error Of a point in time it can only be said that there is none.
define({ lists: { scope: isMember({ ...all, where: { left_at: new Date() } }) } });
// @ts-expect-error Nothing is compared with what is undefined.
isMember({ ...all, where: { role: undefined } });
define({
  todos: {
    access: "everyone",
    // @ts-expect-error No column of the table referred to.
    columns: {
      list: { column: "list_id", references: { table: "lists", match: "uuid", take: "id" } },
    },
  },
});
// @ts-expect-error No column.
define({ lists: { owner: "owner_id", id: "uuid" } });
// @ts-expect-error No column.
define({ lists: { owner: "owner_id", id: ["id", "nr"] } });
// @ts-expect-error No column.
define({ lists: { owner: "owner_id", delete: { set: { removed_at: () => null } } } });
// @ts-expect-error No rule of that name.
define({ lists: { owner: "owner_id" }, todos: { belongsTo: { list_id: "list" } } });
// @ts-expect-error No column of the child's.
define({ lists: { owner: "owner_id" }, todos: { belongsTo: { list: "lists" } } });
define({
  lists: { owner: "owner_id" },
  // @ts-expect-error No column of any parent's.
  todos: { belongsTo: { list_id: { table: "lists", by: "nowhere" } } },
});
define({
  todos: {
    access: "everyone",
    conflict: {
      newest: { done: "updated_at" },
      add: { list_id: { min: 0, max: 10n } },
      greatest: ["id"],
      record: "members",
    },
  },
});
define({
  todos: {
    access: "everyone",
    conflict: {
      changed: "merge",
      resolve: ({ base, theirs, yours, operation }, { principal, tx }) => {
        expectType<StoredRow>()(base);
        expectType<StoredRow>()(theirs);
        expectType<StoredRow>()(yours);
        expectType<"PUT" | "PATCH" | "DELETE">()(operation);
        expectType<Transaction<Database>>()(tx);
        return principal.userId === "a" ? "theirs" : fatal("NO", "No.");
      },
    },
  },
});
// @ts-expect-error No column.
define({ todos: { access: "everyone", conflict: { version: "version" } } });
// @ts-expect-error No column of that table.
define({ todos: { access: "everyone", conflict: { newest: "deleted_at" } } });
// @ts-expect-error No column for a stamp.
define({ todos: { access: "everyone", conflict: { newest: { done: "done_at" } } } });
// @ts-expect-error No column.
define({ todos: { access: "everyone", conflict: { add: ["quantity"] } } });
// @ts-expect-error No bound.
define({ todos: { access: "everyone", conflict: { add: { id: { least: 0 } } } } });
// @ts-expect-error No word of it.
define({ todos: { access: "everyone", conflict: { changed: "theirs" } } });
// @ts-expect-error No table.
define({ todos: { access: "everyone", conflict: { changed: "merge", record: "conflicts" } } });
// @ts-expect-error No answer.
define({ todos: { access: "everyone", conflict: { resolve: () => "mine" } } });
// @ts-expect-error Not an operation.
define({ lists: { owner: "owner_id", operations: ["INSERT"] } });
// @ts-expect-error Everyone, or those that another option names.
define({ lists: { access: "nobody" } });
