/** The port on Kysely: one SQL database as a store. */
import type { IsolationLevel, Kysely, Transaction } from "kysely";
import type { OwnTable, OwnTablesOptions } from "../config/config.js";
import { byDatabase } from "../store/by-database.js";
import {
  Contention,
  type Meaning,
  noDeferral,
  NumbersExhausted,
  RowTaken,
} from "../store/failures.js";
import type { Store, UnitOptions, UnitTimeouts } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";
import { supportsFlights } from "./connection.js";
import type { Dialect } from "./dialect.js";
import { type ApplicationErrors, applicationWord, isConnectionError, remedyOf } from "./errors.js";
import { familyOf } from "./families.js";
import type { FlightSupport } from "./flight/flight.js";
import type { createFlights, Flights, FlightsParts } from "./flight/flights.js";
import { createEndHungSessions, type SessionChecks } from "./hung-sessions.js";
import type { Subject } from "./ledger/entry.js";
import { askForLetters, claimAll, type ClaimOutcome } from "./ledger/ledger.js";
import { createOwn, type Own } from "./own-tables/tables.js";
import { isCompiledAlike } from "./rows/compiled.js";
import type { Texts } from "./rows/target.js";
import { isExpression } from "./rows/values.js";
import { createSchemaCache, type SchemaCache, sourceTable } from "./schema.js";
import { scopeBuilder, type SqlDatabase, type SqlTable, type SqlTransaction } from "./table.js";
import { createWatch, inTransaction } from "./transaction.js";
import { openUnit } from "./unit.js";

interface SqlStoreOptions {
  readonly isolation: IsolationLevel | undefined;
  readonly timeouts: UnitTimeouts;
  /** Default false. */
  readonly asynchronousCommit?: boolean;
  readonly ownTables: OwnTablesOptions | undefined;
  readonly errors?: ApplicationErrors;
  /** Called with the text of each statement before it is sent. */
  readonly statement?: (text: string) => void;
  /** Whether data is written as several roles. A table that one role does not find may be visible to another. */
  readonly severalRoles: boolean;
}

/** Makes stores of Kysely objects, which remember a schema by their key. */
type OpenSqlStore = <DB>(db: Kysely<DB>, key: object | string) => Promise<Store>;

export function createSqlStores({
  severalRoles,
  ownTables,
  ...options
}: SqlStoreOptions): OpenSqlStore {
  const schemas = byDatabase(() => createSchemaCache(severalRoles));
  const own = createOwn(ownTables);
  const support = byDatabase((): FlightSupport => ({ supported: undefined }));
  const sessions = byDatabase((): SessionChecks => ({ checkedAt: -Infinity }));
  return async (db, key) => {
    const dialect = await familyOf(db).load();
    const place = await placeOf(db, key);
    const fly = await flightsFor(dialect);
    const remembered = {
      ...(fly && { fly }),
      schema: schemas.of({ key }),
      support: support.of({ key }),
      sessions: sessions.of({ key }),
    };
    return sqlStore(db, dialect, { ...options, ...remembered, own, place, key });
  };
}

interface SqlStoreParts extends Pick<
  SqlStoreOptions,
  "isolation" | "timeouts" | "asynchronousCommit" | "errors" | "statement"
> {
  readonly own: Own;
  readonly schema: SchemaCache;
  /** Absent: transactions are not sent as a whole. */
  readonly support?: FlightSupport;
  readonly sessions?: SessionChecks;
  readonly fly?: typeof createFlights;
  readonly key: object | string;
  readonly place: string;
}

export function sqlStore<DB>(
  db: Kysely<DB>,
  dialect: Dialect,
  {
    own,
    schema: cache,
    support = { supported: false },
    sessions = { checkedAt: -Infinity },
    fly,
    key,
    place,
    isolation,
    timeouts: configured,
    asynchronousCommit,
    errors,
    statement,
  }: SqlStoreParts,
): Store<Transaction<DB>> {
  const ledger = own.table("powersync_ledger");
  // Without a ledger, and with letters stored elsewhere, the table may be missing, and a statement that fails would end the transaction.
  let hasLetterTable = false;
  const lettersWait: typeof askForLetters = async (ours, lettersOf) => {
    const tx = ours as unknown as SqlTransaction;
    hasLetterTable ||= await hasTable(tx, dialect, "powersync_dead_letters");
    return hasLetterTable && askForLetters(ours, lettersOf);
  };
  const texts: Texts | undefined = isCompiledAlike(db) ? new WeakMap() : undefined;
  // The application's plugins do not see the library's own tables.
  const ownTexts: Texts = new WeakMap();
  const plain = db as unknown as SqlDatabase;
  const { read: tableOf, known } = cache.tablesOf(plain, dialect);
  const meaning = (error: unknown): Meaning => {
    if (error instanceof Contention) return "contention";
    if (error instanceof NumbersExhausted) return "exhausted";
    if (error instanceof RowTaken) return "UNIQUE_VIOLATION";
    return dialect.meaning(error) ?? (isConnectionError(error) ? "outage" : "other");
  };
  const word =
    errors &&
    ((error: unknown) => applicationWord(errors, dialect.codes(error), dialect.meaning(error)));
  const limitedBy = { ...configured, asynchronousCommit: asynchronousCommit === true };
  const endHungSessions = createEndHungSessions(db, dialect, own, limitedBy, sessions);
  const flights = flightsOf(fly, {
    db: plain,
    dialect,
    own,
    place,
    isolation,
    timeouts: limitedBy,
    endHungSessions,
    known,
    texts,
    support,
    statement,
    letters: () => hasLetterTable,
    // Contention passes, and what took too long would take as long again.
    decides: (error) =>
      word?.(error) === undefined &&
      (meaning(error) === "contention" ||
        meaning(error) === "busy" ||
        dialect.tookLong?.(error) === true),
  });
  return {
    name: dialect.name,
    known: (name, columns, schema, caller) => known(name, columns, schema, caller?.role),
    ...(flights && {
      flight: { support, send: flights.send },
    }),
    ...(!db.getExecutor().adapter.supportsMultipleConnections && { connections: 1 }),
    key,
    place,
    scopeBuilder,
    isScope: isExpression,
    rowSecurity: dialect.rowSecurity !== undefined,
    deferral: dialect.defer !== undefined,
    convert: dialect.convert,
    view: dialect.view,
    ...(dialect.taken && { taken: dialect.taken }),
    // The port's type hides it, but every table of this store is a `SqlTable`.
    blamed: (error, table) =>
      dialect.blamed?.(error, table as SqlTable | undefined) ?? { columns: [] },
    ...(dialect.comparable && { isSure: dialect.comparable }),
    meaning,
    remedy: remedyOf,
    ...(word && { applicationWord: word }),
    unit: async (options, work) => {
      const { claim: claimed, tally, schema, giveWay, deferConstraints } = options;
      const { together = false } = options;
      const timeouts = {
        ...(options.timeouts ?? configured),
        // `check` and `ready` only read, and must see the connection's own setting.
        asynchronousCommit: asynchronousCommit === true || options.readOnly === true,
      };
      if (deferConstraints === true && dialect.defer === undefined) throw noDeferral(dialect);
      const watch = createWatch(statement);
      // If a device's claim is the first statement, it also sets the time limits.
      const timeLimits = claimed?.queue === undefined ? undefined : dialect.timeLimits?.(timeouts);
      const settings = {
        isolation: options.isolation === "plain" ? undefined : isolation,
        timeouts,
        waitedMs: options.waitedMs ?? 0,
        limits: timeLimits !== undefined ? undefined : options.readOnly ? {} : { ledger },
        ...(options.signal && { signal: options.signal }),
      };
      try {
        let outcome: ClaimOutcome | undefined;
        const result = await inTransaction(db, dialect, settings, watch, async (tx) => {
          const lettersOf = await subjectOf(options, place);
          const ours = own.on(tx);
          const limits = timeLimits && {
            select: timeLimits,
            what: JSON.stringify(timeouts),
            send: async () =>
              dialect.setTimeLimits?.(ours as unknown as SqlTransaction, timeouts, ledger),
          };
          const claims = claimed === undefined ? [] : [claimed, ...(options.alongside ?? [])];
          const claiming = { limits, texts: ownTexts, lettersOf };
          const found = await claimAll({ tx: ours, own, place }, dialect, claims, claiming);
          const { earlier } = found;
          outcome = found.first;
          // Once, so that no transaction is prepared for a flight in vain.
          if (flights) support.supported ??= await supportsFlights(ours);
          // A replay writes nothing.
          if (deferConstraints === true && earlier === undefined)
            await dialect.defer?.execute(tx.withoutPlugins());
          const hasLetters =
            outcome?.hasLetters ??
            (lettersOf !== undefined && (await lettersWait(ours, lettersOf)));
          const opened = {
            tx,
            ours,
            dialect,
            own,
            place,
            tableOf,
            schema,
            watch,
            earlier,
            hasLetters,
            giveWay,
            together,
            sendPart: flights?.sendPart,
            texts,
          };
          return work(openUnit(opened));
        });
        if (outcome?.forgotten) claimed?.devices?.forgotten();
        if (outcome?.byContent) claimed?.content.decided();
        return result;
      } catch (error) {
        // A unit that only reads does not wait for locks.
        if (!options.readOnly) await endHungSessions?.(error, watch.state === "given up");
        throw error;
      } finally {
        if (tally !== undefined) tally.statements += watch.statements;
      }
    },
  };
}

/** Loaded only for databases that support it, like the dialect. */
async function flightsFor({ flight }: Dialect): Promise<typeof createFlights | undefined> {
  if (flight === undefined) return undefined;
  const { createFlights } =
    flight === "judged"
      ? await import("./flight/flights.js")
      : await import("./flight/answered.js");
  return createFlights;
}

/** `undefined` if statements may differ each time, or on PGlite, which answers each statement at once and would gain nothing. */
function flightsOf(
  create: typeof createFlights | undefined,
  { texts, ...parts }: Omit<FlightsParts, "texts"> & { readonly texts: Texts | undefined },
): Flights | undefined {
  const { supportsMultipleConnections } = parts.db.getExecutor().adapter;
  const gains = supportsMultipleConnections || parts.dialect.flight === "answered";
  return create && texts && gains ? create({ ...parts, texts }) : undefined;
}

async function subjectOf(
  { lettersOf: userId, claim: claimed }: UnitOptions,
  place: string,
): Promise<Subject | undefined> {
  if (userId === undefined) return undefined;
  return { place, subject: claimed?.subject ?? (await sha256(userId)) };
}

async function hasTable(tx: SqlTransaction, dialect: Dialect, name: OwnTable): Promise<boolean> {
  return (await dialect.readColumns(tx, sourceTable(tx, name))).length > 0;
}

/** A hash of the schema into which the object's plugins put its tables, and of the key if it is a name. Empty if there is neither. */
async function placeOf<DB>(db: Kysely<DB>, key: object | string): Promise<string> {
  const { schema } = sourceTable(db as unknown as SqlDatabase, "any");
  const named = typeof key === "string" ? key : undefined;
  return schema === undefined && named === undefined ? "" : sha256([schema ?? null, named ?? null]);
}
