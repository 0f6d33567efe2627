/** Calls the admin routes. The types are those of the routes' answers. */
import { parseJson } from "../../wire/parse-json.js";

export interface Summary {
  readonly id: string;
  readonly status: "open" | "stale" | "retried" | "discarded";
  readonly user_id: string;
  readonly client_id?: string;
  readonly error_code: string;
  readonly message: string;
  readonly operation_index?: number;
  readonly tables: readonly string[];
  readonly attempts: number;
  readonly first_seen_at: string;
  readonly last_seen_at: string;
  readonly edited: boolean;
  readonly reason?: string;
  readonly closed_at?: string;
  readonly root?: string;
  readonly dependants: number;
  /** Only a whole letter has it. */
  readonly version?: string;
}

export interface Letter extends Summary {
  readonly version: string;
  readonly payload: unknown;
  readonly original_payload?: unknown;
  readonly unread_rows: number;
}

export interface Compared {
  readonly operation_index: number;
  readonly op?: string;
  readonly table?: string;
  readonly id?: string;
  readonly base?: Readonly<Record<string, unknown>>;
  readonly yours?: Readonly<Record<string, unknown>>;
  readonly theirs?: Readonly<Record<string, unknown>> | null;
  readonly columns?: readonly {
    readonly name: string;
    readonly type?: string;
    readonly nullable?: boolean;
    readonly members?: readonly string[];
  }[];
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The guard no longer lets the operator in. No request succeeds until they have signed in again. */
export class SignedOut extends Error {
  constructor(status: number, body: unknown) {
    const said = messageOf({ status, body: (body ?? {}) as Answer["body"] });
    super(
      `${said} Your session may have ended. Sign in again in another tab, then try again here. Your edits are kept.`,
    );
  }
}

/** The path of the routes, wherever they are mounted: the page's own path without `/ui`. */
const base = location.pathname.replace(/\/ui\/?$/, "");

/**
 * Rejects with an error to show if there is no answer, or none that can be read.
 *
 * @param version of the letter as it was read. If the letter has been edited since then, nothing is done, and the answer is 412
 */
export async function ask(
  method: string,
  path: string,
  body?: string,
  version?: string,
): Promise<Answer> {
  const response = await fetch(base + path, {
    method,
    credentials: "same-origin",
    ...(body !== undefined && { body }),
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      // Made of the version in the body, because a proxy that compresses may weaken the header's tag, and a weak tag matches nothing.
      ...(version !== undefined && { "if-match": `"${version}"` }),
    },
  }).catch(() => {
    throw new Error(
      "The server can't be reached, or redirects to another site to sign in. Your edits are kept.",
    );
  });
  const text = await response.text();
  let read: unknown;
  try {
    read = parseJson(text);
  } catch {
    read = undefined;
  }
  if (response.status === 401 || response.status === 403 || response.redirected) {
    throw new SignedOut(response.status, read);
  }
  if (typeof read !== "object" || read === null) {
    throw new Error(`The server answered ${response.status}, without JSON.`);
  }
  return { status: response.status, body: read as Answer["body"] };
}

/** Rejects with the server's message if it refuses the request. */
export async function read<T>(path: string): Promise<T> {
  const { status, body } = await ask("GET", path);
  if (status !== 200) throw new Error(messageOf({ status, body }));
  // Safe: the routes are this library's own.
  return body as T;
}

export function messageOf({ status, body: { message } }: Answer): string {
  return typeof message === "string" ? message : `The server answered ${status}.`;
}
