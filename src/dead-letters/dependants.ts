/**
 * What needs a row that a waiting letter of the same user would create is that letter's dependant: it is recorded behind it, and not answered
 * `success` with nothing written.
 */
import type { OperationContext, Principal } from "../context.js";
import { keyOf } from "../pipeline/convert.js";
import { type Needs, type OpenUnit, stateOf } from "../pipeline/operation.js";
import type { Rules } from "../pipeline/rules.js";
import type { CrudTransaction, ErrorCode } from "../model.js";
import type { Values } from "../store/store.js";
import { type Created, folded, type Owner, type SoughtRow } from "./created.js";

/** How a transaction failed. */
interface Failed {
  readonly errorCode: ErrorCode;
  readonly operationIndex: number | undefined;
}

interface Asked {
  readonly userId: string;
  readonly needs: Needs;
  readonly transaction: CrudTransaction;
  /** Absent: it has not failed, but found rows absent. */
  readonly failed?: Failed;
  /** The root of a chain that is not looked at. */
  readonly except?: string;
}

/** The letter to be recorded behind, and the first operation that needs it. */
export interface Dependence {
  readonly root: string;
  readonly operationIndex: number;
}

export interface Dependants {
  /** Looked up by the connection's own role, when the transaction has been rolled back. */
  dependence(open: OpenUnit, asked: Asked): Promise<Dependence | undefined>;
  /** The rows that a transaction PUTs are about to be written: before anything else is, for it must be the connection's own role that says so. */
  overtake(
    open: OpenUnit,
    userId: string,
    transaction: CrudTransaction,
    except?: string,
  ): Promise<void>;
}

interface Sought {
  readonly operationIndex: number;
  readonly row: SoughtRow;
}

export function createDependants<P extends Principal, DB>(
  rules: Rules<P, DB>,
  created: Created,
): Dependants {
  /** The hashes of the rows themselves that a transaction PUTs. */
  const putRows = async (owner: Owner, { crud }: CrudTransaction): Promise<readonly string[]> => {
    const hashes: string[] = [];
    for (const { op, table, id } of crud) {
      if (op !== "PUT") continue;
      const { hashes: all, at } = await created.named(owner, { table, id });
      // Not those that stand for more than the row.
      hashes.push(...all.slice(0, at === undefined ? 1 : 2));
    }
    return hashes;
  };

  /** Rows that an operation's refer to: by its rule, and by the table's foreign keys. */
  const parentsOf = async (
    owner: Owner,
    context: OperationContext<P, DB>,
  ): Promise<readonly Sought[]> => {
    const { operationIndex } = context;
    const { converted, final, row } = stateOf(context);
    const rule = rules.get(final?.table ?? row.table);
    if (rule === undefined || context.operation.op === "DELETE") return [];
    const values = new Map<string, unknown>();
    for (const [name, value] of Object.entries(safeKey(rule, final?.id ?? row.id))) {
      values.set(folded(name), value);
    }
    for (const [name, { stored }] of converted) values.set(folded(name), stored);
    const table = await owner.open.unit.table(rule.table);
    const keys = table === undefined ? [] : await owner.open.unit.foreignKeys(table);
    const parents = [
      ...rule.parents.map(({ column, by, rule: parent }) => ({
        columns: [column],
        table: parent.table,
        by: [by],
      })),
      ...keys,
    ];
    const sought: Sought[] = [];
    for (const { columns, table: parent, by } of parents) {
      const match = columns.map((name, index) => [by[index] ?? "", values.get(folded(name))]);
      if (match.some(([, value]) => value === null || value === undefined)) continue;
      const its = Object.fromEntries(match) as Values;
      sought.push({ operationIndex, row: await created.source(owner, parent, its) });
    }
    return sought;
  };

  const soughtRows = async (
    owner: Owner,
    { needs, transaction, failed }: Asked,
  ): Promise<readonly Sought[]> => {
    const sought: Sought[] = [];
    for (const { operationIndex, table, id } of needs.rows) {
      sought.push({ operationIndex, row: await created.named(owner, { table, id }) });
    }
    for (const { operationIndex, table, match } of needs.references) {
      sought.push({ operationIndex, row: await created.source(owner, table, match) });
    }
    if (failed !== undefined && isOfParents(failed)) {
      for (const each of needs.operations) {
        const context = each as OperationContext<P, DB>;
        // A constraint that is deferred to COMMIT fails without saying whose it is.
        if ((failed.operationIndex ?? context.operationIndex) !== context.operationIndex) continue;
        sought.push(...(await parentsOf(owner, context)));
      }
    }
    // What it makes itself, it does not need from others.
    const own = new Set(sought.length === 0 ? [] : await putRows(owner, transaction));
    return sought.filter(({ row }) => !own.has(row.hashes[0] ?? ""));
  };

  return {
    dependence: async (open, asked) => {
      const owner = { open, userId: asked.userId };
      const sought = (await soughtRows(owner, asked)).toSorted(
        (a, b) => a.operationIndex - b.operationIndex,
      );
      if (sought.length === 0) return undefined;
      const hashes = sought.flatMap(({ row }) => row.hashes);
      const roots = await open.unit.letters.creators(hashes, asked.except);
      if (roots.size === 0) return undefined;
      for (const { operationIndex, row } of sought) {
        const root = row.hashes.flatMap((hash) => roots.get(hash) ?? []).at(0);
        if (root !== undefined && !(await isThere(open, row))) return { root, operationIndex };
      }
      return undefined;
    },

    overtake: async (open, userId, transaction, except) => {
      const hashes = await putRows({ open, userId }, transaction);
      if (hashes.length > 0) await open.unit.letters.overtake(hashes, except);
    },
  };
}

/** Where it is there after all, nobody need create it. */
async function isThere({ unit }: OpenUnit, { at }: SoughtRow): Promise<boolean> {
  if (at === undefined) return false;
  const columns = Object.keys(at.key);
  const found = await unit.fingerprint(at.table, [at.key], { columns });
  return typeof found?.hashes[0] === "string";
}

function isOfParents({ errorCode }: Failed): boolean {
  return errorCode === "FOREIGN_KEY_VIOLATION" || errorCode === "UNAUTHORIZED";
}

function safeKey(rule: Parameters<typeof keyOf>[0], id: string): Values {
  try {
    return keyOf(rule, id);
  } catch {
    return {};
  }
}
