/** What one attempt at a transaction comes to. */
import type { ErrorEvent } from "../events/events.js";
import type { CrudTransaction, TransactionResult, Write } from "../model.js";
import type { Needs, OperationState, Targets } from "../pipeline/operation.js";
import type { Change } from "../store/store.js";
import type { Unsure } from "./dependence.js";

export interface Applied {
  readonly kind: "applied";
  readonly transaction: CrudTransaction;
  readonly writes: () => readonly Write[];
  readonly needs?: Needs;
}

export type Attempt =
  | Applied
  | { readonly kind: "replayed"; readonly answer: TransactionResult }
  | { readonly kind: "not begun" }
  /** Undone, because changes that were made together were not plainly good. */
  | { readonly kind: "undone" }
  /** Undone, because rows were absent that a waiting letter of the caller's may be there to create. */
  | (Pick<Unsure, "needs" | "puts"> & { readonly kind: "unsure"; readonly targets?: Targets })
  | Failure;

export interface Failure {
  readonly kind: "failed";
  readonly error: unknown;
  readonly during: ErrorEvent["during"];
  readonly operationIndex?: number;
  readonly refused?: Refused;
  readonly needs?: Needs;
  /** What its operations have become, where the application maps by itself. */
  readonly targets?: Targets;
}

/** A change that the store has failed to make. */
export interface Refused {
  readonly change: Change;
  /** By the client's name. */
  readonly table: string;
}

/** Where an attempt stands, so that its failure can say so. */
export interface Progress {
  during: ErrorEvent["during"];
  operationIndex: number | undefined;
  refused?: Refused;
  /** Of the operations that have been begun: only where the application maps by itself. */
  states?: OperationState[];
}
