/** The interface through which traces and metrics observe the library. `otel()` of `powersync-writes/otel` implements it. */
import type { Correlated, WriteEvent } from "./events.js";
import type { WriteRequest, WriteResponse } from "../model.js";

/** These functions are called while requests are processed: they must not throw, and must not wait for anything. */
export interface Telemetry {
  /** Called with every event. */
  event(event: WriteEvent): void;
  /** Runs the processing of a request, which never rejects. */
  request(request: WriteRequest, run: () => Promise<WriteResponse>): Promise<WriteResponse>;
  /** Runs the processing of one transaction, which never rejects. Transactions that are committed together only have their events. */
  transaction<T>(call: Correlated, run: () => Promise<T>): Promise<T>;
  /** Called before a statement is sent, with its text without values. */
  statement(text: string): void;
  /**
   * Called at the start with a function that counts the waiting letters by error code. The function rejects with the database's errors, and if
   * `database` depends on the principal.
   */
  waitingLetters(count: () => Promise<Readonly<Record<string, number>>>): void;
}
