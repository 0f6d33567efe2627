/** The extension points of PowerSync's reference write endpoint, written as they are for it, behind `fromReference`. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createWrites,
  fromReference,
  type Principal,
  type ReferenceAuthorizer,
  type ReferenceDeadLetter,
  type ReferenceEntry,
  type ReferenceExtensions,
  type ReferenceFatalErrorHandler,
  type ReferenceMapped,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { from, patch, put, uuid } from "../support/letters.js";
import type { TestSchema } from "../support/schema.js";

/** The application's copies of the reference endpoint's classes. */
class FatalOperationError extends Error {
  readonly errorCode: string;
  readonly details?: string | Record<string, string>;
  operationIndex?: number;

  constructor(errorCode: string, message: string, details?: string | Record<string, string>) {
    super(message);
    this.errorCode = errorCode;
    if (details !== undefined) this.details = details;
  }
}
class Forbidden extends FatalOperationError {}
class RetryableError extends Error {}

/** As the reference endpoint types its own: they are taken without a cast. */
interface TheirEntry {
  id: string;
  op: "PUT" | "PATCH" | "DELETE";
  table: string;
  transaction_id?: number;
  op_data?: { [key: string]: unknown };
}
interface TheirAuth {
  sub: string;
  claims: Record<string, unknown>;
}
interface TheirTransaction {
  crud: TheirEntry[];
  transaction_id?: number;
}
interface TheirAuthorizer {
  authorize(crud: TheirEntry[], auth: TheirAuth): boolean | Promise<boolean>;
}
interface TheirHandler {
  requiresClientHandling(
    error: FatalOperationError,
    context: { transaction: TheirTransaction; auth: TheirAuth },
  ): boolean | Promise<boolean>;
  onDeadLetter(entry: {
    occurrenceId: string;
    timestamp: string;
    transaction: TheirTransaction;
    authenticatedSubject: string;
    errorCode: string;
    message: string;
    details?: string | Record<string, string>;
    operationIndex?: number;
  }): void | Promise<void>;
}
type TheirMapper = (entry: TheirEntry) => {
  table: string;
  op: TheirEntry["op"];
  id: string;
  data: Record<string, unknown>;
} | null;

const created = new Date("2026-01-02T03:04:05.000Z");

/** The client's `expanded_todos` are `todos`, its deletes of lists are no deletes, and its drafts stay on the device. */
const mapper = ({ op, table, id, op_data }: ReferenceEntry): ReferenceMapped | null => {
  if (table === "drafts") return null;
  const { fake_title, ...data } = op_data ?? {};
  if (table === "expanded_todos")
    return { table: "todos", op, id, data: { ...data, id, description: fake_title } };
  if (table === "lists" && op === "DELETE")
    return { table, op: "PATCH", id, data: { name: "deleted" } };
  return { table, op, id, data: op === "PUT" ? { ...data, created_at: created } : data };
};

const writer: Principal = { userId: "alice", claims: { role: "writer" } };
const reader: Principal = { userId: "rita", claims: { role: "reader" } };
const byRole: ReferenceAuthorizer = {
  authorize: (_crud, { claims }) => claims["role"] === "writer",
};

const [list, todo, draft] = [uuid(1), uuid(2), uuid(3)];
const newList = put("lists", list, { name: "Groceries" });
const newTodo = put("expanded_todos", todo, { list_id: list, fake_title: "Milk" });
const badTodo = put("expanded_todos", todo, { list_id: list, fake_title: null });
const newDraft = put("drafts", draft, { text: "…" });

type Config = WritesConfig<Principal, TestSchema>;
const everyone = { access: "everyone" } as const;
const tables: Config["tables"] = { lists: everyone, todos: everyone };

for (const dialect of dialects) {
  describe.skipIf(!(await dialect.available()))(`on ${dialect.name}`, () => {
    let database: TestDatabase;
    const events: WriteEvent[] = [];

    beforeAll(async () => {
      database = await dialect.open();
    });
    beforeEach(async () => {
      await database.reset();
      events.length = 0;
    });
    afterAll(() => database.close());

    const made = (extensions: ReferenceExtensions, config: Partial<Config> = {}) =>
      createWrites<Principal, TestSchema>({
        authenticate: () => writer,
        database: database.db,
        tables,
        logger: false,
        onEvent: (event) => void events.push(event),
        ...fromReference(extensions),
        ...config,
      });
    const send = (
      extensions: ReferenceExtensions,
      crud: readonly object[],
      { principal = writer, config = {} }: { principal?: Principal; config?: Partial<Config> } = {},
    ) => made(extensions, config).processTransaction(from("phone", 1, ...crud), { principal });
    const rows = async (table: "lists" | "todos") =>
      (await database.db.selectFrom(table).selectAll().execute()).map(database.plain);
    const letters = async () => (await made({}).deadLetters.list()).letters;
    const failures = () => events.flatMap((event) => (event.type === "error" ? [event] : []));

    describe("a mapper", () => {
      it("renames a table and a column, sets a column, and drops an operation", async () => {
        expect(await send({ mapper }, [newDraft, newList, newTodo])).toEqual({ status: "success" });
        expect(await rows("lists")).toMatchObject([
          { id: list, name: "Groceries", created_at: created.toISOString() },
        ]);
        expect(await rows("todos")).toMatchObject([
          { id: todo, list_id: list, description: "Milk" },
        ]);
        // A column that a PATCH does not bring is left alone, though the mapper has named it.
        await send({ mapper }, [patch("expanded_todos", todo, { position: 2 })]);
        expect(await rows("todos")).toMatchObject([{ description: "Milk", position: 2 }]);
      });

      it("makes another operation of one", async () => {
        await send({ mapper }, [newList]);
        await made({ mapper }).processTransaction(
          from("phone", 9, { op: "DELETE", table: "lists", id: list }),
          { principal: writer },
        );
        expect(await rows("lists")).toMatchObject([{ id: list, name: "deleted" }]);
      });

      it("is given the wire's words, and changes nothing of what was sent by changing them", async () => {
        const seen: ReferenceEntry[] = [];
        const careless = (entry: ReferenceEntry): ReferenceMapped => {
          seen.push(structuredClone(entry));
          const { op, table, id, op_data: data = {} } = entry;
          delete data["description"];
          return { op, table, id, data };
        };
        const entry = { ...put("todos", todo, { description: "Milk" }), metadata: "m" };
        const result = await send({ mapper: careless }, [entry]);
        expect(result).toMatchObject({ failedOperation: { errorCode: "NOT_NULL_VIOLATION" } });
        expect(seen[0]).toEqual({ ...entry, op_id: 1 });
        const [letter] = await letters();
        expect(await made({}).deadLetters.get(letter?.id ?? "")).toMatchObject({
          payload: { crud: [entry] },
        });
      });

      it("is held by the rule of its table", async () => {
        const config = { tables: { todos: { ...everyone, columns: ["description"] } } };
        for (const [crud, errorCode] of [
          [newTodo, "FORBIDDEN_COLUMN"],
          [newList, "UNKNOWN_TABLE"],
        ] as const) {
          const answer = await send({ mapper }, [newDraft, crud], { config });
          expect(answer).toMatchObject({ failedOperation: { errorCode, operationIndex: 1 } });
          await database.reset();
        }
      });

      it.each([
        ["gives nothing", () => undefined as unknown as null],
        ["gives no operation", () => ({ table: "todos", id: todo, data: {} }) as ReferenceMapped],
        [
          "throws",
          () => {
            throw new TypeError("A bug.");
          },
        ],
      ])("that %s is retryable: nothing is written, nothing is given up", async (_how, broken) => {
        const answer = await send({ mapper: broken }, [newList]);
        expect(answer).toMatchObject({ status: "retryable_error" });
        expect(failures()).toMatchObject([{ during: "map", error: expect.any(TypeError) }]);
        expect([await rows("lists"), await letters()]).toEqual([[], []]);
      });

      it("that renames leaves dependants known, where the client's table has a rule as well", async () => {
        const both = { ...tables, expanded_todos: { ...everyone, table: "todos" } };
        const config = { tables: both };
        const writes = made({ mapper }, config);
        const next = (opId: number, ...crud: readonly object[]) =>
          writes.processTransaction(from("phone", opId, ...crud), { principal: writer });
        expect(await next(1, badTodo)).toMatchObject({ status: "fatal_error" });
        const late = await next(2, patch("expanded_todos", todo, { fake_title: "Bread" }));
        expect(late).toMatchObject({ failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" } });
      });
    });

    describe("an authorizer", () => {
      it("refuses by the token's claims, asked once for a transaction, with all of it", async () => {
        const authorize = vi.fn<ReferenceAuthorizer["authorize"]>(byRole.authorize);
        const extensions = { mapper, authorizer: { authorize } };
        const crud = [newDraft, newList, newTodo];
        const refused = await send(extensions, crud, { principal: reader });
        expect(refused).toMatchObject({
          status: "fatal_error",
          requiresClientHandling: false,
          failedOperation: { errorCode: "UNAUTHORIZED" },
        });
        expect(authorize).toHaveBeenCalledExactlyOnceWith(
          crud.map((entry, index) => ({ ...entry, op_id: 1 + index })),
          { sub: "rita", claims: { role: "reader" } },
        );
        expect([await rows("lists"), await letters()]).toMatchObject([[], [{ userId: "rita" }]]);

        expect(await send(extensions, crud)).toEqual({ status: "success" });
        expect(authorize).toHaveBeenCalledTimes(2);
        // A repeat has been answered already.
        expect(await send(extensions, crud, { principal: reader })).toEqual(refused);
        expect(authorize).toHaveBeenCalledTimes(2);
      });

      it("is asked of what the mapper drops, too, and before the mapper", async () => {
        const broken = vi.fn(() => null);
        const authorize = vi.fn(byRole.authorize);
        const extensions = { mapper: broken, authorizer: { authorize } };
        expect(await send(extensions, [newDraft], { principal: reader })).toMatchObject({
          failedOperation: { errorCode: "UNAUTHORIZED" },
        });
        // The mapper then says which rows the letter is about.
        const [first] = authorize.mock.invocationCallOrder;
        expect(broken.mock.invocationCallOrder.every((call) => call > (first ?? Infinity))).toBe(
          true,
        );
      });

      it("says who may write; without one, each table does", async () => {
        const config = { tables: { lists: {} } };
        const authorizer = { authorize: async () => true };
        expect(await send({ authorizer }, [newList], { config })).toEqual({ status: "success" });
        expect(() => made({ mapper }, config)).toThrow("does not say who may write it");
      });

      it("allows nothing that a rule refuses, and stays where the application has a check as well", async () => {
        const config = { tables: { lists: { owner: "owner_id" } }, authorize: () => undefined };
        const theirs = put("lists", list, { owner_id: "bob" });
        expect(await send({ authorizer: byRole }, [theirs], { config })).toMatchObject({
          failedOperation: { errorCode: "UNAUTHORIZED" },
        });
        await database.reset();
        expect(
          await send({ authorizer: byRole }, [newList], { config, principal: reader }),
        ).toMatchObject({ failedOperation: { errorCode: "UNAUTHORIZED" } });
        expect(await rows("lists")).toEqual([]);
      });

      it("is asked again when a letter is retried", async () => {
        await send({ authorizer: byRole }, [newList], { principal: reader });
        const [letter] = await letters();
        const retry = (authorizer: ReferenceAuthorizer) =>
          made({ authorizer }).deadLetters.retry(letter?.id ?? "");
        await retry(byRole);
        expect(await rows("lists")).toEqual([]);
        await retry({ authorize: ([entry], { sub }) => entry?.id === list && sub === "rita" });
        expect(await rows("lists")).toMatchObject([{ id: list }]);
      });

      it.each([
        [
          "fatal",
          new Forbidden("NEEDS_CONFIRMATION", "Confirm it.", { record: "7" }),
          {
            status: "fatal_error",
            message: "Confirm it.",
            failedOperation: { errorCode: "NEEDS_CONFIRMATION", details: { record: "7" } },
          },
        ],
        [
          "retryable",
          new RetryableError("Not right now."),
          { status: "retryable_error", message: "Not right now." },
        ],
        ["not known", new Error("secret"), { status: "retryable_error" }],
        [
          "a driver's own",
          Object.assign(new Error("secret"), { errorCode: "P1001" }),
          { status: "retryable_error" },
        ],
      ])("throws what is %s", async (_what, error, expected) => {
        const authorizer = { authorize: () => Promise.reject(error) };
        const answer = await send({ authorizer }, [newList]);
        expect(answer).toMatchObject(expected);
        expect(JSON.stringify(answer)).not.toContain("secret");
        expect(await letters()).toHaveLength(expected.status === "fatal_error" ? 1 : 0);
      });
    });

    describe("a handler of fatal errors", () => {
      const none: ReferenceFatalErrorHandler = {
        requiresClientHandling: () => false,
        onDeadLetter: () => undefined,
      };

      it("leaves it to the client: nothing is recorded", async () => {
        const asked = vi.fn<ReferenceFatalErrorHandler["requiresClientHandling"]>(
          async ({ errorCode }) => errorCode === "NOT_NULL_VIOLATION",
        );
        const told = vi.fn();
        const fatalErrorHandler = { requiresClientHandling: asked, onDeadLetter: told };
        const crud = [newList, badTodo];
        expect(await send({ mapper, fatalErrorHandler }, crud)).toMatchObject({
          status: "fatal_error",
          requiresClientHandling: true,
        });
        const [error, context] = asked.mock.calls[0] ?? [];
        expect(error).toBeInstanceOf(Error);
        expect(error).toMatchObject({ errorCode: "NOT_NULL_VIOLATION", operationIndex: 1 });
        expect(context).toEqual({
          auth: { sub: "alice", claims: { role: "writer" } },
          transaction: { crud: crud.map((entry, index) => ({ ...entry, op_id: 1 + index })) },
        });
        expect([told.mock.calls, await letters(), await rows("lists")]).toEqual([[], [], []]);
      });

      it("is told of a letter that has been committed", async () => {
        const told: ReferenceDeadLetter[] = [];
        let waiting: readonly object[] = [];
        const onDeadLetter = async (entry: ReferenceDeadLetter) => {
          told.push(entry);
          waiting = await letters();
        };
        const fatalErrorHandler = { ...none, onDeadLetter };
        const answer = await send({ mapper, fatalErrorHandler }, [newList, badTodo]);
        expect(answer).toMatchObject({ status: "fatal_error", requiresClientHandling: false });
        expect(waiting).toMatchObject([{ id: told[0]?.occurrenceId }]);
        expect(told).toEqual([
          {
            occurrenceId: expect.any(String),
            timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
            transaction: {
              crud: [
                { ...newList, op_id: 1 },
                { ...badTodo, op_id: 2 },
              ],
            },
            authenticatedSubject: "alice",
            errorCode: "NOT_NULL_VIOLATION",
            message: expect.any(String),
            operationIndex: 1,
          },
        ]);
      });

      it.each([
        ["throws", vi.fn(() => Promise.reject(new Error("down")))],
        ["hangs", vi.fn(() => new Promise<void>(() => undefined))],
      ])("that %s when it is told changes no answer", async (_how, onDeadLetter) => {
        const fatalErrorHandler = { ...none, onDeadLetter };
        const answer = await send({ mapper, fatalErrorHandler }, [newList, badTodo]);
        expect(answer).toMatchObject({ failedOperation: { errorCode: "NOT_NULL_VIOLATION" } });
        expect(onDeadLetter).toHaveBeenCalled();
        expect(await letters()).toHaveLength(1);
      });

      it.each([
        [
          "throws",
          () => {
            throw new Error("down");
          },
        ],
        ["gives neither true nor false", () => "yes" as unknown as boolean],
      ])("that %s is retryable, and nothing is recorded", async (_how, requiresClientHandling) => {
        const fatalErrorHandler = { ...none, requiresClientHandling };
        expect(await send({ mapper, fatalErrorHandler }, [newList, badTodo])).toMatchObject({
          status: "retryable_error",
        });
        expect(await letters()).toEqual([]);
        expect(failures().at(-1)).toMatchObject({ during: "requiresClientHandling" });
      });
    });
  });
}

describe("at the start", () => {
  it.each<[string, object]>([
    ["fromReference: maper is not known", { maper: mapper }],
    ["fromReference: mapper is undefined", { mapper: undefined }],
    ["fromReference: authorizer is undefined", { authorizer: undefined }],
    ["fromReference: authorizer must be an object with the function authorize", { authorizer: {} }],
    [
      "fromReference: fatalErrorHandler must be an object with the functions",
      { fatalErrorHandler: { requiresClientHandling: () => false } },
    ],
  ])("it is said: %s", (message, given) => {
    expect(() => fromReference(given)).toThrow(message);
  });

  it("takes what is typed as the reference endpoint types it", () => {
    const theirMapper: TheirMapper = ({ table, op, id }) => ({ table, op, id, data: {} });
    const authorizer: TheirAuthorizer = { authorize: () => true };
    const fatalErrorHandler: TheirHandler = {
      requiresClientHandling: ({ errorCode }) => errorCode === "CONFLICT",
      onDeadLetter: () => undefined,
    };
    const options = fromReference({ mapper: theirMapper, authorizer, fatalErrorHandler });
    expect(Object.keys(options)).toEqual(["map", "authorize", "deadLetters"]);
  });

  it("takes instances of classes, with more than is asked for", () => {
    class Authorizer {
      readonly roles = ["writer"];
      authorize(_crud: ReferenceEntry[], { claims }: { claims: Record<string, unknown> }): boolean {
        return this.roles.includes(String(claims["role"]));
      }
    }
    expect(Object.keys(fromReference({ authorizer: new Authorizer() }))).toEqual([
      "map",
      "authorize",
    ]);
    expect(fromReference({})).toEqual({});
  });
});
