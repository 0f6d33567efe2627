/**
 * One operation's context, and what the library keeps beside it: the open database transaction, the row that the operation is about, and
 * the values that have been converted.
 */
import type {
  DeadLetterContext,
  OperationContext,
  Principal,
  TransactionContext,
} from "../context.js";
import type { CrudEntry, OpData, Operation, Write } from "../model.js";
import type { Change, Store, StoredRow, Unit, Values } from "../store/store.js";
import type { Table } from "../store/tables.js";
import { type NamedRow, rowName } from "../store/letters.js";

export type RowReader<P extends Principal, DB> = (
  row: NamedRow,
  context: OperationContext<P, DB>,
) => Promise<StoredRow | undefined>;

/** The device that has sent a transaction, as far as it, or the configuration, says which. */
export interface Sender {
  readonly clientId?: string;
  readonly device?: string;
  readonly queueId?: string;
  /** What it sent has been edited since: by whoever this is. */
  readonly writer?: string;
}

/** A store, and its transaction that is open. */
export interface OpenUnit {
  readonly store: Store;
  readonly unit: Unit;
  readonly sender?: Sender;
  /** Only where letters of the caller's wait, which may be what would create it. */
  readonly needs?: Needs;
  /** Where a dead letter is recorded, and the application maps by itself. */
  readonly targets?: Targets;
}

/** An operation by the row that it becomes. */
export interface Mapped {
  readonly op: Operation;
  /** By the client's names. */
  readonly table: string;
  readonly id: string;
  readonly data: OpData;
  /** Whose names the columns in `data` have. */
  readonly columns: "client's" | "source's";
}

/** What an operation becomes: `null` where the application leaves it out, `undefined` where nobody can say. */
export type Target = Mapped | null | undefined;

/** A transaction's operations, in order, and what they become. */
export type Targets = readonly { readonly sent: CrudEntry; readonly target?: Target }[];

/** What a transaction needs and has not found. */
export interface Needs {
  /** Rows that a PATCH or DELETE found absent, or hidden, by the client's names. */
  readonly rows: (NamedRow & {
    readonly op: "PATCH" | "DELETE";
    readonly operationIndex: number;
  })[];
  /** What `references` have not found: the source table and the values that the row would have. */
  readonly references: {
    readonly operationIndex: number;
    readonly table: string;
    readonly match: Values;
  }[];
  /** The contexts of the operations that have been begun. */
  readonly operations: object[];
}

export interface ConvertedValue {
  readonly shown: unknown;
  readonly stored: unknown;
  /** What `shown` was like, where it is an object that a hook may change in place: as JSON. */
  readonly snapshot?: string;
}

export interface OperationState extends OpenUnit {
  /** What `stored()` is about. Layers and hooks may make another row of what the device sent. */
  row: NamedRow;
  written: boolean;
  readonly seen: Map<string, Promise<StoredRow | undefined>>;
  /** The source table that `converted` is about, as it was read last. */
  table: Table | undefined;
  /** By column: the value that layers and hooks see, and the one that is stored. */
  readonly converted: Map<string, ConvertedValue>;
  /** The columns whose value the configuration gave. */
  readonly set: Set<string>;
  /** The client has left out whose row it is. */
  filledOwner: boolean;
  /** The columns that are set once, each with the client's name for it. */
  fixed: ReadonlyMap<string, string> | undefined;
  /** What is asked of the store. */
  change: Change | undefined;
  /** The write as it goes to the store, with what the last hook has put in. */
  final: Write | undefined;
  /** Where the application maps by itself: see `mapping.ts`. */
  target: Target;
}

// On the context itself, so that the state lives as long as the context, and reaches every layer whatever replaces it.
const stateKey = Symbol("powersync-writes.state");

interface WithState {
  readonly [stateKey]?: OpenUnit;
}

/** Gives the `deadLetter` layer's context its transaction. */
export function withUnit<P extends Principal, DB>(
  context: Omit<DeadLetterContext<P, DB>, "tx">,
  open: OpenUnit,
): DeadLetterContext<P, DB> {
  const tx = open.unit.tx as DeadLetterContext<P, DB>["tx"];
  return Object.assign({ ...context, tx }, { [stateKey]: open });
}

/** An operation's context, and what the library keeps beside it. */
export function withOperation<P extends Principal, DB>(
  transaction: TransactionContext<P, DB>,
  operation: CrudEntry,
  operationIndex: number,
  open: OpenUnit,
  read: RowReader<P, DB>,
): { readonly context: OperationContext<P, DB>; readonly state: OperationState } {
  const { table, id, metadata, previousValues } = operation;
  const state: OperationState = {
    ...open,
    row: { table, id },
    written: false,
    seen: new Map(),
    table: undefined,
    converted: new Map(),
    set: new Set(),
    filledOwner: false,
    fixed: undefined,
    change: undefined,
    final: undefined,
    target: undefined,
  };
  const context: OperationContext<P, DB> = {
    ...transaction,
    operation,
    operationIndex,
    ...(metadata !== undefined && { metadata }),
    ...(previousValues !== undefined && { previousValues }),
    stored: () => {
      const name = rowName(state.row);
      const known = state.seen.get(name);
      if (known !== undefined) return known;
      const reading = state.written ? Promise.reject(askedTooLate()) : read(state.row, context);
      // A caller that does not wait for it must not end the process; a statement that fails ends the transaction anyway.
      reading.catch(() => undefined);
      state.seen.set(name, reading);
      return reading;
    },
  };
  return { context: Object.assign(context, { [stateKey]: state }), state };
}

/** @throws TypeError for a context that a layer was not given by the library */
export function openUnitOf(context: object): OpenUnit {
  const kept = (context as WithState)[stateKey];
  if (kept === undefined) {
    throw new TypeError("A layer was called with a context that is not the one it was given.");
  }
  return kept;
}

export function stateOf<P extends Principal, DB>(context: OperationContext<P, DB>): OperationState {
  return openUnitOf(context) as OperationState;
}

/** Whether somebody has asked for this row, and has been told that there is none. */
export async function seenAbsent({ seen }: OperationState, row: NamedRow): Promise<boolean> {
  const reading = seen.get(rowName(row));
  return reading !== undefined && (await reading) === undefined;
}

function askedTooLate(): Error {
  return new Error(
    "context.stored() was asked for the first time behind the write. Ask before it; the answer is kept for the operation.",
  );
}
