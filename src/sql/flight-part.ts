/**
 * A run of changes in a transaction that is open already, sent in one go: the same statements as a flight's. An error leaves nothing of the transaction,
 * which is begun again one change after the other.
 */
import { CompiledQuery, type QueryResult } from "kysely";
import { Undone } from "../store/failures.js";
import type { Change, DatabaseCaller, Effect } from "../store/store.js";
import type { SchemaTrust } from "../store/tables.js";
import type { Dialect, SqlDatabase, SqlTransaction } from "./dialect.js";
import { canFly, type Naming, type Wings } from "./flight.js";
import { legsOfChanges } from "./flight-legs.js";
import { flightWord, type FlightStatement, type Landing } from "./flight-word.js";
import type { KnownTable } from "./schema.js";
import type { Texts } from "./texts.js";
import type { Watch } from "./transaction.js";

interface PartParts {
  readonly db: SqlDatabase;
  readonly dialect: Dialect;
  readonly known: KnownTable;
  readonly texts: Texts;
  readonly wings: Wings;
  readonly named: Naming;
  /** What has failed by itself, and would fail again. */
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
 * The effects, in order. `undefined`: nothing has been sent, because one statement can't make one of the changes, or could not tell.
 *
 * @throws Undone, and what others do to the same rows
 */
export type SendPart = (
  open: Open,
  run: readonly Change[],
) => Promise<readonly Effect[] | undefined>;

export function createSendPart(parts: PartParts): SendPart {
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
