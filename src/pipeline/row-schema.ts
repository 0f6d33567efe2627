/** A rule's `validate`: checks what a client sends for a row against a schema, before it is mapped. */
import { fatal, ofApplication } from "../errors.js";
import type { CrudEntry, OpData, Operation } from "../model.js";
import type { RowSchemas, SchemaIssue, StandardSchema } from "./standard-schema.js";
import type { OperationState } from "./operation.js";

/** @throws TypeError if there is no schema for an operation that the rule allows */
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

/** The schema for a PATCH. Schemas of zod and arktype have a `partial` method; for others it is unknown which columns a PATCH may leave out. */
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
 * Throws fatal INVALID_DATA with the schema's issues. An error that the schema itself throws is the server's failure, and retryable.
 * The schema's output is not used: what is written is what was sent.
 */
export async function validateRow(
  schemas: RowSchemas,
  { op, opData = {} }: CrudEntry,
  { unit }: OperationState,
): Promise<void> {
  const schema = op === "PUT" ? schemas.put : op === "PATCH" ? schemas.patch : undefined;
  if (schema === undefined) return;
  const issues = await ofApplication(async () => {
    // A copy, because a schema may change its input.
    const result = schema["~standard"].validate(copyOf(opData));
    if (!(result instanceof Promise)) return result.issues;
    result.catch(() => undefined);
    // An asynchronous schema is awaited only inside a database transaction, whose time is bounded. In a flight there is none yet, and this call throws.
    unit.throwIfFailed();
    return (await result).issues;
  });
  if (issues === undefined) return;
  const details = { issues: issues.slice(0, mostIssues).map(shownIssue) };
  const [first] = details.issues;
  throw fatal("INVALID_DATA", "The row's values do not match the table's schema.", {
    ...(first?.column !== undefined && { column: first.column }),
    ...details,
  });
}

// Bounds on the issues, because an answer must always be storable.
export const mostIssues = 20;
const mostOfMessage = 500;
const mostOfPath = 20;

interface ShownIssue {
  /** The client's name of the column. Absent: the issue is about the row as a whole. */
  readonly column?: string;
  /** The path inside the column's value. */
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

/** An issue's path as JSON can carry it, shortened. */
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
