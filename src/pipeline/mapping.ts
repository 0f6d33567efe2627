/** Keeps track of the row that an operation becomes if application code decides that: by running the code, or by a prediction that needs no database. */
import type { WritesConfig } from "../config/config.js";
import type { OperationContext, Principal } from "../context.js";
import type { CrudEntry, Write } from "../model.js";
import { type HandsOn, handsOn, type LayerFunction, type Layers } from "./layers.js";
import { mutationTable } from "./mutations.js";
import {
  type Mapped,
  type OperationState,
  stateOf,
  type Target,
  type Targets,
} from "./operation.js";

export interface Mapping {
  /** The application code after which an operation's row is final: what runs before the default `map`, after it, or before the default `authorize`. */
  readonly final: "before map" | "after map" | "before authorize";
  /** The row of an operation that has not come so far; `undefined` if it is unknown. */
  predict(sent: CrudEntry): Promise<Target>;
}

/** `undefined`: no application code changes rows, so every operation writes the row that it names. */
export function createMapping<P extends Principal, DB>({
  map,
  hooks = [],
  mutators,
}: Pick<WritesConfig<P, DB>, "map" | "hooks" | "mutators">): Mapping | undefined {
  const all = [hooks].flat();
  const before = all.some((each) => each.map?.before !== undefined);
  const after = all.some((each) => each.map?.after !== undefined);
  const judged = all.some((each) => each.authorize?.before !== undefined);
  if (map === undefined && !before && !after && !judged) return undefined;
  const asks = before || after || judged ? undefined : (map as HandsOn | undefined)?.[handsOn];
  const late = after || (map !== undefined && asks === undefined);
  return {
    final: judged ? "before authorize" : late ? "after map" : "before map",
    predict: async (sent) => {
      // A mutation is run and never mapped.
      if (mutators !== undefined && sent.table === mutationTable) return ofEntry(sent);
      try {
        const handed = await asks?.(sent);
        return handed && ofEntry(handed);
      } catch {
        return undefined;
      }
    },
  };
}

/** Keeps the row of an entry that reaches the default `map`, if it is final by then. */
export function keepingEntry<P extends Principal, DB>(
  run: LayerFunction<Layers<P, DB>["map"]>,
  mapping: Mapping | undefined,
): LayerFunction<Layers<P, DB>["map"]> {
  if (mapping?.final !== "before map") return run;
  return async (entry, context) => {
    stateOf(context).target = ofEntry(entry);
    return run(entry, context);
  };
}

/** Keeps the row that the application's `map` has made of an entry. */
export function keepMapped<P extends Principal, DB>(
  write: Write | null,
  context: OperationContext<P, DB>,
  mapping: Mapping | undefined,
): void {
  if (write === null) stateOf(context).target = null;
  else if (mapping?.final !== "before authorize") stateOf(context).target = ofWrite(write);
}

/** Keeps the row of a write that reaches the default `authorize`, if it is final only then. */
export function keepingWrite<P extends Principal, DB>(
  run: LayerFunction<Layers<P, DB>["authorize"]>,
  mapping: Mapping | undefined,
): LayerFunction<Layers<P, DB>["authorize"]> {
  if (mapping?.final !== "before authorize") return run;
  return async (write, context) => {
    stateOf(context).target = ofWrite(write);
    return run(write, context);
  };
}

function ofEntry({ op, table, id, opData }: CrudEntry): Mapped {
  return { op, table, id, data: opData ?? {}, columns: "client's" };
}

function ofWrite({ op, table, id, values }: Write): Mapped {
  return { op, table, id, data: values, columns: "source's" };
}

/** The rows that a transaction's operations have become, for the operations that have come far enough. */
export function targetsOf(
  crud: readonly CrudEntry[],
  states: readonly (OperationState | undefined)[],
): Targets {
  return crud.map((sent, index) => ({ sent, target: states[index]?.target }));
}
