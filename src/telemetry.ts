/** What watches the library from outside, beside `onEvent`: `otel()` of `powersync-writes/otel` makes one. */
import type { Correlated, WriteEvent } from "./events.js";
import type { WriteRequest, WriteResponse } from "./model.js";

/** All of it is called where things happen: none of it may throw, or wait. */
export interface Telemetry {
  /** Every event. */
  event(event: WriteEvent): void;
  /** Runs the work on a request, which never rejects. */
  request(request: WriteRequest, run: () => Promise<WriteResponse>): Promise<WriteResponse>;
  /** Runs the work on one of the client's transactions, which never rejects. Those that are committed together are told by their events alone. */
  transaction<T>(call: Correlated, run: () => Promise<T>): Promise<T>;
  /** A statement is about to be sent: its text, without values. */
  statement(text: string): void;
  /**
   * Given at the start, for later: letters that wait, by their error codes. Rejects with the database's errors, and where each principal has a database of
   * its own.
   */
  waitingLetters(count: () => Promise<Readonly<Record<string, number>>>): void;
}
