/** Tests of what only some databases have: elsewhere they are not there, for one that is skipped is one that was left out. */
import { it } from "vitest";

export function itWhere(applies: boolean): typeof it {
  return applies ? it : absent;
}

/** A known fault: the test fails as soon as the product no longer does there what its comment says. */
export function itFailsWhere(faulty: boolean): typeof it | typeof it.fails {
  return faulty ? it.fails : it;
}

const nothing = (): void => undefined;
const absent = Object.assign(nothing, { each: () => nothing }) as unknown as typeof it;
