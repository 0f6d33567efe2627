/**
 * The context of one operation, and the state that the library keeps with it: the open database transaction, the operation's row, and its converted
 * values.
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

/** The queue that sent a transaction, as far as the client, or the configuration, says which. */
export interface Sender {
  readonly clientId?: string;
  readonly device?: string;
  readonly queueId?: string;
  /** Set for the retry of an edited letter: conflict rules then take it for another writer than the queue. */
  readonly writer?: string;
}

/** A store, and its open database transaction. */
export interface OpenUnit {
  readonly store: Store;
  readonly unit: Unit;
  readonly sender?: Sender;
  /** Present only if the caller has waiting letters, which might create what is missing. */
  readonly needs?: Needs;
  /** Present if a dead letter is being recorded, and the application has a mapping of its own. */
  readonly targets?: Targets;
}

/** The row that an operation becomes. */
export interface Mapped {
  readonly op: Operation;
  /** The client's name of the table. */
  readonly table: string;
  readonly id: string;
  readonly data: OpData;
  /** Whose names the columns in `data` have. */
  readonly columns: "client's" | "source's";
}

/** The row that an operation becomes. `null`: the application leaves the operation out. `undefined`: unknown. */
export type Target = Mapped | null | undefined;

/** A transaction's operations, in order, and the rows that they become. */
export type Targets = readonly { readonly sent: CrudEntry; readonly target?: Target }[];

/** What a transaction needs but has not found. */
export interface Needs {
  /** Rows that a PATCH or DELETE found missing, or hidden, by the client's names. */
  readonly rows: (NamedRow & {
    readonly op: "PATCH" | "DELETE";
    readonly operationIndex: number;
  })[];
  /** Rows that `references` did not find: the source table, and the values that the row would have. */
  readonly references: {
    readonly operationIndex: number;
    readonly table: string;
    readonly match: Values;
  }[];
  /** The contexts of the operations that have begun. */
  readonly operations: object[];
}

export interface ConvertedValue {
  readonly shown: unknown;
  readonly stored: unknown;
  /** `shown` as JSON, if it is an object, by which a change in place by a hook is noticed. */
  readonly snapshot?: string;
}

export interface OperationState extends OpenUnit {
  /** The row that `stored()` reads. Layers and hooks may make it another row than the one that the device sent. */
  row: NamedRow;
  written: boolean;
  readonly seen: Map<string, Promise<StoredRow | undefined>>;
  /** The source table that `converted` belongs to, as it was last read. */
  table: Table | undefined;
  /** By column: the value that layers and hooks see, and the value that is stored. */
  readonly converted: Map<string, ConvertedValue>;
  /** The columns whose values the configuration set. */
  readonly set: Set<string>;
  /** Whether the library filled in the owner, because the client left it out. */
  filledOwner: boolean;
  /** The rule's `insertOnly` columns, each with the client's name for it. */
  fixed: ReadonlyMap<string, string> | undefined;
  /** The change that the store is asked to make. */
  change: Change | undefined;
  /** The write as it goes to the store, with the values of the last hook. */
  final: Write | undefined;
  /** The row that the operation becomes, if the application has a mapping of its own: see `mapping.ts`. */
  target: Target;
}

// Stored on the context itself, so that the state lives as long as the context, and reaches the defaults through every replacement.
const stateKey = Symbol("powersync-writes.state");

interface WithState {
  readonly [stateKey]?: OpenUnit;
}

/** Adds the database transaction to the context of the `deadLetter` layer. */
export function withUnit<P extends Principal, DB>(
  context: Omit<DeadLetterContext<P, DB>, "tx">,
  open: OpenUnit,
): DeadLetterContext<P, DB> {
  const tx = open.unit.tx as DeadLetterContext<P, DB>["tx"];
  return Object.assign({ ...context, tx }, { [stateKey]: open });
}

/** Makes an operation's context, and the state that the library keeps with it. */
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
      // Application code that does not await the promise must not end the process; a statement that fails ends the transaction anyway.
      reading.catch(() => undefined);
      state.seen.set(name, reading);
      return reading;
    },
  };
  return { context: Object.assign(context, { [stateKey]: state }), state };
}

/** @throws TypeError for a context that does not come from the library */
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

/** Whether application code has read this row, and found that there is none. */
export async function seenAbsent({ seen }: OperationState, row: NamedRow): Promise<boolean> {
  const reading = seen.get(rowName(row));
  return reading !== undefined && (await reading) === undefined;
}

function askedTooLate(): Error {
  return new Error(
    "context.stored() was called for the first time after the write. Call it before the write; its result is kept for the operation.",
  );
}
