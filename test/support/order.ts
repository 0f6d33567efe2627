/**
 * The order in which the test files begin. A long one that begins last runs alone, while the other workers have nothing left to do. How long a file took is known
 * from the run before; in a fresh checkout there was none, and this list stands in for it.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const longest = [
  "property/sequences",
  "conformance/conformance",
  "attacks/owner",
  "attacks/rows",
  "integration/audit",
  "integration/foreign",
  "property/values",
  "integration/deadline",
  "browser/todolist",
  "integration/injection",
  "integration/dependants",
  "integration/chains",
  "integration/conflicts",
  "property/conflicts",
  "attacks/letters",
  "client/upload",
  "runtimes/runtimes",
  "integration/parking",
  "attacks/numbered",
  "integration/concurrency",
  "integration/outage",
  "unit/readme",
  "unit/snippets",
  "integration/dead-letters-processes",
  "client/kill",
  "integration/cli-init",
  "integration/cli-letters",
  "attacks/spellings",
  "integration/demo",
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
