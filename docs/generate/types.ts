/** `docs/types.md`: what becomes of values, as every database really answers. */
import { type Kysely, sql } from "kysely";
import { anonymous, createWrites, type Principal, type Writes } from "../../src/index.js";
import { databases, type TestDialect } from "../../test/support/databases.js";
import type { TestSchema } from "../../test/support/schema.js";
import { banner, code, paragraphs, table } from "./markdown.js";
import { sdkValues } from "./sdk-values.js";
import { sections, type TypeSample, type TypeSection } from "./type-samples.js";

export async function typesPage(): Promise<string> {
  const parts: string[] = [];
  for (const section of sections)
    parts.push(`## ${section.title}`, section.intro, await run(section));
  return paragraphs(
    banner,
    "# Types",
    ...prose,
    "## What SDKs send",
    "The table shows what each database does with a value, by the column's type: it is stored, rounded to the column's declared precision, or refused as `INVALID_DATA`. With [`exact`](configuration.md#exact), a value that would be rounded is refused.",
    await sdkValues(),
    ...parts,
  );
}

const prose = [
  "A client's SQLite has only text, integers and reals; the source database has more types. The library converts every value to the real type of its column, which it reads from the database. A value is stored with the meaning that it was sent with, or the transaction is refused with `INVALID_DATA` and the operation's index. Nothing is cut or replaced, and digits are rounded only beyond the column's declared precision. The tables below come from a real run.",
  "- **Booleans** come as `0` and `1`, as JSON's `true` and `false`, or as text.\n" +
    "- **JSON** columns take a document as text, which is how a client's SQLite stores it, or as JSON itself. Text that is not JSON is refused: a JSON string needs its own quotes. SQL's NULL is `null`; JSON's null is the text `\"null\"`.\n" +
    "- **Text** columns store numbers as their digits, and objects and lists as JSON. Text with a NUL character or an unpaired surrogate is refused.\n" +
    "- **Arrays** (Postgres) come as a JSON array, as its text, or in Postgres' own form.\n" +
    "- **Binary** data is base64, with its padding. `binary(16)` takes a UUID, too.\n" +
    "- **Points in time** come with `T` or a space, and with or without a zone and a fraction. Without a zone, they are UTC. Columns without a zone hold UTC. Fractions beyond the column's precision are rounded as the database rounds them: [Digits](databases.md#digits). Numbers, such as seconds since 1970, are refused, because their unit is unknown.\n" +
    "- **Date** columns accept a timestamp only at midnight UTC, because another time of day would be lost.\n" +
    "- **Integers** keep all their digits, even beyond 2^53, if the library reads the body itself or the client sends text. If another body parser has already rounded them, the answer is retryable.\n" +
    "- **Decimal numbers** are rounded to the column's scale if it is above 0. If the scale is 0, only whole numbers are accepted. Floating-point columns store a fraction as the nearest number that they can hold, and accept an integer only if they can hold it exactly.\n" +
    "- **Intervals** (Postgres) come in ISO 8601, in Postgres' own form, or as the object into which `pg` parses one. A plain number is refused.\n" +
    "- **Generated columns** accept no value: `FORBIDDEN_COLUMN`.",
];

async function run(section: TypeSection): Promise<string> {
  const of = databases.filter(({ name }) => section.dialects.some((each) => name.startsWith(each)));
  const answers: (readonly (readonly string[])[])[] = [];
  for (const dialect of of) answers.push(await runOn(dialect, section));
  const [first = [], ...others] = answers;
  for (const [index, other] of others.entries()) {
    const difference = first.findIndex((row, at) => String(row) !== String(other[at]));
    if (difference >= 0) {
      throw new Error(
        `${of[0]?.name} and ${of[index + 1]?.name} differ: ${String(first[difference])}; ${String(other[difference])}`,
      );
    }
  }
  return table(["Column", "Sent", "Stored"], first);
}

async function runOn(
  dialect: TestDialect,
  section: TypeSection,
): Promise<readonly (readonly string[])[]> {
  if (!(await dialect.available())) {
    throw new Error(`${dialect.name} does not answer, and docs/types.md is made from a real run.`);
  }
  const database = await dialect.open();
  try {
    const { db } = database;
    await create(db, section);
    const writes = createWrites<Principal, TestSchema>({
      authenticate: anonymous(),
      database: db,
      tables: { samples: { access: "everyone" } },
      logger: false,
    });
    const rows: (readonly string[])[] = [];
    for (const [index, sample] of section.samples.entries()) {
      for (const [at, sent] of sample.sent.entries()) {
        const type = at === 0 ? code(sample.type) : "";
        const stored = await answerTo(writes, db, section, sample, `c${index}`, sent);
        rows.push([type, code(sent), stored]);
      }
    }
    return rows;
  } finally {
    await database.close();
  }
}

async function create(db: Kysely<TestSchema>, { before, samples }: TypeSection): Promise<void> {
  for (const statement of before) await sql.raw(statement).execute(db);
  const columns = samples.map(({ type }, index) => `c${index} ${type}`);
  await sql
    .raw(`create table samples (id varchar(40) primary key, ${columns.join(", ")})`)
    .execute(db);
}

async function answerTo(
  writes: Writes<Principal>,
  db: Kysely<TestSchema>,
  section: TypeSection,
  { show = section.show }: TypeSample,
  column: string,
  sent: string,
): Promise<string> {
  const id = crypto.randomUUID();
  const response = await writes.handle({
    method: "POST",
    url: "/api/data",
    headers: new Headers({ "content-type": "application/json" }),
    body: async () =>
      `{"crud":[{"op":"PUT","table":"samples","id":"${id}","op_data":{"${column}":${sent}}}]}`,
    signal: new AbortController().signal,
  });
  const answer = JSON.parse(response.body) as {
    readonly status: string;
    readonly failed_operation?: { readonly error_code: string };
  };
  if (answer.failed_operation !== undefined)
    return `refused: ${answer.failed_operation.error_code}`;
  if (answer.status !== "success") throw new Error(`${column} ${sent}: ${response.body}`);
  const { rows } = await sql
    .raw<{ text: string | null }>(`select ${show(column)} as text from samples where id = '${id}'`)
    .execute(db);
  const text = rows[0]?.text;
  return text === null || text === "NULL" ? "NULL" : code(String(text));
}
