/**
 * The statements of a flight, for a change and for the claim that comes first. Each fails in the database unless its outcome is plain success. The careful
 * way then finds out what failed, and whether it is a failure at all.
 */
import {
  type CompiledQuery,
  type Expression,
  type Kysely,
  type OperationNodeSource,
  type RawBuilder,
  sql,
  type SqlBool,
} from "kysely";
import type { Claim } from "../../store/ledger.js";
import type { Effect, FlightOptions, Values } from "../../store/store.js";
import { sha256 } from "../../wire/serialize.js";
import type { Dialect, TimeLimits } from "../dialect.js";
import { entering, hasLetters } from "../ledger/entry.js";
import type { Own, OwnTables } from "../own-tables/tables.js";
import { keepCompiled, Placeholder } from "../rows/compiled.js";
import { parametersOf, scoped, updating, upserting, verdict } from "../rows/statements.js";
import type { Target, Texts } from "../rows/target.js";
import { keyFilter, selectInScope } from "../select.js";
import type { SqlDatabase, Verb } from "../table.js";

/** The form of one statement, which is compiled once. */
export interface StatementForm {
  /** What the text depends on besides the target and the columns. */
  readonly what: string;
  /** The columns whose values are its parameters. */
  readonly columns: Values;
  build(db: SqlDatabase, target: Target, columns: Values): RawBuilder<unknown>;
  /** Reads the effect from the answer. Absent: success means written. */
  readonly effect?: (answer: string | null | undefined) => Effect;
}

/** A change in the form that a flight needs. */
export interface FlightWrite {
  readonly op: "put" | "update" | "softDelete" | "delete";
  readonly values: Values;
  /** For a PUT: the columns that change if the row exists. */
  readonly changes: Values;
}

/** An expression that fails. Its text appears in the database's log, so it names the library and says that it is harmless. */
const failing = (text: string) => sql`cast(concat(${sql.lit(`${text} `)}, count(*)) as integer)`;
export const notWrittenAtOnce = failing("powersync-writes: not written at once, but step by step");
const notEntered = "powersync-writes: not entered at once, but step by step";

/** Whether a claim has failed: an earlier copy, an unknown device, or letters that wait. The error quotes the text in every language of the server. */
export function isNotEntered(error: unknown): boolean {
  return error instanceof Error && error.message.includes(notEntered);
}

function valueIf(
  good: Expression<SqlBool>,
  { value = sql`0`, otherwise = notWrittenAtOnce } = {},
): RawBuilder<unknown> {
  return sql`case when ${good} then ${value} else ${otherwise} end`;
}

const orNotEntered = { otherwise: failing(notEntered) };

const one = sql<number>`1`.as("ok");

/** Fails unless this number of rows was written, and all are in their scope now. */
export function failUnlessWritten(
  statement: OperationNodeSource,
  rows = sql`1`,
): RawBuilder<unknown> {
  const allGood = sql<SqlBool>`count(*) = ${rows} and count(*) filter (where ok = 1) = ${rows}`;
  return sql`with powersync_written as (${statement}) select ${valueIf(allGood)} from powersync_written`;
}

/** Statements in order. */
export function statementForms(
  target: Target,
  { op, values, changes }: FlightWrite,
): readonly StatementForm[] {
  const { scope } = target;
  const judged: readonly StatementForm[] = isJudgedAfter(target) ? [judging] : [];
  switch (op) {
    case "put": {
      // Without a scope there is nothing to judge: the row is written, or the statement fails by itself.
      const isSure =
        (scope ?? target.fixed) === undefined && !couldDecline(target, "insert", "update");
      const form: StatementForm = {
        what: `put${isSure}${JSON.stringify(Object.keys(changes))}`,
        columns: values,
        build: (db, placed, columns) => {
          const statement = upserting(db, placed, columns, changes);
          return isSure
            ? sql`${statement}`
            : failUnlessWritten(statement.returning(returnedVerdict(placed)));
        },
      };
      return [form, ...judged];
    }
    case "update": {
      const form: StatementForm = {
        what: "update",
        columns: values,
        build: (db, placed, columns) =>
          failUnlessWritten(
            scoped(updating(db, placed, columns), placed).returning(returnedVerdict(placed)),
          ),
      };
      return [form, ...judged];
    }
    // The row may leave its scope by this write, so it is judged afterward.
    case "softDelete":
      return [
        {
          what: "softDelete",
          columns: values,
          build: (db, placed, columns) =>
            failUnlessWritten(scoped(updating(db, placed, columns), placed).returning([one])),
        },
      ];
    case "delete":
      return [deleting];
  }
}

/** A scope that reads other tables sees them as they were before the statement, so it is checked again after it. */
export function isJudgedAfter({ scope }: Target): boolean {
  return scope !== undefined && !scope.rowOnly;
}

const judging: StatementForm = {
  what: "judged",
  columns: {},
  build: (db, placed) => failUnlessWritten(selectInScope(db, placed)),
};

/** Deleting no row is a success, too, if no row has the key: deletes win. */
const deleting: StatementForm = {
  what: "delete",
  columns: {},
  build: (db, placed) => {
    const statement = scoped(db.deleteFrom(placed.table).where(keyFilter(placed)), placed);
    const there = db.selectFrom(placed.table).select([one]).where(keyFilter(placed));
    const isGone = sql<SqlBool>`count(*) = 1 or not exists ${there}`;
    return sql`with powersync_written as (${statement.returning([one])}) select ${valueIf(isGone, { value: sql`cast(count(*) as integer)` })} from powersync_written`;
  },
  effect: (deleted) => (deleted === "0" ? "absent" : "written"),
};

/** What a statement returns about the row that it has written. */
export function returnedVerdict({ scope, traits }: Target) {
  // The rest of a verdict is only needed for a row that can't be seen any more.
  return scope?.rowOnly === true ? verdict({ filter: scope.filter, rowOnly: true }, traits) : [one];
}

function couldDecline({ traits }: Target, ...verbs: readonly Verb[]): boolean {
  return verbs.some((verb) => traits?.declining.has(verb) !== false);
}

/** The first statement after BEGIN: it sets the transaction's time limits, and fails if letters of the user wait. */
function limitingStatement(
  limits: Expression<unknown>,
  letters: Expression<SqlBool> | undefined,
): RawBuilder<unknown> {
  return sql`select ${valueIf(letters === undefined ? sql<SqlBool>`true` : sql<SqlBool>`not bool_or(${letters})`, orNotEntered)} from (${limits}) as bounds`;
}

/** Fails unless the ledger's row is new and no letters of the user wait. @param insert returns `letters`: 1 if some wait, otherwise 0 */
function claimingStatement(insert: OperationNodeSource): RawBuilder<unknown> {
  return sql`with powersync_claimed as (${insert}) select ${valueIf(sql<SqlBool>`count(*) filter (where letters = 0) = 1`, orNotEntered)} from powersync_claimed`;
}

export interface ClaimParts {
  readonly db: SqlDatabase;
  readonly dialect: Dialect;
  readonly own: Own;
  readonly place: string;
  readonly timeouts: TimeLimits;
  readonly texts: Texts;
  /** The library's tables of letters are known to exist. */
  letters(): boolean;
}

/**
 * The first statement of a flight: it sets the time limits, inserts the ledger's row, and checks that no letters of the user wait.
 *
 * @returns `undefined` if that takes more than one statement
 */
export async function claimStatement(
  { db, dialect, own, place, timeouts, texts, letters }: ClaimParts,
  { claim, lettersOf }: Pick<FlightOptions, "lettersOf"> & { readonly claim: Claim | undefined },
): Promise<CompiledQuery | undefined> {
  const limits = dialect.timeLimits?.(timeouts);
  if (limits === undefined || dialect.inserts !== undefined) return undefined;
  const ours = own.on(db as unknown as Kysely<OwnTables>);
  const asked = lettersOf !== undefined;
  const subject = claim?.subject ?? (lettersOf === undefined ? "" : await sha256(lettersOf));
  const given = { place, subject };
  const waiting = () =>
    asked ? hasLetters(ours, { place: at("place"), subject: at("subject") }) : undefined;
  if (claim === undefined) {
    if (asked && !letters()) return undefined;
    const what = `bounds ${asked}`;
    const text =
      texts.get(own)?.get(what) ??
      keepCompiled(texts, own, what, {
        compile: () => limitingStatement(limits, waiting()).compile(ours),
      });
    return { ...text, parameters: parametersOf(text, { claim: given }) };
  }
  const { key, queue, request, requestBegan, answer } = claim;
  // Without them, the transaction is recognized by its content, which takes a few statements.
  if (key === undefined || queue === undefined || answer !== undefined || claim.known === true)
    return undefined;
  const what = `claim ${asked}`;
  const text =
    texts.get(own)?.get(what) ??
    keepCompiled(texts, own, what, {
      compile: () => {
        const form = { isApplied: true, isFirst: true, letters: asked, limits };
        const insert = entering({ tx: ours, own }, dialect, form);
        return claimingStatement(insert).compile(ours);
      },
    });
  const ms = performance.now() - requestBegan;
  return {
    ...text,
    parameters: parametersOf(text, {
      claim: { ...given, key, queue, request, ms, answer: null, handling: null },
    }),
  };
}

/** The placeholder for a value. */
function at(name: string): never {
  return new Placeholder("claim", name) as never;
}
