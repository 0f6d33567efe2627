/** Slips in a configuration that would open a table, or take a bound away: each is refused before anybody is answered. */
import { Kysely, SqliteDialect } from "kysely";
import { describe, expect, it } from "vitest";
import { powersyncWrites as express } from "../../adapters/express.js";
import { powersyncWrites as fetched } from "../../adapters/fetch.js";
import { powersyncWrites as koa } from "../../adapters/koa.js";
import { powersyncWrites as node } from "../../adapters/node.js";
import { PowerSyncWriteModule } from "../../adapters/nest/index.js";
import { createAdmin } from "../../src/admin/admin.js";
import {
  anonymous,
  anyOf,
  createTables,
  createWrites,
  isMember,
  isOwner,
  rls,
} from "../../src/index.js";
import { auth0, clerk, jwt, keycloak } from "../../src/jwt/index.js";
import { memoryStore } from "../../src/store/memory.js";

const database = new Kysely<Record<string, Record<string, unknown>>>({
  dialect: new SqliteDialect({ database: async () => Promise.reject(new Error("Not opened.")) }),
});
const needed = { authenticate: anonymous(), database, tables: {} };
type Given = Readonly<Record<string, unknown>>;

const made = (config: unknown) => () => createWrites(config as typeof needed);
const table = (rule: unknown, more: Given = {}) =>
  made({ ...needed, ...more, tables: { lists: rule } });
const says = (message: string) => expect.objectContaining({ name: "TypeError", message });
const owner = "owner_id";
const misspelledMember = anyOf(isOwner(owner), {
  isMember: { tabel: "members", row: "list_id", user: "user_id" },
} as never);

describe("a configuration refuses", () => {
  it("a misspelled option of a rule, which would leave its table to everybody", () => {
    const tables = { lists: { columns: ["name"], onwer: "owner_id" } };
    expect(made({ ...needed, tables })).toThrow(
      says('tables.lists.onwer is not known. Did you mean "owner"?'),
    );
    // Also where something else judges, and in what is inherited.
    expect(table({ onwer: "owner_id" }, { authorize: () => undefined })).toThrow("onwer");
    expect(table(Object.create({ onwer: "owner_id", owner }))).toThrow("onwer");
    class Misspelled {
      readonly owner = owner;
      readonly colums = ["name"];
    }
    expect(table(new Misspelled())).toThrow('Did you mean "columns"?');
  });

  it.each<[string, Given]>([
    ['onFatall is not known. Did you mean "onFatal"?', { onFatall: "skip" }],
    ['limits.bodyByte is not known. Did you mean "bodyBytes"?', { limits: { bodyByte: 1 } }],
    ['ledger.retention is not known. Did you mean "retentionDays"?', { ledger: { retention: 1 } }],
    ["ledger.forgotten is not known. The known ones are", { ledger: { forgotten: 1 } }],
    ['deadLetters.opne is not known. Did you mean "open"?', { deadLetters: { opne: 1 } }],
    ["deadLetters.rejections.tabel is not", { deadLetters: { rejections: { tabel: "x" } } }],
    ["ownTables.names.powersync_ledgr is", { ownTables: { names: { powersync_ledgr: "x" } } }],
    ['cors.orgins is not known. Did you mean "origins"?', { cors: { orgins: [] } }],
    ["hooks.persists is not known", { hooks: { persists: {} } }],
    [
      "hooks[1].persist.befor is not known",
      { hooks: [{ map: { before() {} } }, { persist: { befor() {} } }] },
    ],
    ["rls.rule is not known", { rls: { rule: "app" } }],
    ["database.keys is not known", { database: { open: () => database, key: () => "", keys: 1 } }],
    ["parking.afterHour is not known", { parking: { afterHour: 1 } }],
    ["timeouts.lock is not known", { timeouts: { lock: 1 } }],
  ])("%s", (message, options) => {
    expect(made({ ...needed, ...options })).toThrow(TypeError);
    expect(made({ ...needed, ...options })).toThrow(message);
  });

  it.each<[string, unknown]>([
    ["tables.lists.columns.name.readonly", { owner, columns: { name: { readonly: "reject" } } }],
    ["tables.lists.columns.name.set", { owner, columns: { name: { set: () => 1 } } }],
    ["tables.lists.sets", { owner, sets: { name: () => 1 } }],
    ["tables.lists.setOninsert", { owner, setOninsert: { name: () => 1 } }],
    ["tables.lists.insertonly", { owner, insertonly: ["name"] }],
    ["tables.lists.scope.isOwnr", { scope: { isOwnr: "owner_id" } }],
    ["tables.lists.scope.anyOf[1].isMember.tabel", { scope: misspelledMember }],
    ["tables.lists.belongsTo.a.optinal", { belongsTo: { a: { table: "lists", optinal: true } } }],
    ["tables.lists.id.colums", { owner, id: { colums: ["a"], split: () => [] } }],
    ["tables.lists.delete.sets", { owner, delete: { sets: {} } }],
    [
      "tables.lists.columns.a.references.key",
      { owner, columns: { a: { references: { table: "x", match: "y", take: "z", key: "w" } } } },
    ],
  ])("an unknown key deep in a rule: %s", (path, rule) => {
    expect(table(rule)).toThrow(`${path} is not known.`);
  });

  it("a rule that does not say who may write", () => {
    const message = "tables.lists does not say who may write it. Write `owner`, `scope`";
    for (const rule of [{}, { columns: ["name"] }, { belongsTo: {} }, { operations: ["PUT"] }]) {
      expect(table(rule), JSON.stringify(rule)).toThrow(message);
    }
    expect(table({}, { hooks: { authorize: { before: () => undefined } } })).toThrow(message);
    for (const rule of [
      { access: "everyone" },
      { owner },
      { scope: () => true },
      { authorize: () => undefined },
      { operations: [] },
    ]) {
      expect(table(rule), JSON.stringify(rule)).not.toThrow();
    }
    expect(table({}, { authorize: () => undefined })).not.toThrow();
    expect(table({}, { database: () => database, rls: rls({ role: "app" }) })).not.toThrow();
    expect(table({ access: "everyone", owner })).toThrow('access: "everyone" and owner');
    expect(table({ access: "nobody" })).toThrow('tables.lists.access must be "everyone".');
  });

  it.each([
    "owner",
    "scope",
    "belongsTo",
    "authorize",
    "access",
    "operations",
    "columns",
    "table",
    "id",
    "delete",
    "hideForeign",
  ])("a rule whose %s is undefined, as a misspelled constant is", (option) => {
    const message = `tables.lists.${option} is undefined. Write `;
    expect(table({ owner, authorize: () => undefined, [option]: undefined })).toThrow(message);
  });

  it("undefined elsewhere, where it would open something", () => {
    const lists = { owner };
    const tables = { lists, todos: { belongsTo: { list_id: undefined } } };
    expect(made({ ...needed, tables })).toThrow("tables.todos.belongsTo.list_id is undefined.");
    expect(made({ ...needed, tables: { lists: undefined } })).toThrow("tables.lists is undefined.");
    expect(made({ ...needed, rls: undefined })).toThrow("rls is undefined.");
    expect(made({ ...needed, rls: { role: undefined } })).toThrow("rls.role is undefined.");
    expect(made({ ...needed, authorize: undefined })).toThrow("authorize is undefined.");
    expect(table({ owner, columns: { name: undefined } })).toThrow("columns.name is undefined.");
    expect(table({ owner, columns: { name: { readOnly: undefined } } })).toThrow(
      "tables.lists.columns.name.readOnly is undefined.",
    );
    // What opens nothing may be.
    expect(made({ ...needed, cors: undefined, limits: { bodyBytes: undefined } })).not.toThrow();
  });

  it("what is not there and must be", () => {
    for (const name of ["authenticate", "database", "tables"]) {
      const { [name as keyof typeof needed]: _, ...others } = needed;
      expect(made(others)).toThrow(`${name} is missing. It must be `);
      expect(made({ ...needed, [name]: undefined })).toThrow(`${name} is undefined. Write `);
    }
    for (const nothing of [undefined, null, "config", []]) {
      expect(made(nothing)).toThrow("The configuration must be an object");
    }
  });

  it.each<[string, Given]>([
    ['path must be a path that begins with "/", or false.', { path: "api/data" }],
    ["authenticate must be a function", { authenticate: { userId: "a" } }],
    ["tables must be an object", { tables: new Map([["lists", { owner }]]) }],
    ["tables must be an object", { tables: Promise.resolve({ lists: { owner } }) }],
    ["tables must be an object", { tables: ["lists"] }],
    ["tables.lists must be a rule", { tables: { lists: true } }],
    ["tables.lists.owner must be", { tables: { lists: { owner: ["owner_id"] } } }],
    ["tables.lists.owner is empty", { tables: { lists: { owner: "" } } }],
    [
      'tables.lists.scope.owner is not known. Did you mean "isOwner"?',
      { tables: { lists: { scope: { owner } } } },
    ],
    ["tables.lists.scope must be a function", { tables: { lists: { scope: "owner_id" } } }],
    [
      "tables.lists.scope must have one of isOwner, isMember and anyOf",
      { tables: { lists: { scope: {} } } },
    ],
    [
      "tables.lists.scope.anyOf must be a list of conditions that is not empty",
      { tables: { lists: { scope: anyOf() } } },
    ],
    [
      "tables.lists.scope.anyOf[0].isOwner is undefined",
      { tables: { lists: { scope: anyOf(isOwner(undefined as never)) } } },
    ],
    [
      "tables.lists.scope.isMember.user is missing",
      { tables: { lists: { scope: { isMember: { table: "members", row: "list_id" } } } } },
    ],
    ...(
      [
        ["where must be an object of values by column that is not empty", {}],
        ["where must be an object of values by column", ["owner"]],
        ["where must be an object of values by column", "owner"],
        ["where is undefined", undefined],
        ["where.role is undefined", { role: undefined }],
        ["where.role[1] is undefined", { role: ["owner", undefined] }],
        ["where.role[0] must be a text, a number", { role: [["owner"]] }],
        ["where.role must be a text, a number", { role: [] }],
        ["where.role must be a text, a number", { role: { in: ["owner"] } }],
        ["where.role must be a text, a number", { role: () => "owner" }],
        ["where.level must be a text, a number", { level: Number.NaN }],
        ["where.since must be a text, a number", { since: new Date() }],
        ["where must be an object of values by column", Object.create({ role: "owner" })],
      ] as const
    ).map(([said, where]): [string, Given] => [
      `tables.lists.scope.isMember.${said}`,
      {
        tables: {
          lists: {
            scope: isMember({ table: "members", row: "list_id", user: "user_id", where } as never),
          },
        },
      },
    ]),
    ["tables.lists.persist must be a function", { tables: { lists: { owner, persist: true } } }],
    ["mutators.share must be a function", { mutators: { share: "yes" } }],
    ["mutators.share is undefined", { mutators: { share: undefined } }],
    ["mutators.share.run is missing", { mutators: { share: { optimistic: "apply" } } }],
    [
      'mutators.share.optimstic is not known. Did you mean "optimistic"?',
      { mutators: { share: { run: () => undefined, optimstic: "apply" } } },
    ],
    [
      "tables.powersync_mutations: devices write their mutations there",
      { mutators: {}, tables: { powersync_mutations: { access: "everyone" } } },
    ],
    [
      "tables.lists.operations[0] must be",
      { tables: { lists: { owner, operations: ["INSERT"] } } },
    ],
    ["tables.lists.hideForeign must be true or", { tables: { lists: { owner, hideForeign: 1 } } }],
    ['onFatal must be "stop" or "skip".', { onFatal: "ignore" }],
    ["isolation must be", { isolation: "none" }],
    ["ledger must be false, or an object", { ledger: true }],
    ["checkpoints must be true or false.", { checkpoints: "yes" }],
    ["logger must be false, or an object", { logger: { info: () => undefined } }],
    ["hooks must be an object of hooks", { hooks: () => undefined }],
    ["limits.requests must be a whole number above 0", { limits: { requests: "5" } }],
    ["database must be a Kysely object", { database: "postgres://" }],
  ])("%s", (message, options) => {
    expect(made({ ...needed, ...options })).toThrow(TypeError);
    expect(made({ ...needed, ...options })).toThrow(message);
  });

  it("a hook that hooks nothing, but not an instance that does more", () => {
    expect(made({ ...needed, hooks: {} })).toThrow("hooks has none of authenticate, validate, map");
    class Audit {
      readonly log: string[] = [];
      readonly persist = { after: () => undefined };
    }
    expect(made({ ...needed, hooks: new Audit() })).not.toThrow();
    class Nothing {
      readonly log: string[] = [];
    }
    expect(made({ ...needed, hooks: [new Nothing()] })).toThrow("hooks[0] has none of");
    expect(made({ ...needed, hooks: { committed: () => undefined } })).not.toThrow();
  });

  it("a hook whose function is undefined, as a misspelled one is, or has another name", () => {
    const hooks = (given: Given) => made({ ...needed, hooks: given });
    const committed = () => undefined;
    expect(hooks({ authorize: { before: undefined } })).toThrow(
      "hooks.authorize.before is undefined.",
    );
    expect(hooks({ authorize: undefined, committed })).toThrow("hooks.authorize is undefined.");
    expect(hooks({ committed: undefined, map: { after: committed } })).toThrow(
      "hooks.committed is",
    );
    expect(hooks({ authorize: {} })).toThrow("hooks.authorize has none of before, after.");
    class Misspelled {
      befor() {}
    }
    expect(hooks({ authorize: new Misspelled() })).toThrow("hooks.authorize has none of before");
  });

  it("names that are inherited, which nothing would read", () => {
    const inherited = Object.create({ org: "lists" }) as Given;
    const message = "tables.lists.belongsTo must be an object that names";
    expect(table({ owner, belongsTo: inherited })).toThrow(message);
    class Tables {
      readonly org = "lists";
    }
    expect(table({ owner, belongsTo: new Tables() })).toThrow(message);
    expect(made({ ...needed, tables: Object.create({ lists: { owner } }) })).toThrow(
      "tables must be",
    );
    const bare = Object.assign(
      Object.create(Object.assign(Object.create(null), { org: "lists" })),
      {},
    );
    expect(table({ owner, belongsTo: bare })).toThrow("tables.lists.belongsTo.org is inherited.");
  });

  it("but reads what a rule's or a column's options inherit", async () => {
    const store = memoryStore({
      tables: { lists: { columns: { id: "text", name: "text" }, key: ["id"] } },
    });
    class ReadOnly {
      get readOnly() {
        return "reject" as const;
      }
    }
    const given = { access: "everyone", columns: { name: new ReadOnly() } };
    const writes = made({ ...needed, database: store, tables: { lists: given } })();
    const crud = [{ op: "PUT", table: "lists", id: "a", op_id: 1, op_data: { name: "x" } }];
    expect(
      await writes.processTransaction({ crud }, { principal: { userId: "alice" } }),
    ).toMatchObject({ failedOperation: { errorCode: "FORBIDDEN_COLUMN" } });
  });

  it.each([[[]], [["id", "id"]], [{ columns: [], split: () => [] }]])("a key of %j", (id) => {
    expect(table({ owner, id })).toThrow("tables.lists.id");
  });

  it("unknown and undefined options of jwt() and of the providers", () => {
    const secret = "s".repeat(32);
    const signer = { secret, algorithms: ["HS256"], issuer: "i", audience: "a" } as const;
    const token = (more: Given) => () => jwt({ ...signer, ...more } as typeof signer);
    expect(token({})).not.toThrow();
    expect(token({ acept: () => false })).toThrow(
      'jwt: acept is not known. Did you mean "accept"?',
    );
    expect(token({ maxLifeTime: 60 })).toThrow('Did you mean "maxLifetime"?');
    expect(token({ accept: undefined })).toThrow("jwt: accept is undefined.");
    expect(token({ maxLifetime: undefined })).toThrow("jwt: maxLifetime is undefined.");
    expect(token({ jwksCache: { maxAge: 1 } })).toThrow("jwt: jwksCache.maxAge is not known.");
    const frontendApi = "https://clerk.example.com";
    const misspelled = { frontendApi, authorisedParties: ["https://app"] };
    expect(() => clerk(misspelled)).toThrow('Did you mean "authorizedParties"?');
    const undefinedParties = { frontendApi, authorizedParties: undefined } as never;
    expect(() => clerk(undefinedParties)).toThrow("clerk: authorizedParties is undefined.");
    const realm = { realmUrl: "https://id.example.com/realms/main", audience: "a" };
    expect(() => keycloak({ ...realm, clientIDs: ["web"] } as typeof realm)).toThrow(
      '"clientIds"?',
    );
    const tenant = { domain: "a.eu.auth0.com", audience: "a" };
    expect(() => auth0({ ...tenant, acept: () => false } as typeof tenant)).toThrow("auth0: acept");
  });

  it("nothing of an instance: stores, databases, loggers", () => {
    expect(made({ ...needed, database: memoryStore({ tables: {} }) })).not.toThrow();
    const logger = { error: () => undefined, warn: () => undefined, child: () => undefined };
    expect(made({ ...needed, logger })).not.toThrow();
  });
});

describe("the same holds", () => {
  const config = { ...needed, onFatall: "skip" };
  it.each<[string, (given: typeof needed) => unknown]>([
    ["Express", express],
    ["Koa", koa],
    ["fetch", fetched],
    ["node:http", node],
  ])("in %s", (_, mount) => {
    expect(() => mount(config)).toThrow('onFatall is not known. Did you mean "onFatal"?');
    expect(() => mount(undefined as never)).toThrow("The configuration must be an object");
  });

  it("for Nest's own options", () => {
    const options = { isGlobl: true } as object;
    expect(() => PowerSyncWriteModule.forRoot(needed, options)).toThrow(
      'PowerSyncWriteModule.forRoot: isGlobl is not known. Did you mean "isGlobal"?',
    );
  });

  it("for the library's own tables", async () => {
    const options = { shcema: "app" } as object;
    await expect(createTables(database, options)).rejects.toThrow(
      'ownTables.shcema is not known. Did you mean "schema"?',
    );
  });

  it("for the admin routes", () => {
    const writes = createWrites(needed);
    const admin = (options: object) => () => createAdmin(writes, { guard: () => true, ...options });
    expect(admin({ origin: [] })).toThrow(
      'The admin routes: origin is not known. Did you mean "origins"?',
    );
    expect(admin({ path: "letters" })).toThrow('must be a path that begins with "/"');
  });
});
