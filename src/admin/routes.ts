/** The admin routes: finds the route of a request, and runs it. */
import type { Principal } from "../context.js";
import { cursorOf, letterLine, wireLetter, wireSummary } from "../dead-letters/query.js";
import type {
  BulkRetryReport,
  ChainReport,
  DeadLetters,
  DiscardResult,
  EditResult,
  LetterComparison,
  LetterOptions,
  RetryResult,
} from "../dead-letters/types.js";
import { badRequest } from "../errors.js";
import { pathOf } from "../http/request.js";
import type { WriteRequest } from "../model.js";
import { readBulk, readChoice, readForce, readMembers, readQuery, readVersion } from "./input.js";

type AdminRoute =
  | { readonly name: "list" | "export" | "retryAll" | "discardAll" }
  | { readonly name: "get" | "compare" | "edit" | "retry" | "discard"; readonly id: string };

export interface AdminResponse {
  readonly status: number;
  /** A string is sent as it is; anything else is sent as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface RouteContext<P extends Principal> {
  readonly deadLetters: DeadLetters<P>;
  /** The principal whose database the request is about, if the application has several databases. */
  readonly whose: LetterOptions<P>;
  readonly bodyBytes: number;
  /** The path of the routes. */
  readonly path: string;
}

/**
 * @param base the path of the routes
 * @returns `undefined` if the request is for none of them: the host may have a route of its own there
 */
export function adminRouteOf(base: string, method: string, url: string): AdminRoute | undefined {
  const [path, root] = [pathOf(url), pathOf(base)];
  if (path !== root && !path.startsWith(root === "/" ? root : `${root}/`)) return undefined;
  const [first, second, ...others] = path.slice(root.length).split("/").filter(Boolean);
  if (others.length > 0) return undefined;
  const verb = method.toUpperCase();
  if (first === undefined) return verb === "GET" ? { name: "list" } : undefined;
  if (second === undefined) {
    if (verb === "GET") return first === "export" ? { name: "export" } : { name: "get", id: first };
    if (verb === "PUT") return { name: "edit", id: first };
    if (verb !== "POST") return undefined;
    if (first === "retry") return { name: "retryAll" };
    return first === "discard" ? { name: "discardAll" } : undefined;
  }
  if (second === "compare") return verb === "GET" ? { name: "compare", id: first } : undefined;
  if (verb !== "POST") return undefined;
  return second === "retry" || second === "discard" ? { name: second, id: first } : undefined;
}

/** Rejects with `badRequest`, or with an error of the database. */
export async function runAdminRoute<P extends Principal>(
  route: AdminRoute,
  request: WriteRequest,
  context: RouteContext<P>,
): Promise<AdminResponse> {
  const { deadLetters, whose, bodyBytes } = context;
  const body = (...names: readonly string[]) => readMembers(request, names, bodyBytes);
  switch (route.name) {
    case "list": {
      const { filter, parameters: _, ...page } = readQuery(request.url, true);
      const { letters, next } = await deadLetters.list({ ...filter, ...page, ...whose });
      return { status: 200, body: { letters: letters.map(wireSummary), next } };
    }
    case "export":
      return exportPage(request, context);
    case "get": {
      const letter = await deadLetters.get(route.id, whose);
      return letter === undefined
        ? noSuchLetter
        : { status: 200, body: wireLetter(letter), headers: { etag: `"${letter.version}"` } };
    }
    case "compare": {
      const compared = await deadLetters.compare(route.id, whose);
      return compared === undefined
        ? noSuchLetter
        : { status: 200, body: wireComparison(compared) };
    }
    case "edit": {
      const options = { ...readVersion(request), ...whose };
      const sent = await body("payload");
      return resultResponse(await deadLetters.edit(route.id, sent["payload"], options));
    }
    case "retry": {
      const version = readVersion(request);
      const options = { ...readForce(await body("force")), ...version, ...whose };
      return resultResponse(await deadLetters.retry(route.id, options));
    }
    case "discard": {
      const sent = await body("reason", "dependants");
      const options = { ...readChoice(sent), ...readVersion(request), ...whose };
      return resultResponse(await deadLetters.discard(route.id, sent["reason"] as string, options));
    }
    case "retryAll": {
      const sent = await body("filter", "force", "limit", "cursor");
      const { filter, page } = readBulk(sent);
      const options = { ...readForce(sent), ...page, ...whose };
      return { status: 200, body: wireReport(await deadLetters.retryAll(filter, options)) };
    }
    case "discardAll": {
      const sent = await body("filter", "reason", "dependants", "limit", "cursor");
      const { filter, page } = readBulk(sent);
      const options = { ...readChoice(sent), ...page, ...whose };
      const report = await deadLetters.discardAll(filter, sent["reason"] as string, options);
      return { status: 200, body: report };
    }
  }
}

function wireComparison({ operations, more }: LetterComparison) {
  return {
    operations: operations.map(({ operationIndex, ...operation }) => ({
      operation_index: operationIndex,
      ...operation,
    })),
    more,
  };
}

const maxCharacters = 8 * 1024 * 1024;

/** One page of the export, with a link to the next page. The size of a page is limited, because the whole response is held in memory. */
async function exportPage<P extends Principal>(
  { url }: WriteRequest,
  { deadLetters, whose, path }: RouteContext<P>,
): Promise<AdminResponse> {
  const { filter, parameters, limit = 100, ...page } = readQuery(url, false);
  const listed = await deadLetters.list({ ...filter, ...page, limit, order: "oldest", ...whose });
  let [body, next] = ["", listed.next];
  for (const [index, { id, firstSeenAt: at }] of listed.letters.entries()) {
    const letter = await deadLetters.get(id, whose);
    if (letter !== undefined) body += letterLine(letter);
    if (body.length >= maxCharacters && index < listed.letters.length - 1) {
      next = cursorOf({ at, id });
      break;
    }
  }
  const link = new URLSearchParams(parameters);
  if (next !== undefined) link.set("cursor", next);
  return {
    status: 200,
    body,
    headers: {
      "content-type": "application/x-ndjson; charset=utf-8",
      ...(next !== undefined && {
        link: `<${path}/export?${link.toString()}>; rel="next"`,
        "x-next-cursor": next,
      }),
    },
  };
}

const noSuchLetter: AdminResponse = {
  status: 404,
  body: { status: "not_found", message: "There is no such letter." },
};

function resultResponse(result: RetryResult | EditResult | DiscardResult): AdminResponse {
  switch (result.status) {
    case "retried":
      return { status: 200, body: wireRetried(result) };
    case "edited":
    case "discarded":
      return { status: 200, body: result };
    case "has_dependants":
      return conflict(
        result,
        `${result.dependants === 1 ? "1 letter depends" : `${result.dependants} letters depend`} on this one. Send "dependants": "discard" to discard them too, or "keep" to keep them waiting.`,
      );
    case "changed":
      return { status: 412, body: { ...result, message: changedMessage } };
    case "not_found":
      return noSuchLetter;
    case "not_open":
      return conflict(result, `The letter has already been ${result.is}.`);
    case "stale":
      return conflict(
        result,
        'The rows have changed since the letter was recorded. Review them, then retry with "force": true.',
      );
    case "invalid":
      throw badRequest(400, result.message);
    case "failed":
      return result.retryable
        ? { status: 503, body: wireFailed(result), headers: { "retry-after": "5" } }
        : { status: 422, body: wireFailed(result) };
  }
}

const changedMessage =
  "The letter has been edited since it was read, and nothing was done. Read it again, and repeat the request with its new version in If-Match.";

function conflict(result: object, message: string): AdminResponse {
  return { status: 409, body: { ...result, message } };
}

function wireFailed(result: Extract<RetryResult, { status: "failed" }>) {
  const { status, dependants } = result;
  return {
    status,
    ...wireFailure(result),
    ...(dependants && { dependants: wireChain(dependants) }),
  };
}

function wireFailure(failure: Omit<Extract<RetryResult, { status: "failed" }>, "status">) {
  const { retryable, errorCode, message, operationIndex } = failure;
  return { retryable, error_code: errorCode, message, operation_index: operationIndex };
}

function wireRetried({ status, dependants }: Extract<RetryResult, { status: "retried" }>) {
  return { status, ...(dependants && { dependants: wireChain(dependants) }) };
}

function wireChain({ retried, waiting, stoppedBy }: ChainReport) {
  return {
    retried,
    waiting,
    ...(stoppedBy && { stopped_by: { id: stoppedBy.id, ...wireFailure(stoppedBy) } }),
  };
}

function wireReport({ results, ...counts }: BulkRetryReport) {
  return {
    ...counts,
    results: results.map(({ id, userId, result }) => ({
      id,
      user_id: userId,
      ...(result.status === "failed"
        ? wireFailed(result)
        : result.status === "retried"
          ? wireRetried(result)
          : result),
    })),
  };
}
