/** Where a command writes: output for stdout, notes and progress for stderr, in color where a person reads it. */
import { createInterface } from "node:readline/promises";
import { redacted } from "./describe-error.js";

export type Paint = (style: keyof typeof styles, text: string) => string;

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** Whether somebody can be asked. */
  readonly interactive: boolean;
  /** Never shown, whatever a text holds. */
  readonly secrets: Set<string>;
  /** To stdout, as it is. Resolves once there is room for more. */
  out(text: string): Promise<void>;
  /** A line to stderr, without secrets. */
  note(line: string): void;
  /** How far long work has come; `undefined` takes it away. */
  progress(text: string | undefined): void;
  /** For stdout. */
  readonly paint: Paint;
  /** For stderr. */
  readonly paintNote: Paint;
  /** Yes, and nothing else, is true. */
  confirm(question: string): Promise<boolean>;
  /** Called when the command has ended, the last one first. */
  whenDone(close: () => void | Promise<void>): void;
  /** Closes what the command has opened. Never rejects, and takes no longer than a few seconds. */
  close(): Promise<void>;
  /** While another program has the terminal, an interrupt is that program's. */
  readonly streams: Streams;
}

type Stream = Pick<NodeJS.WriteStream, "write" | "once" | "isTTY">;

interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: Stream;
  readonly stderr: Stream;
}

interface IoParts extends Streams, Pick<Io, "env" | "cwd" | "signal"> {}

const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Between two lines of progress where nobody looks at a terminal. */
const linesMs = 10_000;
/** For pools that wait for their last connection. */
const closeMs = 5_000;

export function createIo({ stdin, stdout, stderr, env, cwd, signal }: IoParts): Io {
  const secrets = new Set<string>();
  const closes: (() => void | Promise<void>)[] = [];
  let shown = false;
  let toldAt = performance.now();

  const clear = (): void => {
    if (shown) stderr.write("\r\u001b[2K");
    shown = false;
  };
  const note = (line: string): void => {
    clear();
    stderr.write(`${redacted(line, secrets)}\n`);
  };
  const progress = (text: string | undefined): void => {
    if (stderr.isTTY) {
      clear();
      if (text === undefined) return;
      stderr.write(redacted(text, secrets));
      shown = true;
    } else if (text !== undefined && performance.now() - toldAt >= linesMs) {
      toldAt = performance.now();
      note(text);
    }
  };
  const closeAll = async (): Promise<void> => {
    for (const close of closes.splice(0).toReversed()) {
      try {
        await close();
      } catch {
        // The command has ended, and its outcome stands.
      }
    }
  };

  return {
    env,
    cwd,
    signal,
    interactive: stdin.isTTY && stderr.isTTY,
    secrets,
    streams: { stdin, stdout, stderr },
    note,
    progress,
    out: async (text) => {
      clear();
      if (!stdout.write(text)) await new Promise<void>((resolve) => stdout.once("drain", resolve));
    },
    paint: paintFor(stdout, env),
    paintNote: paintFor(stderr, env),
    confirm: async (question) => {
      clear();
      const lines = createInterface({ input: stdin, output: process.stderr });
      try {
        const answer = await lines.question(`${question} [y/N] `, { signal });
        return /^y(?:es)?$/i.test(answer.trim());
      } finally {
        lines.close();
      }
    },
    whenDone: (close) => void closes.push(close),
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeMs);
      });
      await Promise.race([closeAll(), late]);
      clearTimeout(timer);
    },
  };
}

/** Color is for a terminal, unless `NO_COLOR` is set: https://no-color.org. `FORCE_COLOR` asks for it elsewhere. */
function paintFor(stream: Stream, env: Io["env"]): Paint {
  const { NO_COLOR = "", FORCE_COLOR = "0", TERM } = env;
  const colored = NO_COLOR === "" && (FORCE_COLOR !== "0" || (stream.isTTY && TERM !== "dumb"));
  return (style, text) => (colored ? `\u001b[${styles[style]}m${text}\u001b[0m` : text);
}
