/** Several statements in one write to the socket, on a connection of `mysql2`. The driver itself sends a statement only once the one before it is answered. */
import { clearTimeout, setTimeout } from "node:timers";
import type { SentStatement, StatementsAnswered } from "../src/sql/pool-requests.js";

/** A command of the driver: what it writes and how it reads the answer. */
interface DriverCommand {
  /** Writes the request if there is no packet, otherwise reads the packet. @returns whether the answer is complete */
  execute(packet: object | undefined, connection: PipelinedConnection): boolean;
  onResult?(error: unknown, ...results: unknown[]): void;
}

/** The members of a connection that decide in which order packets are sent and read. */
export interface PipelinedConnection {
  /** The number of the next packet. A statement's first packet has number 0. */
  sequenceId: number;
  readonly config?: { readonly compress?: unknown };
  readonly stream: { cork?(): void; uncork?(): void };
}

/** Whether the connection is one of those that `createTogether` knows. Compressed packets are numbered in another way. */
export function isPipelined(connection: object): connection is PipelinedConnection {
  return (
    "sequenceId" in connection &&
    typeof connection.sequenceId === "number" &&
    "stream" in connection &&
    !("config" in connection && (connection as PipelinedConnection).config?.compress)
  );
}

/** One command that writes the requests of all given commands at once, and then lets each read its own answer. */
export function createTogether(commands: readonly object[]): DriverCommand {
  const waiting = commands.map((command) => ({ command: command as DriverCommand, first: 0 }));
  return {
    execute: (packet, connection) => {
      if (packet === undefined) {
        connection.stream.cork?.();
        for (const each of waiting) {
          each.command.execute(undefined, connection);
          each.first = connection.sequenceId;
        }
        connection.stream.uncork?.();
      } else if (waiting[0]?.command.execute(packet, connection) === true) {
        waiting.shift();
      } else {
        return false;
      }
      const [next] = waiting;
      if (next !== undefined) connection.sequenceId = next.first;
      return next === undefined;
    },
    // The connection is lost: none of them will be answered.
    onResult: (error) => {
      for (const { command } of waiting.splice(0)) command.onResult?.(error);
    },
  };
}

type Answer = (error: unknown, ...results: unknown[]) => void;
type Query = (text: string, parameters: readonly unknown[], answer: Answer) => unknown;

/** Sends each statement once the one before it has succeeded. Calls `answer` once: with the first error, or with all results. */
export function inTurn(statements: readonly SentStatement[], query: Query, answer: Answer): void {
  const results: StatementsAnswered["results"][number][] = [];
  const next = (): void => {
    const statement = statements[results.length];
    if (statement === undefined)
      return answer(null, [{ results } satisfies StatementsAnswered], []);
    query(statement.text, statement.parameters, (error, result) => {
      if (error) return answer(error);
      results.push(resultOf(result));
      next();
    });
  };
  next();
}

/** In milliseconds: how long the statements behind one that failed may take. */
const restMs = 1_000;

interface Collecting {
  /** Called once, after all statements have been answered: with the first error, or with all results. */
  readonly end: Answer;
  /** Called if a statement has failed, and those behind it are not answered soon. */
  readonly giveUp: () => void;
}

/** Sends all statements at once. */
export function collect(
  statements: readonly SentStatement[],
  query: Query,
  { end, giveUp }: Collecting,
): void {
  const results: StatementsAnswered["results"][number][] = [];
  let failure: { readonly error: unknown; readonly timer: NodeJS.Timeout } | undefined;
  let left = statements.length;
  for (const [index, { text, parameters }] of statements.entries())
    query(text, parameters, (error, result) => {
      if (error) failure ??= { error, timer: setTimeout(giveUp, restMs) };
      else results[index] = resultOf(result);
      left -= 1;
      if (left > 0) return;
      clearTimeout(failure?.timer);
      if (failure === undefined) end(null, [{ results } satisfies StatementsAnswered], []);
      else end(failure.error);
    });
}

/** As Kysely's driver reads it. */
function resultOf(result: unknown): StatementsAnswered["results"][number] {
  if (Array.isArray(result)) return { rows: result };
  const { affectedRows, insertId } = result as Readonly<Record<string, number | string>>;
  return {
    rows: [],
    ...(affectedRows !== undefined && { numAffectedRows: BigInt(affectedRows) }),
    ...(insertId !== undefined && String(insertId) !== "0" && { insertId: BigInt(insertId) }),
  };
}
