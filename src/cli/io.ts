/** A command's input and output: results go to stdout, notes and progress to stderr. Control characters and passwords are removed from text. */
import { createInterface } from "node:readline/promises";

export type Paint = (style: keyof typeof styles, text: string) => string;

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted when the user interrupts the command. */
  readonly signal: AbortSignal;
  /** Whether a terminal is attached, so that the user can answer questions. */
  readonly interactive: boolean;
  /** Texts that are removed from all output, such as passwords. */
  readonly secrets: Set<string>;
  /** Writes to stdout, unchanged. Resolves when there is room for more. */
  out(text: string): Promise<void>;
  /** Writes a line to stderr, without secrets. */
  note(line: string): void;
  /** Shows the progress of long work. `undefined` removes it. */
  progress(text: string | undefined): void;
  /** Colors for stdout. */
  readonly paint: Paint;
  /** Colors for stderr. */
  readonly paintNote: Paint;
  /** Asks the user. Resolves to true only for a clear yes. */
  confirm(question: string): Promise<boolean>;
  /** Registers a function to call when the command has ended. The last one that was registered is called first. */
  whenDone(close: () => void | Promise<void>): void;
  /** Closes everything that the command has opened. Never rejects, and takes at most a few seconds. */
  close(): Promise<void>;
  /** The process's own streams, to read a payload from stdin. */
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

/** The time between two lines of progress if stderr is not a terminal. */
const linesMs = 10_000;
/** The time limit for closing, because some pools wait for their last connection. */
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
        // The command has ended, so a failure to close does not matter.
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

/** Colors are used on a terminal unless `NO_COLOR` is set (https://no-color.org). `FORCE_COLOR` enables them elsewhere. */
function paintFor(stream: Stream, env: Io["env"]): Paint {
  const { NO_COLOR = "", FORCE_COLOR = "0", TERM } = env;
  const colored = NO_COLOR === "" && (FORCE_COLOR !== "0" || (stream.isTTY && TERM !== "dumb"));
  return (style, text) => (colored ? `\u001b[${styles[style]}m${text}\u001b[0m` : text);
}

interface Secrets {
  /** Texts that must never be shown, such as the password of a database's URL. */
  readonly secrets: ReadonlySet<string>;
}

/** The error's message and those of its causes, in one line. */
export function describeError(error: unknown, { secrets }: Secrets): string {
  return redacted(oneLine(messagesOf(error).join(": ")), secrets);
}

/** Cleans text from a device, a database or a server: a terminal would obey its control characters. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/** Like `oneLine`, but keeps line breaks and tabs. */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, "�");
}

export function redacted(text: string, secrets: ReadonlySet<string> = new Set()): string {
  let safe = text.replace(/:\/\/[^\s/?#]{0,500}@/g, "://***@");
  for (const secret of secrets) safe = safe.replaceAll(secret, "***");
  return safe;
}

const mostCauses = 5;

function messagesOf(error: unknown): readonly string[] {
  const messages: string[] = [];
  for (let at = error; at !== undefined && messages.length < mostCauses;) {
    // For SQL Server, Kysely passes on several errors as a list.
    if (Array.isArray(at)) {
      messages.push(at.map((each) => messagesOf(each).join(": ")).join("; "));
      break;
    }
    if (!(at instanceof Error)) {
      messages.push(String(at));
      break;
    }
    const { code } = at as { readonly code?: unknown };
    // Several addresses were tried, each with its own error.
    const text =
      at.message !== ""
        ? at.message
        : at instanceof AggregateError
          ? at.errors.map((each) => messagesOf(each).join(": ")).join("; ")
          : typeof code === "string"
            ? code
            : at.name;
    if (!messages.some((each) => each.includes(text))) messages.push(text);
    at = at.cause;
  }
  return messages;
}

export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
