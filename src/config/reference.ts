/** The three extension points of PowerSync's reference write endpoint as options of `createWrites`, so that what was written for them is used unchanged. */
import type { Principal } from "../context.js";
import { fatal, ofApplication, retryable } from "../errors.js";
import type {
  CrudEntry,
  CrudTransaction,
  DeadLetter,
  FailedOperation,
  Operation,
  Write,
} from "../model.js";
import { toWireTransaction } from "../wire/answer.js";
import { handsOn } from "../pipeline/layers.js";
import { checkKind, defined, func, type Kind, object } from "./kinds.js";
import type {
  InTransaction,
  ReferenceAuth,
  ReferenceAuthorizer,
  ReferenceDeadLetter,
  ReferenceEntry,
  ReferenceError,
  ReferenceExtensions,
  ReferenceFatalErrorHandler,
  ReferenceMapped,
  ReferenceOptions,
  ReferenceTransaction,
} from "./reference-types.js";
import type { ShapeOf } from "./rule-shape.js";

const extensions = object(
  {
    mapper: defined(func),
    authorizer: defined(withFunctions("authorize")),
    fatalErrorHandler: withFunctions("requiresClientHandling", "onDeadLetter"),
  } satisfies ShapeOf<ReferenceExtensions>,
  "an object { mapper, authorizer, fatalErrorHandler }",
);

/** It may have others beside them. */
function withFunctions(...names: readonly string[]): Kind {
  return {
    words: `an object with the function${names.length > 1 ? "s" : ""} ${names.join(" and ")}`,
    fits: (value) =>
      names.every(
        (name) => typeof (value as Record<string, unknown> | null)?.[name] === "function",
      ),
  };
}

/**
 * Makes options of `createWrites` out of what was written for PowerSync's reference write endpoint. Its `FatalOperationError` and `RetryableError`,
 * known by their classes' names, mean what `fatal()` and `retryable()` mean; anything else that is thrown is retryable.
 *
 * @throws TypeError for what is no such extension
 *
 * @example
 * createWrites({ authenticate, database, tables, ...fromReference({ mapper, authorizer, fatalErrorHandler }) });
 */
export function fromReference(given: ReferenceExtensions): ReferenceOptions {
  checkKind(extensions, given, "fromReference:");
  const { mapper, authorizer, fatalErrorHandler } = given;
  const approve = authorizer && approval(authorizer);
  const handed = async (entry: CrudEntry): Promise<CrudEntry | null> => {
    if (mapper === undefined) return entry;
    const mapped = await asked(() => mapper(wireEntry(entry)));
    return mapped === null ? null : entryOf(mapped, entry);
  };
  const map: NonNullable<ReferenceOptions["map"]> = async (entry, context, next) => {
    await approve?.(context);
    const mapped = await handed(entry);
    return mapped && next(mapped);
  };
  return {
    ...((mapper ?? authorizer) !== undefined && { map: Object.assign(map, { [handsOn]: handed }) }),
    // Answered already, where the application has no `map` of its own in place of that.
    ...(approve && {
      authorize: (_write: Write, context: InTransaction): Promise<void> => approve(context),
    }),
    ...(fatalErrorHandler && { deadLetters: handlingOf(fatalErrorHandler) }),
  };
}

/** The authorizer, asked once for each transaction, also where it takes several attempts. */
function approval(authorizer: ReferenceAuthorizer): (context: InTransaction) => Promise<void> {
  const answers = new WeakMap<CrudTransaction, { principal: Principal; answer: Promise<void> }>();
  const ask = async ({ transaction, principal }: InTransaction): Promise<void> => {
    const { crud } = wireTransaction(transaction);
    if (await asked(() => authorizer.authorize(crud, authOf(principal)))) return;
    throw fatal("UNAUTHORIZED", "You may not make this change.");
  };
  return (context) => {
    const { transaction, principal } = context;
    const known = answers.get(transaction);
    if (known?.principal === principal) return known.answer;
    const answer = ask(context);
    answers.set(transaction, { principal, answer });
    answer.catch(() => answers.delete(transaction));
    return answer;
  };
}

function handlingOf(
  handler: ReferenceFatalErrorHandler,
): NonNullable<ReferenceOptions["deadLetters"]> {
  return {
    requiresClientHandling: async (failure, { principal, payload }) => {
      const transaction = structuredClone(payload) as ReferenceTransaction;
      const context = { transaction, auth: authOf(principal) };
      const isClients: unknown = await handler.requiresClientHandling(errorOf(failure), context);
      if (typeof isClients === "boolean") return isClients;
      throw new TypeError("requiresClientHandling must give true or false.");
    },
    onRecorded: async (letter) => notice(handler.onDeadLetter(told(letter))),
  };
}

function told({
  id,
  userId,
  errorCode,
  message,
  operationIndex,
  payload,
}: DeadLetter): ReferenceDeadLetter {
  return {
    occurrenceId: id,
    timestamp: new Date().toISOString(),
    transaction: payload as ReferenceTransaction,
    authenticatedSubject: userId,
    errorCode,
    message,
    ...(operationIndex !== undefined && { operationIndex }),
  };
}

/** The reference endpoint waits for no notification. Here one that fails at once is logged, and one that hangs holds up nobody. */
const noticeMs = 1_000;

async function notice(pending: void | Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, noticeMs);
  });
  try {
    await Promise.race([pending, enough]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the rule of the mapper's table is then applied to. What a mapper leaves `undefined` is left out. */
function entryOf(mapped: ReferenceMapped, { opData: _sent, ...entry }: CrudEntry): CrudEntry {
  const { table, op, id, data } = (mapped ?? {}) as Partial<ReferenceMapped>;
  if (typeof table !== "string" || typeof id !== "string" || !isOperation(op))
    throw new TypeError("The mapper must return { table, op, id, data }, or null.");
  if (op === "DELETE") return { ...entry, table, op, id };
  const columns = Object.entries(data ?? {}).filter(
    ([name, value]) => name !== "id" && value !== undefined,
  );
  return { ...entry, table, op, id, opData: Object.fromEntries(columns) };
}

function isOperation(op: unknown): op is Operation {
  return op === "PUT" || op === "PATCH" || op === "DELETE";
}

/** Copies: whatever an extension changes in what it is given, the transaction stays what the device sent. */
function wireTransaction(transaction: CrudTransaction): ReferenceTransaction {
  return structuredClone(toWireTransaction(transaction)) as ReferenceTransaction;
}

function wireEntry(entry: CrudEntry): ReferenceEntry {
  return wireTransaction({ crud: [entry] }).crud[0] as ReferenceEntry;
}

function authOf({ userId, claims }: Principal): ReferenceAuth {
  return { sub: userId, claims: { ...claims } };
}

function errorOf({ message, ...failure }: FailedOperation): ReferenceError {
  return Object.assign(new Error(message), failure, { name: "FatalOperationError" });
}

/** Runs an extension. What it throws on purpose keeps its meaning. */
function asked<T>(run: () => T | Promise<T>): Promise<T> {
  return ofApplication(async () => {
    try {
      return await run();
    } catch (error) {
      throw meant(error);
    }
  });
}

function meant(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { errorCode, details } = error as Partial<ReferenceError>;
  // By the class too: drivers' errors have codes of their own, and are never fatal.
  if (typeof errorCode === "string" && isOf(error, "FatalOperationError"))
    return fatal(errorCode, error.message, details);
  return isOf(error, "RetryableError") ? retryable(error.message) : error;
}

function isOf(error: Error, name: string): boolean {
  for (let each: unknown = error; each !== null; each = Object.getPrototypeOf(each)) {
    const { constructor } = each as { readonly constructor?: { readonly name?: unknown } };
    if (constructor?.name === name) return true;
  }
  return false;
}
