/** One database transaction of a memory store. Each change is checked against its scope before and after it is made. */
import { ApplicationFailure } from "../../errors.js";
import { sha256 } from "../../wire/serialize.js";
import { ColumnsFixed, Contention, LeftScope, noRowSecurity, RowTaken } from "../failures.js";
import type { ClaimWithNames, EarlierCopy } from "../ledger.js";
import type { FingerprintOptions, Inspect, Table } from "../tables.js";
import type { Change, Effect, Unit, UnitOptions, Values } from "../store.js";
import { type Definition, isRefusedData, type Row } from "./tables.js";
import { claim } from "./claim.js";
import { hasWaiting } from "./dependants.js";
import { openLetters } from "./letters.js";
import { mergeChange } from "./merge.js";
import { openAttempts, openCheckpoints, forget, type OwnRows, prune } from "./own.js";
import { columnOf, type Rows, viewRow } from "./rows.js";
import { checkOwners, checkScope, isInScope, ownerKind } from "./scope.js";
import { type MemoryTransaction, openTransaction } from "./transaction.js";
import { view } from "./values.js";

interface UnitParts {
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly rows: Rows;
  readonly own: OwnRows;
  /** Microseconds since 1970. */
  readonly now: number;
  readonly options: Pick<UnitOptions, "tally" | "lettersOf">;
  readonly claims: readonly ClaimWithNames[];
}

export interface OpenedUnit {
  readonly unit: Unit<MemoryTransaction>;
  /** Calls the claim's callbacks with what the claim has found, after the commit. */
  announce(): void;
  /** Ends the unit. Throws ApplicationFailure if a statement has failed, and MemoryError if a deferred reference does not hold. */
  end(): void;
  /** Ends the unit without any check, because it will not commit. */
  giveUp(): void;
}

export function openUnit({ definitions, rows, own, now, options, claims }: UnitParts): OpenedUnit {
  const { tally, lettersOf } = options;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;

  const throwIfFailed = (): void => {
    if (failure !== undefined) throw new ApplicationFailure(failure.error);
  };

  /** Runs a statement. A failure makes the whole unit fail, even if application code catches the error. */
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

  const [made] = claims;
  const copies: EarlierCopy[] = [];
  for (const each of claims) {
    if (copies.at(-1)?.earlier === undefined) copies.push(statement(() => claim(own, each, now)));
  }
  const [copy = {}] = copies;
  const earlier = copies.at(-1)?.earlier;

  const asked = () => lettersOf !== undefined && hasWaiting(own.letters, lettersOf);
  // Counts as a statement of its own only if there is no claim.
  const hasLetters = made || lettersOf === undefined ? asked() : statement(asked);

  const unit: Unit<MemoryTransaction> = {
    tx: openTransaction(rows, statement),
    earlier,
    hasLetters,
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
    merge: async (change) => {
      const merged = statement(() =>
        mergeChange({ rows, own, now }, change, (each) => writeChange(rows, each)),
      );
      if (merged.effect === "left") failure = { error: new LeftScope() };
      return merged;
    },
    // The memory store has no grants, so every column may be read.
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
    foreignKeys: async ({ name }) =>
      rows.table(name).references.map(({ column, to, by }) => ({
        columns: [column],
        table: to.name,
        by: [by],
      })),
    addAside: async ({ name }, values) => statement(() => addAside(rows, name, values)),
    fingerprint: async (table, keys, options) => {
      const found = statement(() => hashedValues(rows, table, keys, options));
      if (found === undefined) return undefined;
      const hashes = found.rows.map(async (row) => (row === undefined ? null : sha256(row)));
      return { columns: found.columns, hashes: await Promise.all(hashes) };
    },
    letters: openLetters(own.letters, now, statement),
    attempts: openAttempts(own, now, statement),
    checkpoints: openCheckpoints(own, statement),
    prune: async (what, step) => statement(() => prune(own, now, what, step)),
    forget: async (userId, most) => {
      const subject = await sha256(userId);
      return statement(() => forget(own, userId, subject, most));
    },
    inspect: openInspect(definitions, rows, statement),
  };

  return {
    unit,
    announce: () => {
      if (copy.forgotten) made?.devices?.forgotten();
      if (copy.byContent) made?.content.decided();
    },
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

/** The values of each row that are hashed. */
function hashedValues(
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
      return table && { ...table, inexact: new Set(), ownerKind };
    },
    columns: async (tables) => tables.map((name) => new Set(definitions.get(name)?.columns.keys())),
    scope: async (scope) =>
      statement(() => {
        checkScope(rows, scope);
        checkOwners(rows, scope);
      }),
    ownTables: async () => [],
    settings: async () => [],
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

/** @throws MemoryError if a constraint does not hold; ColumnsFixed; Contention if a row exists that application code has read as missing */
export function writeChange(rows: Rows, change: Change): Effect {
  const { op, key, values, scope } = change;
  const table = rows.table(change.table.name);
  // Checked even if there is no row, as a database would.
  checkOwners(rows, scope);
  const found = rows.find(table, key);
  const judged = (row: Row): Effect => (isInScope(rows, scope, row) ? "written" : "left");
  if (found === undefined) {
    if (op !== "PUT") return "absent";
    return judged(rows.insert(table, { ...values, ...key }));
  }
  if (change.seenAbsent === true) {
    throw new Contention("The row was not there when context.stored() was asked, and now it is.");
  }
  if (!isInScope(rows, scope, found[1])) return "foreign";
  const others = change.fixed?.filter((name) => values[name] !== (found[1][name] ?? null)) ?? [];
  if (others.length > 0) throw new ColumnsFixed(others);
  switch (op) {
    case "PUT": {
      const changes = omit(values, change.insertOnly);
      if (change.neverChanges !== true) return judged(rows.update(table, found, changes));
      const [, row] = found;
      const isSame = Object.entries(changes).every(
        ([name, value]) => value === (row[name] ?? null),
      );
      if (!isSame) throw new RowTaken();
      return "written";
    }
    case "PATCH":
      return judged(rows.update(table, found, values));
    case "DELETE":
      // A soft delete may leave the scope.
      if (Object.keys(values).length > 0) rows.update(table, found, values);
      else rows.remove(table, found);
      return "written";
  }
}

function omit(values: Values, names: readonly string[] = []): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}
