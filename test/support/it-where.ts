/** Tests of what only some databases have: elsewhere they are not there, for one that is skipped is one that was left out. */
import { it } from "vitest";

export function itWhere(applies: boolean): typeof it {
  return applies ? it : absent;
}

const nothing = (): void => undefined;
const absent = Object.assign(nothing, { each: () => nothing }) as unknown as typeof it;
