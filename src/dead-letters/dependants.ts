/**
 * Finds dependants. A transaction that needs a row that a waiting letter of the same user would create is recorded behind that letter, instead of
 * being answered `success` with nothing written.
 */
import type { OperationContext, Principal } from "../context.js";
import type { CrudTransaction, ErrorCode, Write } from "../model.js";
import type { Needs, OpenUnit, Targets } from "../pipeline/operation.js";
import { membershipsIn, type Rules } from "../pipeline/rules.js";
import { type NamedRow, rowName } from "../store/letters.js";
import type { Created, SoughtRow } from "./created-rows.js";
import { createParentsOf, type ForeignKeys } from "./parents.js";
import type { Owner } from "./row-hashes.js";

/** How a transaction failed. */
interface FailedAt {
  readonly errorCode: ErrorCode;
  readonly operationIndex: number | undefined;
}

interface DependantsAsked {
  readonly principal: Principal;
  readonly needs: Needs;
  /** The rows that the transaction itself PUTs. */
  readonly puts: readonly PutRow[];
  /** Absent if the transaction did not fail, but found rows missing. */
  readonly failed?: FailedAt;
  /** The root of a chain that is left out. */
  readonly except?: string;
}

/** The letter behind which the transaction is to be recorded, and the first operation that needs it. */
export interface Dependence {
  readonly root: string;
  readonly operationIndex: number;
}

export interface Dependants {
  /** Call this with the connection's own role, after the transaction has been rolled back. */
  dependence(open: OpenUnit, asked: DependantsAsked): Promise<Dependence | undefined>;
  /** Marks the letters that would create these rows, which are about to be PUT. Call this first, while the connection has its own role. */
  overtake(
    open: OpenUnit,
    principal: Principal,
    rows: readonly PutRow[],
    except?: string,
  ): Promise<void>;
}

/** A row that is PUT, and the device's name for it if that may differ. */
export interface PutRow extends NamedRow {
  readonly sent?: NamedRow;
}

/** The rows that are PUT, each once. */
export function rowsPut(
  changes: readonly Pick<Write, "op" | "table" | "id">[],
): readonly NamedRow[] {
  const rows = new Map<string, NamedRow>();
  for (const { op, table, id } of changes) {
    if (op === "PUT") rows.set(rowName({ table, id }), { table, id });
  }
  return [...rows.values()];
}

/** The rows that a transaction PUTs. With `targets`, the rows that the application's own mapping has made of them, as far as known. */
export function putsOf({ crud }: CrudTransaction, targets: Targets | undefined): readonly PutRow[] {
  if (targets === undefined) return rowsPut(crud);
  return targets.flatMap(({ sent, target }) => {
    if (target?.op !== "PUT") return [];
    const { table, id } = target;
    return [{ table, id, sent: { table: sent.table, id: sent.id } }];
  });
}

interface Sought {
  readonly operationIndex: number;
  readonly row: SoughtRow;
}

/** How many rows are looked up in one statement. */
const rowsOfLookUp = 50;

export function createDependants<P extends Principal, DB>(
  rules: Rules<P, DB>,
  created: Created,
): Dependants {
  const parentsOf = createParentsOf(rules, created);

  /** The hashes of the rows themselves, without those that cover more than one row. */
  const hashesOf = async (owner: Owner, rows: readonly NamedRow[]): Promise<readonly string[]> => {
    const hashes: string[] = [];
    for (const row of rows) hashes.push(...(await created.row(owner, row)));
    return hashes;
  };

  /** The operations whose row was reported missing but exists: `hideForeign` may hide it because its parent, or a membership, is missing. */
  const hiddenAmong = async (
    owner: Owner,
    rows: readonly Sought[],
    { needs }: DependantsAsked,
  ): Promise<ReadonlySet<number>> => {
    const names = new Map(needs.rows.map(({ operationIndex, table }) => [operationIndex, table]));
    const mayHide = rows.filter(({ operationIndex }) => {
      const rule = rules.get(names.get(operationIndex) ?? "");
      return rule?.hideForeign && (rule.parents.length > 0 || membershipsIn(rule).length > 0);
    });
    const there = await present(owner.open, mayHide);
    return new Set([...there].map(({ operationIndex }) => operationIndex));
  };

  const soughtRows = async (owner: Owner, asked: DependantsAsked): Promise<readonly Sought[]> => {
    const { needs, puts, failed } = asked;
    const sought: Sought[] = [];
    for (const { operationIndex, table, id } of needs.rows) {
      sought.push({ operationIndex, row: await created.named(owner, { table, id }) });
    }
    const hidden = await hiddenAmong(owner, sought, asked);
    for (const { operationIndex, table, match } of needs.references) {
      sought.push({ operationIndex, row: await created.source(owner, table, match) });
    }
    const ofParents = failed !== undefined && isOfParents(failed) ? failed : undefined;
    const keys: ForeignKeys = new Map();
    for (const context of needs.operations as readonly OperationContext<P, DB>[]) {
      const { operationIndex } = context;
      // A constraint that is deferred to COMMIT does not say which operation broke it.
      const sent =
        ofParents !== undefined && (ofParents.operationIndex ?? operationIndex) === operationIndex;
      const stored = hidden.has(operationIndex) || (sent && ofParents.errorCode === "UNAUTHORIZED");
      if (!sent && !stored) continue;
      const parents = await parentsOf(owner, context, keys, { sent, stored });
      for (const row of parents) sought.push({ operationIndex, row });
    }
    // A row that the transaction creates itself needs no letter.
    const own = new Set(sought.length === 0 ? [] : await hashesOf(owner, puts));
    return sought.filter(({ row }) => !own.has(row.hashes[0] ?? ""));
  };

  return {
    dependence: async (open, asked) => {
      const owner: Owner = { open, principal: asked.principal, wide: new Map() };
      const sought = (await soughtRows(owner, asked)).toSorted(
        (a, b) => a.operationIndex - b.operationIndex,
      );
      if (sought.length === 0) return undefined;
      const hashes = sought.flatMap(({ row }) => row.hashes);
      const roots = await open.unit.letters.creators(hashes, asked.except);
      if (roots.size === 0) return undefined;
      const hits = sought.flatMap((each) => {
        const root = each.row.hashes.flatMap((hash) => roots.get(hash) ?? []).at(0);
        return root === undefined ? [] : [{ ...each, root }];
      });
      for (let from = 0; from < hits.length; from += rowsOfLookUp) {
        const some = hits.slice(from, from + rowsOfLookUp);
        // A row that exists needs no letter to create it.
        const there = await present(open, some);
        const missing = some.find((hit) => !there.has(hit));
        if (missing !== undefined) {
          return { root: missing.root, operationIndex: missing.operationIndex };
        }
      }
      return undefined;
    },

    overtake: async (open, principal, rows, except) => {
      const owner = { open, principal };
      const hashes = [...(await hashesOf(owner, rows))];
      for (const { sent } of rows) if (sent) hashes.push(await created.sent(owner, sent));
      if (hashes.length > 0) await open.unit.letters.overtake(hashes, except);
    },
  };
}

/** The sought rows that exist. */
async function present<S extends Sought>(
  { unit }: OpenUnit,
  sought: readonly S[],
): Promise<ReadonlySet<S>> {
  const there = new Set<S>();
  const located = sought.flatMap((each) => (each.row.at ? [{ each, ...each.row.at }] : []));
  const alike = Map.groupBy(located, ({ table: { name }, key }) =>
    JSON.stringify([name, Object.keys(key)]),
  );
  for (const same of alike.values()) {
    const [first] = same;
    if (first === undefined) continue;
    const keys = same.map(({ key }) => key);
    const columns = Object.keys(first.key);
    const found = await unit.fingerprint(first.table, keys, { columns });
    for (const [index, { each }] of same.entries()) {
      if (typeof found?.hashes[index] === "string") there.add(each);
    }
  }
  return there;
}

/** Whether a transaction with these needs and this failure can depend on a letter. */
export function mayDepend({ rows, references }: Needs, failed: FailedAt | undefined): boolean {
  return rows.length + references.length > 0 || (failed !== undefined && isOfParents(failed));
}

function isOfParents({ errorCode }: FailedAt): boolean {
  return errorCode === "FOREIGN_KEY_VIOLATION" || errorCode === "UNAUTHORIZED";
}
