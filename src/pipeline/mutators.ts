/** The types of an application's mutators, and `defineMutators`, with which the compiler knows their arguments. */
import type { OperationContext, Principal } from "../context.js";
import type { OutputOf, StandardSchema } from "./standard-schema.js";

/** The context of a mutator: the open database transaction as `tx`, the principal, and what else is known about the operation. */
export type MutatorContext<P extends Principal, DB> = Omit<
  OperationContext<P, DB>,
  "stored" | "previousValues"
>;

/**
 * Runs in the write transaction. It has to decide itself who may do what: neither table rules nor `authorize` apply. It may run again, which repeats
 * whatever it does outside of `context.tx`. Throw `fatal(…)` to refuse. Errors of its statements are classified like those of the library's own.
 */
export type MutatorFunction<P extends Principal, DB, Args = unknown> = (
  args: Args,
  context: MutatorContext<P, DB>,
) => void | Promise<void>;

/** A mutator: what a mutation does on the server. */
export interface Mutator<P extends Principal, DB> {
  /** The schema of the arguments; `run` gets the schema's output. Absent: `run` gets the arguments as the device sent them. */
  readonly args?: StandardSchema;
  readonly run: MutatorFunction<P, DB, never>;
  /**
   * What happens to the other entries of the mutation's transaction, which are its optimistic effect on the device. `leave` (default): they are left out,
   * because the mutator writes the effect. `apply`: they are applied by their tables' rules, in order.
   */
  readonly optimistic?: "leave" | "apply";
}

/** Mutators by name, such as `list.share`, or `list.share@2` for another version of its arguments. */
export type Mutators<P extends Principal, DB> = Readonly<
  Record<string, MutatorFunction<P, DB> | Mutator<P, DB>>
>;

type Implementation<P extends Principal, DB, Args> =
  | MutatorFunction<P, DB, Args>
  | {
      readonly run: MutatorFunction<P, DB, Args>;
      readonly optimistic?: NonNullable<Mutator<P, DB>["optimistic"]>;
    };

/**
 * Combines the definitions that server and devices share (names with the schemas of their arguments) with a mutator for each.
 *
 * @throws TypeError if a definition has no mutator
 *
 * @example
 * const definitions = { "list.share": z.object({ list: z.uuid(), with: z.string() }) };
 *
 * const mutators = defineMutators<Database>()(definitions, {
 *   "list.share": async ({ list, with: user_id }, { tx, principal }) => { … },
 * });
 */
export function defineMutators<DB, P extends Principal = Principal>() {
  return <const Definitions extends Readonly<Record<string, StandardSchema>>>(
    definitions: Definitions,
    implementations: {
      readonly [Name in keyof Definitions]: Implementation<P, DB, OutputOf<Definitions[Name]>>;
    },
  ): Readonly<Record<keyof Definitions & string, Mutator<P, DB>>> => {
    const mutators = Object.entries(definitions).map(([name, args]) => {
      const given: Implementation<P, DB, never> | undefined = implementations[name];
      if (given === undefined) throw new TypeError(`defineMutators: "${name}" has no mutator.`);
      return [name, typeof given === "function" ? { args, run: given } : { args, ...given }];
    });
    return Object.fromEntries(mutators) as Readonly<
      Record<keyof Definitions & string, Mutator<P, DB>>
    >;
  };
}
