/** Write checkpoints that the application keeps itself. Each is written in a transaction of its own, for clients that ask after their data has been committed. */
import type { Principal } from "../context.js";
import { badRequest, retryable } from "../errors.js";
import { inUnit } from "./classify.js";
import type { Databases } from "./call.js";
import type { CheckpointKey, CheckpointStore } from "../store/bookkeeping.js";
import { sha256 } from "../wire/serialize.js";
import {
  validateCheckpoint,
  validateCheckpointRequest,
  type ValidationError,
} from "../wire/generated/validate.js";

/** Both methods throw `badRequest(400)` for ids that can't be stored, and `retryable()` if the database fails, with its error as the `cause`. */
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

/** The largest signed 64-bit integer. A checkpoint that has reached it no longer grows. */
const largestCheckpoint = 2n ** 63n - 1n;

export function createCheckpointing<P extends Principal>(
  databases: Databases<P>,
): Checkpointing<P> {
  const run = async (
    { principal, clientId, signal }: Device<P>,
    write: (checkpoints: CheckpointStore, key: CheckpointKey) => Promise<string>,
  ): Promise<string> => {
    const { userId } = principal;
    checkId(clientId, 255, "client id");
    checkId(userId, 4096, "user id");
    const key = { id: await sha256([userId, clientId]), userId, clientId };
    const { store, memory } = await reached(() => databases.of(principal));
    try {
      return await memory.places.during({ userId, operations: 1, signal }, (waitedMs) =>
        // Under a stricter isolation level, concurrent increments would fail.
        inUnit(store, ({ checkpoints }) => write(checkpoints, key), {
          isolation: "plain",
          signal,
          waitedMs,
        }),
      );
    } catch (error) {
      throw unwritten(error);
    }
  };

  return {
    next: (device) => run(device, (checkpoints, key) => checkpoints.next(key)),
    raise: async (device, checkpoint) => {
      if (checkpoint < 0n || checkpoint > largestCheckpoint) {
        throw badRequest(400, `A checkpoint is an integer from 0 to ${largestCheckpoint}.`);
      }
      return run(device, (checkpoints, key) => checkpoints.raise(key, String(checkpoint)));
    },
  };
}

/** The PowerSync service compares these ids, so they must be stored exactly as sent. */
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
  return Object.assign(retryable("The checkpoint can't be written right now."), { cause });
}

/** Reads the device's id. @throws badRequest(400) */
export function readCheckpoint(body: unknown): { readonly clientId: string } {
  if (!validateCheckpoint(body)) throw badRequest(400, fault(validateCheckpoint.errors?.[0]));
  return { clientId: body.client_id };
}

/** Reads the device's id and the number that it sent. @throws badRequest(400) */
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

/** An integer beyond 2^53 was parsed as a bigint. The contract's validator takes its digits as text. */
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
