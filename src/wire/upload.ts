/**
 * What clients send, in all its shapes, as one: the upload queue's transactions in PowerSync's own words.
 * The way back is in `answer.ts`.
 */
import {
  validateDemoBatch,
  validateEnvelope,
  validateTransaction,
  type Validator,
} from "./generated/validate.js";
import type { components } from "./generated/types.js";
import type { CrudTransaction, InvalidTransaction, Upload } from "../model.js";
import { badRequest } from "../errors.js";
import { type Fault, transactionOf } from "./entries.js";
import { envelopeFault, expected, transactionFault } from "./validation-messages.js";
import { fewKeys, keysOfObject, type Limits } from "./limits.js";
import { isSliceOver, nextSlice } from "./slices.js";
import { Unread } from "./survey.js";

type Schemas = components["schemas"];

/**
 * Reads any shape of an upload. A transaction that can't be understood, or is beyond the limits, becomes an InvalidTransaction in its
 * place: it never stands in the way of the others.
 *
 * @param measured what has been measured before
 * @throws badRequest(400) for an envelope that can't be read
 */
export function normalizeUpload(body: unknown, limits: Limits, measured?: Measured): Upload {
  if (!validateEnvelope(body)) throw badRequest(400, envelopeFault(validateEnvelope.errors?.[0]));
  const clientId = senderText(body, "client_id", "clientId");
  const queueId = senderText(body, "queue_id", "queueId");
  const sender = { ...(clientId && { clientId }), ...(queueId && { queueId }) };
  const bounds = { limits, measured };
  switch (shapeOf(body)) {
    case "transactions": {
      // The validator has seen to it that they are a list.
      const transactions = body.transactions ?? [];
      if (transactions.length > limits.transactions) {
        throw tooManyTransactions(transactions.length, limits);
      }
      return {
        shape: "batch",
        ...sender,
        transactions: transactions.map((transaction) =>
          readTransaction(transaction, "crud", validateTransaction, bounds),
        ),
      };
    }
    case "crud": {
      const transaction = readTransaction(body, "crud", validateTransaction, bounds);
      return { shape: "single", ...sender, transactions: [transaction] };
    }
    case "batch": {
      const transaction = readTransaction(body, "batch", validateDemoBatch, bounds);
      return { shape: "demo", ...sender, transactions: [transaction] };
    }
    default:
      throw badRequest(400, expected);
  }
}

type SenderMembers = Pick<
  Schemas["BatchUpload"],
  "client_id" | "clientId" | "queue_id" | "queueId"
>;

/** By either of its names; what is empty counts as absent. Throws badRequest(400) where they differ. */
function senderText(
  envelope: SenderMembers,
  name: keyof SenderMembers,
  other: keyof SenderMembers,
): string | undefined {
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

export function tooManyTransactions(count: number, { transactions }: Limits): Error {
  return badRequest(
    400,
    `There are ${count} transactions: send at most ${transactions} in one request.`,
  );
}

/** The default `validate`. */
export function createValidate(limits: Limits): (body: unknown) => Promise<Upload> {
  return async (body) => {
    const measuring = measureAll(body, limits);
    let step = measuring.next();
    // A small body has been measured by now.
    for (; !step.done; step = measuring.next()) if (isSliceOver()) await nextSlice();
    return normalizeUpload(body, limits, step.value);
  };
}

interface MeasuredBounds {
  readonly limits: Limits;
  readonly measured: Measured | undefined;
}

/** Measures before it validates, so that the validators' work is bounded too. */
function readTransaction(
  raw: unknown,
  path: "crud" | "batch",
  validate: Validator<unknown>,
  { limits, measured }: MeasuredBounds,
): CrudTransaction | InvalidTransaction {
  const unread = unreadOf(raw, limits);
  if (unread !== undefined) return unread;
  const operations = listIn(raw, path);
  const breach = measured?.has(operations) ? measured.get(operations) : measure(operations, limits);
  const fault = breach ?? formFault(raw, validate);
  // The validator takes nothing but an object.
  const read = fault ?? transactionOf(raw as object, operations, path);
  if ("crud" in read) return read;
  const { message, ...where } = read;
  return { invalid: message, ...where, raw };
}

function listIn(raw: unknown, path: "crud" | "batch"): readonly object[] {
  const list = member(raw, path);
  return Array.isArray(list) ? list : [];
}

function member(raw: unknown, name: string): unknown {
  return typeof raw === "object" && raw !== null
    ? (raw as Record<string, unknown>)[name]
    : undefined;
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

/** By the list of a transaction's operations: the limit that it passes, if any. */
type Measured = ReadonlyMap<unknown, Fault | undefined>;

/** Measures a body's transactions, wherever their operations can be found. It can be stopped after each yield. */
function* measureAll(body: unknown, limits: Limits): Generator<undefined, Measured> {
  const transactions = member(body, "transactions");
  const measured = new Map<unknown, Fault | undefined>();
  for (const each of Array.isArray(transactions) ? (transactions as unknown[]) : [body]) {
    for (const operations of [member(each, "crud"), member(each, "batch")]) {
      if (Array.isArray(operations)) measured.set(operations, yield* measuring(operations, limits));
    }
  }
  return measured;
}

/**
 * Measures a transaction's operations as they came from JSON, before anything is known of their form.
 * Stops at the first breach and does not recurse: what is measured may be made to hurt.
 */
export function measure(operations: readonly unknown[], limits: Limits): Fault | undefined {
  const steps = measuring(operations, limits);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** How many values are measured in one go. */
const valuesOfStep = 8_192;

function* measuring(
  operations: readonly unknown[],
  limits: Limits,
): Generator<undefined, Fault | undefined> {
  if (operations.length > limits.operations) {
    return { message: `The transaction has more than ${limits.operations} operations.` };
  }
  let values = 0;
  let keys = 0;
  let stepAt = valuesOfStep;
  for (let operationIndex = 0; operationIndex < operations.length; operationIndex++) {
    const operation = operations[operationIndex];
    values++;
    // Level by level: the containers of one, then all that are inside them.
    let level: object[] = typeof operation === "object" && operation !== null ? [operation] : [];
    for (let depth = 0; level.length > 0; depth++) {
      if (depth > limits.depth) return { message: tooDeep(limits), operationIndex };
      const below: object[] = [];
      for (const container of level) {
        const names = Array.isArray(container) ? undefined : Object.keys(container);
        const members = names ?? (container as readonly unknown[]);
        values += members.length;
        if (values > limits.values) return { message: tooManyValues(limits), operationIndex };
        // The operation's own members are the contract's, not the application's.
        if (names !== undefined && depth > 0) keys += names.length;
        if (names !== undefined && names.length > fewKeys && names.length > keysOfObject(limits)) {
          return { message: tooManyKeys(limits), operationIndex };
        }
        if (names !== undefined && names.length > valuesOfStep) yield;
        if (keys > limits.keys) {
          const message = `The transaction's values have more than ${limits.keys} keys.`;
          return { message, operationIndex };
        }
        for (const each of members) {
          const value = names === undefined ? each : member(container, each as string);
          if (typeof value === "object" && value !== null) below.push(value);
          else if (isTooLong(value, limits) || (names !== undefined && isTooLong(each, limits))) {
            return { message: tooLong(limits), operationIndex };
          }
        }
        if (values > stepAt) {
          stepAt = values + valuesOfStep;
          yield;
        }
      }
      level = below;
    }
  }
  return undefined;
}

/** What stands for a transaction that has more values than may be read is its text: it is kept whole, and never parsed. */
function unreadOf(raw: unknown, limits: Limits): InvalidTransaction | undefined {
  if (raw instanceof Unread) return { invalid: excessOf(raw, limits), raw: raw.text };
  for (const name of ["crud", "batch"] as const) {
    const operations = member(raw, name);
    if (operations instanceof Unread) {
      const invalid = excessOf(operations, limits);
      return { invalid, raw: { ...(raw as object), [name]: operations.text } };
    }
  }
  return undefined;
}

function excessOf({ excess }: Unread, limits: Limits): string {
  if (excess === "values") return tooManyValues(limits);
  return excess === "keys" ? tooManyKeys(limits) : tooDeep(limits);
}

function isTooLong(value: unknown, { stringLength }: Limits): boolean {
  return typeof value === "string" && value.length > stringLength;
}

function tooManyValues({ values }: Limits): string {
  return `The transaction has more than ${values} values.`;
}

function tooManyKeys(limits: Limits): string {
  return `An object has more than ${keysOfObject(limits)} keys.`;
}

function tooDeep({ depth }: Limits): string {
  return `An operation's values are nested more than ${depth} levels deep.`;
}

function tooLong(limits: Limits): string {
  return `A text is longer than ${limits.stringLength} UTF-16 code units.`;
}
