/** The outcomes that one attempt at a transaction can have. */
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
  /** Rolled back, because changes that were written together were not all plainly good. They have to be tried step by step. */
  | { readonly kind: "undone" }
  /** Rolled back, because rows were missing that a waiting letter of the caller might create. */
  | (Pick<Unsure, "needs" | "puts"> & { readonly kind: "unsure"; readonly targets?: Targets })
  | Failure;

export interface Failure {
  readonly kind: "failed";
  readonly error: unknown;
  readonly during: ErrorEvent["during"];
  readonly operationIndex?: number;
  readonly refused?: Refused;
  readonly needs?: Needs;
  /** What the operations were mapped to, if the application has a mapping of its own. */
  readonly targets?: Targets;
}

/** A change that the store has failed to make. */
export interface Refused {
  readonly change: Change;
  /** The client's name of the table. */
  readonly table: string;
}

/** How far an attempt has come, for the report of its failure. */
export interface Progress {
  during: ErrorEvent["during"];
  operationIndex: number | undefined;
  refused?: Refused;
  /** The states of the operations that have begun. Present only if the application has a mapping of its own. */
  states?: OperationState[];
}
