/** Runs mutations. A device sends a mutation as a PUT into a table of its own, with a mutator's name and its arguments as JSON text. */
import type { CommittedMutation, OperationContext, Principal } from "../context.js";
import { fatal, isFatal, isRetryable, ofApplication, origin } from "../errors.js";
import type { CrudEntry } from "../model.js";
import { parseJson } from "../wire/parse-json.js";
import type { Mutator, Mutators } from "./mutators.js";
import { openUnitOf } from "./operation.js";
import type { Rules } from "./rules.js";
import { mostIssues, pathOf, shortMessage } from "./row-schema.js";

/** The client's table of mutations. The source database has no such table. */
export const mutationTable = "powersync_mutations";

export interface Mutations<P extends Principal, DB> {
  isMutation(entry: CrudEntry): boolean;
  /** The entries that are run or written. Entries whose effect the mutators write are left out. */
  made(crud: readonly CrudEntry[]): readonly CrudEntry[];
  /** Runs a mutation. Throws fatal UNKNOWN_MUTATOR, INVALID_DATA for arguments that the schema refuses, FORBIDDEN_OPERATION, and what the mutator throws. */
  run(entry: CrudEntry, context: OperationContext<P, DB>): Promise<void>;
  /** The mutations that have been run, for `hooks.committed`. */
  told(crud: readonly CrudEntry[]): readonly CommittedMutation[];
}

/** @throws TypeError if a rule has the same table */
export function createMutations<P extends Principal, DB>(
  mutators: Mutators<P, DB>,
  rules: Rules<P, DB>,
): Mutations<P, DB> {
  if (rules.has(mutationTable)) {
    throw new TypeError(
      `tables.${mutationTable}: devices write their mutations there, and "mutators" runs them. Take out the rule or "mutators".`,
    );
  }
  const known = new Map<string, Mutator<P, DB>>(
    Object.entries(mutators).map(([name, given]) => [
      name,
      typeof given === "function" ? { run: given } : given,
    ]),
  );
  const isMutation = ({ table }: CrudEntry): boolean => table === mutationTable;
  const mutatorOf = ({ opData }: CrudEntry): Mutator<P, DB> | undefined => {
    const name = opData?.["name"];
    return typeof name === "string" ? known.get(name) : undefined;
  };
  return {
    isMutation,
    told: (crud) =>
      crud.flatMap((entry, operationIndex) => {
        if (!isMutation(entry)) return [];
        const { id, opData } = entry;
        const args = readArguments(opData?.["args"]);
        return [{ name: String(opData?.["name"]), args, id, operationIndex }];
      }),
    made: (crud) => {
      const mutations = crud.filter(isMutation);
      const isLeft = mutations.some((each) => mutatorOf(each)?.optimistic !== "apply");
      return isLeft ? mutations : crud;
    },
    run: async (entry, context) => {
      if (entry.op !== "PUT")
        throw fatal("FORBIDDEN_OPERATION", "A mutation can't be changed once it has been made.");
      const mutator = mutatorOf(entry);
      if (mutator === undefined) {
        const name = String(entry.opData?.["name"]).slice(0, 64);
        throw fatal("UNKNOWN_MUTATOR", `There is no mutator ${JSON.stringify(name)} here.`);
      }
      const args = await argumentsOf(entry, mutator);
      try {
        // The schema guarantees the type of the arguments.
        await mutator.run(args as never, context);
      } catch (error) {
        throw statementFailure(error, context);
      }
    },
  };
}

/** The database's own error, if a statement of the mutator has failed: a library of the application's may have wrapped it in another error. */
function statementFailure(error: unknown, context: object): unknown {
  if (isFatal(error) || isRetryable(error)) return error;
  try {
    openUnitOf(context).unit.throwIfFailed();
  } catch (failed) {
    return origin(failed);
  }
  return error;
}

async function argumentsOf<P extends Principal, DB>(
  { opData }: CrudEntry,
  { args: schema }: Mutator<P, DB>,
): Promise<unknown> {
  const sent = readArguments(opData?.["args"]);
  if (schema === undefined) return sent;
  const result = await ofApplication(async () => {
    const given = await schema["~standard"].validate(sent);
    return { issues: given.issues, value: given.issues === undefined ? given.value : undefined };
  });
  if (result.issues === undefined) return result.value;
  throw fatal("INVALID_DATA", "The mutation's arguments do not match the mutator's schema.", {
    column: "args",
    issues: result.issues
      .slice(0, mostIssues)
      .map((issue) => ({ path: pathOf(issue), message: shortMessage(issue) })),
  });
}

function readArguments(args: unknown): unknown {
  if (args === undefined || args === null) return undefined;
  try {
    if (typeof args === "string") return parseJson(args);
  } catch {
    // Refused below.
  }
  const message = "The mutation's arguments are not JSON text.";
  throw fatal("INVALID_DATA", message, { column: "args" });
}
