/** Shows the three states of a row after a CONFLICT side by side, and bases the change on the new state. */
import type { FatalFailure, QueuedOperation } from "../../../src/client/index.js";
import { make } from "./dom.js";

type Values = Readonly<Record<string, unknown>>;

interface States {
  readonly base?: Values;
  readonly theirs?: Values;
  readonly yours?: Values;
}

/** The states of the row. Empty for other failures than CONFLICT. */
function statesOf({ code, details }: FatalFailure): States {
  return code === "CONFLICT" ? ((details ?? {}) as States) : {};
}

/** Returns a table with a row for each column that the write changes. */
export function conflictTable(
  failure: FatalFailure,
  labels: Readonly<Record<string, string>>,
): readonly HTMLElement[] {
  const { base, theirs, yours } = statesOf(failure);
  if (yours === undefined) return [];
  const cell = (values: Values | undefined, column: string) =>
    make("td", {}, String(values?.[column] ?? ""));
  const head = ["", "Before", "On another device", "On this device"].map((text) =>
    text === "" ? make("td") : make("th", { scope: "col" }, text),
  );
  const rows = Object.keys(yours).map((column) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, labels[column] ?? column),
      ...[base, theirs, yours].map((values) => cell(values, column)),
    ),
  );
  const table = make(
    "table",
    { className: "states" },
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...rows),
  );
  return [table];
}

/** The same change, based on the row's current values, which the user has seen. */
export function rebased(operation: QueuedOperation, failure: FatalFailure): QueuedOperation {
  const { theirs } = statesOf(failure);
  if (theirs === undefined) return operation;
  return { ...operation, previousValues: { ...operation.previousValues, ...theirs } };
}
