/** The audit: finds out what the server supports, runs the cases one after another, and removes its rows at the end. */
import type { AuditCase, Level, Need } from "./case.js";
import { createGiven } from "./given.js";
import { auditCases } from "./cases/list.js";
import { type Abilities, serverAbilities, takenVerdictsOf } from "./abilities.js";
import { createSession, type Session } from "./session.js";
import { defaultTable } from "./sql.js";
import { type Bench, type Exchange, type Outage, runSteps, unmet } from "./steps.js";

/** Options of `runAudit`. */
export interface AuditOptions {
  /** The endpoint, such as `https://example.com/api/data`. */
  readonly url: string;
  /** A bearer token of the user whose rows are written. */
  readonly token: string;
  /** A bearer token of another user. Default: none, so that cases with two users are not run. */
  readonly otherToken?: string;
  /** The client's name for the table. Default `powersync_audit`. */
  readonly table?: string;
  /** The highest level of the cases to run. Default 4. */
  readonly level?: Level;
  /** Runs only cases whose ids begin with one of these texts. Default: all cases. */
  readonly only?: readonly string[];
  /** Stops and restarts the database, or something else that the server needs. Default: cases with an outage are not run. */
  readonly outage?: Outage;
  /** The time for the whole audit, in milliseconds. Cases that have not begun by then are not run. Default 110,000. */
  readonly timeoutMs?: number;
  /** Aborts the audit. */
  readonly signal?: AbortSignal;
  /** Sends the requests. Default: the runtime's own `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Called after each case. */
  readonly onCase?: (outcome: CaseOutcome, done: number, of: number) => void;
  /** The cases to run. Default: `auditCases`. */
  readonly cases?: readonly AuditCase[];
}

/** The result of one case of the audit. */
export interface CaseOutcome {
  readonly id: string;
  readonly level: Level;
  readonly need: Need;
  readonly about: string;
  readonly title: string;
  readonly status: "passed" | "failed" | "not_run";
  /** What went wrong, or why the case was not run. */
  readonly reason?: string;
  /** What to change in the server. Present only for a failure. */
  readonly mend?: string;
  /** The last request and its answer, shortened. Present only for a failure. */
  readonly last?: Exchange;
  readonly ms: number;
}

/** The results of an audit. */
export interface AuditReport {
  readonly url: string;
  readonly table: string;
  /** The highest level that was requested. */
  readonly level: Level;
  /** The highest level of which every MUST, and every MUST of the levels below, passed; 0 if there is none. Cases that were not run do not count as failed. */
  readonly reached: Level | 0;
  readonly passed: number;
  readonly failed: { readonly MUST: number; readonly SHOULD: number };
  readonly notRun: number;
  readonly ms: number;
  readonly cases: readonly CaseOutcome[];
}

const defaultMs = 110_000;

/** The ids of the rows that were written. Rows that a case calls `theirs` are the other user's. */
interface Rows {
  readonly mine: string[];
  readonly theirs: string[];
}

/**
 * Tests a write endpoint against the contract, over HTTP only.
 *
 * @returns the result of each case; a failed case does not reject
 * @throws AuditImpossible if the endpoint can't be reached, refuses the token, or can't write the table
 * @throws the signal's reason, if the signal is aborted
 * @example
 * const report = await runAudit({ url: "http://127.0.0.1:6060/api/data", token });
 * if (report.failed.MUST > 0) process.exitCode = 1;
 */
export async function runAudit(options: AuditOptions): Promise<AuditReport> {
  const began = performance.now();
  const { table = defaultTable, level = 4, only = [""], timeoutMs = defaultMs } = options;
  const session = createSession({
    url: options.url,
    token: options.token,
    ...(options.otherToken !== undefined && { otherToken: options.otherToken }),
    table,
    signal: options.signal ?? new AbortController().signal,
    fetch: options.fetch ?? globalThis.fetch,
  });
  const rows: Rows = { mine: [], theirs: [] };
  const made = (id: string, name: string): void => {
    (name.startsWith("their") ? rows.theirs : rows.mine).push(id);
  };
  const takenVerdicts = await takenVerdictsOf(session, made);
  const abilities = await serverAbilities(session, made);
  const chosen = (options.cases ?? auditCases).filter(
    (each) => each.level <= level && only.some((start) => each.id.startsWith(start)),
  );
  const outcomes: CaseOutcome[] = [];
  for (const each of chosen) {
    const bench = { session, takenVerdicts, outage: options.outage };
    const late = performance.now() - began > timeoutMs;
    const outcome = await runCase(each, bench, abilities, made, late);
    outcomes.push(outcome);
    options.onCase?.(outcome, outcomes.length, chosen.length);
  }
  await remove(session, rows);
  return reportOf(outcomes, { url: options.url, table, level, ms: elapsed(began) });
}

async function runCase(
  each: AuditCase,
  bench: Bench,
  { features, limits }: Abilities,
  made: (id: string, name: string) => void,
  late: boolean,
): Promise<CaseOutcome> {
  const { id, level, need, about, title, mend } = each;
  const began = performance.now();
  const named = { id, level, need, about, title };
  const notRun = (reason: string): CaseOutcome => ({ ...named, status: "not_run", reason, ms: 0 });
  if (late) return notRun("the time for the audit is over");
  const missing = each.features?.find((feature) => !features.has(feature));
  if (missing !== undefined) return notRun(lacking[missing]);
  const given = createGiven(bench.session.table, limits, bench.session.counter, made);
  const steps = each.steps(given);
  const reason = unmet(steps, bench);
  if (reason !== undefined) return notRun(reason);
  const result = await runSteps(steps, bench);
  const failed = result.status === "failed" && { mend };
  return { ...named, ...result, ...failed, ms: elapsed(began) };
}

const lacking = {
  bare: 'the server does not accept { "crud": […] } (optional)',
  batch: 'the server does not accept { "batch": […] } (optional)',
  methods: "the server does not accept a single row by PUT, PATCH and DELETE (optional)",
  names: "the server does not accept the SDKs' names of members (optional)",
  limits: "the server does not publish its limits at {url}/limits",
  checkpoints:
    "the server has no checkpoints, according to the features at {url}/limits (optional)",
} as const;

/** Removes the rows that still exist. A failure is ignored, because the cases have already been judged. */
async function remove(session: Session, { mine, theirs }: Rows): Promise<void> {
  const size = 50;
  for (const [as, ids] of [
    ["user", mine],
    ["other", theirs],
  ] as const) {
    for (let at = 0; at < ids.length; at += size) {
      const transactions = ids.slice(at, at + size).map((id) => {
        const transaction_id = session.counter.next();
        const row = { table: session.table, id, transaction_id };
        // The PUT makes the row if it is missing: a server may take the DELETE of a missing row for one that depends on a dead letter.
        return {
          transaction_id,
          crud: [
            { op: "PUT", ...row, op_data: {} },
            { op: "DELETE", ...row },
          ],
        };
      });
      await session.request({ body: { transactions }, as }).catch(() => undefined);
    }
  }
}

function reportOf(
  cases: readonly CaseOutcome[],
  about: Pick<AuditReport, "url" | "table" | "level" | "ms">,
): AuditReport {
  const failures = cases.filter(({ status }) => status === "failed");
  const ofNeed = (need: Need): number => failures.filter((each) => each.need === need).length;
  const broken = failures.filter(({ need }) => need === "MUST").map(({ level }) => level);
  const run = cases.filter(({ status }) => status === "passed").map(({ level }) => level);
  const reached = Math.min(Math.max(0, ...run), Math.min(5, ...broken) - 1) as Level | 0;
  return {
    ...about,
    reached,
    passed: run.length,
    failed: { MUST: ofNeed("MUST"), SHOULD: ofNeed("SHOULD") },
    notRun: cases.length - run.length - failures.length,
    cases,
  };
}

function elapsed(began: number): number {
  return Math.round(performance.now() - began);
}
