/**
 * Checks a configuration at the start, before the first request. Every option is described here as data: its name, the kind of its value, and
 * whether it is required. The compiler compares the names with the types.
 */
import type { IsolationLevel } from "kysely";
import type { KeyedDatabase, LedgerOptions, ParkingOptions, WritesConfig } from "./config.js";
import type { DeadLettersOptions, RejectionOptions } from "./letter-options.js";
import type { Principal } from "../context.js";
import type { CorsOptions } from "../http/cors.js";
import type { Hooks, LayerHook, Layers } from "../pipeline/layers.js";
import type { RlsOptions } from "../rls/rls.js";
import type { Limits, Timeouts } from "../wire/limits.js";
import {
  checkKind,
  defined,
  either,
  flag,
  func,
  isPlain,
  type Kind,
  list,
  logger,
  number,
  object,
  oneOf,
  recordOf,
  required,
  somePoints,
  telemetry,
  text,
  worded,
} from "./kinds.js";
import { limit, ownTables, path, type ShapeOf } from "./shapes.js";
import { mutator, tableRule } from "./rule-shape.js";
import type { TableRule } from "../pipeline/table-rule.js";

const milliseconds = worded("a whole number of milliseconds", number);
const days = worded("a number of days", number);

// A hook that is undefined because of a misspelled name would silently do nothing.
const layerHook = somePoints(
  { before: defined(func), after: defined(func) } satisfies ShapeOf<
    LayerHook<Layers<Principal, unknown>["map"]>
  >,
  "an object { before, after }",
);
const hook = somePoints(
  {
    authenticate: defined(layerHook),
    validate: defined(layerHook),
    map: defined(layerHook),
    authorize: defined(layerHook),
    persist: defined(layerHook),
    deadLetter: defined(layerHook),
    respond: defined(layerHook),
    committed: defined(func),
  } satisfies ShapeOf<Hooks<Principal, unknown>>,
  "an object of hooks by their layers' names",
);

const keyedDatabase = object(
  { open: required(func), key: required(func) } satisfies ShapeOf<
    KeyedDatabase<Principal, unknown>
  >,
  "an object { open, key }",
);
const database: Kind = {
  words:
    "a Kysely object, a store such as the memory store, a function of the principal that returns one, or { open, key }",
  fits: (value) => typeof value === "function" || (typeof value === "object" && value !== null),
  // Stores and Kysely objects have members of their own, which are not options.
  inside: (value, path) => {
    if (isPlain(value) && "open" in (value as object)) checkKind(keyedDatabase, value, path);
  },
};

export const config = object(
  {
    authenticate: required(
      worded("a function of the request that returns the principal, such as jwt({ … })", func),
    ),
    database: required(database),
    tables: required(
      recordOf(tableRule, "an object that has a rule for each table clients may write"),
    ),
    schema: {
      words: "the client's schema, such as a Schema of @powersync/common, or its toJSON()",
      fits: (value) => typeof value === "object" && value !== null && "tables" in value,
    },
    mutators: recordOf(mutator, "an object of mutators by their names"),
    path: worded('a path that begins with "/", or false', either(path, oneOf(false))),
    cors: object(
      {
        origins: required(
          worded("a list of origins, or a function", either(list(text, "a list of origins"), func)),
        ),
        credentials: flag,
        maxAgeSeconds: number,
      } satisfies ShapeOf<CorsOptions>,
      "an object { origins, credentials, maxAgeSeconds }",
    ),
    hooks: worded(
      "an object of hooks, or a list of them",
      either(list(hook, "a list of hooks"), hook),
    ),
    validate: func,
    map: func,
    authorize: defined(worded("a function (write, context) => void", func)),
    persist: func,
    deadLetter: func,
    onFatal: oneOf("stop", "skip"),
    commit: oneOf("per-transaction", "per-request"),
    rls: defined(
      object(
        {
          role: defined(
            worded("a role's name, or a function of the principal", either(text, func)),
          ),
          claims: defined(worded("a function of the principal", func)),
          setting: worded('a setting\'s name, such as "request.jwt.claims"', text),
          settings: defined(worded("a function of the principal", func)),
        } satisfies ShapeOf<RlsOptions<Principal>>,
        "an object { role, claims, setting, settings }",
      ),
    ),
    errors: recordOf(text, 'an object of error codes, or "retryable", by codes of the database'),
    isolation: oneOf(
      ...([
        "read uncommitted",
        "read committed",
        "repeatable read",
        "serializable",
        "snapshot",
      ] satisfies readonly IsolationLevel[]),
    ),
    asynchronousCommit: flag,
    deferConstraints: flag,
    timeouts: object(
      {
        lockMs: milliseconds,
        statementMs: milliseconds,
        transactionMs: milliseconds,
        requestMs: milliseconds,
        bodyMs: milliseconds,
        bodyPauseMs: milliseconds,
      } satisfies ShapeOf<Timeouts>,
      "an object of times in milliseconds",
    ),
    limits: object(
      {
        bodyBytes: limit,
        transactions: limit,
        operations: limit,
        depth: limit,
        keys: limit,
        values: limit,
        stringLength: limit,
        concurrentRequests: limit,
        requests: limit,
        memoryBytes: limit,
        concurrentTransactions: limit,
        callerTransactions: limit,
      } satisfies ShapeOf<Limits>,
      "an object of limits",
    ),
    ledger: worded(
      "false, or an object { retentionDays, prune, devices, device, contentDays }",
      either(
        oneOf(false),
        object(
          {
            retentionDays: days,
            prune: flag,
            devices: limit,
            device: defined(func),
            contentDays: days,
          } satisfies ShapeOf<LedgerOptions<Principal>>,
          "an object { retentionDays, prune, devices, device, contentDays }",
        ),
      ),
    ),
    parking: worded(
      "false, or an object { afterHours, attempts }",
      either(
        oneOf(false),
        object(
          {
            afterHours: worded("a number of hours", number),
            attempts: worded("a whole number of failures", number),
          } satisfies ShapeOf<ParkingOptions>,
          "an object { afterHours, attempts }",
        ),
      ),
    ),
    checkpoints: flag,
    deadLetters: object(
      {
        requiresClientHandling: func,
        onRecorded: func,
        rejections: object(
          { table: required(worded("a table's name", text)), row: func } satisfies ShapeOf<
            RejectionOptions<Principal, unknown>
          >,
          "an object { table, row }",
        ),
        open: limit,
        openBytes: limit,
        keepClosedDays: days,
        keepPrincipal: flag,
        principal: func,
      } satisfies ShapeOf<DeadLettersOptions<Principal, unknown>>,
      "an object of options",
    ),
    ownTables,
    logger,
    onEvent: func,
    telemetry,
  } satisfies ShapeOf<WritesConfig<Principal, unknown>>,
  "an object { authenticate, database, tables }",
);

/** @throws TypeError for the first mistake. The message names the option and says what to write. */
export function checkConfig<P extends Principal, DB>(given: WritesConfig<P, DB>): void {
  // An instance without a database is a framework's request: the adapter itself was mounted instead of the middleware that it returns.
  if (!config.fits(given) || !(isPlain(given) || "database" in given)) {
    throw new TypeError(
      `The configuration must be ${config.words}. An adapter is mounted with it, or with what createWrites returns: powersyncWrites(writes).`,
    );
  }
  checkKind(config, given, "");
  const judged = given.rls !== undefined || given.authorize !== undefined;
  for (const [name, rule] of Object.entries(given.tables)) checkAccess(name, rule, judged);
}

/** @param judged whether `rls` or a global `authorize` says who may write, so that the rule need not */
function checkAccess<P extends Principal, DB>(
  name: string,
  { owner, scope, belongsTo = {}, authorize, access, operations }: TableRule<P, DB>,
  judged: boolean,
): void {
  const scopes = Object.entries({ owner, scope, ...(hasKeys(belongsTo) && { belongsTo }) });
  const said = scopes.filter(([, value]) => value !== undefined).map(([option]) => option);
  if (access === "everyone" && said.length > 0) {
    throw new TypeError(
      `tables.${name} says access: "everyone" and ${said.join(", ")}. Write one or the other.`,
    );
  }
  const writable = operations === undefined || operations.length > 0;
  if (judged || !writable || said.length > 0 || (authorize ?? access) !== undefined) return;
  throw new TypeError(
    `tables.${name} does not say who may write it. Write \`owner\`, \`scope\`, \`belongsTo\` or \`authorize\`; ` +
      'or access: "everyone", if every caller that `authenticate` lets in may write every row.',
  );
}

function hasKeys(value: object): boolean {
  return Object.keys(value).length > 0;
}
