/** What an admin request asks, checked: a word that is not known must not mean "all". */
import { readBody } from "../http/body.js";
import { badRequest } from "../errors.js";
import { defaultLimits } from "../wire/limits.js";
import type { LetterFilter } from "../dead-letters/types.js";
import type { WriteRequest } from "../model.js";

type Members = Readonly<Record<string, unknown>>;

/** By the wire's names. */
const filterNames: Readonly<Record<string, keyof LetterFilter>> = {
  status: "status",
  user_id: "userId",
  client_id: "clientId",
  error_code: "errorCode",
  table: "table",
  since: "since",
  until: "until",
};

interface Query {
  readonly filter: LetterFilter;
  readonly limit?: number;
  readonly cursor?: string;
  readonly order?: "newest" | "oldest";
  /** As it was sent, without the cursor. */
  readonly parameters: URLSearchParams;
}

/** @throws badRequest */
export function queryOf(url: string, ordered: boolean): Query {
  const [, query = ""] = url.split("#", 1)[0]?.split("?", 2) ?? [];
  const parameters = new URLSearchParams(query);
  const filter: Record<string, unknown> = {};
  for (const name of new Set(parameters.keys())) {
    const known = filterNames[name];
    if (known !== undefined) {
      const values = parameters.getAll(name).flatMap((value) => value.split(","));
      filter[known] = name === "status" ? values : once(parameters, name);
    } else if (name !== "limit" && name !== "cursor" && !(ordered && name === "order")) {
      throw badRequest(400, `There is no parameter ${JSON.stringify(name)} here.`);
    }
  }
  const limit = once(parameters, "limit");
  const cursor = once(parameters, "cursor");
  const order = once(parameters, "order");
  parameters.delete("cursor");
  return {
    // `deadLetters` looks at the values.
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

/** The body of a request that changes something, and nothing in it but `names`. Throws `badRequest`. */
export async function bodyOf(
  request: WriteRequest,
  names: readonly string[],
  bodyBytes: number,
): Promise<Members> {
  // A form of another site's page can't send this, whatever an earlier parser has made of the body.
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers.get("content-type") ?? "")) {
    throw badRequest(415, "Send the body as JSON, with `content-type: application/json`.");
  }
  const { value } = await readBody(request, { ...defaultLimits, bodyBytes });
  return membersOf(value, names, "The body");
}

interface Bulk {
  readonly filter: LetterFilter;
  readonly bounds: { readonly limit?: number; readonly cursor?: string };
}

/** @throws badRequest */
export function bulkOf(body: Members): Bulk {
  const given = membersOf(body["filter"], Object.keys(filterNames), 'The "filter"');
  const { limit, cursor } = body;
  return {
    filter: Object.fromEntries(
      Object.entries(given).map(([name, value]) => [filterNames[name], value]),
    ) as LetterFilter,
    bounds: {
      ...(limit !== undefined && { limit: typeof limit === "number" ? limit : Number.NaN }),
      ...(cursor !== undefined && { cursor: cursor as string }),
    },
  };
}

/** @throws badRequest */
export function forceOf({ force }: Members): { readonly force?: boolean } {
  if (force === undefined) return {};
  if (typeof force !== "boolean") throw badRequest(400, '"force" must be true or false.');
  return { force };
}

function membersOf(value: unknown, names: readonly string[], what: string): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest(400, `${what} must be an object.`);
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw badRequest(400, `${what} knows no ${JSON.stringify(unknown)}: ${names.join(", ")}.`);
  }
  return value as Members;
}
