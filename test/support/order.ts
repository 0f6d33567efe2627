/**
 * The order in which the test files begin. A long one that begins last runs alone, while the other workers have nothing left to do. How long a file took is known
 * from the run before; in a fresh checkout there was none, and this list stands in for it.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const longest = [
  "property/sequences",
  "conformance/conformance",
  "attacks/owner",
  "integration/deadline",
  "attacks/rows",
  "integration/cli-init",
  "integration/cli-letters",
  "browser/todolist",
  "client/upload",
  "property/values",
  "integration/injection",
  "runtimes/runtimes",
  "integration/outage",
  "integration/foreign",
  "integration/concurrency",
  "integration/parking",
  "integration/budget",
  "unit/readme",
  "unit/mssql-statements",
  "integration/dependants",
  "integration/chains",
  "integration/mysql",
  "integration/waits",
  "attacks/letters",
  "integration/audit",
  "integration/self-check",
  "browser/dead-letters",
  "unit/snippets",
  "integration/conflicts",
  "attacks/numbered",
  "client/kill",
  "integration/mutators-examples",
  "integration/audit-mutants",
  "integration/audit-mutants-blind",
  "integration/demo",
  "integration/mistakes",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    // Within a project: a worker goes on to the next file only where that is its own project's.
    return sorted.toSorted((a, b) => (a.project === b.project ? rank(a) - rank(b) : 0));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const index = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return index === -1 ? longest.length : index;
}
