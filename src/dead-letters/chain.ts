/** Applies a chain of letters, or its beginning, in one database transaction: in order, each as the user who sent it. */
import type { WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import { fatal } from "../errors.js";
import type { Emit } from "../events/emit.js";
import type { CrudTransaction } from "../model.js";
import { targetsOf } from "../pipeline/mapping.js";
import type { Needs, OperationState } from "../pipeline/operation.js";
import type { CommittedWrites, Pipeline } from "../pipeline/pipeline.js";
import { apply, type Progress } from "../process/apply.js";
import type { Call } from "../process/call.js";
import { isUnsure, throwIfOthers, throwIfUnsure } from "../process/dependence.js";
import type { Gate } from "../rls/gate.js";
import { type NamedRow, rowName, type StoredLetter, waiting } from "../store/letters.js";
import type { Store, Unit } from "../store/store.js";
import type { SchemaTrust } from "../store/tables.js";
import type { Limits } from "../wire/limits.js";
import { type Dependants, putsOf, type PutRow, rowsPut } from "./dependants.js";
import { eachRowOnce, namedRows } from "./payload.js";
import { queryOf } from "./query.js";
import type { RowStateReader } from "./row-states.js";
import { lockChain, type NoChain, payloadBytes, readPayload, type SeenLetter } from "./state.js";

export interface RetryParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly pipeline: Pipeline<P, DB>;
  readonly rowStateReader: RowStateReader;
  readonly dependants: Dependants;
  readonly emit: Emit;
  readonly limits: Limits;
  readonly gate: Gate<P> | undefined;
}

/** A letter, and the call by which it is applied. */
export interface ChainCall<P extends Principal> {
  readonly id: string;
  readonly call: Call<P>;
}

/** How far a chain has been applied, for the report of a failure. */
export interface ChainProgress extends Progress {
  /** The letter's place in the chain, from 0. */
  index: number;
}

interface ApplyingChain {
  /** The most letters to apply. */
  readonly most: number;
  readonly force: boolean;
  /** The letter that was asked for. */
  readonly seen: SeenLetter;
  /** The number of the attempt, from 1. */
  readonly number: number;
  /** Rows that may be missing, because no letter would create them; by `rowName`. */
  readonly free: ReadonlySet<string>;
  /** The rows that each letter PUTs, by its id, as the last attempt found them. Hooks may make these other rows than the letter names. */
  readonly puts: Map<string, readonly PutRow[]>;
  readonly progress: ChainProgress;
  readonly schema: SchemaTrust;
}

export type ChainOutcome<P extends Principal> =
  | NoChain
  | { readonly kind: "stale"; readonly rows: readonly NamedRow[] }
  /** Nothing has been written: rows are missing that other letters might create. */
  | { readonly kind: "unsure"; readonly unsure: readonly UnsureLetter[] }
  | {
      readonly kind: "applied";
      readonly committed: readonly (ChainCall<P> & {
        readonly committed: CommittedWrites;
        readonly needs: Needs;
      })[];
      /** The letters that still wait, in order; the first is now the root of the others. */
      readonly left: readonly string[];
    };

interface UnsureLetter {
  readonly index: number;
  readonly needs: Needs;
  readonly puts: readonly PutRow[];
}

interface TriedLetter<P extends Principal> extends ChainCall<P> {
  readonly transaction: CrudTransaction;
}

/** Applies the chain. Rejects with the first failure; in that case, nothing has been written. */
export async function applyChain<P extends Principal, DB>(
  parts: RetryParts<P, DB>,
  store: Store,
  calls: readonly ChainCall<P>[],
  applying: ApplyingChain,
): Promise<ChainOutcome<P>> {
  let unsure: readonly UnsureLetter[] = [];
  // With `rls` the role changes during the transaction, so the rows have to be read in another one.
  const asOthers = calls.some(({ call }) => call.caller !== undefined);
  let written: readonly NamedRow[] = [];
  try {
    const { schema } = applying;
    const { deferConstraints = false } = parts.config;
    const outcome = await store.unit(
      { schema, deferConstraints },
      async (unit): Promise<ChainOutcome<P>> => {
        const chain = await lockChain(unit, calls[0]?.id ?? "", applying.seen);
        if ("kind" in chain) return chain;
        if (!applying.force) {
          const rows = await changedRows(parts, store, unit, chain, calls);
          if (rows !== undefined) {
            await unit.letters.change(
              chain.slice(0, 1).map(({ id }) => id),
              { status: "stale" },
            );
            return { kind: "stale", rows };
          }
        }
        const tried = readLetters(parts, chain, calls, applying);
        const left = chain.slice(tried.length);
        await closeLetters(parts, store, unit, tried, left, applying);
        const elsewhere =
          parts.pipeline.mapping !== undefined && (await waitElsewhere(unit, tried, left));
        const committed: (ChainCall<P> & { committed: CommittedWrites; needs: Needs })[] = [];
        const putsOfAll: (readonly PutRow[])[] = [];
        for (const [index, { id, call, transaction }] of tried.entries()) {
          const { progress, number } = applying;
          const states: OperationState[] | undefined = parts.pipeline.mapping && [];
          Object.assign(progress, { index, states });
          const needs: Needs = { rows: [], references: [], operations: [] };
          const open = { store, unit, needs };
          const writes = await apply(parts.pipeline, transaction, call, { open, number, progress });
          committed.push({ id, call, needs, committed: { transaction, writes: writes() } });
          putsOfAll.push(putsOf(transaction, states && targetsOf(transaction.crud, states)));
        }
        unsure = committed.flatMap(({ needs }, index) =>
          needs.rows.length === 0 ? [] : [{ index, needs, puts: putsOfAll[index] ?? [] }],
        );
        for (const { needs } of unsure) throwIfUnsure(needs, applying.free);
        for (const [
          index,
          {
            id,
            needs,
            committed: { transaction },
          },
        ] of committed.entries()) {
          const puts = putsOfAll[index] ?? [];
          const told = applying.puts.get(id) ?? rowsPut(transaction.crud);
          applying.puts.set(id, puts);
          if (elsewhere) throwIfOthers(needs, told, puts);
        }
        const named = await Promise.all(tried.map(({ transaction }) => namedRows(transaction)));
        written = [...named, ...committed.map(({ committed: { writes } }) => writes)].flat();
        const ids = left.map(({ id }) => id);
        if (!asOthers) await refreshRowStates(parts, store, unit, ids, written, calls);
        return { kind: "applied", committed, left: ids };
      },
    );
    if (outcome.kind === "applied" && asOthers && outcome.left.length > 0) {
      // If this fails, the next retry finds these letters stale and needs `force`.
      await store
        .unit({ schema }, (unit) =>
          refreshRowStates(parts, store, unit, outcome.left, written, calls),
        )
        .catch(() => {});
    }
    return outcome;
  } catch (error) {
    if (isUnsure(error)) return { kind: "unsure", unsure };
    throw error;
  }
}

/** The rows that have changed since the chain's letters were recorded. `undefined`: no letter is stale. */
async function changedRows<P extends Principal, DB>(
  { rowStateReader }: RetryParts<P, DB>,
  store: Store,
  unit: Unit,
  chain: readonly StoredLetter[],
  calls: readonly ChainCall<P>[],
): Promise<readonly NamedRow[] | undefined> {
  const changed = new Map<string, NamedRow>();
  for (const letter of chain) {
    const { rowStates, overtaken, payload } = letter;
    const rows = overtaken
      ? await namedRows(payload)
      : rowStates === undefined
        ? []
        : await rowStateReader.changed({ store, unit }, rowStates, senderOf(letter, calls));
    for (const row of rows) changed.set(rowName(row), row);
  }
  return changed.size > 0 || chain.some(({ overtaken }) => overtaken)
    ? [...changed.values()]
    : undefined;
}

/** The sender of a letter. For a letter that is not tried, the user id is enough. */
function senderOf<P extends Principal>(
  { id, userId }: StoredLetter,
  calls: readonly ChainCall<P>[],
): Principal {
  return calls.find((each) => each.id === id)?.call.principal ?? { userId };
}

/** Reads the transactions of the letters to apply, up to the first whose sender is unknown. Throws `fatal("INVALID_TRANSACTION")` for an invalid payload. */
function readLetters<P extends Principal, DB>(
  { limits }: RetryParts<P, DB>,
  chain: readonly StoredLetter[],
  calls: readonly ChainCall<P>[],
  { most, progress }: ApplyingChain,
): readonly TriedLetter<P>[] {
  const known = new Map(calls.map(({ id, call }) => [id, call]));
  const tried: TriedLetter<P>[] = [];
  for (const { id, payload, lossyNumbers } of chain) {
    const call = known.get(id);
    if (call === undefined || tried.length === most) break;
    const reading = readPayload(payload, limits);
    if ("invalid" in reading) {
      Object.assign(progress, { index: tried.length, operationIndex: reading.operationIndex });
      throw fatal("INVALID_TRANSACTION", reading.invalid);
    }
    tried.push({ id, call: { ...call, lossyNumbers }, transaction: reading.transaction });
  }
  return tried;
}

/** Closes the letters before they are applied, while the connection still has its own role. A later failure rolls this back with everything else. */
async function closeLetters<P extends Principal, DB>(
  { dependants }: RetryParts<P, DB>,
  store: Store,
  unit: Unit,
  tried: readonly TriedLetter<P>[],
  left: readonly StoredLetter[],
  { puts }: ApplyingChain,
): Promise<void> {
  const { letters } = unit;
  await letters.change(
    tried.map(({ id }) => id),
    { closed: { status: "retried" } },
  );
  const ids = left.map(({ id }) => id);
  if (ids.length > 0) await letters.follow(ids, payloadBytes(left.slice(1)));
  for (const { id, transaction, call } of tried) {
    const rows = puts.get(id) ?? rowsPut(transaction.crud);
    await dependants.overtake({ store, unit }, call.principal, rows, ids[0]);
  }
}

/** Whether the same users have letters in other chains. Those letters must be marked if this chain PUTs their rows. */
async function waitElsewhere<P extends Principal>(
  { letters }: Unit,
  tried: readonly TriedLetter<P>[],
  left: readonly StoredLetter[],
): Promise<boolean> {
  const chain = new Set(left.map(({ id }) => id));
  const users = new Set(tried.map(({ call }) => call.principal.userId));
  for (const userId of users) {
    const page = { newest: true, limit: chain.size + 1, after: undefined };
    const found = await letters.list(queryOf({ userId, status: waiting }), page);
    if (found.some(({ id }) => !chain.has(id))) return true;
  }
  return false;
}

/** Hashes the waiting letters' rows again if the chain has written them, so that its own writes don't make these letters stale. */
async function refreshRowStates<P extends Principal, DB>(
  { rowStateReader }: RetryParts<P, DB>,
  store: Store,
  unit: Unit,
  ids: readonly string[],
  written: readonly NamedRow[],
  calls: readonly ChainCall<P>[],
): Promise<void> {
  const names = new Set(written.map(rowName));
  for (const id of ids) {
    const letter = await unit.letters.find(id);
    if (letter === undefined) continue;
    const named = await namedRows(letter.payload);
    const rows = eachRowOnce([...named, ...(letter.rowStates?.rows ?? [])]);
    if (!rows.some((row) => names.has(rowName(row)))) continue;
    const sender = senderOf(letter, calls);
    const rowStates = await rowStateReader.read({ store, unit }, rows, sender);
    await unit.letters.change([id], { rowStates });
  }
}
