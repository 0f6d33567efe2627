/** `letters edit`: opens the payload as JSON in the user's editor, and stores the result. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VersionedLetter } from "../../dead-letters/types.js";
import { parseJson } from "../../wire/parse-json.js";
import { canonicalJson } from "../../wire/serialize.js";
import { type Help, readArguments, type ExitCode, Problem, UsageProblem } from "../command.js";
import { oneLine, type Io } from "../io.js";
import { absolute } from "../load-module.js";
import { configOptions, type Loaded, loadConfig } from "../load-config.js";
import { prettyJson } from "./text.js";
import type { Principal } from "../../context.js";
import type { WritesConfig } from "../../config/config.js";

const options = {
  file: {
    type: "string",
    value: "FILE",
    about: "read the new payload from this file instead of opening an editor; - is stdin",
  },
  ...configOptions,
} as const;

const help: Help<typeof options> = {
  usage: ["letters edit ID", "letters edit ID --file FILE"],
  about:
    "Opens the letter's payload in $VISUAL or $EDITOR, and stores the saved text. It does not apply the letter: retry it afterwards.\nExit codes: 0 it was stored, or nothing was changed; 1 it was not stored.",
  options,
  examples: ['EDITOR="code --wait" npx powersync-writes letters edit 0197…'],
};

export async function edit(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io, 1);
  if (given === undefined) return 0;
  const [id] = given.positionals;
  if (id === undefined)
    throw new UsageProblem("Name a letter: npx powersync-writes letters edit ID.");
  const loaded = await loadConfig(given.values, io);
  const letter = await loaded.writes.deadLetters.get(id, loaded.whose);
  if (letter === undefined) {
    io.note(`There is no letter ${oneLine(id)}.`);
    return 1;
  }
  if (letter.status !== "open" && letter.status !== "stale") {
    io.note(`The letter has already been ${letter.status}, so it can't be edited.`);
    return 1;
  }
  const { file } = given.values;
  if (file === undefined) return editByHand(letter, loaded, io);
  const payload = payloadIn(await textOf(file, io));
  if ("wrong" in payload) throw new Problem(`${file} ${payload.wrong}`);
  return (await stored(letter, payload.value, loaded, io)) === "stored" ? 0 : 1;
}

async function textOf(file: string, io: Io): Promise<string> {
  if (file !== "-") {
    return readFile(absolute(file, io.cwd), "utf8").catch(() => {
      throw new Problem(`The file ${file} can't be read.`);
    });
  }
  let text = "";
  for await (const part of io.streams.stdin.setEncoding("utf8")) text += String(part);
  return text;
}

/** Edits until the payload is stored or the user gives up. If it is not stored, the file is kept, so that the user's text is not lost. */
async function editByHand(letter: VersionedLetter, loaded: Loaded, io: Io): Promise<ExitCode> {
  const editor = io.env["VISUAL"] ?? io.env["EDITOR"];
  if (editor === undefined || editor.trim() === "") {
    throw new Problem("Set $VISUAL or $EDITOR to an editor, or give the payload with --file FILE.");
  }
  // Readable only by this user, because the payload contains personal data.
  const folder = await mkdtemp(join(tmpdir(), "powersync-writes-"));
  const file = join(folder, `${letter.id}.jsonc`);
  await writeFile(file, textFor(letter, loaded), { mode: 0o600 });
  for (;;) {
    await runEditor(editor, file);
    const payload = payloadIn(await readFile(file, "utf8"));
    const outcome =
      "wrong" in payload
        ? oneLine(`The text ${payload.wrong}`)
        : await stored(letter, payload.value, loaded, io);
    if (outcome === "stored" || outcome === "unchanged") {
      await rm(folder, { recursive: true });
      return 0;
    }
    if (outcome !== "refused") io.note(outcome);
    if (!io.interactive || !(await io.confirm("Edit it again?"))) {
      io.note(`What you wrote is in ${file}.`);
      return 1;
    }
  }
}

/** `refused`: the reason has been printed. */
async function stored(
  letter: VersionedLetter,
  payload: unknown,
  { writes, whose }: Loaded,
  io: Io,
): Promise<"stored" | "unchanged" | "refused"> {
  if (canonicalJson(payload) === canonicalJson(letter.payload)) {
    io.note("Nothing was changed.");
    return "unchanged";
  }
  const { id, version } = letter;
  const result = await writes.deadLetters.edit(id, payload, { ...whose, version });
  switch (result.status) {
    case "edited":
      await io.out(`Stored. To apply it, run \`npx powersync-writes letters retry ${id}\`.\n`);
      return "stored";
    case "invalid":
      io.note(`The payload was not stored: ${oneLine(result.message)}`);
      return "refused";
    case "changed":
      io.note(
        "Someone else has edited the letter in the meantime. Start again from its current payload.",
      );
      return "refused";
    case "not_open":
      io.note(`The letter has been ${result.is} in the meantime.`);
      return "refused";
    case "not_found":
      io.note("The letter no longer exists.");
      return "refused";
  }
}

function textFor(letter: VersionedLetter, { config }: Loaded): string {
  const lines = [
    `${letter.errorCode}: ${letter.message}`,
    ...(letter.operationIndex === undefined
      ? []
      : [`Failed operation: ${letter.operationIndex}, counted from 0.`]),
    "The JSON below, as you save it, replaces the letter's payload. Leading lines that begin with // are ignored.",
    ...columnHelp(letter.tables, config),
  ];
  return `${lines.map((line) => `// ${oneLine(line)}\n`).join("")}${prettyJson(letter.payload)}\n`;
}

/** Reads the payload without the comment lines. Integers keep all their digits. */
function payloadIn(text: string): { readonly value: unknown } | { readonly wrong: string } {
  const json = text.replace(/^﻿?(?:\s*\/\/[^\n]*(?:\n|$))*/, "");
  if (json.trim() === "") return { wrong: "is empty." };
  try {
    return { value: parseJson(json) };
  } catch (error) {
    return { wrong: `is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Runs the editor. As with git, the variable may contain arguments. */
async function runEditor(editor: string, file: string): Promise<void> {
  const windows = process.platform === "win32";
  const child = windows
    ? spawn(`${editor} "${file}"`, { shell: true, stdio: "inherit" })
    : spawn("sh", ["-c", `${editor} "$@"`, "sh", file], { stdio: "inherit" });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
  if (code !== 0)
    throw new Problem(
      `The editor ended with an error (exit code ${code ?? "unknown: it was killed"}).`,
    );
}

export function columnHelp(
  tables: readonly string[],
  config: Pick<WritesConfig<Principal, unknown>, "tables">,
): readonly string[] {
  return tables.map((name) => {
    const rule = Object.hasOwn(config.tables, name) ? config.tables[name] : undefined;
    if (rule === undefined)
      return `${name}: there is no rule for this table, so clients can't write it.`;
    const { columns, operations } = rule;
    const names = Array.isArray(columns)
      ? (columns as readonly string[])
      : columns === undefined
        ? undefined
        : Object.keys(columns);
    const set = [...Object.keys(rule.set ?? {}), ...Object.keys(rule.setOnInsert ?? {})];
    return [
      `${name}: ${names === undefined ? "every column of the table" : names.join(", ")}`,
      ...(set.length === 0 ? [] : [`set by the server: ${set.join(", ")}`]),
      ...(operations === undefined ? [] : [`operations: ${operations.join(", ")}`]),
    ].join("; ");
  });
}
