/** Feedback to the device: a row in a table of the application's own, which syncs back, written with the dead letter. */
import { sql } from "kysely";
import type { RejectionOptions, RejectionRow } from "../config.js";
import { isFatal, ofApplication } from "../errors.js";
import { correlated, type Emit } from "../events.js";
import type { DeadLetterContext, Principal } from "../pipeline/layers.js";
import type { ConvertRow } from "../sql/convert.js";
import type { Connection } from "../sql/dialect.js";
import { dialectOf } from "../sql/dialects.js";
import type { Values } from "../sql/statements.js";
import { type Catalog, schemaMissing } from "../sql/schema.js";
import type { DeadLetter } from "../model.js";

/**
 * Throws what keeps every rejection from being written, as a missing table does: the letter is then not recorded either, and the transaction
 * stays queued. What only this row can't have, as a value that does not fit, leaves the letter without one.
 */
export type Reject<P extends Principal, DB> = (
  letter: DeadLetter,
  context: DeadLetterContext<P, DB>,
) => Promise<void>;

interface RejectParts {
  readonly catalog: Catalog;
  readonly convertRow: ConvertRow;
  readonly emit: Emit;
}

/** @throws TypeError where no table is named */
export function createReject<P extends Principal, DB>(
  { table, row }: RejectionOptions<P, DB>,
  { catalog, convertRow, emit }: RejectParts,
): Reject<P, DB> {
  if (typeof table !== "string" || table === "") {
    throw new TypeError("rejections: `table` must be the name of a table.");
  }
  const valuesOf = async (
    letter: DeadLetter,
    context: DeadLetterContext<P, DB>,
  ): Promise<Values | undefined> => {
    const usual = usualRow(letter);
    if (row !== undefined) {
      const given = await ofApplication(() => row(letter, context, usual));
      return given ?? undefined;
    }
    const tx = context.tx as unknown as Connection;
    const schema = await catalog.read(tx, table);
    if (schema === undefined) throw schemaMissing(emit, context, { table });
    // Whichever of them the table has.
    return Object.fromEntries(Object.entries(usual).filter(([name]) => schema.names.has(name)));
  };

  return async (letter, context) => {
    const values = await valuesOf(letter, context);
    if (values === undefined) return;
    const tx = context.tx as unknown as Connection;
    const failure = await write(tx, values, async () => {
      const converted = await convertRow(table, values, { ...context, lossyNumbers: false });
      return { table, values: converted.values };
    });
    if (failure === undefined) return;
    emit({
      type: "error",
      ...correlated(context),
      during: "rejection",
      error: failure.error,
      outcome: "ignored",
    });
  };
}

interface Row {
  readonly table: string;
  readonly values: Values;
}

/** @returns why it is left out */
async function write(
  tx: Connection,
  { id }: Values,
  convert: () => Promise<Row>,
): Promise<{ readonly error: unknown } | undefined> {
  let row: Row;
  try {
    row = await convert();
  } catch (error) {
    // Nothing has been sent to the database yet.
    if (isFatal(error)) return { error };
    throw error;
  }
  // A letter that is recorded again keeps its id, and the device has heard of it.
  if (id !== undefined && (await isThere(tx, row))) return undefined;
  return insert(tx, row);
}

async function isThere(tx: Connection, { table, values }: Row): Promise<boolean> {
  const found = await tx
    .selectFrom(table)
    .select(sql<number>`1`.as("one"))
    .where("id", "=", values.id)
    .executeTakeFirst();
  return found !== undefined;
}

/** Behind a savepoint: what a constraint of the table refuses must not cost the letter. */
async function insert(
  tx: Connection,
  { table, values }: Row,
): Promise<{ readonly error: unknown } | undefined> {
  const dialect = dialectOf(tx);
  const statement = tx.insertInto(table).values(values).compile();
  const [begin, undo, end] = ["savepoint", "rollback to savepoint", "release savepoint"].map(
    (words) => sql.raw(`${words} powersync_rejection`).compile(tx),
  ) as [Compiled, Compiled, Compiled];
  // All at once: to whoever watches the transaction, a failure that has been undone is none.
  return tx.getExecutor().provideConnection(async (connection) => {
    await connection.executeQuery(begin);
    let failure: { readonly error: unknown } | undefined;
    try {
      await connection.executeQuery(statement);
    } catch (error) {
      if (!ofThisRow(dialect.meaning(error))) throw error;
      failure = { error };
      await connection.executeQuery(undo);
    }
    await connection.executeQuery(end);
    return failure;
  });
}

type Compiled = ReturnType<ReturnType<typeof sql.raw>["compile"]>;

/** In capitals: it is the data that is refused. */
function ofThisRow(meaning: string | undefined): boolean {
  return meaning !== undefined && meaning === meaning.toUpperCase();
}

/** The columns that a table of rejections usually has. */
function usualRow(letter: DeadLetter): RejectionRow {
  const operation = operationOf(letter);
  return {
    id: letter.id,
    user_id: storable(letter.userId),
    client_id: storable(letter.clientId),
    error_code: storable(letter.errorCode),
    message: storable(letter.message),
    table_name: storable(operation.table),
    row_id: storable(operation.id),
    operation_index: letter.operationIndex ?? null,
    created_at: new Date().toISOString(),
  };
}

/** Of what could not be understood, whatever is there. */
function operationOf({ payload, operationIndex }: DeadLetter): {
  readonly table?: unknown;
  readonly id?: unknown;
} {
  if (typeof payload !== "object" || payload === null || operationIndex === undefined) return {};
  const { crud, batch } = payload as { readonly crud?: unknown; readonly batch?: unknown };
  const operations = crud ?? batch;
  const operation: unknown = Array.isArray(operations) ? operations[operationIndex] : undefined;
  if (typeof operation !== "object" || operation === null) return {};
  const { table, type, id } = operation as Record<string, unknown>;
  return { table: table ?? type, id };
}

/** Devices may send what no database stores. */
function storable(text: unknown): string | null {
  return typeof text === "string" ? text.replace(/[\0\p{Surrogate}]/gu, "\ufffd") : null;
}
