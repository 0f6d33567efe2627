/** `connectionOf`: gives other libraries of the application the connection of an open transaction, as a `pg` client. */
import type { PoolClient } from "pg";
import { lending, type Lending, type LentClient } from "../src/sql/pool-requests.js";

/** The savepoint of an inner transaction. Only one may be open, because two on one connection can't be told apart. */
const savepoint = "powersync_inner";

type Callback = (error: unknown, result?: unknown) => void;
type Config = Readonly<Record<string, unknown>>;

/**
 * Returns the connection of the transaction that layers, hooks and mutators get as `tx`, in the form of a `pg` client: for Drizzle, Knex, TypeORM,
 * Prisma, or your own SQL. Statements sent through it are part of the transaction, and commit or are undone with it.
 *
 * It takes no other connection, and can't end the transaction: BEGIN creates a savepoint, COMMIT releases it, and ROLLBACK returns to it, one at a time. A
 * COMMIT or ROLLBACK without such a BEGIN, and a BEGIN with its own isolation level, are errors that undo everything. A failed statement undoes everything,
 * too, even if its error is caught, as with `tx`. Await every statement.
 *
 * Statements use the extended protocol, one at a time. Cursors and streams are refused. `release()` does nothing, and the client emits no events.
 * The pool must be guarded (`guardPool`), with `pg` 8.12 or newer.
 *
 * @param tx the `tx` that a layer, a hook or a mutator was given
 * @throws TypeError for any other object
 *
 * @example
 * hooks: {
 *   persist: {
 *     after: async (outcome, { tx, principal }) => {
 *       await connectionOf(tx).query("INSERT INTO audit (by) VALUES ($1)", [principal.userId]);
 *     },
 *   },
 * }
 */
export function connectionOf(tx: { getExecutor(): object }): PoolClient {
  const lent = (tx.getExecutor() as { readonly [lending]?: Lending })[lending];
  if (lent === undefined) {
    throw new TypeError(
      "connectionOf needs the `tx` that a layer, a hook or a mutator was given, of an SQL database.",
    );
  }
  const refuse = (message: string) => lent.send(() => Promise.reject(new Error(message)));
  const run = (config: Config): Promise<unknown> => {
    if (typeof config["submit"] === "function")
      return refuse(
        "A cursor or a stream can't be read inside the transaction. Send a query instead.",
      );
    const text = String(config["text"]);
    lent.watch.statement?.(text);
    const control = controlOf(text);
    return control === undefined
      ? lent.send((client) => send(client, config))
      : inner(lent, control, refuse);
  };
  const client = {
    query: (...parameters: readonly unknown[]): unknown => {
      const callback = parameters.find((each) => typeof each === "function") as
        | Callback
        | undefined;
      const answer = run(configOf(parameters));
      if (callback === undefined) return answer;
      answer.then(
        (result) => callback(null, result),
        (error: unknown) => callback(error),
      );
      return undefined;
    },
    connect: () => Promise.resolve(),
    // The connection stays with the transaction.
    release: () => undefined,
    end: () =>
      refuse(
        "The connection belongs to the library's transaction, so application code can't end it.",
      ),
    escapeIdentifier: (name: string) => `"${name.replaceAll('"', '""')}"`,
    on: () => client,
    once: () => client,
    off: () => client,
    addListener: () => client,
    removeListener: () => client,
  };
  return client as unknown as PoolClient;
}

/** Reads the arguments as `pg` does: a text or an object, then values and a callback, both optional. */
function configOf([first, second]: readonly unknown[]): Config {
  const config = (typeof first === "object" && first !== null ? first : { text: first }) as Config;
  return Array.isArray(second) ? over(config, "values", second) : config;
}

/** Includes inherited members, because some SQL builders use getters. */
function over(config: Config, name: string, value: unknown): Config {
  return Object.create(config, { [name]: { value, enumerable: true } }) as Config;
}

/** Forces the extended protocol, in which the server refuses texts with several statements. A COMMIT could hide in one. */
function send(client: LentClient, config: Config): Promise<unknown> {
  return client.query(over(config, "queryMode", "extended"));
}

type Control = "begin" | "commit" | "rollback" | { readonly refused: string };

async function inner(
  lent: Lending,
  control: Control,
  refuse: (message: string) => Promise<never>,
): Promise<unknown> {
  const sent = (...texts: readonly string[]) =>
    lent.send(async (client) => {
      let result: unknown;
      for (const text of texts) result = await send(client, { text });
      return result;
    });
  if (typeof control === "object") return refuse(control.refused);
  if (control === "begin") {
    if (lent.watch.inner.open)
      return refuse(
        "An inner transaction is already open on this connection. Await its end before you begin the next.",
      );
    lent.watch.inner.open = true;
    return sent(`savepoint ${savepoint}`);
  }
  if (!lent.watch.inner.open)
    return refuse(
      `The library ends this transaction, so application code can't send ${control.toUpperCase()}. To undo the transaction, throw an error.`,
    );
  lent.watch.inner.open = false;
  return control === "commit"
    ? sent(`release ${savepoint}`)
    : sent(`rollback to ${savepoint}`, `release ${savepoint}`);
}

const plainEnd = /^(?:work|transaction)?$/;
const plainBegin = /^(?:work|transaction)?(?: read write)?$/;

/** What a statement does to the transaction. `undefined`: it neither begins nor ends one. */
function controlOf(text: string): Control | undefined {
  const words = wordsOf(text);
  const [, first = "", rest = ""] = /^(\w*) ?(.*)$/s.exec(words) ?? [];
  const as = (control: "begin" | "commit" | "rollback", plain: RegExp): Control =>
    plain.test(rest) ? control : { refused: impossible(words) };
  switch (first) {
    case "begin":
    case "start":
      return as("begin", plainBegin);
    case "commit":
    case "end":
      return as("commit", plainEnd);
    case "rollback":
    case "abort":
      return /^(?:(?:work|transaction) )?to /.test(rest) ? undefined : as("rollback", plainEnd);
    case "prepare":
      return /^transaction\b/.test(rest) ? { refused: impossible(words) } : undefined;
    default:
      return undefined;
  }
}

function impossible(words: string): string {
  return `${words.toUpperCase().slice(0, 60)} is not possible here, because the library has begun the transaction and ends it.`;
}

/** The beginning of a statement in lower case, with single blanks, without comments and without the final semicolon. Comments may be nested. */
function wordsOf(text: string): string {
  let words = "";
  for (let at = 0, depth = 0; at < text.length && words.length < 200;) {
    const two = text.slice(at, at + 2);
    if (two === "/*") depth += 1;
    if (two === "*/" && depth > 0) depth -= 1;
    if (two === "/*" || two === "*/") {
      at += 2;
      words += " ";
    } else if (depth > 0) {
      at += 1;
    } else if (two === "--") {
      const end = text.slice(at).search(/[\n\r]/);
      at = end === -1 ? text.length : at + end;
    } else {
      words += text[at];
      at += 1;
    }
  }
  return words
    .replaceAll(/[\s;]+/g, " ")
    .trim()
    .toLowerCase();
}
