/** Compares the configuration with its database: whether it is ready, and what `check()` finds. */
import { counted, findingsOf } from "../check.js";
import { readClientSchema } from "../client-schema.js";
import type { Io } from "../io.js";
import type { Loaded } from "../load-config.js";
import { ok, type Verdict, warning, wrong } from "./verdict.js";

/** Rejects with a Problem if the database can't be queried at all. */
export async function* examineConfig(
  loaded: Loaded,
  schemaFile: string | undefined,
  io: Io,
): AsyncGenerator<Verdict> {
  const { writes, config, whose, file } = loaded;
  yield ok(file, counted(Object.keys(config.tables).length, "table"));
  const schema = schemaFile === undefined ? undefined : await readClientSchema(schemaFile, io);
  const ready = await writes.ready(whose.principal);
  if (ready.ready) yield ok("ready for uploads");
  else for (const problem of ready.problems) yield wrong("ready for uploads", problem);
  let findings: Awaited<ReturnType<typeof findingsOf>>;
  try {
    findings = await findingsOf(loaded, schema, io);
  } catch (error) {
    yield wrong("the rules", error instanceof Error ? error.message : String(error));
    return;
  }
  if (findings.length === 0) yield ok("the rules", "fit the database");
  for (const { severity, table, column, message } of findings) {
    const place = [table, column].filter((part) => part !== undefined && part !== "").join(".");
    const what = place === "" ? "the server" : `the rule ${place}`;
    yield severity === "error" ? wrong(what, message) : warning(what, message);
  }
}
