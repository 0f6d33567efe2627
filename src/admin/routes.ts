/** What each admin route answers. */
import { badRequest } from "../errors.js";
import type { Principal } from "../pipeline/layers.js";
import { cursorOf } from "../dead-letters/query.js";
import { letterLine, wireLetter, wireSummary } from "../dead-letters/wire.js";
import type {
  BulkRetryReport,
  DeadLetters,
  DiscardResult,
  EditResult,
  LetterOptions,
  RetryResult,
} from "../dead-letters/types.js";
import type { WriteRequest } from "../model.js";
import { bodyOf, bulkOf, forceOf, queryOf } from "./input.js";
import type { AdminRoute } from "./admin.js";

export interface Answer {
  readonly status: number;
  /** Text as it is, else JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Asked<P extends Principal> {
  readonly deadLetters: DeadLetters<P>;
  readonly whose: LetterOptions<P>;
  readonly bodyBytes: number;
  readonly path: string;
}

/** Throws `badRequest`, and the database's errors. */
export async function answerTo<P extends Principal>(
  route: AdminRoute,
  request: WriteRequest,
  asked: Asked<P>,
): Promise<Answer> {
  const { deadLetters, whose, bodyBytes } = asked;
  const body = (...names: readonly string[]) => bodyOf(request, names, bodyBytes);
  switch (route.name) {
    case "list": {
      const { filter, parameters: _sent, ...page } = queryOf(request.url, true);
      const { letters, next } = await deadLetters.list({ ...filter, ...page, ...whose });
      return { status: 200, body: { letters: letters.map(wireSummary), next } };
    }
    case "export":
      return exported(request, asked);
    case "get": {
      const letter = await deadLetters.get(route.id, whose);
      return letter === undefined ? notFound : { status: 200, body: wireLetter(letter) };
    }
    case "edit": {
      const sent = await body("payload");
      return one(await deadLetters.edit(route.id, sent["payload"], whose));
    }
    case "retry": {
      const force = forceOf(await body("force"));
      return one(await deadLetters.retry(route.id, { ...force, ...whose }));
    }
    case "discard": {
      const { reason } = await body("reason");
      return one(await deadLetters.discard(route.id, reason as string, whose));
    }
    case "retryAll": {
      const sent = await body("filter", "force", "limit", "cursor");
      const { filter, bounds } = bulkOf(sent);
      const options = { ...forceOf(sent), ...bounds, ...whose };
      return { status: 200, body: wireReport(await deadLetters.retryAll(filter, options)) };
    }
    case "discardAll": {
      const sent = await body("filter", "reason", "limit", "cursor");
      const { filter, bounds } = bulkOf(sent);
      const options = { ...bounds, ...whose };
      const report = await deadLetters.discardAll(filter, sent["reason"] as string, options);
      return { status: 200, body: report };
    }
  }
}

const mostCharacters = 8 * 1024 * 1024;

/** A page of lines: by number, and by size, for a response is held whole. The next one is linked. */
async function exported<P extends Principal>(
  { url }: WriteRequest,
  { deadLetters, whose, path }: Asked<P>,
): Promise<Answer> {
  const { filter, parameters, limit = 100, ...page } = queryOf(url, false);
  const listed = await deadLetters.list({ ...filter, ...page, limit, order: "oldest", ...whose });
  let [body, next] = ["", listed.next];
  for (const [index, { id, firstSeenAt: at }] of listed.letters.entries()) {
    const letter = await deadLetters.get(id, whose);
    if (letter !== undefined) body += letterLine(letter);
    if (body.length >= mostCharacters && index < listed.letters.length - 1) {
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

const notFound: Answer = {
  status: 404,
  body: { status: "not_found", message: "There is no such letter." },
};

function one(result: RetryResult | EditResult | DiscardResult): Answer {
  switch (result.status) {
    case "retried":
    case "edited":
    case "discarded":
      return { status: 200, body: result };
    case "not_found":
      return notFound;
    case "not_open":
      return conflict(result, `The letter is ${result.is} already.`);
    case "stale":
      return conflict(result, "Its rows have changed since it was recorded. Look, and then force.");
    case "invalid":
      throw badRequest(400, result.message);
    case "failed":
      return result.retryable
        ? { status: 503, body: wireFailed(result), headers: { "retry-after": "5" } }
        : { status: 422, body: wireFailed(result) };
  }
}

function conflict(result: object, message: string): Answer {
  return { status: 409, body: { ...result, message } };
}

function wireFailed(result: Extract<RetryResult, { status: "failed" }>) {
  const { status, retryable, errorCode, message, operationIndex } = result;
  return { status, retryable, error_code: errorCode, message, operation_index: operationIndex };
}

function wireReport({ results, ...counts }: BulkRetryReport) {
  return {
    ...counts,
    results: results.map(({ id, userId, result }) => ({
      id,
      user_id: userId,
      ...(result.status === "failed" ? wireFailed(result) : result),
    })),
  };
}
