/** Processes uploads: validates one, runs its transactions in order, and answers each. Used over HTTP and, through `direct.ts`, by the application's own routes. */
import type { WritesConfig } from "../config/config.js";
import type { CallContext, Principal } from "../context.js";
import type { LetterQuota } from "../dead-letters/quota.js";
import { type FatalError, isFatal } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import { notAttempted, retryableResult, type TransactionResult, type Upload } from "../model.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Gate } from "../rls/gate.js";
import type { DeviceBound } from "../store/ledger.js";
import { toWireTransaction } from "../wire/answer.js";
import type { Limits, Timeouts } from "../wire/limits.js";
import { normalizeUpload } from "../wire/upload.js";
import { type Call, type Database, type Databases, shownContext } from "./call.js";
import type { GroupCommit } from "./group-commit.js";
import type { RunTransaction } from "./transaction.js";

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

/** What `ledger.device` returns; an empty object if it names no device. `undefined`: the function failed. Never rejects. */
async function deviceFor<P extends Principal, DB>(
  { ledger }: Pick<WritesConfig<P, DB>, "ledger">,
  context: CallContext<P>,
  emit: Emit,
): Promise<{ readonly device?: string } | undefined> {
  if (ledger === false || ledger?.device === undefined) return {};
  try {
    const device: unknown = await ledger.device(context.request, context.principal);
    if (device === undefined || device === null || device === "") return {};
    if (typeof device === "string") return { device };
    throw new TypeError("ledger: `device` must give a text, or undefined where there is none.");
  } catch (error) {
    const during = "transaction";
    emit({ type: "error", ...correlated(context), during, error, outcome: "retryable" });
    return undefined;
  }
}
