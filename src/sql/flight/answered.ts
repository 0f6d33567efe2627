/**
 * A flight on databases that can't judge a statement by themselves: all statements are sent without waiting, the library reads the answers, and sends COMMIT
 * only if all are plainly good. Otherwise everything is rolled back, and the transaction is run again step by step.
 *
 * No BEGIN is among the statements: if it failed, those behind it would be committed one by one.
 */
import { CompiledQuery, type DatabaseConnection, type QueryResult } from "kysely";
import { createDeadline } from "../../store/deadline.js";
import { CallerLeft, Undone } from "../../store/failures.js";
import type { Effect, FlightOptions, FlightOutcome, FlightPart } from "../../store/store.js";
import { isSliceOver, nextSlice } from "../../wire/slices.js";
import { prepareSession, supportsFlights, tookTooLong, unknownOutcome } from "../connection.js";
import { flightRequest, type SentStatement, type StatementsAnswered } from "../pool-requests.js";
import { charactersIn } from "../rows/runs.js";
import type { Flights, FlightsParts, SendPart } from "./flights.js";
import { claimStep, type Step, stepsOfChanges } from "./steps.js";

/** So many statements are sent before their answers are awaited. After a failure, the rest of them are executed for nothing. */
const mostTogether = 100;
/** In their parameters, together: a driver that writes the values into the text does so for all of them in one turn of the event loop. */
const mostCharacters = 200_000;

export function createFlights(parts: FlightsParts): Flights {
  return { send: createSend(parts), sendPart: createSendPart(parts) };
}

function createSend(parts: FlightsParts): Flights["send"] {
  const { db, dialect, timeouts, isolation = dialect.isolation, support } = parts;
  const fly = async (
    connection: DatabaseConnection,
    steps: readonly Step[],
    throwIfLate: () => void,
  ): Promise<Ended> => {
    if (dialect.prepare === undefined) return transaction(parts, connection, steps, throwIfLate);
    const settings = { timeouts, isolation };
    const session = await prepareSession(dialect.prepare, dialect, connection, settings);
    const outcome = transaction(parts, connection, steps, throwIfLate);
    await session.release(outcome, () => false);
    return outcome;
  };

  return async (options, transactions) => {
    const { signal, waitedMs = 0, tally } = options;
    // The careful way finds out why it can't be compiled, at its place in the transaction.
    const steps = await stepsOf(parts, options, transactions).catch(() => undefined);
    if (steps === undefined) return "not sent";
    let held: DatabaseConnection | undefined;
    const deadline = createDeadline(timeouts.transactionMs - waitedMs, () => {
      if (held !== undefined) dialect.abandon?.(held).catch(() => undefined);
      return tookTooLong(timeouts);
    });
    const throwIfLate = () => {
      if (deadline.late !== undefined) throw deadline.late;
    };
    const flying = db.getExecutor().provideConnection(async (connection) => {
      if (signal?.aborted) throw new CallerLeft();
      throwIfLate();
      support.supported ??= await supportsFlights(connection);
      if (!support.supported) return "not sent";
      held = connection;
      const ended = await fly(connection, steps, throwIfLate);
      if ("error" in ended) throw ended.error;
      return ended.outcome;
    });
    let outcome: FlightOutcome;
    try {
      outcome = await Promise.race([flying, deadline.passed]);
    } finally {
      deadline.end();
    }
    if (typeof outcome !== "string" && tally !== undefined) tally.statements += countOf(steps);
    return outcome;
  };
}

/** Claims first: without them nothing may be committed. */
async function stepsOf(
  parts: FlightsParts,
  options: FlightOptions,
  transactions: readonly FlightPart[],
): Promise<readonly Step[] | undefined> {
  const { dialect, db } = parts;
  const steps: Step[] = [];
  for (const [index, { claim }] of transactions.entries()) {
    if (index > 0 && claim === undefined) continue;
    const claiming = await claimStep(parts, { ...options, claim });
    if (claiming === undefined) return undefined;
    steps.push(claiming);
  }
  if (options.deferConstraints === true && dialect.defer)
    steps.push({ queries: [dialect.defer.compile(db)], effects: () => [] });
  for (const { changes } of transactions) {
    const made = await stepsOfChanges(parts, options, changes);
    if (made === undefined) return undefined;
    for (const step of made) steps.push(step);
  }
  return steps;
}

/** The transaction is over. */
type Ended = { readonly outcome: FlightOutcome } | { readonly error: unknown };

/** Begins, sends, and commits or rolls back. If it rejects, it is not known whether the transaction is over. */
async function transaction(
  { dialect, statement, decides, timeouts }: FlightsParts,
  connection: DatabaseConnection,
  steps: readonly Step[],
  throwIfLate: () => void,
): Promise<Ended> {
  const execute = (query: CompiledQuery) => connection.executeQuery(query);
  const { begin, rollback = () => execute(rollingBack) } = dialect.transactions ?? {};
  try {
    await begin?.(connection, timeouts);
  } catch (error) {
    return { error };
  }
  let isCommitting = false;
  let failure:
    | { readonly error: unknown; readonly isLost: boolean; readonly isFinal: boolean }
    | undefined;
  let outcome: FlightOutcome = "undone";
  try {
    outcome = await sendSteps(execute, steps, statement, throwIfLate);
    if (typeof outcome !== "string") {
      throwIfLate();
      isCommitting = true;
      await execute(committing);
      return { outcome };
    }
  } catch (error) {
    outcome = "undone";

    const lost = isLost(dialect, error);
    const isUnknown = isCommitting && lost;
    failure = {
      error: isUnknown ? unknownOutcome(error) : error,
      isLost: lost,
      isFinal: isUnknown || decides(error),
    };
  }
  try {
    await rollback(connection);
  } catch (error) {
    if (failure?.isLost === true) throw failure.error;
    // A lost connection takes its transaction with it.
    if (!isLost(dialect, error)) throw error;
  }
  return failure?.isFinal === true ? { error: failure.error } : { outcome };
}

/** Whether it is not an answer of the database, which alone shows that nothing has been committed. */
function isLost({ meaning }: FlightsParts["dialect"], error: unknown): boolean {
  const said = meaning(error);
  return said === undefined || said === "outage";
}

const committing = CompiledQuery.raw("commit");
const rollingBack = CompiledQuery.raw("rollback");

/** Sends in groups, until an answer is not plainly good. If that is a claim's, the changes behind it may still be made together. */
async function sendSteps(
  execute: (query: CompiledQuery) => Promise<QueryResult<unknown>>,
  steps: readonly Step[],
  statement: FlightsParts["statement"],
  throwIfLate: () => void,
): Promise<FlightOutcome> {
  const effects: Effect[] = [];
  for (let from = 0, to = 0; from < steps.length; from = to) {
    if (from > 0 && isSliceOver()) await nextSlice();
    throwIfLate();
    const statements: SentStatement[] = [];
    let characters = 0;
    for (let next = steps[to]; next !== undefined; next = steps[to]) {
      for (const { parameters } of next.queries) characters += charactersIn(parameters);
      const isFull = statements.length + next.queries.length > mostTogether;
      if ((isFull || characters > mostCharacters) && to > from) break;
      for (const { sql: text, parameters } of next.queries) {
        statement?.(text);
        statements.push({ text, parameters });
      }
      to += 1;
    }
    const results = await answersOf(execute, statements, throwIfLate);
    let at = 0;
    for (const step of steps.slice(from, to)) {
      const told = step.effects(results.slice(at, (at += step.queries.length)));
      if (told === undefined) return step.isClaim ? "not entered" : "undone";
      for (const effect of told) effects.push(effect);
    }
  }
  return effects;
}

type Answers = StatementsAnswered["results"];

async function answersOf(
  execute: (query: CompiledQuery) => Promise<QueryResult<unknown>>,
  statements: readonly SentStatement[],
  throwIfLate: () => void,
): Promise<Answers> {
  const all: Answers[number][] = [];
  while (all.length < statements.length) {
    if (all.length > 0) {
      await nextSlice();
      throwIfLate();
    }
    const rest = { statements: statements.slice(all.length) };
    const { rows } = await execute(CompiledQuery.raw(flightRequest, [rest]));
    for (const result of (rows[0] as StatementsAnswered).results) all.push(result);
  }
  return all;
}

/** Sends changes of an open transaction. If one is not plainly good, nothing of the transaction is left, and it is run again one change after the other. */
function createSendPart(parts: FlightsParts): SendPart {
  const { dialect, support, decides } = parts;
  return async ({ tx, watch, schema, caller }, run) => {
    const connection = tx.withoutPlugins();
    support.supported ??= await supportsFlights(connection);
    if (!support.supported) return undefined;
    const options = { schema, ...(caller && { caller }) };
    const steps = await stepsOfChanges(parts, options, run).catch(() => undefined);
    if (steps === undefined) return undefined;
    const before = watch.statements;
    let effects: FlightOutcome;
    try {
      const execute = (query: CompiledQuery) => connection.executeQuery(query);
      effects = await sendSteps(execute, steps, watch.statement, () => {});
    } catch (error) {
      const said = dialect.meaning(error);
      // Contention is handled by the caller, and a lost connection can't be used for another try.
      throw said === undefined || said === "outage" || decides(error) ? error : new Undone(error);
    }
    if (typeof effects === "string") throw new Undone();
    watch.statements = before + countOf(steps);
    return effects;
  };
}

function countOf(steps: readonly Step[]): number {
  let count = 0;
  for (const { queries } of steps) count += queries.length;
  return count;
}
