/** What the write paths of the cases differ in. */
import type { Case } from "./case.js";

export type Setting = NonNullable<Case["setting"]> | "default";

export const settings = {
  default: {},
  skip: { onFatal: "skip" },
  "client-handles": { onFatal: "skip", deadLetters: { requiresClientHandling: () => true } },
  "small-limits": { limits: { bodyBytes: 2048, transactions: 3, operations: 5 } },
  parsed: {},
  checkpoints: { checkpoints: true },
} as const;
