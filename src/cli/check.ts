/** `powersync-writes check`: compares the rules with the database and the client's schema, for people and for CI. */
import type { ClientSchema } from "../check/client-schema.js";
import type { Mismatch } from "../check/mismatch.js";
import { type Help, readArguments, type ExitCode, Problem } from "./command.js";
import { describeDatabaseError } from "./database-url.js";
import { counted, describeError, type Io, oneLine } from "./io.js";
import { configOptions, type Loaded, loadConfig } from "./load-config.js";
import { readClientSchema } from "./load-module.js";

const options = {
  ...configOptions,
  schema: {
    type: "string",
    short: "s",
    value: "FILE",
    about: "the PowerSync client schema to compare with: a module that exports it, or its JSON",
  },
  strict: { type: "boolean", about: "exit with 1 for warnings as well" },
  json: { type: "boolean", about: "write the findings as JSON" },
} as const;

const help: Help<typeof options> = {
  usage: ["check [--config FILE] [--schema FILE] [--strict] [--json]"],
  about:
    "Compares the rules with the database's tables and, with --schema, with the client's. Writes nothing.\nWith --principal, the rules' scopes are tried for that caller as well.\nExit codes: 0 no errors, 1 there are errors (with --strict: or warnings), 2 the comparison was not possible.",
  options,
  examples: ["npx powersync-writes check --schema ../app/src/AppSchema.ts --strict"],
};

export async function check(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io);
  if (given === undefined) return 0;
  const { values } = given;
  const loaded = await loadConfig(values, io);
  const schema =
    values.schema === undefined ? undefined : await readClientSchema(values.schema, io);
  io.progress("Comparing the rules with the database …");
  const findings = await findingsOf(loaded, schema, io);
  io.progress(undefined);
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const warnings = findings.length - errors;
  if (values.json === true) {
    const shown = findings.map(({ cause, ...finding }) => ({
      ...finding,
      ...(cause !== undefined && { cause: describeError(cause, io) }),
    }));
    await io.out(`${JSON.stringify({ errors, warnings, findings: shown }, null, 2)}\n`);
  } else {
    for (const finding of findings) await io.out(`${findingLine(finding, io)}\n`);
    const total =
      findings.length === 0
        ? io.paint("green", "The rules fit the database.")
        : `${counted(errors, "error")}, ${counted(warnings, "warning")}.`;
    await io.out(`${total}\n`);
  }
  return errors > 0 || (values.strict === true && warnings > 0) ? 1 : 0;
}

/** @throws Problem if the database can't be queried */
export async function findingsOf(
  { writes, whose }: Loaded,
  schema: ClientSchema | undefined,
  io: Io,
): Promise<readonly Mismatch[]> {
  try {
    return await writes.check(schema, whose);
  } catch (error) {
    if (error instanceof TypeError) throw new Problem(error.message);
    throw new Problem(`The database can't be queried: ${describeDatabaseError(error, io)}`);
  }
}

export function findingLine(
  { severity, code, table, column, message }: Mismatch,
  { paint }: Pick<Io, "paint">,
): string {
  const style = severity === "error" ? "red" : "yellow";
  const place = [table, column].filter((part) => part !== undefined && part !== "").join(".");
  return `${paint(style, severity)}  ${place === "" ? "" : `${paint("bold", place)}  `}${oneLine(message)} ${paint("dim", `[${code}]`)}`;
}
