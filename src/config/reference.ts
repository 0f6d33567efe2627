/** Makes options of `createWrites` from code that was written for the three extension points of PowerSync's reference write endpoint. */
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
import type { ShapeOf } from "./shapes.js";

const extensions = object(
  {
    mapper: defined(func),
    authorizer: defined(withFunctions("authorize")),
    fatalErrorHandler: withFunctions("requiresClientHandling", "onDeadLetter"),
  } satisfies ShapeOf<ReferenceExtensions>,
  "an object { mapper, authorizer, fatalErrorHandler }",
);

/** An object with these functions. It may have other members as well. */
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
 * Makes options of `createWrites` from extensions of PowerSync's reference write endpoint, which are used unchanged. A `FatalOperationError` or
 * `RetryableError` that they throw, recognized by the name of its class, means the same as `fatal()` or `retryable()`. Any other error is retryable.
 *
 * @throws TypeError if an extension lacks one of its functions
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
    // Called in `authorize` too, because the application may replace `map`. If `map` ran, the answer is already known.
    ...(approve && {
      authorize: (_write: Write, context: InTransaction): Promise<void> => approve(context),
    }),
    ...(fatalErrorHandler && { deadLetters: handlingOf(fatalErrorHandler) }),
  };
}

/** Calls the authorizer once for each transaction, even if the transaction takes several attempts. */
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
      throw new TypeError("requiresClientHandling must return true or false.");
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

/** How long a notification is waited for. Long enough to log one that fails at once, and short enough if one hangs. */
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

/** Makes an operation of what the mapper returned; the rule of the mapper's table applies to it. Values that are `undefined` are left out. */
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

/** A copy, so that an extension that changes its argument does not change what the device sent. */
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

/** Runs an extension, and translates its errors into the library's. */
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
  // The code alone is not enough: drivers' errors have codes too, and are never fatal.
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
