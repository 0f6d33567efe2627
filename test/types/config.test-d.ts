/** What a configuration infers: the principal from `authenticate`, the tables from `database`, whatever the order of properties. */
import type { Kysely } from "kysely";
import {
  anonymous,
  createWrites,
  type Principal,
  rls,
  type StoredRow,
  type WriteRequest,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { powersyncWritesAdmin } from "../../adapters/express.js";
import { jwt, type JwtPrincipal } from "../../src/jwt/index.js";
import { expectType } from "./expect.js";

interface Database {
  lists: { id: string; name: string | null; owner_id: string | null };
  todos: { id: string; list_id: string; done: boolean };
}

interface User {
  readonly userId: string;
  readonly role: "admin" | "member";
}

declare const database: Kysely<Database>;
declare const databaseOf: (userId: string) => Promise<Kysely<Database>>;
declare const user: User;
declare function userOf(token: string | null): Promise<User>;

// An async arrow in front of everything that uses the principal.
expectType<Writes<User>>()(
  createWrites({
    authenticate: async (request) => {
      expectType<WriteRequest>()(request);
      return userOf(request.headers.get("authorization"));
    },
    database,
    tables: {
      lists: {
        scope: (eb, { principal, tx }) => {
          expectType<User>()(principal);
          void tx.selectFrom("lists").select("name");
          // @ts-expect-error There is no such table.
          void tx.selectFrom("nowhere");
          return eb.or([
            eb("lists.owner_id", "=", principal.userId),
            eb.exists(eb.selectFrom("todos").select("todos.id").where("todos.done", "=", true)),
          ]);
        },
        columns: {
          name: true,
          title: "name",
        },
        set: {
          owner_id: ({ principal }) => {
            expectType<User>()(principal);
            return principal.userId;
          },
        },
        authorize: async (write, { principal, stored }) => {
          expectType<"PUT" | "PATCH" | "DELETE">()(write.op);
          expectType<"admin" | "member">()(principal.role);
          expectType<StoredRow | undefined>()(await stored());
        },
      },
      todos: {
        setOnInsert: { done: () => false },
        belongsTo: { list_id: "lists", parent: { table: "todos", by: "id", optional: true } },
        // @ts-expect-error There is no such table.
        scope: (eb) => eb("nowhere.id", "=", "1"),
      },
    },
    hooks: {
      persist: {
        after: (_outcome, { principal, tx }) => {
          expectType<User>()(principal);
          void tx.insertInto("todos").values({ id: "1", list_id: "2", done: false });
          // @ts-expect-error There is no such column.
          void tx.selectFrom("lists").select("nothing");
        },
      },
    },
  }),
);

// Behind them its parameter needs an annotation, or is not there.
expectType<Writes<User>>()(
  createWrites({
    hooks: {
      committed: (_committed, { principal }) => expectType<"admin" | "member">()(principal.role),
    },
    tables: {
      lists: { authorize: (_write, { principal }) => expectType<User>()(principal) },
    },
    authorize: (_write, { principal, tx }) => {
      expectType<User>()(principal);
      void tx.selectFrom("lists");
    },
    database,
    authenticate: async (request: WriteRequest) => userOf(request.headers.get("authorization")),
  }),
);
expectType<Writes<User>>()(
  createWrites({
    hooks: { map: { before: (_entry, { principal }) => expectType<User>()(principal) } },
    tables: {},
    database,
    authenticate: () => user,
  }),
);

// Functions that come as values, wherever they stand.
expectType<Writes<JwtPrincipal>>()(
  createWrites({
    hooks: {
      authenticate: { after: (principal) => expectType<JwtPrincipal>()(principal) },
    },
    database,
    tables: {
      lists: {
        authorize: (_write, { principal }) => expectType<unknown>()(principal.claims["role"]),
      },
    },
    authenticate: jwt({ jwksUri: "https://id.example/jwks", issuer: "i", audience: "a" }),
  }),
);
expectType<Writes<Principal>>()(
  createWrites({ authenticate: anonymous(), database, tables: { lists: { access: "everyone" } } }),
);

// A database for each tenant.
expectType<Writes<User>>()(
  createWrites({
    authenticate: async (request) => userOf(request.url),
    database: (principal) => {
      expectType<User>()(principal);
      return databaseOf(principal.userId);
    },
    tables: {
      lists: { authorize: (_write, { tx }) => void tx.selectFrom("lists").select("owner_id") },
    },
    hooks: {
      persist: {
        before: (_write, { tx }) => {
          // @ts-expect-error There is no such table.
          void tx.selectFrom("nowhere");
        },
      },
    },
  }),
);

// What is no principal, and what is no configuration.
createWrites({
  // @ts-expect-error A principal has a userId.
  authenticate: () => ({ name: "alice" }),
  database,
  tables: {},
});
// @ts-expect-error Somebody must say who calls.
createWrites({ database, tables: {} });
// @ts-expect-error There must be a database.
createWrites({ authenticate: anonymous(), tables: {} });
// @ts-expect-error Nothing is writable that is not declared: say `{}` for nothing.
createWrites({ authenticate: anonymous(), database });

const needed = { authenticate: anonymous(), database, tables: {} };
// @ts-expect-error Not a key.
createWrites({ ...needed, onError: () => undefined });
// @ts-expect-error A hook point of no layer.
createWrites({ ...needed, hooks: { persists: {} } });
// @ts-expect-error A layer has before and after.
createWrites({ ...needed, hooks: { persist: { around: () => undefined } } });
// @ts-expect-error Not a key of a rule.
createWrites({ ...needed, tables: { lists: { access: "everyone", colums: ["name"] } } });
// @ts-expect-error Not an operation.
createWrites({ ...needed, tables: { lists: { access: "everyone", operations: ["INSERT"] } } });
// @ts-expect-error Two of them there are.
createWrites({ ...needed, onFatal: "ignore" });
// @ts-expect-error Not a limit.
createWrites({ ...needed, limits: { bytes: 1 } });
// @ts-expect-error authenticate has no default: to replace it is to write it.
createWrites({ ...needed, respond: () => undefined });
createWrites({
  ...needed,
  path: false,
  onFatal: "skip",
  limits: { bodyBytes: 1 },
  hooks: [],
  tables: { lists: { access: "everyone", columns: ["name"], operations: ["PUT"], put: "replace" } },
});

// With exactOptionalPropertyTypes, an option that may be absent is spread, not set to undefined.
declare const perhaps: "stop" | "skip" | undefined;
createWrites({ ...needed, ...(perhaps !== undefined && { onFatal: perhaps }) });
// @ts-expect-error undefined is not a mode.
createWrites({ ...needed, onFatal: perhaps });

// A configuration written down beforehand fits, and with fewer words where its types are known.
const config = {
  ...needed,
  authenticate: () => user,
  hooks: { persist: { before: (write) => write } },
} satisfies WritesConfig<User, Database>;
expectType<Writes<User>>()(createWrites(config));

// The role and the claims of a policy know the principal too.
createWrites({
  authenticate: jwt({ jwks: { keys: [] }, issuer: "i", audience: "a" }),
  database,
  tables: {},
  rls: {
    role: (principal) => {
      expectType<JwtPrincipal>()(principal);
      return principal.userId === "" ? "anon" : "authenticated";
    },
    claims: ({ claims }) => claims,
  },
});
// As a value of its own it is told.
const ofUser = rls({
  role: ({ role }: User) => role,
  settings: ({ userId }) => ({ "app.user_id": userId }),
});
createWrites({ authenticate: async () => user, database, tables: {}, rls: ofUser });
createWrites({ authenticate: async () => user, database, tables: {}, rls: rls({ role: "app" }) });
// @ts-expect-error These principals have no such role.
createWrites({ authenticate: anonymous(), database, tables: {}, rls: ofUser });
// @ts-expect-error A role is text.
createWrites({ authenticate: async () => user, database, tables: {}, rls: { role: () => 7 } });

declare const made: Writes<JwtPrincipal>;
void powersyncWritesAdmin(made, { guard: ({ raw }) => raw.socket.remoteAddress === "127.0.0.1" });
void powersyncWritesAdmin(made, { guard: async () => false });
// @ts-expect-error The admin routes need a guard.
void powersyncWritesAdmin(made, {});
// @ts-expect-error What verifies users is no guard: a principal is not a yes.
void powersyncWritesAdmin(made, { guard: jwt({ jwks: { keys: [] }, issuer: "i", audience: "a" }) });
// @ts-expect-error Nor is this.
void powersyncWritesAdmin(made, { guard: anonymous() });
