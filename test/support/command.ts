/** The command in the tests' own process, for what loads nothing of an application's. */
import { PassThrough } from "node:stream";
import { createIo } from "../../src/cli/io.js";
import { run } from "../../src/cli/run.js";

interface Options {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** @returns the exit code, and what went to stdout and stderr in one text */
export async function runHere(
  args: readonly string[],
  { cwd, env = {} }: Options,
): Promise<{ code: number; text: string }> {
  const output = new PassThrough().setEncoding("utf8");
  const stream = output as unknown as NodeJS.WriteStream;
  const { signal } = new AbortController();
  const io = createIo({ stdin: process.stdin, stdout: stream, stderr: stream, env, cwd, signal });
  const code = await run(args, io);
  return { code, text: String(output.read() ?? "") };
}
