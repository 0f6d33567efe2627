/** Checkpoints that are the application's own: each in a transaction of its own, for clients who ask once their data has been committed. */
import type { Transaction } from "kysely";
import { begin, type TransactionSettings } from "../sql/transaction.js";
import { databaseOf } from "../process/call.js";
import {
  type CheckpointKey,
  largestCheckpoint,
  nextCheckpoint,
  raiseCheckpoint,
} from "../sql/checkpoints.js";
import type { WritesConfig } from "../config.js";
import { badRequest, retryable } from "../errors.js";
import type { Principal } from "../pipeline/layers.js";
import type { OwnTables } from "../sql/tables.js";
import { classify } from "../process/classify.js";
import type { Again } from "../process/retry.js";
import { sha256 } from "../wire/digest.js";
import {
  validateCheckpoint,
  validateCheckpointRequest,
  type ValidationError,
} from "../wire/generated/validate.js";

/** Throws `badRequest(400)` for ids that can't be kept, `retryable()` where the database fails, its error being the `cause`. */
export interface Checkpointing<P extends Principal> {
  /** The device's next checkpoint, higher than all before. */
  next(device: Device<P>): Promise<string>;
  /** The greater of the stored checkpoint and the one that was sent. */
  raise(device: Device<P>, checkpoint: bigint): Promise<string>;
}

interface Device<P extends Principal> {
  readonly principal: P;
  readonly clientId: string;
  readonly signal: AbortSignal;
}

export function createCheckpointing<P extends Principal, DB>(
  config: WritesConfig<P, DB>,
  settings: TransactionSettings,
  again: Again,
): Checkpointing<P> {
  // A counter needs no stricter isolation than its row's lock, and what is stricter would make those who count at once fail.
  const counting = { ...settings, isolation: undefined };

  const run = async (
    { principal, clientId, signal }: Device<P>,
    write: (tx: Transaction<OwnTables>, key: CheckpointKey) => Promise<string>,
  ): Promise<string> => {
    const { userId } = principal;
    checkId(clientId, 255, "client id");
    checkId(userId, 4096, "user id");
    const key = { id: await sha256([userId, clientId]), userId, clientId };
    const database = await reached(() => databaseOf(config, principal));
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await begin(database, counting, (tx) => write(settings.own.on(tx), key));
      } catch (error) {
        const verdict = classify(error, database, false);
        if (await again(verdict, attempt, { database, signal })) continue;
        throw unwritten(error);
      }
    }
  };

  return {
    next: (device) => run(device, nextCheckpoint),
    raise: async (device, checkpoint) => {
      if (checkpoint < 0n || checkpoint > largestCheckpoint) {
        throw badRequest(400, `A checkpoint is an integer from 0 to ${largestCheckpoint}.`);
      }
      return run(device, (tx, key) => raiseCheckpoint(tx, key, String(checkpoint)));
    },
  };
}

/** What the PowerSync service is to compare must be stored as it is. */
function checkId(id: unknown, longest: number, name: string): void {
  if (typeof id !== "string" || id === "" || id.length > longest || unstorable.test(id)) {
    throw badRequest(400, `A ${name} must be text of 1 to ${longest} characters, without NUL.`);
  }
}

const unstorable = /[\0\p{Surrogate}]/u;

async function reached<T>(database: () => T | Promise<T>): Promise<T> {
  try {
    return await database();
  } catch (error) {
    throw unwritten(error);
  }
}

function unwritten(cause: unknown): Error {
  return Object.assign(retryable("The checkpoint can't be written just now."), { cause });
}

// What a device sends for a checkpoint.
/** Which device. @throws badRequest(400) */
export function readCheckpoint(body: unknown): { readonly clientId: string } {
  if (!validateCheckpoint(body)) throw badRequest(400, fault(validateCheckpoint.errors?.[0]));
  return { clientId: body.client_id };
}

/** Which device, and its number. @throws badRequest(400) */
export function readCheckpointRequest(body: unknown): {
  readonly clientId: string;
  readonly requestId: bigint;
} {
  const sent = withDigits(body);
  if (!validateCheckpointRequest(sent)) {
    throw badRequest(400, fault(validateCheckpointRequest.errors?.[0]));
  }
  return { clientId: sent.client_id, requestId: BigInt(sent.checkpoint_request_id) };
}

/** What is beyond 2^53 was read as a bigint, which the contract's text stands for. */
function withDigits(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("checkpoint_request_id" in body)) return body;
  const { checkpoint_request_id: id } = body;
  return typeof id === "bigint" ? { ...body, checkpoint_request_id: String(id) } : body;
}

function fault(error: ValidationError | undefined): string {
  switch (error?.instancePath) {
    case "/client_id":
      return '"client_id" must be text of 1 to 255 characters.';
    case "/checkpoint_request_id":
      return '"checkpoint_request_id" must be an integer from 0 to 9223372036854775807, or its digits as text.';
    default:
      return error?.keyword === "required"
        ? `There is no "${String(error.params.missingProperty)}".`
        : "Expected a JSON object.";
  }
}
