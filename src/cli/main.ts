#!/usr/bin/env node
/** `npx powersync-writes`: the process. */
import { Console } from "node:console";
import { createIo } from "./io.js";
import { run } from "./run.js";

const { argv, env, stdin, stdout, stderr } = process;

// Modules of the application may print to the console. Their text must not mix with output that a program reads.
globalThis.console = new Console(stderr, stderr);
// The reader may close the pipe early, as `… | head` does.
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
// Keeps the process alive, because Node ends it if a command waits only for something that does not keep it alive.
const holding = setInterval(() => undefined, 60_000);
const code = await run(argv.slice(2), io);
clearInterval(holding);
// Ends the process explicitly, because the configuration may have started a timer or a server.
await Promise.all([stdout, stderr].map((stream) => new Promise((done) => stream.write("", done))));
process.exit(code);
