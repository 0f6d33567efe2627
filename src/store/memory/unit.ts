/** One database transaction of a memory store: what it is asked for, until it commits or is given up. */
import { ApplicationFailure } from "../../errors.js";
import type { TransactionResult } from "../../model.js";
import { sha256 } from "../../wire/serialize.js";
import { LeftScope, noRowSecurity } from "../failures.js";
import type { Inspect } from "../inspect.js";
import type { Effect, FingerprintOptions, Unit, UnitOptions, Values } from "../store.js";
import type { Table } from "../tables.js";
import { isRefusedData } from "./errors.js";
import { openLetters } from "./letters.js";
import { claim, openAttempts, openCheckpoints, type OwnRows, prune } from "./own.js";
import { columnOf, type Rows, viewRow } from "./rows.js";
import { checkScope } from "./scope.js";
import type { Definition } from "./tables.js";
import { type MemoryTransaction, openTransaction } from "./transaction.js";
import { view } from "./values.js";
import { writeChange } from "./write.js";

interface UnitParts {
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly rows: Rows;
  readonly own: OwnRows;
  /** Microseconds since 1970. */
  readonly now: number;
  readonly options: Pick<UnitOptions, "claim" | "tally">;
}

export interface OpenUnit {
  readonly unit: Unit<MemoryTransaction>;
  /** No statement is taken from here on. Throws ApplicationFailure where one has failed, and MemoryError where a deferred reference does not hold. */
  end(): void;
  /** The same, whatever has been. */
  giveUp(): void;
}

export function openUnit({ definitions, rows, own, now, options }: UnitParts): OpenUnit {
  const { claim: made, tally } = options;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;

  const throwIfFailed = (): void => {
    if (failure !== undefined) throw new ApplicationFailure(failure.error);
  };

  /** One that fails is the whole unit's failure, whoever catches its error. */
  const statement = <T>(run: () => T): T => {
    if (ended) throw tooLate();
    throwIfFailed();
    try {
      const result = run();
      if (tally !== undefined) tally.statements += 1;
      return result;
    } catch (error) {
      failure = { error };
      throw error;
    }
  };

  const earlier: TransactionResult | undefined = made && statement(() => claim(own, made, now));

  const unit: Unit<MemoryTransaction> = {
    tx: openTransaction(rows, statement),
    earlier,
    throwIfFailed,
    become: async () => {
      throw noRowSecurity({ name: "the memory store" });
    },
    table: async (name) => definitions.get(name),
    write: async (run) => {
      const effects: Effect[] = [];
      for (const change of run) {
        try {
          effects.push(statement(() => writeChange(rows, change)));
        } catch (cause) {
          return { effects, failure: { operationIndex: change.operationIndex, cause } };
        }
      }
      if (effects.includes("left")) failure = { error: new LeftScope() };
      return { effects };
    },
    read: async ({ name }, key) =>
      statement(() => {
        const table = rows.table(name);
        const found = rows.find(table, key);
        return found && viewRow(table, found[1]);
      }),
    lookUp: async ({ name }, match, take) =>
      statement(() => {
        const table = rows.table(name);
        const column = columnOf(table, take);
        const found = rows.find(table, match);
        return found && { value: view(column, found[1][take]) };
      }),
    addAside: async ({ name }, values) => statement(() => addAside(rows, name, values)),
    fingerprint: async (table, keys, options) => {
      const found = statement(() => valuesOf(rows, table, keys, options));
      if (found === undefined) return undefined;
      const hashes = found.rows.map(async (row) => (row === undefined ? null : sha256(row)));
      return { columns: found.columns, hashes: await Promise.all(hashes) };
    },
    letters: openLetters(own.letters, now, statement),
    attempts: openAttempts(own, now, statement),
    checkpoints: openCheckpoints(own, statement),
    prune: async (...what) => statement(() => prune(own, now, what)),
    inspect: openInspect(definitions, rows, statement),
  };

  return {
    unit,
    end: () => {
      if (ended) throw tooLate();
      ended = true;
      throwIfFailed();
      rows.checkDeferred();
    },
    giveUp: () => {
      ended = true;
    },
  };
}

function addAside(
  rows: Rows,
  name: string,
  values: Values,
): { readonly error: unknown } | undefined {
  const table = rows.table(name);
  const { id } = values;
  if (id !== undefined && rows.find(table, { id }) !== undefined) return undefined;
  const undo = rows.mark();
  try {
    rows.insert(table, values);
    return undefined;
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    undo();
    return { error };
  }
}

/** What is hashed of each row. */
function valuesOf(
  rows: Rows,
  { name }: Table,
  keys: readonly Values[],
  { columns }: FingerprintOptions = {},
):
  | { readonly columns: readonly string[]; readonly rows: readonly (Values | undefined)[] }
  | undefined {
  const table = rows.table(name);
  const names = columns ?? [...table.columns.keys()];
  if (!names.every((column) => table.columns.has(column))) return undefined;
  return {
    columns: names,
    rows: keys.map((key) => {
      const found = rows.find(table, key);
      return found && Object.fromEntries(names.map((column) => [column, found[1][column]]));
    }),
  };
}

function openInspect(
  definitions: ReadonlyMap<string, Definition>,
  rows: Rows,
  statement: <T>(run: () => T) => T,
): Inspect {
  return {
    table: async (name) => {
      const table = definitions.get(name);
      return table && { ...table, inexact: new Set(), comparedExactly: () => true };
    },
    scope: async (scope) => statement(() => checkScope(rows, scope)),
    ownTables: async () => [],
    policies: async () => {
      throw noRowSecurity({ name: "the memory store" });
    },
  };
}

function tooLate(): Error {
  return new Error(
    "The transaction has ended: `tx` takes no more statements. Await everything that is sent through it before the hook returns.",
  );
}
