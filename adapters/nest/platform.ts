/** One request as Express and Fastify give it to Nest, answered by the core. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { WriteResponse } from "../../src/request.js";
import { unhandled } from "../answers.js";
import { type NodeRequest, send, toWriteRequest, watch } from "../node-http.js";
import type { Endpoint } from "../to-writes.js";

/** What the library uses of Fastify's request; Express' is Node's own. */
export interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly body?: unknown;
  readonly rawBody?: unknown;
  /** Set, it lies over the headers that came. */
  headers: IncomingMessage["headers"];
}

export interface FastifyReply {
  readonly raw: ServerResponse;
  readonly sent: boolean;
  code(status: number): unknown;
  getHeader(name: string): number | string | string[] | undefined;
  header(name: string, value: string): unknown;
  send(body: string | undefined): unknown;
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>;
  hijack(): unknown;
}

export type PlatformRequest = (NodeRequest | FastifyRequest) & {
  /** Of the route, as both frameworks have them. */
  readonly params?: Readonly<Record<string, string>>;
};
export type PlatformResponse = ServerResponse | FastifyReply;

/** Answers a request. `request.raw` is the framework's own, with what guards and middleware have put there. Never rejects. */
export async function answer(
  endpoint: Pick<Endpoint, "handle">,
  request: PlatformRequest,
  response: PlatformResponse,
  url: string,
): Promise<void> {
  const nodeRequest = "raw" in request ? request.raw : request;
  const caller = watch("raw" in response ? response.raw : response);
  const sendAnswer = (result: WriteResponse): void | Promise<void> =>
    "raw" in response
      ? sendByFastify(nodeRequest, response, result)
      : send(nodeRequest, response, result);
  try {
    const { body, rawBody } = request;
    const given = toWriteRequest(nodeRequest, url, caller.signal, { body, rawBody });
    await sendAnswer(await endpoint.handle({ ...given, raw: request }));
  } catch {
    await sendAnswer(unhandled);
  } finally {
    caller.stop();
  }
}

/** Left to Fastify, so that its hooks see it. */
function sendByFastify(
  request: IncomingMessage,
  reply: FastifyReply,
  result: WriteResponse,
): void | Promise<void> {
  if (reply.sent) return;
  // What `inject` makes knows no `complete`.
  if (!request.complete && !request.readableEnded) {
    // More of the body may be on its way, and Fastify would close on a caller who is still sending.
    return send(request, takeOver(reply), result);
  }
  try {
    reply.code(result.status);
    for (const [name, value] of Object.entries(result.headers)) {
      // What earlier hooks vary by still holds.
      const before = name === "vary" ? reply.getHeader(name) : undefined;
      reply.header(name, before === undefined ? value : [before, value].flat().join(", "));
    }
    reply.send(result.body === "" ? undefined : result.body);
  } catch {
    // A header that Node refuses, as everywhere: the device hears nothing, and sends again.
    reply.raw.destroy();
  }
}

/** With what plugins have set so far. */
function takeOver(reply: FastifyReply): ServerResponse {
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined && !raw.headersSent) raw.setHeader(name, value);
  }
  reply.hijack();
  return raw;
}
