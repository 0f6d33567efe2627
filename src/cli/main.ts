#!/usr/bin/env node
/** `npx powersync-writes`: the process. */
import { Console } from "node:console";
import { createIo } from "./io.js";
import { run } from "./run.js";

const { argv, env, stdin, stdout, stderr } = process;

// What the application's own modules print must not get into output that a program reads.
globalThis.console = new Console(stderr, stderr);
// `… | head` has read enough.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const interrupted = new AbortController();
process.on("SIGINT", () => {
  if (interrupted.signal.aborted) process.exit(130);
  interrupted.abort();
});

const io = createIo({ stdin, stdout, stderr, env, cwd: process.cwd(), signal: interrupted.signal });
// What a command waits for need not hold the process, and Node would end it in the middle.
const holding = setInterval(() => undefined, 60_000);
const code = await run(argv.slice(2), io);
clearInterval(holding);
// A configuration may have opened more than the command knows of, such as a timer or a server: the process ends all the same.
await Promise.all([stdout, stderr].map((stream) => new Promise((done) => stream.write("", done))));
process.exit(code);
