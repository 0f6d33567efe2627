/** Types of Standard Schema, version 1 (https://standardschema.dev), the common interface of many schema libraries. */

/** A schema of zod, valibot, arktype or another library that has this interface. */
export interface StandardSchema<Input = unknown, Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    /** The library's name. */
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
    /** For the compiler only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The type of a schema's output. */
export type OutputOf<Schema extends StandardSchema> = NonNullable<
  Schema["~standard"]["types"]
>["output"];

type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  /** The keys from the checked value to the part that is wrong. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A schema for each operation that the rule allows. */
export interface RowSchemas {
  /** For what a PUT sends. */
  readonly put?: StandardSchema;
  /** For what a PATCH sends: only the changed columns. */
  readonly patch?: StandardSchema;
}
