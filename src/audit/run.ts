/** The audit: finds out what the server can do, runs the cases one after another, and removes its rows again. */
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
  /** That of another user. Without it, what is between users is not run. */
  readonly otherToken?: string;
  /** As clients name it. Default `powersync_audit`. */
  readonly table?: string;
  /** Cases above are left out. Default 4. */
  readonly level?: Level;
  /** Cases by the beginning of their id. Default: every one. */
  readonly only?: readonly string[];
  /** Takes the database, or what else the server needs, away and gives it back. */
  readonly outage?: Outage;
  /** Milliseconds for all. What has not begun by then is not run. Default 110,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Default: the runtime's own. */
  readonly fetch?: typeof globalThis.fetch;
  /** After each case. */
  readonly onCase?: (outcome: CaseOutcome, done: number, of: number) => void;
  /** Default: this library's. */
  readonly cases?: readonly AuditCase[];
}

/** How one case of the audit went. */
export interface CaseOutcome {
  readonly id: string;
  readonly level: Level;
  readonly need: Need;
  readonly about: string;
  readonly title: string;
  readonly status: "passed" | "failed" | "not_run";
  /** What went wrong, or why it was not run. */
  readonly reason?: string;
  /** What to change in the server. With a failure alone. */
  readonly mend?: string;
  /** What was sent and answered last, shortened. With a failure alone. */
  readonly last?: Exchange;
  readonly ms: number;
}

/** What an audit has found. */
export interface AuditReport {
  readonly url: string;
  readonly table: string;
  /** Up to this level was asked for. */
  readonly level: Level;
  /** The highest level of which every MUST holds, with those below; 0 if there is none. What was not run does not count against it. */
  readonly reached: Level | 0;
  readonly passed: number;
  readonly failed: { readonly MUST: number; readonly SHOULD: number };
  readonly notRun: number;
  readonly ms: number;
  readonly cases: readonly CaseOutcome[];
}

const defaultMs = 110_000;

/** Ids of what has been written: rows that a case calls `theirs` are the other user's. */
interface Rows {
  readonly mine: string[];
  readonly theirs: string[];
}

/**
 * Holds a write endpoint to the contract, over HTTP alone.
 *
 * @returns what became of each case; a case that fails does not reject
 * @throws AuditImpossible where the endpoint can't be reached, does not take the token, or can't write the table
 * @throws what the signal was aborted with
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
  if (late) return notRun("the time is up");
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
  bare: 'the server does not take { "crud": […] } (optional)',
  batch: 'the server does not take { "batch": […] } (optional)',
  methods: "the server does not take one row by PUT, PATCH and DELETE (optional)",
  names: "the server does not know the SDKs' own names of members (optional)",
  limits: "the server does not tell its limits at {url}/limits",
  checkpoints: "the server has no checkpoints, by its features at {url}/limits (optional)",
} as const;

/** The rows that are there still. Whatever becomes of it: the cases have been judged. */
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
        // Made where it is not there: a DELETE of no row may be taken for one of a row that a dead letter would have created.
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
