/**
 * The flight: a transaction sent as a whole, in one round trip. It commits as a whole or leaves nothing, and never decides a failure: any outcome but
 * plain success is an error in the database, and the transaction is run again step by step.
 */
import { CompiledQuery, type DatabaseConnection, type IsolationLevel } from "kysely";
import { createDeadline } from "../../store/deadline.js";
import { CallerLeft } from "../../store/failures.js";
import type {
  Effect,
  FlightOptions,
  FlightOutcome,
  FlightPart,
  UnitTimeouts,
} from "../../store/store.js";
import { sha256 } from "../../wire/serialize.js";
import { isSliceOver, nextSlice } from "../../wire/slices.js";
import { supportsFlights, tookTooLong, unknownOutcome } from "../connection.js";
import type { TimeLimits } from "../dialect.js";
import type { EndHungSessions } from "../hung-sessions.js";
import { type FlightAnswer, flightRequest, type FlightStatement } from "../pool-requests.js";
import { type ChangesParts, type ChangeStatement, statementsOfChanges } from "./changes.js";
import { type ClaimParts, claimStatement, isNotEntered } from "./statements.js";

/** What is known about a database's connections: whether they can send flights. */
export interface FlightSupport {
  supported: boolean | undefined;
}

export interface FlightParts extends Omit<ClaimParts, "timeouts">, ChangesParts {
  readonly isolation: IsolationLevel | undefined;
  readonly timeouts: UnitTimeouts & TimeLimits;
  readonly support: FlightSupport;
  readonly named: StatementNaming;
  /** Called with the text of each statement. */
  readonly statement: ((text: string) => void) | undefined;
  readonly endHungSessions: EndHungSessions | undefined;
  /** Whether an error of the database is final, so that the transaction is not run again here. */
  decides(error: unknown): boolean;
}

/** One statement, and how to read the effects of its changes from the answer. */
interface Sent {
  readonly statement: FlightStatement;
  readonly effects?: ChangeStatement["effects"];
}

export type SendFlight = (
  options: FlightOptions,
  transactions: readonly FlightPart[],
) => Promise<FlightOutcome>;

export function createSendFlight(parts: FlightParts): SendFlight {
  const {
    db,
    dialect,
    isolation = dialect.isolation,
    timeouts,
    support,
    named,
    endHungSessions,
    decides,
  } = parts;
  const begin: FlightStatement = {
    text: isolation === undefined ? "begin" : `start transaction isolation level ${isolation}`,
    parameters: [],
  };
  const commit: FlightStatement = { text: "commit", parameters: [] };

  const statementsOf = async (
    options: FlightOptions,
    transactions: readonly FlightPart[],
  ): Promise<readonly Sent[] | undefined> => {
    const sent: Sent[] = [{ statement: begin }];
    const add = async (query: CompiledQuery, { form, effects }: Partial<ChangeStatement> = {}) => {
      const statement = await named(query, form);
      if (statement === undefined) return false;
      sent.push({ statement, ...(effects && { effects }) });
      return true;
    };
    // As the login role, so before the changes. If nothing is claimed, the limits are set by a statement of their own.
    for (const [index, { claim }] of transactions.entries()) {
      if (index > 0 && claim === undefined) continue;
      const claiming = await claimStatement(parts, { ...options, claim });
      if (claiming === undefined || !(await add(claiming))) return undefined;
    }
    if (options.deferConstraints === true && dialect.defer)
      sent.push({ statement: { text: dialect.defer.compile(db).sql, parameters: [] } });
    if (options.caller !== undefined) {
      const become = dialect.rowSecurity?.becoming(options.caller).compile(db);
      if (become === undefined || !(await add(become))) return undefined;
    }
    let first = 0;
    for (const { changes } of transactions) {
      const statements = await statementsOfChanges(parts, options, changes, first);
      if (statements === undefined) return undefined;
      for (const statement of statements) {
        if (isSliceOver()) await nextSlice();
        if (!(await add(statement.query, statement))) return undefined;
      }
      first += changes.length;
    }
    sent.push({ statement: commit });
    return sent;
  };

  const send = async (
    connection: DatabaseConnection,
    sent: readonly Sent[],
  ): Promise<FlightAnswer | undefined> => {
    support.supported ??= await supportsFlights(connection);
    if (!support.supported) return undefined;
    const statements = sent.map(({ statement }) => statement);
    if (parts.statement) for (const { text } of statements) parts.statement(text);
    const { rows } = await connection.executeQuery(
      CompiledQuery.raw(flightRequest, [{ statements }]),
    );
    return rows[0] as FlightAnswer;
  };

  return async (options, transactions) => {
    const { signal, waitedMs = 0, tally } = options;
    // The careful way finds out why it can't be compiled, at its place in the transaction.
    const sent = await statementsOf(options, transactions).catch(() => undefined);
    if (sent === undefined) return "not sent";
    let held: DatabaseConnection | undefined;
    const deadline = createDeadline(timeouts.transactionMs - waitedMs, () => {
      // Nothing more can be sent over this connection, and its answer is ignored.
      if (held !== undefined) dialect.abandon?.(held).catch(() => undefined);
      return tookTooLong(timeouts);
    });
    const flying = db.getExecutor().provideConnection(async (connection) => {
      if (signal?.aborted) throw new CallerLeft();
      if (deadline.late !== undefined) throw deadline.late;
      held = connection;
      return send(connection, sent);
    });
    let answer: FlightAnswer | undefined;
    try {
      answer = await Promise.race([flying, deadline.passed]);
    } catch (error) {
      await endHungSessions?.(error, deadline.late !== undefined);
      throw error;
    } finally {
      deadline.end();
    }
    if (answer === undefined) return "not sent";
    if ("error" in answer) {
      const { error, undone } = answer;
      await endHungSessions?.(error, false);
      // Whatever the error says, the transaction may have been committed.
      if (!undone) throw unknownOutcome(error);
      if (decides(error)) throw error;
      return isNotEntered(error) ? "not entered" : "undone";
    }
    // BEGIN, COMMIT, and a statement that only sets time limits do not count.
    const claims = transactions.some(({ claim }) => claim !== undefined);
    const uncounted = !claims && options.lettersOf === undefined ? 3 : 2;
    if (tally !== undefined) tally.statements += sent.length - uncounted;
    const effects = transactions.flatMap(({ changes }) => changes.map((): Effect => "written"));
    for (const [at, { effects: told = [] }] of sent.entries()) {
      for (const { change, of } of told) effects[change] = of(answer.rows[at]?.[0]?.[0]);
    }
    return effects;
  };
}

/** How many names are remembered. */
const mostNames = 2_000;

/**
 * Names a statement. `undefined`: a parameter can't be sent as text.
 *
 * @param form of the columns of its tables. A prepared statement keeps the types of its parameters: after a column has become a timestamp, it would still
 *   read a date, and drop the time. So the form is part of the text, and of the name. The text must differ, too, because a pooler may prepare by texts.
 */
export type StatementNaming = (
  query: CompiledQuery,
  form?: string,
) => Promise<FlightStatement | undefined>;

interface Named extends Required<Pick<FlightStatement, "text" | "name">> {
  readonly form: string;
}

/** Remembers the latest form of each text. */
export function createStatementNames(): StatementNaming {
  const names = new Map<string, Named>();
  return async ({ sql: text, parameters: given }, form = "") => {
    const parameters = given.map(textOf);
    if (parameters.includes(undefined)) return undefined;
    let named = names.get(text);
    if (named?.form !== form) {
      named = await namedAs(form === "" ? text : `${text} /* ${form} */`, form);
      if (names.size >= mostNames) names.clear();
      names.set(text, named);
    }
    const { text: sent, name } = named;
    return { text: sent, name, parameters: parameters as FlightStatement["parameters"] };
  };
}

async function namedAs(text: string, form: string): Promise<Named> {
  return { text, form, name: `powersync_${(await sha256(text)).slice(0, 40)}` };
}

/** A value as Postgres reads it. `undefined`: only the driver knows how to send it. */
function textOf(value: unknown): string | Uint8Array | null | undefined {
  if (value === null || value === undefined) return null;
  switch (typeof value) {
    case "string":
      return value;
    case "boolean":
    case "number":
    case "bigint":
      return String(value);
    default:
      return value instanceof Uint8Array ? value : undefined;
  }
}
