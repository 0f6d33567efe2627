/** The port on MongoDB's official driver. One database is one store. */
import type { Collection, Db, Document, MongoClient } from "mongodb";
import { Contention } from "../store/failures.js";
import type { EarlierCopy } from "../store/ledger.js";
import type { Native, Store, UnitOptions } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";
import { hasWaiting } from "./chains.js";
import type { IdKind } from "./columns.js";
import { blamed, fieldsTaken, meaning, remedy } from "./errors.js";
import { openInspect, uniqueKeys } from "./inspect.js";
import { claim } from "./ledger.js";
import { ownOf } from "./own-collections.js";
import { createSchema } from "./schema.js";
import { isFilter } from "./scope.js";
import { ours, type Sending } from "./commands.js";
import { createServer } from "./server.js";
import { createWatch, inTransaction, type MongoTransaction, send } from "./transaction.js";
import { openUnit } from "./unit.js";
import { convert, view } from "./values.js";

/** Options of `mongodb`. */
export interface MongoOptions {
  /** The database's name. */
  readonly database: string;
  /** How clients' ids are stored in `_id` if the collection's `$jsonSchema` does not say. Default `text`. */
  readonly ids?: IdKind;
  /** Whether a null is stored, or its field is removed. If a schema allows no null, the field is always removed. Default `keep`. */
  readonly nulls?: "keep" | "unset";
  /** By collection: a `$jsonSchema` that replaces the one in its validator. */
  readonly schemas?: Readonly<Record<string, Document>>;
  /** The time limit of one statement, in milliseconds. Default 15,000. */
  readonly statementMs?: number;
  /** The time limit of a transaction, in milliseconds. The server also ends it after its own transactionLifetimeLimitSeconds. Default 60,000. */
  readonly transactionMs?: number;
}

/** A MongoDB database as a store. Hooks get its transactions as `tx`. */
export interface MongoStore extends Store<MongoTransaction> {
  readonly db: Db;
}

/** Types `tx` in hooks as MongoDB's transaction: `createWrites<Caller, MongoDatabase>`. */
export type MongoDatabase = Native<MongoTransaction>;

/**
 * A MongoDB database, for the configuration's `database`. The server must be a replica set or a sharded cluster, because others run no transactions. Create it
 * once, and pass it to `createCollections`.
 *
 * @throws TypeError for an unknown option or an invalid value
 * @example
 * const client = new MongoClient("mongodb://localhost:27017/?replicaSet=rs0");
 * const database = mongodb(client, { database: "app" });
 * await createCollections(database);
 * const writes = createWrites({ authenticate, database, tables: { lists: { owner: "owner_id" } } });
 */
export function mongodb(client: MongoClient, options: MongoOptions): MongoStore {
  checkOptions(options);
  const { database, statementMs = 15_000, transactionMs = 60_000 } = options;
  const { ids = "text", nulls = "keep", schemas = {} } = options;
  const plain = client.db(database);
  // Overrides the client's own settings: this store needs exact 64-bit integers.
  const db = client.db(database, reading);
  const schema = createSchema(db, { ids, keepsNulls: nulls === "keep", schemas }, statementMs);
  const server = createServer(db, statementMs);
  const own = ownOf(db);
  const collections = new Map<string, Collection>();
  const collection = (name: string): Collection => {
    const known = collections.get(name) ?? db.collection(name);
    collections.set(name, known);
    return known;
  };

  const unit: Store<MongoTransaction>["unit"] = async (asked, work) => {
    const watch = createWatch();
    const bounds = asked.timeouts ?? { statementMs, transactionMs };
    const { signal, waitedMs = 0, claim: claimed } = asked;
    const settings = { ...bounds, waitedMs, ...(signal && { signal }) };
    let copy: EarlierCopy = {};
    try {
      const result = await inTransaction(client, settings, watch, async (session) => {
        const begunAt = performance.now();
        const sending: Sending = {
          own,
          collection,
          on: { session, maxTimeMS: bounds.statementMs },
          send: (run) => send(watch, run),
          tableOf: (name, columns = []) => schema.table(name, columns, asked.schema, begunAt),
          now: await server.now(asked.readOnly === true),
        };
        const owning: Sending = { ...sending, send: (run) => contending(() => send(watch, run)) };
        const claims = claimed === undefined ? [] : [claimed, ...(asked.alongside ?? [])];
        const all: EarlierCopy[] = [];
        for (const each of claims)
          if (all.at(-1)?.earlier === undefined) all.push(await claim(owning, each));
        copy = all[0] ?? {};
        return work(
          openUnit({
            tx: { session, db: plain },
            sending,
            owning,
            watch,
            earlier: all.at(-1)?.earlier,
            hasLetters: await lettersWait(owning, asked),
            inspect: openInspect({ db, schema, server, sending, maxTimeMS: bounds.statementMs }),
            uniqueKeys: (table) => uniqueKeys(db, ours(table), bounds.statementMs),
            giveWay: asked.giveWay,
            together: asked.together === true,
          }),
        );
      });
      if (copy.forgotten) claimed?.devices?.forgotten();
      if (copy.byContent) claimed?.content.decided();
      return result;
    } finally {
      if (asked.tally !== undefined) asked.tally.statements += watch.statements;
    }
  };

  const store: MongoStore = {
    name: "mongodb",
    place: "",
    db: plain,
    get key() {
      return store;
    },
    scopeBuilder: undefined,
    isScope: isFilter,
    rowSecurity: false,
    unit,
    meaning,
    convert,
    view,
    taken: (error) => fieldsTaken(error).map(columnName),
    remedy,
    blamed: (error, table) => {
      const { columns, ...rest } = blamed(error);
      const name = (field: string) =>
        table?.columns.has("id") === true ? columnName(field) : field;
      return { ...rest, columns: columns.map(name) };
    },
  };
  return store;
}

const reading = {
  useBigInt64: true,
  promoteLongs: true,
  promoteValues: true,
  promoteBuffers: false,
  bsonRegExp: true,
  raw: false,
  ignoreUndefined: false,
} as const;

function columnName(field: string): string {
  return field === "_id" ? "id" : field;
}

async function lettersWait(
  owning: Sending,
  { lettersOf, claim: claimed }: UnitOptions,
): Promise<boolean> {
  if (lettersOf === undefined) return false;
  return hasWaiting(owning, claimed?.subject ?? (await sha256(lettersOf)));
}

/** If two transactions insert the same document of the library's own, the later one is run again and then finds it. */
async function contending<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (meaning(error) !== "UNIQUE_VIOLATION") throw error;
    throw new Contention("Others have made the same document in the meantime.", { cause: error });
  }
}

const known: Readonly<Record<keyof MongoOptions, (value: unknown) => boolean>> = {
  database: (value) => typeof value === "string" && value !== "",
  ids: (value) => value === "text" || value === "uuid" || value === "objectId",
  nulls: (value) => value === "keep" || value === "unset",
  schemas: (value) => typeof value === "object" && value !== null,
  statementMs: isMilliseconds,
  transactionMs: isMilliseconds,
};

function isMilliseconds(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 2 ** 31;
}

function checkOptions(options: MongoOptions): void {
  if (!known.database(options.database))
    throw new TypeError("mongodb: `database` must be the database's name.");
  for (const [name, value] of Object.entries(options)) {
    const fits = Object.hasOwn(known, name) ? known[name as keyof MongoOptions] : undefined;
    if (fits === undefined)
      throw new TypeError(
        `mongodb: ${name} is not known. The known ones are ${Object.keys(known).join(", ")}.`,
      );
    if (value !== undefined && !fits(value))
      throw new TypeError(`mongodb: ${name} can't be ${JSON.stringify(value)}.`);
  }
}
