/**
 * A write endpoint as one is written in an afternoon, with the usual mistakes. It is here to be found out: nobody should copy from it.
 *
 *     SECRET=… AUDIT_SQL=… node careless.mjs [--replace]
 */
import { createServer } from "node:http";
import Database from "better-sqlite3";

const replaces = process.argv.includes("--replace");
const db = new Database(":memory:");
db.exec(process.env["AUDIT_SQL"]);

/** Mistake: the token is read, and not verified. */
function callerOf(request) {
  const [, payload] = request.headers.authorization.split(".");
  return JSON.parse(Buffer.from(payload, "base64url").toString()).sub;
}

/** Mistakes: names from the request become part of the statement, and nobody asks whose the row is. */
function apply({ op, table, id, op_data = {} }, caller) {
  const names = Object.keys(op_data);
  const values = Object.values(op_data);
  if (op === "DELETE") {
    db.prepare(`delete from ${table} where id = ?`).run(id);
  } else if (op === "PATCH") {
    const sets = names.map((name) => `${name} = ?`).join(", ");
    // Mistake: no columns make a statement that can't be understood.
    db.prepare(`update ${table} set ${sets} where id = ?`).run(...values, id);
  } else {
    const columns = ["id", "owner_id", ...names].join(", ");
    const places = ["id", "owner_id", ...names].map(() => "?").join(", ");
    const sets = [...names, "owner_id"].map((name) => `${name} = excluded.${name}`).join(", ");
    // Mistake, of some: whatever has one of the new row's unique values is deleted.
    const statement = replaces
      ? `insert or replace into ${table} (${columns}) values (${places})`
      : `insert into ${table} (${columns}) values (${places}) on conflict (id) do update set ${sets}`;
    db.prepare(statement).run(id, caller, ...values);
  }
}

const server = createServer((request, response) => {
  const chunks = [];
  let size = 0;
  request.on("data", (chunk) => {
    size += chunk.length;
    chunks.push(chunk);
  });
  request.on("end", () => {
    const say = (status, body) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    try {
      // Mistake: a device that has been offline is never let in again.
      if (size > 100_000) return say(413, { message: "Too large." });
      // Mistakes: any content type, bytes that are not UTF-8, and integers as doubles.
      const { transactions } = JSON.parse(Buffer.concat(chunks).toString());
      const caller = callerOf(request);
      const results = [];
      for (const { crud } of transactions) {
        try {
          // Mistakes: no database transaction, no ledger.
          for (const entry of crud) apply(entry, caller);
          results.push({ status: "success" });
        } catch (error) {
          // Mistakes: the driver's text, nobody knows which operation it was, and what can't succeed is to be sent for ever.
          results.push({ status: "retryable_error", message: error.message });
        }
      }
      return say(200, { results });
    } catch (error) {
      return say(500, { message: error.message, stack: error.stack });
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
