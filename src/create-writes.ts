/** `createWrites`: creates all the parts and connects them. */
import { checkConfig } from "./config/config-shape.js";
import type { WritesConfig } from "./config/config.js";
import type { Principal } from "./context.js";
import { createDeadLetters } from "./dead-letters/api.js";
import { createCreated } from "./dead-letters/created-rows.js";
import { createDependants } from "./dead-letters/dependants.js";
import { recordLetter } from "./dead-letters/payload.js";
import { createLetterQuota } from "./dead-letters/quota.js";
import { createReject } from "./dead-letters/rejections.js";
import { createRowStateReader } from "./dead-letters/row-states.js";
import { emitter } from "./events/emit.js";
import { createCors } from "./http/cors.js";
import { createHandle } from "./http/handler.js";
import { createLoad } from "./process/load.js";
import { handlesOf } from "./http/request.js";
import { consoleLogger, createLog } from "./events/logger.js";
import { createMapping } from "./pipeline/mapping.js";
import { createPipeline } from "./pipeline/pipeline.js";
import { compileRules } from "./pipeline/rules.js";
import { createCheckpointing } from "./process/checkpoint.js";
import { createDatabases, isKeyed, isStore, type OpenStore } from "./process/call.js";
import { createPlaces } from "./process/places.js";
import { createProcessor } from "./process/upload.js";
import { createDirect } from "./process/direct.js";
import { createPruning } from "./process/pruning.js";
import { createParking } from "./process/parking.js";
import { createGroupCommit } from "./process/group-commit.js";
import { createAnnounce, createRunTransaction } from "./process/transaction.js";
import { refuseUntracked } from "./check/tracking.js";
import { createReady, usedTables } from "./check/ready.js";
import { createSelfCheck } from "./check/self-check.js";
import { createGate, createInspectPolicies } from "./rls/gate.js";
import { rls } from "./rls/rls.js";
import { abilitiesOf, isKysely, notADatabase } from "./sql/families.js";
import { checkApplicationErrors } from "./sql/errors.js";
import { createSqlStores } from "./sql/store.js";
import { noDeferral, noRowSecurity } from "./store/failures.js";
import type { Store } from "./store/store.js";
import { limitsOf, timeoutsOf } from "./wire/limits.js";
import { withConfig, type Writes } from "./config/writes.js";

/**
 * Creates the write path of one application. It opens no connection: the database is used from the first request on.
 *
 * @throws TypeError if an option is unknown or has a wrong value, a rule does not say who may write its table, options contradict each other, or the
 * database is not supported; the message names the option and says what to write
 * @example
 * const writes = createWrites({
 *   authenticate: jwt({ jwksUri, issuer, audience }),
 *   database: new Kysely({ dialect: new PostgresDialect({ pool }) }),
 *   tables: { lists: { owner: "owner_id" }, todos: { belongsTo: { list_id: "lists" } } },
 * });
 */
export function createWrites<P extends Principal, DB>(config: WritesConfig<P, DB>): Writes<P> {
  checkConfig(config);
  checkDatabase(config);
  const limits = limitsOf(config.limits);
  const timeouts = timeoutsOf(config.timeouts);
  const path = config.path ?? "/api/data";
  const cors = config.cors && createCors(config.cors);
  const logger = config.logger ?? consoleLogger;
  const { telemetry } = config;
  const emit = emitter([
    ...(logger === false ? [] : [createLog(logger)]),
    ...(config.onEvent === undefined ? [] : [{ tell: config.onEvent }]),
    ...(telemetry === undefined ? [] : [{ tell: telemetry.event }]),
  ]);
  const { rejections, keepPrincipal = true } = config.deadLetters ?? {};
  const rules = compileRules<P, DB>(config.tables);
  if (config.schema !== undefined) refuseUntracked(rules, config.schema);
  const mapping = createMapping(config);
  const created = createCreated(rules, mapping);
  const dependants = createDependants(rules, created);
  const databases = createDatabases(
    config.database,
    openStore(config, timeouts),
    ({ connections = Infinity }) => {
      const concurrentTransactions = Math.min(limits.concurrentTransactions, connections);
      return createPlaces({ ...limits, concurrentTransactions }, timeouts.transactionMs);
    },
  );
  const inspectPolicies = createInspectPolicies(config);
  const gate = createGate(config, inspectPolicies, emit);
  const pipeline = createPipeline(config, {
    rules,
    mapping,
    limits,
    emit,
    deadLetter: recordLetter(keepPrincipal, created.ofPayload),
    reject: (convert) => rejections && createReject(rejections, convert, emit),
  });
  const quota = createLetterQuota(config.deadLetters);
  const load = createLoad(limits);
  const rowStateReader = createRowStateReader(rules);
  const shared = { config, pipeline, rowStateReader, dependants, emit };
  const parking = createParking(config, emit);
  const announce = createAnnounce({ pipeline, emit, parking });
  const run = createRunTransaction({ ...shared, quota, parking, announce });
  const runTransaction: typeof run =
    telemetry === undefined
      ? run
      : (transaction, call) => telemetry.transaction(call, () => run(transaction, call));
  const groupCommit = createGroupCommit({ ...shared, announce });
  const { prune, forget, devices, contentMs, passed } = createPruning(config, load, emit);
  const checkParts = {
    config,
    limits,
    rules,
    used: usedTables(config),
    asLogin: config.rls === undefined,
  };
  // Its findings only go to the log, and a database that is made for one request is gone by then.
  const selfCheck =
    logger === false || isKeyed(config.database)
      ? undefined
      : createSelfCheck(checkParts, load, emit);
  const processor = createProcessor({
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
  });
  const checkpointing = createCheckpointing(databases);
  const routes = { preflights: cors !== undefined, checkpoints: config.checkpoints === true };
  const answer = createHandle({
    path,
    routes,
    ...(cors && { cors }),
    limits,
    timeouts,
    load,
    pipeline,
    processor,
    checkpointing,
    emit,
  });
  const handle: typeof answer =
    telemetry === undefined
      ? answer
      : (request) => telemetry.request(request, () => answer(request));
  const deadLetters = createDeadLetters({
    ...shared,
    rules,
    created,
    limits,
    gate,
    load,
    databases,
  });
  telemetry?.waitingLetters(() => deadLetters.count());
  const writes: Writes<P> = {
    deadLetters,
    ...createDirect({ processor, checkpointing, load, emit }),
    handle,
    handles: handlesOf(path, routes, emit),
    prune: async ({ principal } = {}) => prune((await databases.sure(principal)).store),
    forget: async (userId, { principal } = {}) => {
      if (typeof userId !== "string" || userId === "") {
        throw new TypeError("forget: `userId` must be text, and not empty.");
      }
      return forget((await databases.sure(principal)).store, userId);
    },
    ready: createReady({
      config,
      rules,
      limits,
      databases,
      inspectPolicies,
      draining: load.draining,
      emit,
    }),
    health: () => ({ status: load.draining() ? "draining" : "ok", inFlight: load.inFlight() }),
    check: async (clientSchema, options) => {
      // Loaded on demand, because servers rarely call it.
      const { check } = await import("./check/check.js");
      return check({ ...checkParts, databases }, clientSchema, options);
    },
    drain: load.drain,
  };
  return withConfig(writes, config);
}

/** Refuses what can be recognized as wrong before the database is used. */
function checkDatabase<P extends Principal, DB>(config: WritesConfig<P, DB>): void {
  const { database } = config;
  if (config.rls !== undefined) rls(config.rls);
  if (typeof database === "function" || isKeyed(database)) return;
  if (isStore(database)) refuseSqlOptions(config, database);
  const known = isStore(database) ? database : abilitiesOf(database);
  if (config.rls !== undefined && !known.rowSecurity) throw noRowSecurity(known);
  if (config.deferConstraints === true && known.deferral !== true) throw noDeferral(known);
}

/** @throws TypeError for an option without effect on a store that does not use Kysely */
function refuseSqlOptions<P extends Principal, DB>(
  config: WritesConfig<P, DB>,
  { name }: Pick<Store, "name">,
): void {
  const options = ["isolation", "asynchronousCommit", "ownTables", "errors"] as const;
  const given = options.find((option) => config[option] !== undefined);
  if (given === undefined) return;
  throw new TypeError(
    `${given}: this option has no effect on ${name}; it is for databases that are used through Kysely. Remedy: take the option out.`,
  );
}

function openStore<P extends Principal, DB>(
  config: WritesConfig<P, DB>,
  timeouts: Parameters<typeof createSqlStores>[0]["timeouts"],
): OpenStore {
  const { isolation, asynchronousCommit = false, ownTables, errors, telemetry } = config;
  checkApplicationErrors(errors);
  const openSql = createSqlStores({
    isolation,
    timeouts,
    ownTables,
    ...(errors && { errors }),
    ...(telemetry && { statement: telemetry.statement }),
    severalRoles: config.rls !== undefined,
    asynchronousCommit,
  });
  return async (database, key) => {
    if (isStore(database)) {
      refuseSqlOptions(config, database);
      return withKey(database, key);
    }
    if (isKysely(database)) return openSql(database, key);
    throw notADatabase(database);
  };
}

/** The same store under another key. Its functions are called on the original, which may be an instance of a class. */
function withKey(store: Store, key: object | string): Store {
  const { name, connections, place, scopeBuilder, rowSecurity, deferral = false } = store;
  const { taken, blamed, remedy, isSure, applicationWord } = store;
  return {
    name,
    ...(connections !== undefined && { connections }),
    key,
    place,
    scopeBuilder,
    rowSecurity,
    deferral,
    unit: (options, work) => store.unit(options, work),
    isScope: (given) => store.isScope(given),
    meaning: (error) => store.meaning(error),
    convert: (...value) => store.convert(...value),
    view: (...value) => store.view(...value),
    ...(taken && { taken: (error: unknown) => taken.call(store, error) }),
    ...(remedy && { remedy: (error: unknown) => remedy.call(store, error) }),
    ...(blamed && {
      blamed: (...failed: Parameters<typeof blamed>) => blamed.call(store, ...failed),
    }),
    ...(isSure && {
      isSure: (...value: Parameters<typeof isSure>) => isSure.call(store, ...value),
    }),
    ...(applicationWord && {
      applicationWord: (error: unknown) => applicationWord.call(store, error),
    }),
  };
}
