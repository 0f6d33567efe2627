/** What the write paths of the cases differ in. */
import type { Case } from "./case.js";

export type Setting = NonNullable<Case["setting"]> | "default" | "audit";

export const settings = {
  default: {},
  skip: { onFatal: "skip" },
  "client-handles": { onFatal: "skip", deadLetters: { requiresClientHandling: () => true } },
  "small-limits": { limits: { bodyBytes: 2048, transactions: 3, operations: 5 } },
  parsed: {},
  /** Those of the audit. With limits that a small request is beyond. */
  audit: {
    checkpoints: true,
    limits: { bodyBytes: 3_000_000, transactions: 60, operations: 600, stringLength: 1_000_000 },
  },
} as const;
