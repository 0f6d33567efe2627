/**
 * One attempt at a transaction, in one database transaction: the ledger's claim, then map → authorize → persist for each operation, then COMMIT.
 * A failure is always followed by ROLLBACK.
 */
import type { Principal } from "../context.js";
import type { CrudTransaction, InvalidTransaction, TransactionResult, Write } from "../model.js";
import { type Dependants, putsOf, rowsPut } from "../dead-letters/dependants.js";
import type { Needs, Targets } from "../pipeline/operation.js";
import { targetsOf } from "../pipeline/mapping.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { CallerLeft, Undone } from "../store/failures.js";
import type { Claim } from "../store/ledger.js";
import type { SchemaTrust } from "../store/tables.js";
import type { Call } from "./call.js";
import { isUnsure, type Known, throwIfOthers, throwIfUnsure, type Unsure } from "./dependence.js";
import { apply, type Progress, type WatchUnmatched, type Refused } from "./apply.js";
import type { ErrorEvent } from "../events/events.js";
import { fatal } from "../errors.js";

interface AttemptOptions {
  /** The number of the attempt, from 1. */
  readonly number: number;
  readonly claim: Claim | undefined;
  readonly schema: SchemaTrust;
  readonly dependants: Dependants;
  readonly watchLeft: WatchUnmatched | undefined;
  readonly known: Known;
  /** See `UnitOptions`. */
  readonly deferConstraints: boolean;
  readonly together: boolean;
  /** Counts the attempts, and the statements that the database has answered. */
  readonly tally: { attempts: number; statements: number };
}

/** Never rejects. A transaction that was refused as invalid is not applied: the ledger is only asked whether it was answered before. */
export async function attempt<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  transaction: CrudTransaction | InvalidTransaction,
  call: Call<P>,
  options: AttemptOptions,
): Promise<Attempt> {
  const { number, claim, schema, tally, dependants, known, deferConstraints, watchLeft } = options;
  const { store, memory, signal, principal } = call;
  const progress: Progress = {
    during: "begin",
    operationIndex: undefined,
    ...(pipeline.mapping && { states: [] }),
  };
  if ("invalid" in transaction && claim?.key === undefined) return refusalOf(transaction);
  const operations = "invalid" in transaction ? 1 : transaction.crud.length;
  const entering = { userId: principal.userId, operations, signal };
  tally.attempts = number;
  // A refused transaction writes nothing, so it can't need the rows of a letter.
  const applied =
    "invalid" in transaction
      ? {}
      : {
          lettersOf: principal.userId,
          deferConstraints,
          together: options.together && isPlain(pipeline, transaction),
        };
  let needs: Needs | undefined;
  try {
    return await memory.places.unit(
      entering,
      store,
      { signal, tally, schema, ...applied, ...(claim && { claim }) },
      async (unit): Promise<Attempt> => {
        if (unit.earlier !== undefined) return { kind: "replayed", answer: unit.earlier };
        if ("invalid" in transaction) {
          const { error, during, operationIndex } = refusalOf(transaction);
          progress.during = during;
          progress.operationIndex = operationIndex;
          throw error;
        }
        const { crud } = transaction;
        const made = () => pipeline.mutations?.made(crud) ?? crud;
        const puts = known.puts ?? (unit.hasLetters ? rowsPut(made()) : []);
        if (unit.hasLetters) {
          needs = { rows: [], references: [], operations: [] };
          await dependants.overtake({ store, unit }, principal, puts);
        }
        const open = { store, unit, ...(needs && { needs }) };
        const writes = await apply(pipeline, transaction, call, {
          open,
          number,
          progress,
          watchLeft,
        });
        if (needs !== undefined) {
          throwIfUnsure(needs, known.free);
          const { states } = progress;
          if (states) throwIfOthers(needs, puts, putsOf(transaction, targetsOf(crud, states)));
        }
        return { kind: "applied", transaction, writes, ...(needs && { needs }) };
      },
    );
  } catch (error) {
    if (error instanceof CallerLeft) return { kind: "not begun" };
    if (error instanceof Undone) return { kind: "undone" };
    const { during, operationIndex, refused, states } = progress;
    const targets =
      states === undefined || "invalid" in transaction
        ? {}
        : { targets: targetsOf(transaction.crud, states) };
    if (isUnsure(error))
      return { kind: "unsure", needs: error.needs, puts: error.puts, ...targets };
    return {
      kind: "failed",
      error,
      during,
      ...(operationIndex !== undefined && { operationIndex }),
      ...(refused && { refused }),
      ...(needs && { needs }),
      ...targets,
    };
  }
}

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

interface Refusal {
  readonly kind: "failed";
  readonly error: Error;
  readonly during: "validate";
  readonly operationIndex?: number;
}

function refusalOf({
  invalid,
  errorCode = "INVALID_TRANSACTION",
  details,
  operationIndex,
}: InvalidTransaction): Refusal {
  return {
    kind: "failed",
    error: fatal(errorCode, invalid, details),
    during: "validate",
    ...(operationIndex !== undefined && { operationIndex }),
  };
}

/** Whether no application code runs for any of the operations. Then a rollback and another try have no side effects. */
export function isPlain<P extends Principal, DB>(
  { plainPersist, looksAtAll, rules }: Pipeline<P, DB>,
  { crud }: CrudTransaction,
): boolean {
  return (
    plainPersist !== undefined &&
    !looksAtAll &&
    crud.every(({ table }) => rules.get(table)?.looksAround === false)
  );
}
