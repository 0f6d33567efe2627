/** For tests of mistakes: what an operator reads of them. */
import { expect } from "vitest";
import type { Logger } from "../../src/index.js";

export interface ReadLog {
  readonly logger: Logger;
  readonly lines: string[];
}

/** The levels that the console is given by default. */
export function readLog(): ReadLog {
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  return { logger: { error: note, warn: note }, lines };
}

/** One line alone names the mistake, and what to do about it. */
export function expectLine({ lines }: ReadLog, mistake: RegExp, remedy: RegExp): void {
  const found = lines.filter((line) => mistake.test(line) && remedy.test(line));
  expect({ found: found.length, lines }).toEqual({ found: 1, lines });
  expect(found[0]).not.toMatch(/\n/);
}
