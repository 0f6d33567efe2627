/** `letters export`. */
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { type Help, readArguments, type ExitCode, Problem } from "../command.js";
import { counted, describeError, type Io } from "../io.js";
import { absolute } from "../load-module.js";
import { configOptions, loadConfig } from "../load-config.js";
import { filterOf, filterOptions } from "./filter.js";

const options = {
  ...filterOptions,
  output: {
    type: "string",
    short: "o",
    value: "FILE",
    about: "write to this file, which must not exist yet (default: stdout)",
  },
  ...configOptions,
} as const;

const help: Help<typeof options> = {
  usage: ["letters export [filters] [--output FILE]"],
  about:
    "Writes whole letters, oldest first, one JSON object per line. Without --status, writes letters of every status.\nLetters contain users' data. Only its owner can read the file.",
  options,
  examples: ["npx powersync-writes letters export --status open,stale --output letters.jsonl"],
};

export async function exportLetters(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io);
  if (given === undefined) return 0;
  const { values } = given;
  const filter = filterOf(values);
  const { writes, whose } = await loadConfig(values, io);
  const lines = writes.deadLetters.export(filter, whose);
  const { output } = values;
  const file = output === undefined ? undefined : fileFor(absolute(output, io.cwd));
  let count = 0;
  for await (const line of lines) {
    if (io.signal.aborted) return 1;
    await (file === undefined ? io.out(line) : file.write(line));
    count += 1;
    if (count % 100 === 0) io.progress(`${count} letters …`);
  }
  io.progress(undefined);
  if (file !== undefined) {
    await file.end();
    io.note(`${counted(count, "letter")} exported to ${output ?? ""}.`);
  }
  return 0;
}

function fileFor(path: string) {
  const stream = createWriteStream(path, { flags: "wx", mode: 0o600 });
  const failure = new Promise<never>((_resolve, reject) => {
    stream.on("error", (error) => {
      const { code } = error as NodeJS.ErrnoException;
      const why =
        code === "EEXIST" ? "it already exists" : describeError(error, { secrets: new Set() });
      reject(new Problem(`The file can't be written: ${why}.`));
    });
  });
  failure.catch(() => undefined);
  return {
    write: (line: string): Promise<void> => {
      if (stream.write(line)) return Promise.race([Promise.resolve(), failure]);
      return Promise.race([new Promise<void>((done) => stream.once("drain", done)), failure]);
    },
    end: async (): Promise<void> => {
      stream.end();
      await Promise.race([finished(stream), failure]);
    },
  };
}
