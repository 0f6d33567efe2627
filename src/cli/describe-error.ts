/** Prepares errors and foreign texts for a terminal: one line each, without control characters and passwords. */

interface Secrets {
  /** Texts that must never be shown, such as a password in a database's URL. */
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

/** The same, with its line breaks. */
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
    // Of SQL Server's errors Kysely gives several as they came.
    if (Array.isArray(at)) {
      messages.push(at.map((each) => messagesOf(each).join(": ")).join("; "));
      break;
    }
    if (!(at instanceof Error)) {
      messages.push(String(at));
      break;
    }
    const { code } = at as { readonly code?: unknown };
    // Several addresses were tried, and each has its own error.
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
