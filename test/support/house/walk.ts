/**
 * The walk of one PUT: which functions are entered, in which files, from the request to its answer.
 *
 * A call is one entry into a function of `src` or `adapters`, however small: functions, methods, accessors, constructors and arrow functions, those
 * handed to packages included. What is generated counts where it is TypeScript. A generator counts once.
 *
 * Every function reports its entry to a hook. The instrumented sources are bundled into a temporary folder and run on Express and SQLite
 * in this process. The PUT is one row of two columns, name and owner, in a batch of one transaction with the client's id.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import Database from "better-sqlite3";
import express from "express";
import { Kysely, SqliteDialect, sql } from "kysely";
import ts from "typescript";
import type { powersyncWrites } from "../../../adapters/express.js";
import { guardDatabase } from "../../../adapters/sqlite.js";
import type { createTables, createWrites } from "../../../src/index.js";
import type { TestSchema } from "../schema.js";
import { sqliteTables } from "../sqlite.js";
import { listen, upload, type WireTransaction } from "../uploads.js";
import { entriesOf } from "./bytes.js";
import { parse, roots } from "./tree.js";

export interface Walk {
  readonly calls: number;
  readonly files: number;
  /** Calls in another file than the call before; the first one comes from outside. */
  readonly moves: number;
  /** Moves into a file that had been left before. */
  readonly back: number;
  /** `file: function`, in order. */
  readonly path: readonly string[];
}

interface Bundle {
  readonly createTables: typeof createTables;
  readonly createWrites: typeof createWrites;
  readonly powersyncWrites: typeof powersyncWrites;
}

type Enter = (file: string, name: string) => void;

const hook = "__houseEnter";

/** @param guarded then the transaction is sent as a whole */
export async function walk({ guarded }: { readonly guarded: boolean }): Promise<Walk> {
  const calls: { readonly file: string; readonly name: string }[] = [];
  let recording = false;
  (globalThis as unknown as Record<typeof hook, Enter>)[hook] = (file, name) => {
    if (recording) calls.push({ file, name });
  };
  const folder = mkdtempSync(join(tmpdir(), "powersync-writes-walk-"));
  try {
    const { createTables, createWrites, powersyncWrites } = await instrumented(folder);
    const file = new Database(":memory:");
    const dialect = new SqliteDialect({ database: guarded ? guardDatabase(file) : file });
    const db = new Kysely<TestSchema>({ dialect });
    for (const statement of sqliteTables) await sql.raw(statement).execute(db);
    await createTables(db);
    const writes = createWrites({
      authenticate: () => ({ userId: "alice" }),
      database: db,
      tables: { lists: { owner: "owner_id" } },
    });
    const server = await listen(createServer(express().use(powersyncWrites(writes))));
    // What is read once and then remembered is no part of the walk: the table, and that the database is guarded.
    await accepted(server.url, 1);
    await accepted(server.url, 2);
    recording = true;
    await accepted(server.url, 3);
    recording = false;
    await server.close();
    await db.destroy();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return summed(calls);
}

async function accepted(url: string, opId: number): Promise<void> {
  const list = { table: "lists", id: crypto.randomUUID(), op_data: { name: "Groceries" } };
  const transaction: WireTransaction = {
    transaction_id: opId,
    crud: [{ op: "PUT", op_id: opId, ...list }],
  };
  const [result] = await upload(url, "walk", [transaction]);
  if (result?.status !== "success") throw new Error(`Answered ${JSON.stringify(result)}.`);
}

function summed(calls: readonly { readonly file: string; readonly name: string }[]): Walk {
  const seen = new Set<string>();
  let moves = 0;
  let back = 0;
  let last: string | undefined;
  for (const { file } of calls) {
    if (file !== last) {
      moves += 1;
      if (seen.has(file)) back += 1;
    }
    seen.add(file);
    last = file;
  }
  const path = calls.map(({ file, name }) => `${file}: ${name}`);
  return { calls: calls.length, files: seen.size, moves, back, path };
}

async function instrumented(folder: string): Promise<Bundle> {
  const outfile = join(folder, "writes.mjs");
  const { index, express: middleware } = entriesOf();
  await build({
    stdin: {
      contents: `export { createTables, createWrites } from "./${index}";
export { powersyncWrites } from "./${middleware}";`,
      resolveDir: process.cwd(),
      loader: "ts",
    },
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2023",
    plugins: [instrumenting],
  });
  return (await import(pathToFileURL(outfile).href)) as Bundle;
}

const instrumenting: Plugin = {
  name: "instrumenting",
  setup: ({ onLoad, onResolve }) => {
    // By their addresses, for the bundle lies where no package is found.
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" ? undefined : { path: import.meta.resolve(path), external: true },
    );
    onLoad({ filter: /\.ts$/ }, ({ path: absolute }) => {
      const path = relative(resolve("."), absolute).replaceAll("\\", "/");
      const text = readFileSync(absolute, "utf8");
      const ours = roots.some((root) => path.startsWith(`${root}/`));
      return { contents: ours ? instrument(path, text) : text, loader: "ts" };
    });
  },
};

/** The same program, whose functions call the hook first. */
function instrument(path: string, text: string): string {
  const insertions: { readonly at: number; readonly text: string }[] = [];
  const visit = (node: ts.Node): void => {
    node.forEachChild(visit);
    if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return;
    const call = `${hook}(${JSON.stringify(path)}, ${JSON.stringify(nameOf(node))})`;
    const { body } = node as { body: ts.Node };
    if (ts.isBlock(body)) {
      insertions.push({ at: body.getStart() + 1, text: `${call};` });
    } else {
      insertions.push({ at: body.getStart(), text: `(${call}, ` });
      insertions.push({ at: body.getEnd(), text: ")" });
    }
  };
  visit(parse(path, text));
  // From the end, so that what is inserted moves nothing that is still to come.
  return insertions
    .sort((a, b) => b.at - a.at)
    .reduce((so, { at, text }) => so.slice(0, at) + text + so.slice(at), text);
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  const named = ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent);
  return named ? parent.name.getText() : "(unnamed)";
}
