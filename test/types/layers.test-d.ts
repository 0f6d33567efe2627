/** Every layer's hooks and replacement have its own input, output and context. */
import type { Transaction } from "kysely";
import type {
  Committed,
  CrudEntry,
  CrudTransaction,
  DeadLetter,
  Hooks,
  LayerName,
  Principal,
  TransactionResult,
  Upload,
  Write,
  WriteOutcome,
  WriteRequest,
  WriteResponse,
  WritesConfig,
} from "../../src/index.js";
import { expectType } from "./expect.js";

interface Database {
  lists: { id: string; name: string | null };
}

type TestHooks = Hooks<Principal, Database>;
type Config = WritesConfig<Principal, Database>;

expectType<
  "authenticate" | "validate" | "map" | "authorize" | "persist" | "deadLetter" | "respond"
>()({} as LayerName);
expectType<LayerName | "committed">()({} as keyof TestHooks);

({
  authenticate: {
    before: (request, context) => {
      expectType<WriteRequest>()(request);
      expectType<string>()(context.correlationId);
      expectType<AbortSignal>()(context.signal);
      // @ts-expect-error Nobody knows yet who calls.
      void context.principal;
    },
    after: async (principal, _context, request) => {
      expectType<Principal>()(principal);
      expectType<WriteRequest>()(request);
      return { ...principal, userId: principal.userId.toLowerCase() };
    },
  },
  validate: {
    before: (body, { principal }) => {
      expectType<unknown>()(body);
      expectType<Principal>()(principal);
      return body;
    },
    after: (upload, context) => {
      expectType<Upload>()(upload);
      // @ts-expect-error No database transaction has begun.
      void context.tx;
    },
  },
  map: {
    before: (entry, context) => {
      expectType<CrudEntry>()(entry);
      expectType<CrudTransaction>()(context.transaction);
      expectType<Transaction<Database>>()(context.tx);
      expectType<number>()(context.attempt);
      expectType<number>()(context.operationIndex);
      expectType<string | undefined>()(context.metadata);
      expectType<Readonly<Record<string, unknown>> | undefined>()(context.previousValues);
      expectType<string | undefined>()(context.clientId);
      // @ts-expect-error What the device sent is not to be changed in place.
      entry.id = "2";
    },
    after: (write, _context, entry) => {
      expectType<Write | null>()(write);
      expectType<CrudEntry>()(entry);
      return null;
    },
  },
  authorize: {
    before: (write) => {
      expectType<Write>()(write);
      // @ts-expect-error A write is replaced, not changed in place.
      write.table = "others";
    },
    // @ts-expect-error An authorization can't become nothing.
    after: () => null,
  },
  persist: {
    before: (write) => ({ ...write, values: { ...write.values, name: "new" } }),
    after: async (outcome, { tx }, write) => {
      expectType<WriteOutcome>()(outcome);
      expectType<"written" | "missing" | "declined" | "unchanged" | "kept">()(outcome.effect);
      expectType<Write>()(write);
      await tx.selectFrom("lists").select("name").execute();
    },
  },
  deadLetter: {
    before: (letter, context) => {
      expectType<DeadLetter>()(letter);
      expectType<Transaction<Database>>()(context.tx);
      // @ts-expect-error It belongs to a transaction as a whole.
      void context.operation;
      return { ...letter, payload: null };
    },
  },
  respond: {
    after: (response, { results }) => {
      expectType<WriteResponse>()(response);
      expectType<readonly TransactionResult[] | undefined>()(results);
      return { ...response, headers: { ...response.headers, "x-mine": "1" } };
    },
  },
  committed: (committed, context) => {
    expectType<Committed>()(committed);
    expectType<readonly Write[]>()(committed.writes);
    // @ts-expect-error The transaction is over.
    void context.tx;
  },
}) satisfies TestHooks;

// @ts-expect-error Not a write.
({ map: { after: () => ({ op: "PUT" }) } }) satisfies TestHooks;
// @ts-expect-error Not an effect.
({ persist: { after: () => ({ effect: "done" }) } }) satisfies TestHooks;

({
  validate: async (body, _context, next) => {
    const upload = await next(body);
    expectType<Upload>()(upload);
    return upload;
  },
  map: (entry, _context, next) => (entry.table === "notes" ? null : next(entry)),
  persist: async (write, { tx }, next) => {
    await tx.deleteFrom("lists").where("id", "=", write.id).execute();
    return next(write);
  },
  deadLetter: (letter, _context, next) => next(letter),
  authorize: async (write, { operation }) => {
    expectType<Write>()(write);
    expectType<CrudEntry>()(operation);
  },
}) satisfies Partial<Config>;

// @ts-expect-error The default takes an entry, not a write.
({ map: (entry, _context, next) => next({ ...entry, op: "INSERT" }) }) satisfies Partial<Config>;
// @ts-expect-error It must say what it did.
({ persist: () => undefined }) satisfies Partial<Config>;
