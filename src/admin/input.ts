/** Reads and checks an admin request's query and body. Unknown names are refused, because a misspelled filter that is ignored would select every letter. */
import { holdsRounded } from "../dead-letters/payload.js";
import type { LetterFilter } from "../dead-letters/types.js";
import { badRequest } from "../errors.js";
import { readBody } from "../http/body.js";
import type { WriteRequest } from "../model.js";
import { defaultLimits } from "../wire/limits.js";

type Members = Readonly<Record<string, unknown>>;

/** The filter's members, by their names on the wire. */
const filterNames: Readonly<Record<string, keyof LetterFilter>> = {
  status: "status",
  user_id: "userId",
  client_id: "clientId",
  error_code: "errorCode",
  table: "table",
  root: "root",
  since: "since",
  until: "until",
};

interface ReadQuery {
  readonly filter: LetterFilter;
  readonly limit?: number;
  readonly cursor?: string;
  readonly order?: "newest" | "oldest";
  /** The query's parameters as they were sent, without the cursor. */
  readonly parameters: URLSearchParams;
}

/**
 * @param ordered whether the route knows the parameter `order`
 * @throws badRequest
 */
export function readQuery(url: string, ordered: boolean): ReadQuery {
  const [, query = ""] = url.split("#", 1)[0]?.split("?", 2) ?? [];
  const parameters = new URLSearchParams(query);
  const filter: Record<string, unknown> = {};
  for (const name of new Set(parameters.keys())) {
    const known = filterNames[name];
    if (known !== undefined) {
      const values = parameters.getAll(name).flatMap((value) => value.split(","));
      filter[known] = name === "status" ? values : once(parameters, name);
    } else if (name !== "limit" && name !== "cursor" && !(ordered && name === "order")) {
      throw badRequest(400, `This route has no parameter ${JSON.stringify(name)}.`);
    }
  }
  const limit = once(parameters, "limit");
  const cursor = once(parameters, "cursor");
  const order = once(parameters, "order");
  parameters.delete("cursor");
  return {
    // `deadLetters` checks the values.
    filter: filter as LetterFilter,
    ...(limit !== undefined && { limit: /^\d{1,9}$/.test(limit) ? Number(limit) : Number.NaN }),
    ...(cursor !== undefined && { cursor }),
    ...(order !== undefined && { order: order as "newest" | "oldest" }),
    parameters,
  };
}

function once(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length > 1)
    throw badRequest(400, `The parameter ${JSON.stringify(name)} is given twice.`);
  return values[0];
}

/**
 * Reads the body of a request that changes something. Rejects with `badRequest`.
 *
 * @param names the members that the body may have
 */
export async function readMembers(
  request: WriteRequest,
  names: readonly string[],
  bodyBytes: number,
): Promise<Members> {
  // The content type is checked even if an earlier parser has read the body, because a form on another site's page can't send it.
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers.get("content-type") ?? "")) {
    throw badRequest(415, "Send the body as JSON, with `content-type: application/json`.");
  }
  const { value, lossyNumbers } = await readBody(request, { ...defaultLimits, bodyBytes });
  if (lossyNumbers && value === undefined) {
    throw badRequest(400, `Middleware has read the body without keeping it. ${mountBefore}`);
  }
  if (lossyNumbers && holdsRounded(value)) {
    throw badRequest(400, `A body parser has rounded an integer. ${mountBefore}`);
  }
  return knownMembers(value, names, "The body");
}

/**
 * The versions that `If-Match` names. A weak tag matches none. `{}`: there is no such header, or it is `*`, which matches every letter.
 *
 * @throws badRequest
 */
export function readVersion({ headers }: WriteRequest): { readonly version?: readonly string[] } {
  const header = headers.get("if-match");
  if (header === null || header === "*") return {};
  const tags = [...header.matchAll(entityTag)];
  if (tags.length === 0 || !/^[\s,]*$/.test(header.replace(entityTag, ""))) {
    throw badRequest(400, 'If-Match must be the letter\'s ETag, such as "0a1b2c", or *.');
  }
  return { version: tags.flatMap(([, weak, opaque = ""]) => (weak === undefined ? [opaque] : [])) };
}

const entityTag = /(W\/)?"([^"]*)"/g;

const mountBefore = "Mount powersyncWritesAdmin before it.";

interface BulkInput {
  readonly filter: LetterFilter;
  readonly page: { readonly limit?: number; readonly cursor?: string };
}

/** @throws badRequest */
export function readBulk(body: Members): BulkInput {
  const given = knownMembers(body["filter"], Object.keys(filterNames), 'The "filter"');
  const { limit, cursor } = body;
  return {
    filter: Object.fromEntries(
      Object.entries(given).map(([name, value]) => [filterNames[name], value]),
    ) as LetterFilter,
    page: {
      ...(limit !== undefined && { limit: typeof limit === "number" ? limit : Number.NaN }),
      ...(cursor !== undefined && { cursor: cursor as string }),
    },
  };
}

/** @throws badRequest */
export function readForce({ force }: Members): { readonly force?: boolean } {
  if (force === undefined) return {};
  if (typeof force !== "boolean") throw badRequest(400, '"force" must be true or false.');
  return { force };
}

/** @throws badRequest */
export function readChoice({ dependants }: Members): { readonly dependants?: "discard" | "keep" } {
  if (dependants === undefined) return {};
  if (dependants !== "discard" && dependants !== "keep") {
    throw badRequest(400, '"dependants" must be "discard" or "keep".');
  }
  return { dependants };
}

function knownMembers(value: unknown, names: readonly string[], what: string): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest(400, `${what} must be an object.`);
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw badRequest(
      400,
      `${what} has an unknown member ${JSON.stringify(unknown)}. It may have: ${names.join(", ")}.`,
    );
  }
  return value as Members;
}
