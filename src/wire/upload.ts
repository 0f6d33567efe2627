/**
 * What clients send, in all its shapes, as one: the upload queue's transactions in PowerSync's own words.
 * The way back is in `answer.ts`.
 */
import {
  validateDemoBatch,
  validateEnvelope,
  validateTransaction,
  type ValidationError,
  type Validator,
} from "./generated/validate.js";
import type { components } from "./generated/types.js";
import type { CrudTransaction, InvalidTransaction, Upload } from "../model.js";
import { badRequest } from "../errors.js";
import { type Fault, transactionOf } from "./entries.js";
import type { Limits } from "./limits.js";

type Schemas = components["schemas"];

/**
 * Reads any shape of an upload. A transaction that can't be understood, or is beyond the limits, becomes an InvalidTransaction in its
 * place: it never stands in the way of the others.
 *
 * @throws badRequest(400) for an envelope that can't be read
 */
export function normalizeUpload(body: unknown, limits: Limits): Upload {
  if (!validateEnvelope(body)) throw badRequest(400, envelopeFault(validateEnvelope.errors?.[0]));
  const clientId = textOf(body, "client_id", "clientId");
  const queueId = textOf(body, "queue_id", "queueId");
  const sender = { ...(clientId && { clientId }), ...(queueId && { queueId }) };
  switch (shapeOf(body)) {
    case "transactions": {
      // The validator has seen to it that they are a list.
      const transactions = body.transactions ?? [];
      if (transactions.length > limits.transactions) {
        throw badRequest(
          400,
          `There are ${transactions.length} transactions: send at most ${limits.transactions} in one request.`,
        );
      }
      return {
        shape: "batch",
        ...sender,
        transactions: transactions.map((transaction) =>
          readTransaction(transaction, "crud", validateTransaction, limits),
        ),
      };
    }
    case "crud": {
      const transaction = readTransaction(body, "crud", validateTransaction, limits);
      return { shape: "single", ...sender, transactions: [transaction] };
    }
    case "batch": {
      const transaction = readTransaction(body, "batch", validateDemoBatch, limits);
      return { shape: "demo", ...sender, transactions: [transaction] };
    }
    default:
      throw badRequest(400, expected);
  }
}

type Sender = Pick<Schemas["BatchUpload"], "client_id" | "clientId" | "queue_id" | "queueId">;

/** By either of its names; what is empty counts as absent. Throws badRequest(400) where they differ. */
function textOf(envelope: Sender, name: keyof Sender, other: keyof Sender): string | undefined {
  const [one, two] = [envelope[name] || undefined, envelope[other] || undefined];
  if (one !== undefined && two !== undefined && one !== two) {
    throw badRequest(400, `"${name}" and "${other}" are two names of one member, and differ.`);
  }
  return one ?? two;
}

/** Throws badRequest(400) where there are two: one of them would be ignored. */
function shapeOf(envelope: object): "transactions" | "crud" | "batch" | undefined {
  const members = envelope as Readonly<Record<string, unknown>>;
  const names = ["transactions", "crud", "batch"] as const;
  const [shape, another] = names.filter((name) => (members[name] ?? null) !== null);
  if (another !== undefined) throw badRequest(400, `Send "${shape}" or "${another}", not both.`);
  return shape;
}

/** The default `validate`. */
export function createValidate(limits: Limits): (body: unknown) => Promise<Upload> {
  return async (body) => normalizeUpload(body, limits);
}

const expected = 'Expected a JSON object with "transactions", "crud" or "batch".';

function envelopeFault(error: ValidationError | undefined): string {
  switch (error?.instancePath) {
    case "/transactions":
      return '"transactions" must be a list of at least one transaction.';
    case "/client_id":
    case "/clientId":
    case "/queue_id":
    case "/queueId":
      return `"${error.instancePath.slice(1)}" must be text, of at most 1024 characters.`;
    default:
      return expected;
  }
}

/** Measures before it validates, so that the validators' work is bounded too. */
function readTransaction(
  raw: unknown,
  path: "crud" | "batch",
  validate: Validator<unknown>,
  limits: Limits,
): CrudTransaction | InvalidTransaction {
  const operations = listIn(raw, path);
  const fault = measure(operations, limits) ?? formFault(raw, validate);
  // The validator takes nothing but an object.
  const read = fault ?? transactionOf(raw as object, operations, path);
  if ("crud" in read) return read;
  const { message, ...where } = read;
  return { invalid: message, ...where, raw };
}

function listIn(raw: unknown, path: "crud" | "batch"): readonly object[] {
  const list = (raw as Readonly<Record<string, unknown>> | null | undefined)?.[path];
  return Array.isArray(list) ? list : [];
}

function formFault(raw: unknown, validate: Validator<unknown>): Fault | undefined {
  if (validate(raw)) return undefined;
  const error = validate.errors?.[0];
  const index = /^\/(?:crud|batch)\/(\d+)/.exec(error?.instancePath ?? "")?.[1];
  return {
    message: transactionFault(error),
    ...(index !== undefined && { operationIndex: Number(index) }),
  };
}

/** Paths hold the contract's names and indexes alone, never the client's text. */
function transactionFault(error: ValidationError | undefined): string {
  if (error === undefined) return "The transaction is not valid.";
  const { instancePath, keyword, params } = error;
  const path = instancePath
    .slice(1)
    .replace(/\/(\d+)/g, "[$1]")
    .replaceAll("/", ".");
  const subject = path === "" ? "The transaction" : path;
  switch (keyword) {
    case "required":
      return params.missingProperty === "type"
        ? `${subject} has no "table".`
        : `${subject} has no "${String(params.missingProperty)}".`;
    case "not":
      return `${subject} has no "op_data".`;
    case "enum":
      return `${subject} must be one of ${(params.allowedValues as readonly string[]).join(", ")}.`;
    case "minLength":
      return `${subject} must not be empty.`;
    case "minimum":
    case "maximum":
      return `${subject} must be an integer within ±${Number.MAX_SAFE_INTEGER}.`;
    case "type":
      return `${subject} must be ${typeName(params.type)}.`;
    default:
      return `${subject} is not valid.`;
  }
}

function typeName(type: unknown): string {
  const [kind] = [type].flat().filter((each) => each !== "null");
  switch (kind) {
    case "string":
      return "text";
    case "array":
      return "a list";
    case "object":
      return "an object";
    case "integer":
      return `an integer within ±${Number.MAX_SAFE_INTEGER}`;
    default:
      return String(kind);
  }
}

/**
 * Measures a transaction's operations as they came from JSON, before anything is known of their form.
 * Stops at the first breach and does not recurse: what is measured may be made to hurt.
 */
export function measure(operations: readonly unknown[], limits: Limits): Fault | undefined {
  if (operations.length > limits.operations) {
    return { message: `The transaction has more than ${limits.operations} operations.` };
  }
  const count = { keys: 0 };
  for (let index = 0; index < operations.length; index++) {
    const message = measureOperation(operations[index], limits, count);
    if (message !== undefined) return { message, operationIndex: index };
  }
  return undefined;
}

function measureOperation(
  operation: unknown,
  limits: Limits,
  count: { keys: number },
): string | undefined {
  // Level by level: the containers of one, then all that are inside them.
  let level: object[] = typeof operation === "object" && operation !== null ? [operation] : [];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limits.depth)
      return `An operation's values are nested more than ${limits.depth} levels deep.`;
    const below: object[] = [];
    for (const container of level) {
      const keys = Array.isArray(container) ? undefined : Object.keys(container);
      // The operation's own members are the contract's, not the application's.
      if (keys !== undefined && depth > 0) count.keys += keys.length;
      if (count.keys > limits.keys)
        return `The transaction's values have more than ${limits.keys} keys.`;
      if (keys?.some((key) => key.length > limits.stringLength)) return tooLong(limits);
      for (const value of keys === undefined
        ? (container as readonly unknown[])
        : Object.values(container)) {
        if (typeof value === "string" && value.length > limits.stringLength) return tooLong(limits);
        if (typeof value === "object" && value !== null) below.push(value);
      }
    }
    level = below;
  }
  return undefined;
}

function tooLong(limits: Limits): string {
  return `A text is longer than ${limits.stringLength} UTF-16 code units.`;
}
