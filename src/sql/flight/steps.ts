/** The steps of a flight whose answers the library reads before COMMIT: see `answered.ts`. A step is a change, a run of changes, or a claim. */
import type { Compilable, CompiledQuery, Kysely, QueryResult } from "kysely";
import type { Claim } from "../../store/ledger.js";
import type { Change, Effect, FlightOptions, Values } from "../../store/store.js";
import { sha256 } from "../../wire/serialize.js";
import { isSliceOver, nextSlice } from "../../wire/slices.js";
import { entered, entering, hasLetters } from "../ledger/entry.js";
import type { OwnTables } from "../own-tables/tables.js";
import { keepCompiled, Placeholder } from "../rows/compiled.js";
import { changesOfSlice, createRuns, type Run, staysIn, targetOf } from "../rows/runs.js";
import { compileOnce, isTrue, parametersOf, scoped, updating } from "../rows/statements.js";
import type { BoundScope } from "../rows/target.js";
import { enclosedValues } from "../rows/values.js";
import { isEmpty, isIncomplete, isKnownKey, isOneStatement, mustLockFirst } from "../rows/write.js";
import { createBind, readsTable } from "../scope/scope.js";
import { asNumber, keyFilter, selectInScope } from "../select.js";
import type { SqlTable } from "../table.js";
import type { FlightsParts } from "./flights.js";

type Answer = QueryResult<unknown>;

export interface Step {
  readonly queries: readonly CompiledQuery[];
  /** It enters the transaction in the ledger, or looks for letters. If that is not plainly good, the changes are not the reason. Default false. */
  readonly isClaim?: true;
  /** The effects of the step's changes. `undefined`: the outcome is not plainly good. */
  effects(answers: readonly Answer[]): readonly Effect[] | undefined;
}

const written: readonly Effect[] = ["written"];
const absent: readonly Effect[] = ["absent"];
const none: readonly Effect[] = [];

/**
 * Enters a transaction in the ledger, or only looks for waiting letters if there is no claim. An earlier copy, or a letter that waits, is not plainly good.
 * `undefined`: more than one statement is needed.
 */
export async function claimStep(
  { db, dialect, own, place, texts, letters }: FlightsParts,
  { claim, lettersOf }: Pick<FlightOptions, "lettersOf"> & { readonly claim: Claim | undefined },
): Promise<Step | undefined> {
  const asked = lettersOf !== undefined;
  const subject = claim?.subject ?? (asked ? await sha256(lettersOf) : "");
  const given = { place, subject };
  const compiled = (
    what: string,
    build: (ours: Kysely<OwnTables>) => Compilable,
    values: Values,
  ): CompiledQuery => {
    const text =
      texts.get(own)?.get(what) ??
      keepCompiled(texts, own, what, build(own.on(db as unknown as Kysely<OwnTables>)));
    return { ...text, parameters: parametersOf(text, { claim: values }) };
  };
  if (claim === undefined) {
    if (!asked) return { queries: [], effects: () => none };
    if (!letters()) return undefined;
    const at = (name: string) => new Placeholder("claim", name) as never;
    const look = (ours: Kysely<OwnTables>) => {
      const waiting = hasLetters(ours, { place: at("place"), subject: at("subject") });
      return ours.selectNoFrom([asNumber(waiting).as("letters")]);
    };
    return {
      isClaim: true,
      queries: [compiled("letters", look, given)],
      effects: (answers) => (found(answers[0], "letters") === false ? none : undefined),
    };
  }
  const { key, queue, request, requestBegan, answer } = claim;
  // Without them, the transaction is recognized by its content, which takes a few statements.
  if (key === undefined || queue === undefined || answer !== undefined || claim.known === true)
    return undefined;
  const form = { isApplied: true, isFirst: true, letters: asked, limits: undefined };
  const enter = (ours: Kysely<OwnTables>) => entering({ tx: ours, own }, dialect, form);
  const ms = performance.now() - requestBegan;
  const values = { ...given, key, queue, request, ms, answer: null, handling: null };
  return {
    isClaim: true,
    queries: [compiled(`claim ${asked}`, enter, values)],
    effects: ([first = nothing]) =>
      entered(dialect, first)?.hasLetters === false || (!asked && entered(dialect, first))
        ? none
        : undefined,
  };
}

const nothing: Answer = { rows: [] };

/** The number in the only row, as a condition. `undefined`: there is no row, or more than one. */
function found({ rows: [row, ...others] }: Answer = nothing, name: string): boolean | undefined {
  return row === undefined || others.length > 0 ? undefined : isTrue((row as Values)[name]);
}

/** `undefined`: one of the changes can't be made by a single statement, or its outcome could not be told. */
export async function stepsOfChanges(
  parts: FlightsParts,
  { schema, caller }: Pick<FlightOptions, "schema" | "caller">,
  changes: readonly Change[],
): Promise<readonly Step[] | undefined> {
  const { db, dialect, known, texts } = parts;
  let isKnown = true;
  const tableOf = async (name: string, columns: readonly string[] = []) => {
    const table = known(name, columns, schema, caller?.role);
    isKnown &&= table !== undefined;
    return table;
  };
  const bind = createBind(texts, dialect, tableOf);
  const runAt = createRuns({ dialect, db, bind, least: 1, singles: true, isOneStatement }, changes);
  const steps: Step[] = [];
  const inSlices = changes.length > changesOfSlice;
  let at = 0;
  for (let change = changes[0]; change !== undefined; change = changes[at]) {
    if (inSlices && isSliceOver()) await nextSlice();
    const run = change.op === "PUT" ? await runAt(at) : undefined;
    const step = run ? stepOfRun(run) : await stepOfOne(parts, change, bind);
    if (step === undefined) return undefined;
    steps.push(step);
    at += run?.changes ?? 1;
  }
  return isKnown ? steps : undefined;
}

function stepOfRun({ changes, statements }: Run): Step {
  const effects = Array.from({ length: changes }, (): Effect => "written");
  return {
    queries: statements.map(({ query }) => query),
    effects: (answers) =>
      statements.every(({ isGood }, index) => isGood(answers[index] ?? nothing))
        ? effects
        : undefined,
  };
}

/** A PATCH, a DELETE, or a PUT whose values are not enough for a new row, so that the row should exist. */
async function stepOfOne(
  { db }: FlightsParts,
  change: Change,
  bind: ReturnType<typeof createBind>,
): Promise<Step | undefined> {
  const { op, key, values: sent, insertOnly = [] } = change;
  // The port's type hides it, but every table of this store is a `SqlTable`.
  const table = change.table as SqlTable;
  const { name, traits } = table;
  if (traits === undefined || traits.view || mustLockFirst(table, change)) return undefined;
  if (change.seenAbsent || change.neverChanges || traits.updatable?.size === 0) return undefined;
  if (op === "PUT" && !isIncomplete(change)) return undefined;
  // In one statement, it could not be told which column has another value.
  if (change.fixed !== undefined && change.fixed.length > 0) return undefined;
  const isDelete = op === "DELETE";
  // A row that is deleted softly may leave its scope.
  if (isDelete && !isEmpty(sent)) return undefined;
  if (traits.declining.has(isDelete ? "delete" : "update")) return undefined;
  if (enclosedValues(key) !== key || enclosedValues(sent) !== sent) return undefined;
  if (change.scope !== undefined && readsTable(change.scope, name)) return undefined;
  const { scope, once } = await bind(change.scope, table);
  // The scope is bound anew each time, above all if something is asked of it before the write.
  if (once === undefined) return undefined;
  const target = targetOf(change, table, { scope, once });
  const compiled = (what: string, given: Values, build: Parameters<typeof compileOnce>[4]) =>
    compileOnce(target, once, `flight ${what}`, given, build);
  if (isDelete) {
    const query = await compiled("delete", {}, (placed) =>
      scoped(db.deleteFrom(placed.table).where(keyFilter(placed)), placed),
    );
    if (scope === undefined)
      return { queries: [query], effects: ([deleted]) => effectOfDelete(deleted, nothing) };
    const look = await compiled("there", {}, (placed) =>
      selectInScope(db, { ...placed, scope: undefined }),
    );
    return {
      queries: [query, look],
      effects: ([deleted, there]) => effectOfDelete(deleted, there),
    };
  }
  const changed = Object.fromEntries(
    Object.entries(sent).filter(([column]) => !insertOnly.includes(column)),
  );
  const query = await compiled("update", changed, (placed, given) =>
    scoped(updating(db, placed, given), placed),
  );
  if (scope === undefined || keepsScope(table, key, scope, changed))
    return {
      queries: [query],
      effects: ([updated]) => (updated?.numAffectedRows === 1n ? written : undefined),
    };
  const judging = await compiled("judged", {}, (placed) => selectInScope(db, placed));
  return {
    queries: [query, judging],
    effects: ([updated, judged]) =>
      updated?.numAffectedRows === 1n && found(judged, "ok") ? written : undefined,
  };
}

/**
 * Deleting no row is a success, too, if no row has the key: deletes win. If nothing makes the key unique, several rows have it, and some of them may be
 * somebody else's and still there.
 */
function effectOfDelete(
  deleted: Answer | undefined,
  there: Answer | undefined,
): readonly Effect[] | undefined {
  const count = deleted?.numAffectedRows;
  if (count === undefined || there?.rows.length !== 0) return undefined;
  return count > 0n ? written : absent;
}

/** Whether all rows with the key are surely in the scope after the columns of one that was have changed. */
function keepsScope(
  { columns, traits }: SqlTable,
  key: Values,
  scope: BoundScope,
  changed: Values,
): boolean {
  const { rowOnly, parts } = scope;
  if (!rowOnly || parts === undefined || parts.more || !traits?.untriggered) return false;
  // Another row that has the key may be somebody else's.
  if (!isKnownKey(traits, key)) return false;
  const { owner } = parts;
  if (owner === undefined) return true;
  // The database may compute it from the changed columns.
  if (columns.get(owner.column)?.generated !== false) return false;
  return !Object.hasOwn(changed, owner.column) || staysIn(scope, changed);
}
