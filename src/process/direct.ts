/** What routes of an application's own call, behind their own authentication: the same as over HTTP, without it. */
import { type Checkpointing, readCheckpointRequest } from "./checkpoint.js";
import {
  type InvalidTransaction,
  retryableResult,
  type TransactionResult,
  type Upload,
} from "../model.js";
import { isBadRequest, isRetryable, retryable } from "../errors.js";
import { correlated, type Emit } from "../events.js";
import { type CallContext, type Principal, verifiedPrincipal } from "../context.js";
import type { Processor } from "./upload.js";
import type { UnderWay } from "./load.js";
import type { CallOptions, CheckpointOptions, Writes } from "../writes.js";

interface DirectParts<P extends Principal> {
  readonly processor: Processor<P>;
  readonly checkpointing: Checkpointing<P>;
  readonly underWay: UnderWay;
  readonly emit: Emit;
}

type Direct<P extends Principal> = Pick<
  Writes<P>,
  "processTransaction" | "processBatch" | "checkpoint" | "checkpointRequest"
>;

export function createDirect<P extends Principal>({
  processor,
  checkpointing,
  underWay,
  emit,
}: DirectParts<P>): Direct<P> {
  /** @param accept what is processed of a body that has been understood */
  const process = (
    body: unknown,
    { principal, clientId, queueId, ...options }: CallOptions<P>,
    accept: (upload: Upload) => Upload,
  ): Promise<readonly TransactionResult[]> =>
    underWay.during(async () => {
      if (underWay.draining()) return [retryableResult("The server is being stopped.")];
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
            : retryableResult("The upload can't be read just now."),
        ];
      }
    });

  const validated = async (body: unknown, context: CallContext<P>): Promise<Upload> => {
    try {
      return await processor.validate(body, context);
    } catch (error) {
      if (!isBadRequest(error)) throw error;
      return one({ invalid: error.message, raw: body });
    }
  };

  const device = ({ principal, clientId, signal }: CheckpointOptions<P>) => {
    if (underWay.draining()) throw retryable("The server is being stopped.");
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
          : one({ invalid: "Send one transaction; for several there is processBatch.", raw: body }),
      );
      return result === undefined || result.status === "not_attempted"
        ? retryableResult("The caller has left before the transaction was tried.")
        : result;
    },
    checkpoint: (options) => underWay.during(async () => checkpointing.next(device(options))),
    checkpointRequest: ({ checkpointRequestId, ...options }) =>
      underWay.during(async () => {
        const sent = { client_id: options.clientId, checkpoint_request_id: checkpointRequestId };
        return checkpointing.raise(device(options), readCheckpointRequest(sent).requestId);
      }),
  };
}

function one(transaction: InvalidTransaction): Upload {
  return { shape: "single", transactions: [transaction] };
}
