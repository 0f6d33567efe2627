/** Puts the rooms together: `createWrites`. */
import type { Kysely } from "kysely";
import { createAdmission } from "./admission.js";
import { verifiedPrincipal } from "./authenticate.js";
import { limitsOf, timeoutsOf } from "./bounds.js";
import { createCheck } from "./check/check.js";
import { databaseOf } from "./call.js";
import { readCheckpointRequest } from "./checkpoint-body.js";
import { createCheckpointing } from "./checkpointing.js";
import { createAnnounceCommit } from "./committed.js";
import type { WritesConfig } from "./config.js";
import { createCors } from "./cors.js";
import type { InvalidTransaction, Upload } from "./crud.js";
import { isBadRequest, isRetryable, retryable } from "./errors.js";
import { correlated, emitter } from "./event.js";
import { createGate, createInspectPolicies } from "./gate.js";
import { createHandle } from "./http.js";
import type { CallContext, Principal } from "./layer.js";
import { createDeadLetters } from "./letters/dead-letters.js";
import { createOwn } from "./own.js";
import { createLetterBound } from "./letter-bound.js";
import { dialectOf } from "./persist/dialects.js";
import { createRowStateReader } from "./persist/row-states.js";
import { createCatalog } from "./persist/schema.js";
import { createPipeline } from "./pipeline.js";
import { createPruning } from "./pruning.js";
import { createReady } from "./ready.js";
import { retryableResult, type TransactionResult } from "./result.js";
import { createAgain } from "./retry.js";
import { rls } from "./rls.js";
import { routeOf } from "./route.js";
import { compileRules } from "./rules.js";
import { createTransit } from "./transit.js";
import { createRunTransaction } from "./transaction.js";
import { createProcessor } from "./processor.js";
import type { CallOptions, CheckpointOptions, Writes } from "./writes.js";

/**
 * The write path of one application.
 *
 * @throws TypeError where the configuration contradicts itself or holds what is no limit and no time, or the database's dialect is not supported
 */
export function createWrites<P extends Principal, DB>(config: WritesConfig<P, DB>): Writes<P> {
  if (config.rls !== undefined) rls(config.rls);
  if (typeof config.database !== "function") {
    const { rowSecurity, name } = dialectOf(config.database);
    if (config.rls !== undefined && rowSecurity === undefined) {
      throw new TypeError(`rls: ${name} has no row-level security; Postgres has.`);
    }
  }
  const limits = limitsOf(config.limits);
  const timeouts = timeoutsOf(config.timeouts);
  const own = createOwn(config.ownTables);
  const settings = {
    isolation: config.isolation,
    timeouts,
    own,
  };
  const path = config.path ?? "/api/data";
  const cors = config.cors && createCors(config.cors);
  const emit = emitter(config.onEvent);
  const catalog = createCatalog(dialectOf, config.rls !== undefined);
  const rules = compileRules<P, DB>(config.tables);
  const inspectPolicies = createInspectPolicies(config, settings);
  const gate = createGate(config, inspectPolicies, emit);
  const pipeline = createPipeline(config, { rules, limits, catalog, emit, own });
  const letters = createLetterBound(own, limits.openDeadLetters);
  const again = createAgain(catalog);
  const transit = createTransit();
  const { draining, inFlight } = transit;
  const shared = {
    config,
    pipeline,
    rowStateReader: createRowStateReader(rules, catalog),
    announceCommit: createAnnounceCommit(config, emit),
    again,
    emit,
    settings,
  };
  const runTransaction = createRunTransaction({ ...shared, letters });
  const deadLetters = createDeadLetters({
    ...shared,
    limits,
    gate,
    transit,
    databaseFor: async (principal) => databaseFor(config, principal),
  });
  const { prune, passed } = createPruning(config, settings, transit, emit);
  const processor = createProcessor({
    config,
    pipeline,
    limits,
    timeouts,
    letters,
    gate,
    runTransaction,
    emit,
    passed,
  });
  const checkpointing = createCheckpointing(config, settings, again);
  const routes = { preflights: cors !== undefined, checkpoints: config.checkpoints === true };
  const handle = createHandle({
    path,
    routes,
    ...(cors && { cors }),
    limits,
    timeouts,
    admission: createAdmission(limits),
    pipeline,
    processor,
    checkpointing,
    emit,
    draining,
  });

  const process = (
    body: unknown,
    { principal, clientId, queueId, ...options }: CallOptions<P>,
    accept: (upload: Upload) => Upload,
  ): Promise<readonly TransactionResult[]> =>
    transit.during(async () => {
      if (draining()) return [retryableResult("The server is being stopped.")];
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
    if (transit.draining()) throw retryable("The server is being stopped.");
    return {
      principal: verifiedPrincipal(principal),
      clientId,
      signal: signal ?? new AbortController().signal,
    };
  };

  return {
    deadLetters,
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
    handle: (request) => transit.during(() => handle(request)),
    handles: (method, url) => routeOf(path, method, url, routes) !== undefined,
    checkpoint: (options) => transit.during(async () => checkpointing.next(device(options))),
    checkpointRequest: ({ checkpointRequestId, ...options }) =>
      transit.during(async () => {
        const sent = { client_id: options.clientId, checkpoint_request_id: checkpointRequestId };
        return checkpointing.raise(device(options), readCheckpointRequest(sent).requestId);
      }),
    prune: async ({ principal } = {}) => prune(await databaseFor(config, principal)),
    ready: createReady({ config, own, inspectPolicies, draining, emit }),
    health: () => ({ status: draining() ? "draining" : "ok", inFlight: inFlight() }),
    check: createCheck({
      rules,
      settings,
      databaseFor: (principal) => databaseFor(config, principal),
      judged: config.authorize !== undefined || config.rls !== undefined,
    }),
    drain: transit.drain,
  };
}

/** @throws TypeError where there is a database for each tenant, and none is named */
async function databaseFor<P extends Principal, DB>(
  config: WritesConfig<P, DB>,
  principal: P | undefined,
): Promise<Kysely<DB>> {
  if (principal !== undefined) return databaseOf(config, principal);
  if (typeof config.database !== "function") return config.database;
  throw new TypeError("`database` is a function: say whose by `{ principal }`.");
}

function one(transaction: InvalidTransaction): Upload {
  return { shape: "single", transactions: [transaction] };
}
