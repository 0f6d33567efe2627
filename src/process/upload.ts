/** Processes uploads: validates one, runs its transactions one after the other, and answers each. Used over HTTP, and by the application's own routes. */
import type { WritesConfig } from "../config/config.js";
import type { CallContext, Principal } from "../context.js";
import type { LetterQuota } from "../dead-letters/quota.js";
import { type FatalError, isBadRequest, isFatal, isRetryable, retryable } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import {
  type InvalidTransaction,
  notAttempted,
  retryableResult,
  type TransactionResult,
  type Upload,
} from "../model.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Gate } from "../rls/gate.js";
import type { DeviceBound } from "../store/store.js";
import { toWireTransaction } from "../wire/answer.js";
import type { Limits, Timeouts } from "../wire/limits.js";
import { normalizeUpload } from "../wire/upload.js";
import { deviceFor } from "./device.js";
import { type Call, type Database, type Databases, shownContext } from "./call.js";
import { isLost, lostBody } from "./lost-body.js";
import type { GroupCommit } from "./group-commit.js";
import type { RunTransaction } from "./transaction.js";
import { type Checkpointing, readCheckpointRequest } from "./checkpoint.js";
import { type Load, verifiedPrincipal } from "./load.js";
import type { CallOptions, CheckpointOptions, Writes } from "../config/writes.js";

interface ProcessorParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly pipeline: Pipeline<P, DB>;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly databases: Databases<P>;
  readonly quota: LetterQuota;
  /** How many of a caller's devices the ledger keeps. */
  readonly devices: Omit<DeviceBound, "forgotten">;
  /** For how long content tells transactions apart if the device is unknown, in milliseconds. */
  readonly contentMs: number;
  /** Absent without `rls`. */
  readonly gate: Gate<P> | undefined;
  readonly runTransaction: RunTransaction<P>;
  readonly groupCommit: GroupCommit<P>;
  readonly emit: Emit;
  /** Called with the database of an upload that has been answered. */
  readonly passed: (database: Database) => void;
  /** Called with the database as well, once `selfCheck.until` in its memory has passed. */
  readonly selfCheck: ((database: Database) => void) | undefined;
}

/** Who sends an upload. A client or queue id in the body takes precedence over these. */
interface UploadOptions<P extends Principal> {
  readonly context: CallContext<P>;
  readonly clientId?: string | undefined;
  readonly queueId?: string | undefined;
  readonly lossyNumbers: boolean;
}

export interface Processor<P extends Principal> {
  /** Runs the `validate` layer. Throws `badRequest` for a bad envelope, and what its hooks throw; a `fatal()` becomes the answer to each transaction. */
  validate(body: unknown, context: CallContext<P>): Promise<Upload>;
  /** Resolves to one result for each transaction, in order. Throws only `retryable`, if nothing may be written right now. */
  run(upload: Upload, options: UploadOptions<P>): Promise<readonly TransactionResult[]>;
}

export function createProcessor<P extends Principal, DB>({
  config,
  pipeline,
  limits,
  timeouts,
  databases,
  quota,
  devices,
  contentMs,
  gate,
  runTransaction,
  groupCommit,
  emit,
  passed,
  selfCheck,
}: ProcessorParts<P, DB>): Processor<P> {
  return {
    validate: async (body, context) => {
      try {
        return await pipeline.validate(body, context);
      } catch (error) {
        if (!isFatal(error)) throw error;
        return refused(normalizeUpload(body, limits), error);
      }
    },

    run: async (upload, { context, lossyNumbers, ...options }) => {
      const started = performance.now();
      const database = await databaseFor(databases, context, emit);
      const clientId = upload.clientId ?? options.clientId;
      const queueId = upload.queueId ?? options.queueId;
      const { userId } = context.principal;
      const shown = shownContext(context, clientId);
      const device = clientId === undefined ? await deviceFor(config, context, emit) : {};
      const refusal =
        database === undefined || device === undefined
          ? retryableResult(database === undefined ? unreached : unnamed)
          : database.memory.refused.size > 0 &&
            quota.refusal(database.memory, { userId, clientId, queueId });
      if (database === undefined || device === undefined || refusal) {
        return upload.transactions.map((_, index) =>
          index === 0 && refusal ? refusal : notAttempted,
        );
      }
      const caller = await gate?.(database, context);
      const sender = {
        ...(clientId !== undefined && { clientId }),
        ...(queueId !== undefined && { queueId }),
      };
      const call: Call<P> = {
        ...context,
        ...sender,
        ...device,
        ...database,
        shown,
        ledger: config.ledger !== false,
        ...(caller && { caller }),
        requestId: crypto.randomUUID(),
        requestBegan: started,
        devices: {
          ...devices,
          forgotten: () => emit({ ...forgot, ...correlated(context), userId }),
        },
        content: {
          withinMs: contentMs,
          decided: () => emit({ ...byContent, ...correlated(context), userId }),
        },
        lossyNumbers,
        clientCanHandle: upload.shape !== "demo",
      };
      const grouped =
        config.commit === "per-request" ? await groupCommit(upload.transactions, call) : undefined;
      const results: TransactionResult[] = [...(grouped ?? [])];
      let ended = false;
      for (const transaction of grouped === undefined ? upload.transactions : []) {
        const late = results.length > 0 && performance.now() - started >= timeouts.requestMs;
        const result: TransactionResult =
          ended || context.signal.aborted
            ? notAttempted
            : late
              ? outOfTime
              : await runTransaction(transaction, call);
        results.push(result);
        ended ||= result.status !== "success" && endsBatch(result, config.onFatal);
      }
      passed(database);
      if (performance.now() >= database.memory.selfCheck.until) selfCheck?.(database);
      return results;
    },
  };
}

const forgot = { type: "device_forgotten" } as const;
const byContent = { type: "replayed_by_content" } as const;
const unreached = "The database can't be reached right now.";
const unnamed = "The server can't identify the device right now.";

/** Ends a long batch, so that the client gets its results before it gives up waiting. */
const outOfTime = retryableResult("The request took too long. Send the rest again.");

/** Whether the rest of a batch is left: it must not overtake a transaction that stays queued. */
function endsBatch(result: TransactionResult, onFatal: "stop" | "skip" = "stop"): boolean {
  switch (result.status) {
    case "success":
      return false;
    case "fatal_error":
      return result.requiresClientHandling || onFatal === "stop";
    default:
      return true;
  }
}

function refused(upload: Upload, { message, code, details }: FatalError): Upload {
  return {
    ...upload,
    transactions: upload.transactions.map((transaction) => ({
      invalid: message,
      errorCode: code,
      ...(details !== undefined && { details }),
      raw: "invalid" in transaction ? transaction.raw : toWireTransaction(transaction),
    })),
  };
}

async function databaseFor<P extends Principal>(
  databases: Databases<P>,
  context: CallContext<P>,
  emit: Emit,
): Promise<Database | undefined> {
  try {
    return await databases.of(context.principal);
  } catch (error) {
    const during = "transaction";
    emit({ type: "error", ...correlated(context), during, error, outcome: "retryable" });
    return undefined;
  }
}

interface DirectParts<P extends Principal> {
  readonly processor: Processor<P>;
  readonly checkpointing: Checkpointing<P>;
  readonly load: Load;
  readonly emit: Emit;
}

type Direct<P extends Principal> = Pick<
  Writes<P>,
  "processTransaction" | "processBatch" | "checkpoint" | "checkpointRequest"
>;

export function createDirect<P extends Principal>({
  processor,
  checkpointing,
  load,
  emit,
}: DirectParts<P>): Direct<P> {
  /** @param accept chooses what to process of a valid upload */
  const process = (
    body: unknown,
    { principal, clientId, queueId, ...options }: CallOptions<P>,
    accept: (upload: Upload) => Upload,
  ): Promise<readonly TransactionResult[]> =>
    load.during(async () => {
      if (load.draining()) return [retryableResult("The server is being stopped.")];
      const context: CallContext<P> = {
        principal,
        ...correlated({ ...options, correlationId: options.correlationId ?? crypto.randomUUID() }),
        signal: options.signal ?? new AbortController().signal,
      };
      try {
        verifiedPrincipal(principal);
        const upload = accept(await validated(body, context));
        // Whoever parsed the body has already rounded the integers that JavaScript numbers can't carry.
        return await processor.run(upload, { context, clientId, queueId, lossyNumbers: true });
      } catch (error) {
        const during = "validate";
        emit({ type: "error", ...correlated(context), during, error, outcome: "retryable" });
        return [
          isRetryable(error)
            ? retryableResult(error.message, error.retryAfterMs)
            : retryableResult("The upload can't be read right now."),
        ];
      }
    });

  const validated = async (body: unknown, context: CallContext<P>): Promise<Upload> => {
    try {
      return await processor.validate(body, context);
    } catch (error) {
      if (isLost(body)) throw lostBody(emit, context, routeCure);
      if (!isBadRequest(error)) throw error;
      return one({ invalid: error.message, raw: body });
    }
  };

  const device = ({ principal, clientId, signal }: CheckpointOptions<P>) => {
    if (load.draining()) throw retryable("The server is being stopped.");
    return {
      principal: verifiedPrincipal(principal),
      clientId,
      signal: signal ?? new AbortController().signal,
    };
  };

  return {
    processBatch: (body, options) => process(body, options, (upload) => upload),
    processTransaction: async (body, options) => {
      const [result] = await process(body, options, (upload) =>
        upload.transactions.length === 1
          ? upload
          : one({ invalid: "Send one transaction. For several, use processBatch.", raw: body }),
      );
      return result === undefined || result.status === "not_attempted"
        ? retryableResult("The caller disconnected before the transaction was tried.")
        : result;
    },
    checkpoint: (options) => load.during(async () => checkpointing.next(device(options))),
    checkpointRequest: ({ checkpointRequestId, ...options }) =>
      load.during(async () => {
        const sent = { client_id: options.clientId, checkpoint_request_id: checkpointRequestId };
        return checkpointing.raise(device(options), readCheckpointRequest(sent).requestId);
      }),
  };
}

const routeCure =
  'The route was given no parsed body. Put the framework\'s JSON body parser in front of it, such as express.json({ limit: "16mb" }), and pass on what it has made of the body.';

function one(transaction: InvalidTransaction): Upload {
  return { shape: "single", transactions: [transaction] };
}
