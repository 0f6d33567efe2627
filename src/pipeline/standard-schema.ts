/** A schema as many libraries have it, by their common interface: Standard Schema, version 1 (https://standardschema.dev). Types alone. */

/** A schema of zod, valibot, arktype or another library that has this interface. */
export interface StandardSchema<Input = unknown, Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    /** The library's name. */
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
    /** For the compiler alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema makes of a value. */
export type OutputOf<Schema extends StandardSchema> = NonNullable<
  Schema["~standard"]["types"]
>["output"];

type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  /** From the value inwards. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** One for each operation that the rule allows. */
export interface RowSchemas {
  /** For what a PUT sends. */
  readonly put?: StandardSchema;
  /** For what a PATCH sends: the changed columns alone. */
  readonly patch?: StandardSchema;
}
