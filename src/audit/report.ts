/** Formats a report: as a table, as a list of what to fix for the author of the server, and as JUnit XML. */
import type { AuditReport, CaseOutcome } from "./run.js";

const marks = { passed: "ok", failed: "FAILED", not_run: "not run" } as const;

/**
 * Formats the result of each case as one line, followed by the totals.
 *
 * @example
 * console.log(tableOf(await runAudit(options)));
 */
export function tableOf(report: AuditReport): string {
  const lines: string[] = [];
  let heading = "";
  for (const each of report.cases) {
    const next = `Level ${each.level}: ${each.about}`;
    if (next !== heading) lines.push("", next);
    heading = next;
    lines.push(
      `  ${each.id.padEnd(6)} ${each.need.padEnd(6)} ${marks[each.status].padEnd(7)} ${each.title}`,
    );
    if (each.reason !== undefined) lines.push(`${" ".repeat(24)}${each.reason}`);
  }
  return [...lines.slice(1), "", sumOf(report), ""].join("\n");
}

function sumOf({ passed, failed, notRun, reached, level, cases, ms }: AuditReport): string {
  const failures = failed.MUST + failed.SHOULD;
  const parts = [
    `${cases.length} cases in ${(ms / 1_000).toFixed(1)} s: ${passed} passed`,
    `${failures} failed${failures === 0 ? "" : ` (${failed.MUST} MUST, ${failed.SHOULD} SHOULD)`}`,
    `${notRun} not run`,
  ];
  const levels =
    reached === 0 ? "No level is reached." : `Level ${reached} of ${level} is reached.`;
  return `${parts.join(", ")}. ${levels}`;
}

/**
 * Formats what to fix, as Markdown. The text is complete by itself, for the author of a server who has not seen the audit. Empty if there is no failure.
 *
 * @example
 * console.log(mendOf(await runAudit(options)));
 */
export function mendOf(report: AuditReport): string {
  const failures = report.cases.filter(({ status }) => status === "failed");
  if (failures.length === 0) return "";
  const [musts, shoulds] = [
    failures.filter(({ need }) => need === "MUST"),
    failures.filter(({ need }) => need === "SHOULD"),
  ];
  return [
    "# What to fix",
    "",
    `The write endpoint at ${report.url} was tested against the contract of PowerSync uploads, with the table ${report.table}. It broke ${musts.length} rules that it must keep (MUST): breaking such a rule loses, repeats or reorders a user's writes, or blocks a device's queue. It broke ${shoulds.length} rules that it should keep (SHOULD). Each section below says what was seen and what to change.`,
    ...musts.map(mendOne),
    ...shoulds.map(mendOne),
    "",
  ].join("\n");
}

function mendOne({ id, need, title, reason, mend, last }: CaseOutcome): string {
  return [
    "",
    `## ${id} (${need}): ${title}`,
    "",
    `**Seen:** ${reason ?? ""}`,
    "",
    `**To do:** ${mend ?? ""}`,
    ...(last === undefined
      ? []
      : ["", fenced("Last sent", last.sent), "", fenced("Answered", last.answered)]),
  ].join("\n");
}

/** A code block that is fenced with more backticks than the text contains. */
function fenced(what: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${what}:\n\n${fence}text\n${text}\n${fence}`;
}

/**
 * Formats a report as JUnit XML, with a suite for each level. A failed SHOULD counts as skipped, with its reason, unless `strict` is true.
 *
 * @example
 * await writeFile("audit.xml", junitOf(await runAudit(options)));
 */
export function junitOf(report: AuditReport, strict = false): string {
  const levels = [...new Set(report.cases.map(({ level }) => level))];
  const suites = levels.map((level) => {
    const cases = report.cases.filter((each) => each.level === level);
    const fails = (each: CaseOutcome): boolean =>
      each.status === "failed" && (strict || each.need === "MUST");
    const failures = cases.filter(fails).length;
    const skipped = cases.filter((each) => each.status !== "passed" && !fails(each)).length;
    const lines = cases.map((each) => {
      const open = `    <testcase classname="${xml(each.about)}" name="${xml(`${each.id} ${each.need} ${each.title}`)}" time="${each.ms / 1_000}"`;
      if (each.status === "passed") return `${open}/>`;
      const text = xml([each.reason, each.mend, each.last?.answered].filter(Boolean).join("\n"));
      const tag = fails(each)
        ? `<failure message="${xml(each.reason ?? "")}">${text}</failure>`
        : `<skipped message="${xml(each.reason ?? "")}"/>`;
      return `${open}>${tag}</testcase>`;
    });
    return `  <testsuite name="level ${level}" tests="${cases.length}" failures="${failures}" skipped="${skipped}">\n${lines.join("\n")}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="powersync-writes audit" time="${report.ms / 1_000}">\n${suites.join("\n")}\n</testsuites>\n`;
}

/** Escapes text for XML, and replaces characters that XML does not allow. */
function xml(text: string): string {
  return (
    text
      .toWellFormed()
      // oxlint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
  );
}
