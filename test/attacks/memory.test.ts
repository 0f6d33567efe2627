/** Bodies that take far more memory than they have bytes, against a server with a small heap: it lives, others are answered, and nothing is lost. */
import { gzipSync } from "node:zlib";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTables } from "../../src/index.js";
import { long } from "../support/long.js";
import { openSqlite, sqliteFile } from "../support/sqlite-files.js";
import { sqliteTables } from "../support/sqlite.js";
import { startUploadProcess, type UploadProcess } from "../support/upload-process.js";

const mebibyte = 1024 * 1024;
/** About as long as a body may be. */
const size = 15.9 * mebibyte;

/** The others take their time, and are for `npm run test:long`. */
const usual: readonly string[] = ["empty objects", "objects with a key each, all different"];

/** As the text of one operation's `op_data`. */
const repeated = (part: string, between = ","): string =>
  Array.from({ length: Math.floor(size / (part.length + between.length)) }, () => part).join(
    between,
  );
const numbered = (units: number, part: (name: string) => string): string =>
  Array.from({ length: Math.floor(size / units) }, (_, n) => part(n.toString(36))).join();

const shapes: Readonly<Record<string, () => string>> = {
  "empty objects": () => `{"a":[${repeated("{}")}]}`,
  "empty lists": () => `{"a":[${repeated("[]")}]}`,
  "lists inside each other": () =>
    `{"a":${"[".repeat(Math.floor(size / 2))}${"]".repeat(Math.floor(size / 2))}}`,
  "objects inside each other": () =>
    `{"a":${'{"a":'.repeat(Math.floor(size / 7))}1${"}".repeat(Math.floor(size / 7))}}`,
  "empty texts": () => `{"a":[${repeated('""')}]}`,
  "short texts, all different": () => `{"a":[${numbered(8, (name) => `"${name}"`)}]}`,
  ones: () => `{"a":[${repeated("1")}]}`,
  "fractions and texts by turns": () => `{"a":[${repeated('1.5,""')}]}`,
  "long texts": () => `{"a":[${repeated(`"${"x".repeat(mebibyte)}"`)}]}`,
  "numbers of many digits": () => `{"a":[${repeated("7".repeat(300))}]}`,
  "one number of all digits": () => `{"a":${"7".repeat(size)}}`,
  "integers that are read exactly": () => `{"a":[${repeated("9007199254740993")}]}`,
  "one key, again and again": () => `{${repeated('"a":9007199254740993')}}`,
  "keys, all different": () => `{${numbered(11, (name) => `"${name}":1`)}}`,
  "objects with a key each, all different": () =>
    `{"a":[${numbered(13, (name) => `{"${name}":1}`)}]}`,
  "objects with an index each": () => `{"a":[${repeated('{"1023":1}')}]}`,
  escapes: () => `{"a":[${repeated('"\\u0000"')}]}`,
};

const entry = (data: string) =>
  `{"op":"PUT","table":"lists","id":"${crypto.randomUUID()}","op_id":1,"op_data":${data}}`;
const batch = (...transactions: string[]) =>
  `{"client_id":"phone","transactions":[${transactions.map((crud) => `{"crud":[${crud}]}`).join()}]}`;

/** Each kind of upload that the same values can come in. */
const envelopes: readonly ((data: string) => string)[] = [
  (data) => batch(entry(data)),
  (data) => `{"client_id":"phone","crud":[${entry(data)}]}`,
  (data) => `{"nobody knows it":${data},"transactions":[{"crud":[]}]}`,
];

describe("a server with a heap of 512 MiB", () => {
  const { file, remove } = sqliteFile();
  let server: UploadProcess;
  beforeAll(async () => {
    const db = openSqlite(file, "better-sqlite3");
    for (const statement of sqliteTables) await sql.raw(statement).execute(db);
    await createTables(db);
    await db.destroy();
    server = await startUploadProcess(`sqlite:${file}`, 512);
  });
  afterAll(async () => {
    await server.kill();
    remove();
  });

  async function send(user: string, body: string | Uint8Array<ArrayBuffer>): Promise<Answer> {
    const response = await fetch(server.url, {
      method: "POST",
      headers: {
        authorization: `Bearer ${user}`,
        "content-type": "application/json",
        ...(typeof body !== "string" && { "content-encoding": "gzip" }),
      },
      body,
    });
    const { headers, status } = response;
    return { status, retryAfter: headers.get("retry-after"), body: await response.text() };
  }

  /** Who goes on sending what has been refused may find the connection ended before the answer has been read. */
  const attack = (user: string, body: Uint8Array<ArrayBuffer>): Promise<Answer | "ended"> =>
    send(user, body).catch(() => "ended");
  const isBounded = (answer: Answer | "ended"): boolean => {
    if (answer === "ended") return true;
    const { status, retryAfter, body } = answer;
    return (
      status === 413 ||
      ((status === 503 || status === 429) && retryAfter !== null) ||
      (status === 200 && /"fatal_error"|"success"/.test(body))
    );
  };

  it.each(Object.keys(shapes).filter((name) => long || usual.includes(name)))(
    "a hundred at once, from ten accounts: %s",
    async (name) => {
      const data = shapes[name]?.() ?? "";
      const bodies = envelopes.map((envelope) => gzipSync(envelope(data)));
      const attacks = Array.from({ length: 100 }, (_, index) =>
        attack(`attacker${index % 10}`, bodies[index % bodies.length] as Uint8Array<ArrayBuffer>),
      );
      const honest = Array.from({ length: 20 }, (_, index) =>
        send(`user${index}`, batch(entry(`{"name":"${name}"}`))),
      );
      for (const answer of await Promise.all(attacks)) expect(answer).toSatisfy(isBounded);
      for (const answer of await Promise.all(honest)) {
        expect(answer).toMatchObject({ status: 200, body: '{"results":[{"status":"success"}]}' });
      }
      // The same process answers the next.
      expect(await send("alice", batch(entry('{"name":"after"}')))).toMatchObject({ status: 200 });
    },
  );
});

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string;
}
