/**
 * What can be sent in one round trip: whole transactions (see `flight.ts`), and runs of changes in an open transaction. Loaded only for databases that
 * support it.
 */
import { CompiledQuery, type QueryResult } from "kysely";
import { Undone } from "../../store/failures.js";
import type { Change, DatabaseCaller, Effect } from "../../store/store.js";
import type { SchemaTrust } from "../../store/tables.js";
import { supportsFlights } from "../connection.js";
import type { Dialect } from "../dialect.js";
import { type FlightAnswer, flightRequest, type FlightStatement } from "../pool-requests.js";
import type { Texts } from "../rows/target.js";
import type { KnownTable } from "../schema.js";
import type { SqlDatabase, SqlTransaction } from "../table.js";
import type { Watch } from "../transaction.js";
import { statementsOfChanges } from "./changes.js";
import {
  createSendFlight,
  createStatementNames,
  type FlightParts,
  type FlightSupport,
  type SendFlight,
  type StatementNaming,
} from "./flight.js";

export interface Flights {
  readonly send: SendFlight;
  readonly sendPart: SendPart;
}

export type FlightsParts = Omit<FlightParts, "named">;

export function createFlights(parts: FlightsParts): Flights {
  const named = createStatementNames();
  return {
    send: createSendFlight({ ...parts, named }),
    sendPart: createSendPart({ ...parts, named }),
  };
}

interface PartParts {
  readonly db: SqlDatabase;
  readonly dialect: Dialect;
  readonly known: KnownTable;
  readonly texts: Texts;
  readonly support: FlightSupport;
  readonly named: StatementNaming;
  /** Remembers what failed for its own reasons and would fail again. */
  decides(error: unknown): boolean;
}

/** The open transaction. */
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

/**
 * Sends a run of changes of an open transaction, with the same statements as a flight's. After an error, nothing of the transaction is left, and it is run
 * again one change after the other.
 */
function createSendPart(parts: PartParts): SendPart {
  const { support, named, decides } = parts;
  return async ({ tx, watch, schema, caller }, run) => {
    const connection = tx.withoutPlugins();
    support.supported ??= await supportsFlights(connection);
    if (!support.supported) return undefined;
    const compiled = await statementsOfChanges(
      parts,
      { schema, ...(caller && { caller }) },
      run,
      0,
    ).catch(() => undefined);
    if (compiled === undefined) return undefined;
    const statements: FlightStatement[] = [];
    for (const { query, form } of compiled) {
      const statement = await named(query, form);
      if (statement === undefined) return undefined;
      statements.push(statement);
    }
    for (const { text } of watch.statement ? statements : []) watch.statement?.(text);
    const request = CompiledQuery.raw(flightRequest, [{ statements, isPart: true }]);
    const { rows }: QueryResult<unknown> = await connection.executeQuery(request);
    const answer = rows[0] as FlightAnswer;
    watch.statements += statements.length - 1;
    if ("error" in answer) {
      const { error, undone } = answer;
      watch.failure ??= { error };
      throw undone && !decides(error) ? new Undone(error) : error;
    }
    const effects = run.map((): Effect => "written");
    for (const [at, { effects: told = [] }] of compiled.entries()) {
      for (const { change, of } of told) effects[change] = of(answer.rows[at]?.[0]?.[0]);
    }
    return effects;
  };
}
