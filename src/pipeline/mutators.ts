/** Named mutations: what an application's mutators are, and `defineMutators`, whose arguments the compiler knows. */
import type { OperationContext, Principal } from "../context.js";
import type { OutputOf, StandardSchema } from "./standard-schema.js";

/** What a mutator is given beside its arguments: the open database transaction as `tx`, the principal, and what else is known of the operation. */
export type MutatorContext<P extends Principal, DB> = Omit<
  OperationContext<P, DB>,
  "stored" | "previousValues"
>;

/**
 * Runs in the write transaction, and is the one to judge who may do it: no rule of a table and no `authorize` is asked. It may run again: what it does
 * beside `context.tx` is done again then. Throws `fatal(…)` to refuse. What its own statements throw is judged as the library's own are.
 */
export type MutatorFunction<P extends Principal, DB, Args = unknown> = (
  args: Args,
  context: MutatorContext<P, DB>,
) => void | Promise<void>;

/** What a mutation does on the server. */
export interface Mutator<P extends Principal, DB> {
  /** For the arguments; `run` is given what it makes of them. Absent: they come as the device sent them. */
  readonly args?: StandardSchema;
  readonly run: MutatorFunction<P, DB, never>;
  /**
   * What becomes of the other entries of a transaction that holds this mutation, the device's optimistic effect: they are left out (`leave`, default),
   * for the mutator writes what is to be; or applied by their tables' rules, in order (`apply`).
   */
  readonly optimistic?: "leave" | "apply";
}

/** By their names, such as `list.share`, or `list.share@2` for another version of its arguments. */
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
 * Puts a mutator to each of the definitions that server and devices share: names with schemas of their arguments.
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
