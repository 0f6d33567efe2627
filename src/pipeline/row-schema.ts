/** A rule's `validate`: what a client sends for a row, held against a schema before anything is made of it. */
import { fatal, ofApplication } from "../errors.js";
import type { CrudEntry, OpData, Operation } from "../model.js";
import type { RowSchemas, SchemaIssue, StandardSchema } from "./standard-schema.js";
import type { OperationState } from "./operation.js";

/** @throws TypeError where no schema can be had for an operation that the rule allows */
export function compileRowSchemas(
  name: string,
  given: StandardSchema | RowSchemas,
  operations: ReadonlySet<Operation>,
): RowSchemas {
  const where = `tables.${name}: validate`;
  if (isSchema(given)) {
    return { put: given, ...(operations.has("PATCH") && { patch: partial(where, given) }) };
  }
  const { put, patch } = given;
  for (const [op, schema] of Object.entries({ PUT: put, PATCH: patch })) {
    if (schema === undefined && operations.has(op as Operation)) {
      throw new TypeError(
        `${where} has no schema for ${op}. Write { put, patch }, or leave ${op} out of "operations".`,
      );
    }
  }
  return { ...(put && { put }), ...(patch && { patch }) };
}

/** Zod and arktype have a method for it; of others it is not known which columns a PATCH may leave out. */
function partial(where: string, schema: StandardSchema): StandardSchema {
  const made = "partial" in schema && typeof schema.partial === "function" && schema.partial;
  const remedy = "Write a schema for what a PATCH sends, too: { put, patch }.";
  if (made === false) {
    const { vendor } = schema["~standard"];
    throw new TypeError(
      `${where}: ${vendor} does not tell how to make the schema partial. ${remedy}`,
    );
  }
  let smaller: unknown;
  try {
    smaller = made.call(schema);
  } catch (cause) {
    throw new TypeError(`${where}: its partial() fails. ${remedy}`, { cause });
  }
  if (isSchema(smaller)) return smaller;
  throw new TypeError(`${where}: its partial() gives no schema. ${remedy}`);
}

export function isSchema(value: unknown): value is StandardSchema {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  const standard = (value as Partial<StandardSchema>)["~standard"];
  return standard?.version === 1 && typeof standard.validate === "function";
}

/**
 * Throws fatal INVALID_DATA with the schema's issues. What the schema itself throws is the server's failure, and retryable.
 * Nothing but whether there are issues is taken from it: what is written is what was sent.
 */
export async function validateRow(
  schemas: RowSchemas,
  { op, opData = {} }: CrudEntry,
  { unit }: OperationState,
): Promise<void> {
  const schema = op === "PUT" ? schemas.put : op === "PATCH" ? schemas.patch : undefined;
  if (schema === undefined) return;
  const issues = await ofApplication(async () => {
    // A copy, for a schema may change what it is given.
    const result = schema["~standard"].validate(copyOf(opData));
    if (!(result instanceof Promise)) return result.issues;
    result.catch(() => undefined);
    // What has to be waited for is waited for in a database transaction, whose time is bounded; there is none yet where it is sent as a whole.
    unit.throwIfFailed();
    return (await result).issues;
  });
  if (issues === undefined) return;
  const details = { issues: issues.slice(0, mostIssues).map(shownIssue) };
  const [first] = details.issues;
  throw fatal("INVALID_DATA", "The row's values are not as they should be.", {
    ...(first?.column !== undefined && { column: first.column }),
    ...details,
  });
}

// An answer must always be storable.
export const mostIssues = 20;
const mostOfMessage = 500;
const mostOfPath = 20;

interface ShownIssue {
  /** By the client's name. Absent: it is about the row as a whole. */
  readonly column?: string;
  /** Inside the column's value. */
  readonly path?: readonly (string | number)[];
  readonly message: string;
}

function shownIssue(issue: SchemaIssue): ShownIssue {
  const [column, ...inside] = pathOf(issue);
  return {
    ...(column !== undefined && { column: String(column) }),
    ...(inside.length > 0 && { path: inside }),
    message: shortMessage(issue),
  };
}

/** As JSON can carry it, and not too long. */
export function pathOf({ path = [] }: SchemaIssue): readonly (string | number)[] {
  return path
    .slice(0, mostOfPath)
    .map((part) => (typeof part === "object" ? part.key : part))
    .map((key) => (typeof key === "number" ? key : String(key).slice(0, mostOfMessage)));
}

export function shortMessage({ message }: SchemaIssue): string {
  return String(message).slice(0, mostOfMessage);
}

function copyOf(opData: OpData): OpData {
  return Object.fromEntries(Object.entries(opData));
}
