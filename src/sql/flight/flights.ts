/**
 * What can be sent in one round trip: whole transactions (see `flight.ts`), and runs of changes in an open transaction. Loaded only for databases that
 * support it.
 */
import { CompiledQuery, type QueryResult } from "kysely";
import { Undone } from "../../store/failures.js";
import type { Change, DatabaseCaller, Effect } from "../../store/store.js";
import type { SchemaTrust } from "../../store/tables.js";
import type { Dialect } from "../dialect.js";
import { type FlightStatement, flightWord, type Landing } from "../pool-requests.js";
import type { Texts } from "../rows/target.js";
import type { KnownTable } from "../schema.js";
import type { SqlDatabase, SqlTransaction } from "../table.js";
import type { Watch } from "../transaction.js";
import { legsOfChanges } from "./changes.js";
import {
  canFly,
  createFly,
  createNaming,
  type FlightParts,
  type Fly,
  type Naming,
  type Wings,
} from "./flight.js";

export interface Flights {
  readonly send: Fly;
  readonly sendPart: SendPart;
}

export type FlightsParts = Omit<FlightParts, "named">;

export function createFlights(parts: FlightsParts): Flights {
  const named = createNaming();
  return { send: createFly({ ...parts, named }), sendPart: createSendPart({ ...parts, named }) };
}

interface PartParts {
  readonly db: SqlDatabase;
  readonly dialect: Dialect;
  readonly known: KnownTable;
  readonly texts: Texts;
  readonly wings: Wings;
  readonly named: Naming;
  /** Remembers what failed for its own reasons and would fail again. */
  decides(error: unknown): boolean;
}

/** Of an open transaction. */
interface Open {
  readonly tx: SqlTransaction;
  readonly watch: Watch;
  readonly schema: SchemaTrust;
  readonly caller: DatabaseCaller | undefined;
}

/**
 * The effects, in order. `undefined`: nothing was sent, because one of the changes can't be made by a single statement, or its outcome could not be told.
 *
 * @throws Undone, and errors of contention with other transactions
 */
export type SendPart = (
  open: Open,
  run: readonly Change[],
) => Promise<readonly Effect[] | undefined>;

function createSendPart(parts: PartParts): SendPart {
  const { wings, named, decides } = parts;
  return async ({ tx, watch, schema, caller }, run) => {
    const connection = tx.withoutPlugins();
    wings.fly ??= await canFly(connection);
    if (!wings.fly) return undefined;
    const legs = await legsOfChanges(parts, { schema, ...(caller && { caller }) }, run, 0).catch(
      () => undefined,
    );
    if (legs === undefined) return undefined;
    const statements: FlightStatement[] = [];
    for (const { query } of legs) {
      const statement = await named(query);
      if (statement === undefined) return undefined;
      statements.push(statement);
    }
    for (const { text } of watch.statement ? statements : []) watch.statement?.(text);
    const word = CompiledQuery.raw(flightWord, [{ statements, isPart: true }]);
    const { rows }: QueryResult<unknown> = await connection.executeQuery(word);
    const landing = rows[0] as Landing;
    watch.statements += statements.length - 1;
    if ("error" in landing) {
      const { error, undone } = landing;
      watch.failure ??= { error };
      throw undone && !decides(error) ? new Undone(error) : error;
    }
    const effects = run.map((): Effect => "written");
    for (const [at, { effects: told = [] }] of legs.entries()) {
      for (const { change, of } of told) effects[change] = of(landing.rows[at]?.[0]?.[0]);
    }
    return effects;
  };
}
