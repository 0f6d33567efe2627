/** Runs the steps of one case, up to the first that fails. */
import type { Send, Step } from "./case.js";
import { type Answer, fault, member } from "./match.js";
import {
  type TakenVerdicts,
  look,
  type Session,
  Unanswered,
  verdictOf,
  waitOf,
} from "./session.js";

/** A request of the audit, and its answer. */
export interface Exchange {
  /** Method, path and body, shortened, without the credential. */
  readonly sent: string;
  readonly answered: string;
}

export type StepsResult =
  | { readonly status: "passed" }
  | { readonly status: "not_run"; readonly reason: string }
  | { readonly status: "failed"; readonly reason: string; readonly last?: Exchange };

/** Begins and ends an outage for the audit. */
export interface Outage {
  begin(): Promise<void>;
  end(): Promise<void>;
}

export interface Bench {
  readonly session: Session;
  readonly takenVerdicts: TakenVerdicts;
  readonly outage: Outage | undefined;
}

/** How long transactions may take to get a final answer. */
const settleMs = 15_000;
const settleAnswers = 60;
/** When a client disconnects: the server may be working on its request. */
const leaveMs = 15;

class Wrong extends Error {}
class Unseen extends Error {}

export async function runSteps(steps: readonly Step[], bench: Bench): Promise<StepsResult> {
  const { session } = bench;
  let last: { readonly send: Send; readonly answer?: Answer } | undefined;
  let inOutage = false;

  const request = async (send: Send): Promise<Answer> => {
    last = { send };
    const answer = await session.request(send);
    last = { send, answer };
    return answer;
  };

  async function run(step: Step): Promise<void> {
    if ("send" in step) {
      const answer = await request(step.send);
      const wrong = fault(answer, step.expect);
      if (wrong === undefined) return;
      if (answer.text.includes("DEPENDS_ON_DEAD_LETTER"))
        throw new Unseen("dead letters of an earlier run affect this case: discard them first");
      throw new Wrong(wrong);
    } else if ("together" in step) {
      const verdicts = await Promise.all(step.together.map((send) => settled(session, send)));
      const counted = (status: string): number => verdicts.filter((each) => each === status).length;
      const { success, fatal } = step.settle;
      if (counted("success") === success && counted("fatal_error") === fatal) return;
      last = undefined;
      throw new Wrong(
        `Of ${verdicts.length} concurrent requests, ${success} must succeed and ${fatal} must be fatal. There were ${counted("success")} and ${counted("fatal_error")}${others(verdicts)}.`,
      );
    } else if ("leave" in step) {
      await session.request(step.leave, leaveMs).catch((error: unknown) => {
        if (!(error instanceof Unanswered)) throw error;
      });
    } else if ("sees" in step) {
      const eye = step.sees.code === undefined ? bench.takenVerdicts.big : bench.takenVerdicts.code;
      if (eye === undefined)
        throw new Unseen(
          "rows can't be seen: the server accepted a second row with a value that must be unique",
        );
      const { there } = step.sees;
      const results = typeof there === "object" ? member(last?.answer?.body, "results") : undefined;
      const expected =
        typeof there === "boolean"
          ? there
          : Array.isArray(results) && member(results[there.result], "status") === "success";
      const seen = await look(session, step.sees, bench.takenVerdicts);
      if (seen === expected) return;
      const value = step.sees.code ?? step.sees.big ?? "";
      if (seen === undefined)
        throw new Wrong("Afterwards, the server's answers no longer show which rows exist.");
      throw new Wrong(
        `Afterwards, ${seen ? "a" : "no"} row has the value ${JSON.stringify(value)}, but there must be ${expected ? "one" : "none"}.`,
      );
    } else if ("only" in step) {
      const results = member(last?.answer?.body, "results");
      const result: unknown = Array.isArray(results) ? results.at(-1) : last?.answer?.body;
      if (member(result, "requires_client_handling") === true)
        throw new Unseen("the server leaves the failure to the client and records nothing");
    } else {
      await bench.outage?.[step.outage]();
      inOutage = step.outage === "begin";
    }
  }

  try {
    for (const step of steps) await run(step);
    return { status: "passed" };
  } catch (error) {
    session.signal.throwIfAborted();
    if (error instanceof Unseen) return { status: "not_run", reason: error.message };
    if (error instanceof Wrong || error instanceof Unanswered) {
      const exchange = last === undefined ? undefined : exchangeOf(last.send, last.answer);
      return { status: "failed", reason: error.message, ...(exchange && { last: exchange }) };
    }
    throw error;
  } finally {
    if (inOutage) await bench.outage?.end();
  }
}

/** Sends a request until its answer is final. */
async function settled(session: Session, send: Send): Promise<string> {
  const end = performance.now() + settleMs;
  for (let answers = 1; ; answers += 1) {
    const answer = await session.request(send).catch((error: unknown) => {
      if (error instanceof Unanswered) return undefined;
      throw error;
    });
    const verdict = answer === undefined ? "no answer" : verdictOf(answer);
    if (verdict === "success" || verdict === "fatal_error") return verdict;
    if (performance.now() > end || answers === settleAnswers) return verdict;
    await session.sleep(answer === undefined ? 100 : waitOf(answer));
  }
}

function others(verdicts: readonly string[]): string {
  const rest = verdicts.filter((each) => each !== "success" && each !== "fatal_error");
  return rest.length === 0 ? "" : `, and ${rest.length} answered ${[...new Set(rest)].join(", ")}`;
}

/** @returns the reason why the case can't be run, or nothing */
export function unmet(steps: readonly Step[], { session, outage }: Bench): string | undefined {
  for (const step of steps) {
    if ("outage" in step && outage === undefined)
      return "no commands for an outage were given (--outage-begin, --outage-end)";
    for (const { as = "user" } of sendsOf(step)) {
      if (as === "other" && !session.hasOther)
        return "no token of a second user was given (--token2)";
      if (!session.canBe(as))
        return "the token is not a JWT, so no forged token can be made from it";
    }
  }
  return undefined;
}

function sendsOf(step: Step): readonly Send[] {
  if ("send" in step) return [step.send];
  if ("together" in step) return step.together;
  return "leave" in step ? [step.leave] : [];
}

const shown = 1_000;

function exchangeOf(send: Send, answer: Answer | undefined): Exchange {
  const { body, method = "POST", path = "" } = send;
  const text =
    body instanceof Uint8Array
      ? `(${body.byteLength} bytes)`
      : typeof body === "string"
        ? body
        : (JSON.stringify(body) ?? "");
  return {
    sent: shortened(`${method} {url}${path} ${text}`.trim()),
    answered: answer === undefined ? "nothing" : shortened(`${answer.status} ${answer.text}`),
  };
}

function shortened(text: string): string {
  return text.length <= shown ? text : `${text.slice(0, shown)}… (${text.length} characters)`;
}
