/** `Writes.processTransaction`, `processBatch`, `checkpoint` and `checkpointRequest`: what the application's own routes call, without HTTP. */
import type { CallContext, Principal } from "../context.js";
import { isBadRequest, isRetryable, retryable, type RetryableError } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import {
  type InvalidTransaction,
  retryableResult,
  type TransactionResult,
  type Upload,
} from "../model.js";
import { type Checkpointing, readCheckpointRequest } from "./checkpoint.js";
import { type Load, verifiedPrincipal } from "./load.js";
import type { CallOptions, CheckpointOptions, Writes } from "../config/writes.js";
import type { Processor } from "./upload.js";
import type { Correlated } from "../events/events.js";

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
    given: CallOptions<P>,
    accept: (upload: Upload) => Upload,
  ): Promise<readonly TransactionResult[]> =>
    load.during(async () => {
      if (load.draining()) return [retryableResult("The server is being stopped.")];
      // Code without types may leave out the options, and with them the principal.
      const options = (given as CallOptions<P> | undefined) ?? ({} as CallOptions<P>);
      const { principal, clientId, queueId } = options;
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
      if (isMissingBody(body)) throw missingBody(emit, context, routeCure);
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

/** Whether a value can't be an upload that a JSON parser has read: it is missing, an empty object, bytes, or text. */
export function isMissingBody(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return true;
  return ArrayBuffer.isView(body) || Object.keys(body).length === 0;
}

/** Reports to the operator that the server's own middleware has lost a body, and returns the error for the device, which keeps its writes. */
export function missingBody(emit: Emit, context: Correlated, cure: string): RetryableError {
  emit({ type: "body_missing", ...correlated(context), cure });
  return retryable("The body did not reach the part of the server that processes uploads.");
}
