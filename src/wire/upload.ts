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
import type { CrudEntry, CrudTransaction, InvalidTransaction, Upload } from "../model.js";
import { badRequest } from "../errors.js";
import { envelopeFault, expected, transactionFault } from "./fault.js";
import type { Limits } from "./limits.js";
import { createSlices } from "./slices.js";
import { Unread } from "./survey.js";

type Schemas = components["schemas"];
type WireEntry = Schemas["CrudEntry"];
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Reads any shape of an upload. A transaction that can't be understood, or is beyond the limits, becomes an InvalidTransaction in its
 * place: it never stands in the way of the others.
 *
 * @param measured what has been measured before
 * @throws badRequest(400) for an envelope that can't be read
 */
export function normalizeUpload(body: unknown, limits: Limits, measured?: Measured): Upload {
  if (!validateEnvelope(body)) throw badRequest(400, envelopeFault(validateEnvelope.errors?.[0]));
  const sender = {
    ...(body.client_id ? { clientId: body.client_id } : {}),
    ...(body.queue_id ? { queueId: body.queue_id } : {}),
  };
  const { transactions } = body;
  if (isGiven(transactions)) {
    if (transactions.length > limits.transactions) {
      throw tooManyTransactions(transactions.length, limits);
    }
    return {
      shape: "batch",
      ...sender,
      transactions: transactions.map((transaction) =>
        readTransaction(transaction, limits, measured),
      ),
    };
  }
  if (isGiven(body.crud)) {
    return { shape: "single", ...sender, transactions: [readTransaction(body, limits, measured)] };
  }
  if (isGiven(body.batch)) {
    return { shape: "demo", ...sender, transactions: [readDemoBatch(body, limits, measured)] };
  }
  throw badRequest(400, expected);
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
    if (!step.done) {
      const slices = createSlices();
      for (; !step.done; step = measuring.next()) if (slices.isOver()) await slices.next();
      await slices.next();
    }
    return normalizeUpload(body, limits, step.value);
  };
}

function readTransaction(
  raw: unknown,
  limits: Limits,
  measured: Measured | undefined,
): CrudTransaction | InvalidTransaction {
  const fault = invalid(raw, member(raw, "crud"), { limits, measured }, validateTransaction);
  if (fault !== undefined) return fault;
  const { crud, transaction_id } = raw as Schemas["Transaction"];
  return transactionOf(crud, transaction_id);
}

function readDemoBatch(
  raw: unknown,
  limits: Limits,
  measured: Measured | undefined,
): CrudTransaction | InvalidTransaction {
  const fault = invalid(raw, member(raw, "batch"), { limits, measured }, validateDemoBatch);
  if (fault !== undefined) return fault;
  const { batch, transaction_id } = raw as Schemas["DemoUpload"];
  return transactionOf(batch, transaction_id);
}

function member(raw: unknown, name: string): unknown {
  return typeof raw === "object" && raw !== null
    ? (raw as Record<string, unknown>)[name]
    : undefined;
}

/** Measures before it validates, so that the validators' work is bounded too. */
function invalid(
  raw: unknown,
  operations: unknown,
  { limits, measured }: { readonly limits: Limits; readonly measured: Measured | undefined },
  validate: Validator<unknown>,
): InvalidTransaction | undefined {
  const unread = unreadOf(raw, limits);
  if (unread !== undefined) return unread;
  const breach = !Array.isArray(operations)
    ? undefined
    : measured?.has(operations)
      ? measured.get(operations)
      : measure(operations, limits);
  if (breach !== undefined) {
    const { message, ...where } = breach;
    return { invalid: message, ...where, raw };
  }
  if (validate(raw)) return undefined;
  const error = validate.errors?.[0];
  const index = /^\/(?:crud|batch)\/(\d+)/.exec(error?.instancePath ?? "")?.[1];
  return {
    invalid: transactionFault(error),
    ...(index === undefined ? {} : { operationIndex: Number(index) }),
    raw,
  };
}

function transactionOf(
  entries: readonly WireEntry[],
  id: number | null | undefined,
): CrudTransaction {
  const crud = entries.map(entryOf);
  const transactionId = id ?? commonId(crud);
  return transactionId === undefined ? { crud } : { transactionId, crud };
}

/** The entries' transaction id, if they all have the same. */
function commonId(crud: readonly CrudEntry[]): number | undefined {
  const id = crud[0]?.transactionId;
  return crud.every((entry) => entry.transactionId === id) ? id : undefined;
}

/** `null` is the same as absent. */
function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

/** Only names known here are ever assigned; what the client's objects hold is passed on untouched. */
function entryOf(raw: WireEntry): CrudEntry {
  // One of the two is text: the validator has seen to it.
  const entry: Mutable<CrudEntry> = {
    op: raw.op,
    table: (raw.table ?? raw.type) as string,
    id: raw.id,
  };
  const transactionId = raw.transaction_id ?? raw.tx_id;
  const opData = raw.op_data ?? raw.data;
  const previousValues = raw.previous_values ?? raw.old;
  if (isGiven(raw.op_id)) entry.opId = raw.op_id;
  if (isGiven(transactionId)) entry.transactionId = transactionId;
  if (isGiven(opData)) entry.opData = opData;
  if (isGiven(previousValues)) entry.previousValues = previousValues;
  if (isGiven(raw.metadata)) entry.metadata = raw.metadata;
  return entry;
}

/** The first limit that a transaction passes. */
interface LimitBreach {
  /** Safe to show. */
  readonly message: string;
  /** Absent where no single operation is too large. */
  readonly operationIndex?: number;
}

/** By the list of a transaction's operations: the limit that it passes, if any. */
type Measured = ReadonlyMap<unknown, LimitBreach | undefined>;

/** Measures a body's transactions, wherever their operations can be found. It can be stopped after each yield. */
function* measureAll(body: unknown, limits: Limits): Generator<undefined, Measured> {
  const transactions = member(body, "transactions");
  const measured = new Map<unknown, LimitBreach | undefined>();
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
export function measure(operations: readonly unknown[], limits: Limits): LimitBreach | undefined {
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
): Generator<undefined, LimitBreach | undefined> {
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
  const invalid = `The transaction has more than ${limits.values} values, or some that are nested more than ${limits.depth} levels deep.`;
  if (raw instanceof Unread) return { invalid, raw: raw.text };
  for (const name of ["crud", "batch"] as const) {
    const operations = member(raw, name);
    if (operations instanceof Unread) {
      return { invalid, raw: { ...(raw as object), [name]: operations.text } };
    }
  }
  return undefined;
}

function isTooLong(value: unknown, { stringLength }: Limits): boolean {
  return typeof value === "string" && value.length > stringLength;
}

function tooManyValues({ values }: Limits): string {
  return `The transaction has more than ${values} values.`;
}

function tooDeep({ depth }: Limits): string {
  return `An operation's values are nested more than ${depth} levels deep.`;
}

function tooLong(limits: Limits): string {
  return `A text is longer than ${limits.stringLength} UTF-16 code units.`;
}
