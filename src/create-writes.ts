/** Puts the rooms together: `createWrites`. */
import { createAdmission, createTransit } from "./http/load.js";
import { limitsOf, timeoutsOf } from "./wire/limits.js";
import { createCheck } from "./check/check.js";
import { databaseFor } from "./process/call.js";
import { createCheckpointing } from "./checkpoint/checkpoint.js";
import { createAnnounceCommit } from "./process/committed.js";
import type { WritesConfig } from "./config.js";
import { createCors } from "./http/cors.js";
import { emitter } from "./events.js";
import { createGate, createInspectPolicies } from "./rls/gate.js";
import { createHandle } from "./http/handler.js";
import type { Principal } from "./pipeline/layers.js";
import { createDirect } from "./process/direct.js";
import { createDeadLetters } from "./dead-letters/api.js";
import { createOwn } from "./sql/tables.js";
import { createLetterBound } from "./dead-letters/quota.js";
import { dialectOf } from "./sql/dialects.js";
import { createRowStateReader } from "./sql/fingerprints.js";
import { createCatalog } from "./sql/schema.js";
import { createPipeline } from "./pipeline/pipeline.js";
import { createPruning } from "./process/pruning.js";
import { createReady } from "./check/ready.js";
import { createAgain } from "./process/retry.js";
import { rls } from "./rls/rls.js";
import { routeOf } from "./http/routes.js";
import { compileRules } from "./pipeline/rules.js";
import { createRunTransaction } from "./process/transaction.js";
import { createProcessor } from "./process/upload.js";
import type { Writes } from "./writes.js";

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

  return {
    deadLetters,
    ...createDirect({ processor, checkpointing, transit, emit }),
    handle: (request) => transit.during(() => handle(request)),
    handles: (method, url) => routeOf(path, method, url, routes) !== undefined,
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
