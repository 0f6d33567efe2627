/** What the suite must notice: each sabotage, with the cell and the database where it shows. */
import type { counted, Tally } from "./check.js";
import type { DatabaseName } from "./databases.js";
import type { Sabotage } from "./sabotage.js";
import type { Sent } from "./workload.js";

interface Noticing {
  readonly what: string;
  readonly cell: string;
  readonly database: DatabaseName;
  /** Whether what was sent is enough for the losses to show; the devices write on until it is. Default: three times the cell's transactions are. */
  readonly enough?: (sent: readonly Sent[]) => boolean;
}

export const noticing: Readonly<Record<Sabotage, Noticing>> = {
  ledger: {
    what: "the ledger switched off",
    cell: "http-answer-lost",
    database: "sqlite",
  },
  letter: {
    what: "the dead letter written after its answer",
    cell: "killed-behind-a-fatal-answer",
    database: "sqlite",
  },
  rollback: {
    what: "the rollback removed",
    cell: "http-answer-lost",
    database: "postgres",
  },
  dependants: {
    what: "dependants answered success",
    cell: "http-answer-lost",
    database: "sqlite",
    // Few need a row that a letter waits to create.
    enough: (sent) => sent.filter(({ isDependant }) => isDependant).length >= 8,
  },
  guard: {
    what: "a repetition known by its content alone",
    cell: "published-connectors",
    database: "sqlite",
  },
};

const losses = [
  "lost",
  "twice",
  "partial",
  "reordered",
  "wrong",
] as const satisfies readonly (typeof counted)[number][];

/** One line. */
export function noticedLine(
  sabotage: Sabotage,
  tally: Tally | Error,
): { readonly line: string; readonly noticed: boolean } {
  const { what, cell, database } = noticing[sabotage];
  const where = `${cell} on ${database}`;
  if (tally instanceof Error)
    return { line: `✗ ${what}: ${where}: ${tally.message}`, noticed: false };
  const found = losses.filter((loss) => tally[loss] > 0).map((loss) => `${loss} ${tally[loss]}`);
  const noticed = found.length > 0;
  const said = noticed ? `noticed: ${found.join(", ")}` : "NOT noticed";
  return { line: `${noticed ? "✓" : "✗"} ${what}, ${where}: ${said}`, noticed };
}
