/** `docs/shapes.md`: which statements each shape of table gets, as they are really sent. */
import { type Kysely, sql } from "kysely";
import { createWrites, rls } from "../../src/index.js";
import { databases } from "../../test/support/databases.js";
import { supabaseOnPostgres } from "../../test/support/supabase.js";
import { banner, paragraphs, table } from "./markdown.js";
import { families, type FamilyName, type ShapeSample, shapes } from "./shape-samples.js";

type Schema = Record<string, Record<string, unknown>>;
type Caller = { userId: string };

const alice = "aaaaaaaa-0000-4000-8000-000000000001";

export async function shapesPage(): Promise<string> {
  const parts: string[] = [];
  for (const family of families) {
    const head = ["Table", "PUT of a new row", "PUT of an existing row", "PATCH", "DELETE"];
    parts.push(`## ${family}`, table(head, await runOn(family)));
  }
  return paragraphs(banner, "# Shapes of tables", ...prose, ...parts);
}

const prose = [
  "The library reads from the catalog what kind of table it writes to, and what the role may do with it. It chooses its statements accordingly; [Databases](databases.md#shapes-of-tables) says why. The tables show the statements that one operation sends under a rule with `owner`, from a real run. They use these words:\n\n- _one round trip_: the whole transaction is sent at once ([In one round trip](databases.md#in-one-round-trip)).\n- _look_: a SELECT that finds the row and judges it, before or after the write.\n- _lock_: an advisory lock, which makes PUTs of one row wait for each other.\n- _upsert_: `INSERT … ON CONFLICT DO UPDATE`.",
  "If the answer is not plain success, the code follows the statements. `row_declined` and `row_missing` are events of a success. After a table has declined once, its rows are looked for first; the tables show that case.",
];

async function runOn(family: FamilyName): Promise<readonly (readonly string[])[]> {
  const rows: (readonly string[])[] = [];
  for (const shape of shapes) {
    const made = shape.made[family];
    if (made !== undefined) rows.push([shape.title, ...(await runShape(family, shape, made))]);
  }
  return rows;
}

interface Opened {
  readonly admin: Kysely<Schema>;
  readonly database: Kysely<Schema>;
  readonly role?: string;
  close(): Promise<void>;
}

type Log = (event: { readonly query: { readonly sql: string } }) => void;

async function open(family: FamilyName, secured: boolean, log: Log): Promise<Opened> {
  if (secured && (await supabaseOnPostgres.available())) {
    const { admin, connect, roles, close } = await supabaseOnPostgres.open();
    return {
      admin: admin as unknown as Kysely<Schema>,
      database: connect({ log }) as unknown as Kysely<Schema>,
      role: roles.authenticated,
      close,
    };
  }
  const dialect = databases.find(({ name }) => name.startsWith(family));
  if (dialect === undefined || !(await dialect.available()))
    throw new Error(`${family} does not answer, and docs/shapes.md is made from a real run.`);
  const { db, close } = await dialect.open({ log });
  const database = db as unknown as Kysely<Schema>;
  return { admin: database, database, close };
}

/** A cell for each operation. */
async function runShape(
  family: FamilyName,
  { view, secured }: ShapeSample,
  made: readonly string[],
): Promise<readonly string[]> {
  let sent: string[] = [];
  const { admin, database, role, close } = await open(family, secured === true, ({ query }) => {
    const word = wordOf(query.sql);
    if (word !== undefined) sent.push(word);
  });
  let heard: string[] = [];
  const writes = createWrites<Caller, Schema>({
    authenticate: () => ({ userId: alice }),
    database,
    tables: { items: { owner: "owner_id", ...(view && { table: "live" }) } },
    ...(role !== undefined && { rls: rls<Caller>({ role }) }),
    ledger: false,
    logger: false,
    onEvent: ({ type }) => void heard.push(type),
  });
  const cell = async (op: string, id: string) => {
    sent = [];
    heard = [];
    const op_data = { body: `new ${id}` };
    const crud = [{ op, table: "items", id, ...(op !== "DELETE" && { op_data }) }];
    const result = await writes.processTransaction({ crud }, { principal: { userId: alice } });
    const said =
      result.status === "fatal_error"
        ? [result.failedOperation.errorCode]
        : heard.filter((type) => type.startsWith("row_"));
    if (result.status === "retryable_error") throw new Error(`${family}: ${op} is retryable.`);
    // A flight is none of Kysely's queries, which are what is logged.
    const statements = sent.length === 0 ? "one round trip" : sent.join(", ");
    return [statements, ...said.map((each) => `\`${each}\``)].join(": ");
  };
  try {
    for (const statement of made)
      await sql.raw(statement.replaceAll("$role", `"${role ?? ""}"`)).execute(admin);
    const rows = ["a", "b", "c", "d", "e", "f"].map((id) => ({
      id,
      owner_id: alice,
      body: "old",
    }));
    await admin.insertInto("items").values(rows).execute();
    const cells: string[] = [];
    // The first of each may teach something, and reads the catalog.
    for (const [op, first, second] of [
      ["PUT", "x", "y"],
      ["PUT", "a", "b"],
      ["PATCH", "c", "d"],
      ["DELETE", "e", "f"],
    ] as const) {
      await cell(op, first);
      cells.push(await cell(op, second));
    }
    return cells;
  } finally {
    await close();
  }
}

/** Of a statement on the table; `undefined` for any other. */
function wordOf(text: string): string | undefined {
  if (text.includes("pg_advisory_xact_lock")) return "lock";
  const [verb, into, from] = [
    /^\s*(insert|update|delete|select)\b/i.exec(text)?.[1]?.toLowerCase(),
    /^\s*(?:insert into|update|delete from)\s+["`](?:items|live)["`]/i.test(text),
    /^\s*select .* from ["`](?:items|live)["`]/is.test(text),
  ];
  if (verb === "select") return from ? "look" : undefined;
  if (!into) return undefined;
  return verb === "insert" && /on conflict/i.test(text) ? "upsert" : verb;
}
