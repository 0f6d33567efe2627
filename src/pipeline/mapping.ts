/** The row that an operation becomes where the application's own code decides it: as far as that code has run, or can be asked without a database. */
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
  /** The layer behind whose code an operation's row is final: that in front of the default `map`, that behind it, or that in front of `authorize`. */
  readonly final: "before map" | "after map" | "before authorize";
  /** For an operation that has not come so far. */
  predict(sent: CrudEntry): Promise<Target>;
}

/** `undefined`: every operation is about the row that it names. */
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
      // What is run is no row, whatever the mapping.
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

/** Keeps what an entry is about when it comes to the default `map`, where that is final. */
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

/** Keeps what the application has made of an entry. */
export function keepMapped<P extends Principal, DB>(
  write: Write | null,
  context: OperationContext<P, DB>,
  mapping: Mapping | undefined,
): void {
  if (write === null) stateOf(context).target = null;
  else if (mapping?.final !== "before authorize") stateOf(context).target = ofWrite(write);
}

/** Keeps what a write is about when it comes to the default `authorize`, which is final. */
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

/** What a transaction's operations have become, as far as they have come. */
export function targetsOf(
  crud: readonly CrudEntry[],
  states: readonly (OperationState | undefined)[],
): Targets {
  return crud.map((sent, index) => ({ sent, target: states[index]?.target }));
}
