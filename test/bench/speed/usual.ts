/**
 * The usual pattern: Express, `express.json()`, the token verified, one database transaction for each of the queue's, one awaited statement an
 * operation. Nothing else is checked, and nothing is recorded: what is sent twice is applied twice. With a ledger, one more awaited statement enters each
 * transaction in the library's table, and a copy is not applied again.
 */
import { createHash } from "node:crypto";
import type { PGlite } from "@electric-sql/pglite";
import Sqlite from "better-sqlite3";
import express from "express";
import { jwtVerify } from "jose";
import mysql from "mysql2/promise";
import pg from "pg";
import {
  type BenchDatabase,
  type Entry,
  type Listening,
  listening,
  secret,
  type Transaction,
} from "./serving.js";

/** Runs statements in one database transaction. */
type InTransaction = (work: (run: Run) => Promise<void>) => Promise<void>;
/** @returns the number of rows that were written */
type Run = (text: string, values: readonly unknown[]) => Promise<number>;
type Words = "postgres" | "mysql" | "sqlite";

export async function serveUsual(
  on: BenchDatabase,
  { ledger }: { readonly ledger: boolean },
): Promise<Listening> {
  const { words, inTransaction } = open(on);
  const app = express();
  app.use(express.json({ limit: "32mb" }));
  app.post("/api/data", async (request, response) => {
    await jwtVerify(request.headers.authorization?.slice("Bearer ".length) ?? "", secret);
    const { transactions } = request.body as { transactions: readonly Transaction[] };
    const results: object[] = [];
    for (const { crud } of transactions) {
      await inTransaction(async (run) => {
        if (ledger && (await run(...entering(crud, words))) === 0) return;
        for (const entry of crud) await run(...statementOf(entry, words));
      });
      results.push({ status: "success" });
    }
    response.json({ results });
  });
  return listening(app);
}

function open({ url, pglite }: BenchDatabase): { words: Words; inTransaction: InTransaction } {
  if (pglite !== undefined) return { words: "postgres", inTransaction: onPglite(pglite) };
  if (url.startsWith("postgres")) return { words: "postgres", inTransaction: onPostgres(url) };
  if (url.startsWith("mysql")) return { words: "mysql", inTransaction: onMysql(url) };
  return { words: "sqlite", inTransaction: onSqlite(url) };
}

function onPostgres(url: string): InTransaction {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  return async (work) => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      await work(async (text, values) => (await client.query(text, [...values])).rowCount ?? 0);
      await client.query("commit");
    } catch (error) {
      await client.query("rollback");
      throw error;
    } finally {
      client.release();
    }
  };
}

function onMysql(url: string): InTransaction {
  const pool = mysql.createPool({ uri: url, connectionLimit: 10, timezone: "Z" });
  return async (work) => {
    const connection = await pool.getConnection();
    try {
      await connection.beginTransaction();
      await work(async (text, values) => {
        const [written] = await connection.query(text, [...values] as never);
        return (written as mysql.ResultSetHeader).affectedRows;
      });
      await connection.commit();
    } catch (error) {
      await connection.rollback();
      throw error;
    } finally {
      connection.release();
    }
  };
}

function onSqlite(url: string): InTransaction {
  const database = new Sqlite(url.slice("sqlite:".length));
  database.pragma("journal_mode = wal");
  database.pragma("foreign_keys = on");
  return async (work) => {
    database.exec("begin immediate");
    try {
      await work(async (text, values) => Number(database.prepare(text).run([...values]).changes));
      database.exec("commit");
    } catch (error) {
      database.exec("rollback");
      throw error;
    }
  };
}

function onPglite(database: PGlite): InTransaction {
  return async (work) => {
    await database.transaction((tx) =>
      work(async (text, values) => (await tx.query(text, [...values])).affectedRows ?? 0),
    );
  };
}

export function statementOf(
  { op, table, id, op_data: data = {} }: Entry,
  words: Words,
): [text: string, values: readonly unknown[]] {
  const name = (text: string) => (words === "mysql" ? `\`${text}\`` : `"${text}"`);
  let places = 0;
  const place = () => (words === "postgres" ? `$${(places += 1)}` : "?");
  const columns = Object.keys(data);
  const values = Object.entries(data).map(([column, value]) => valueOf(column, value, words));
  if (op === "DELETE") return [`delete from ${name(table)} where id = ${place()}`, [id]];
  if (op === "PATCH") {
    const set = columns.map((column) => `${name(column)} = ${place()}`).join(", ");
    return [`update ${name(table)} set ${set} where id = ${place()}`, [...values, id]];
  }
  const names = ["id", ...columns].map(name).join(", ");
  const row = ["id", ...columns].map(place).join(", ");
  const upsert =
    words === "mysql"
      ? `on duplicate key update ${columns.map((column) => `${name(column)} = values(${name(column)})`).join(", ")}`
      : `on conflict (id) do update set ${columns.map((column) => `${name(column)} = excluded.${name(column)}`).join(", ")}`;
  return [`insert into ${name(table)} (${names}) values (${row}) ${upsert}`, [id, ...values]];
}

const queue = createHash("sha256").update("bench").digest("hex");

export function entering(
  crud: readonly Entry[],
  words: Words,
): [text: string, values: readonly unknown[]] {
  const identity = createHash("sha256").update(JSON.stringify(crud)).digest("hex");
  const request = crypto.randomUUID();
  const columns = "identity, queue, request, first_request";
  const places = words === "postgres" ? "$1, $2, $3, $4" : "?, ?, ?, ?";
  const text =
    words === "mysql"
      ? `insert ignore into powersync_ledger (${columns}) values (${places})`
      : `insert into powersync_ledger (${columns}) values (${places}) on conflict (identity) do nothing`;
  return [text, [identity, queue, request, request]];
}

function valueOf(column: string, value: unknown, words: Words): unknown {
  if (column === "created_at" && words === "mysql") return new Date(value as string);
  if (column === "completed" && words === "postgres") return value === 1;
  return value;
}
