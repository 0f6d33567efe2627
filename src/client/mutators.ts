/** `createMutators`: writes named mutations to the upload queue, together with what the device shows until the server has answered. */

/** A schema of the mutation's arguments, by Standard Schema, version 1: one of zod's, valibot's or arktype's, for example. */
export interface ArgumentsSchema<Input = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Validation | Promise<Validation>;
    readonly types?: { readonly input: Input; readonly output: unknown } | undefined;
  };
}

interface Validation {
  readonly issues?: readonly MutationIssue[] | undefined;
}

/** A problem with one argument of a mutation. */
export interface MutationIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The part of a PowerSync database that is needed. */
export interface MutationDatabase<Tx extends MutationTransaction> {
  writeTransaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

/** The part of PowerSync's local transaction that mutations need. */
export interface MutationTransaction {
  execute(sql: string, parameters?: unknown[]): Promise<unknown>;
}

type InputOf<Schema extends ArgumentsSchema> = NonNullable<Schema["~standard"]["types"]>["input"];

/**
 * The arguments are not as their schema has them. Nothing has been written.
 *
 * @example
 * try {
 *   await mutate("list.share", { list, with: "" });
 * } catch (error) {
 *   if (error instanceof MutationArgumentsError) show(error.issues);
 * }
 */
export class MutationArgumentsError extends Error {
  readonly issues: readonly MutationIssue[];

  constructor(mutation: string, issues: readonly MutationIssue[]) {
    super(`${mutation}: ${issues.map(({ message }) => message).join(" ")}`);
    this.name = "MutationArgumentsError";
    this.issues = issues;
  }
}

/**
 * Gives the function by which an app mutates. The client's schema needs the table
 * `powersync_mutations: new Table({ name: column.text, args: column.text }, { insertOnly: true })`.
 *
 * What `optimistic` writes is **shown on the device and not applied by the server**: there the mutator writes what is to be, and the device shows that as
 * soon as it has synced. (A mutator may say `optimistic: "apply"`.) Mutation and optimistic writes are one local transaction, in the same queue as all others.
 *
 * It resolves when that has been committed locally, offline as well, and rejects with a MutationArgumentsError where the arguments don't fit, with a
 * TypeError for a name that is not defined or arguments that are no JSON, and with what `optimistic` throws; then nothing has been written.
 *
 * @param definitions schemas of the arguments by the mutations' names, as the server has them
 * @example
 * const mutate = createMutators(database, definitions);
 * await mutate("list.share", { list, with: "bob" }, async (tx) => {
 *   await tx.execute("INSERT INTO list_members (id, list_id, user_id) VALUES (uuid(), ?, ?)", [list, "bob"]);
 * });
 */
export function createMutators<
  Tx extends MutationTransaction,
  const Definitions extends Readonly<Record<string, ArgumentsSchema>>,
>(database: MutationDatabase<Tx>, definitions: Definitions) {
  return async <Name extends keyof Definitions & string>(
    name: Name,
    args: InputOf<Definitions[Name]>,
    optimistic?: (tx: Tx) => Promise<unknown>,
  ): Promise<void> => {
    const schema = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (schema === undefined) throw new TypeError(`The mutation "${name}" is not defined.`);
    const { issues } = await schema["~standard"].validate(args);
    if (issues !== undefined) throw new MutationArgumentsError(name, issues);
    // Sent as given: the server applies the schema's transformations.
    const text = JSON.stringify(args) as string | undefined;
    await database.writeTransaction(async (tx) => {
      await tx.execute("INSERT INTO powersync_mutations (id, name, args) VALUES (uuid(), ?, ?)", [
        name,
        text ?? null,
      ]);
      await optimistic?.(tx);
    });
  };
}
