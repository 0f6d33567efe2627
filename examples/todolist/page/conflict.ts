/** A CONFLICT: the three states of the row, shown side by side, and the change made on the new one. */
import type { FatalFailure, QueuedOperation } from "../../../src/client/index.js";
import { make } from "./dom.js";

type Values = Readonly<Record<string, unknown>>;

interface States {
  readonly base?: Values;
  readonly theirs?: Values;
  readonly yours?: Values;
}

/** Empty where the failure is another one. */
function statesOf({ code, details }: FatalFailure): States {
  return code === "CONFLICT" ? ((details ?? {}) as States) : {};
}

/** A row for each column that was to be changed. */
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

/** The same change, made on what the row holds now: the user has seen that. */
export function rebased(operation: QueuedOperation, failure: FatalFailure): QueuedOperation {
  const { theirs } = statesOf(failure);
  if (theirs === undefined) return operation;
  return { ...operation, previousValues: { ...operation.previousValues, ...theirs } };
}
