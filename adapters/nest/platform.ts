/** Requests and responses in the forms in which Nest's two platforms, Express and Fastify, pass them to a handler. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { WriteResponse } from "../../src/model.js";
import { type Mountable, unhandled } from "../host.js";
import {
  type NodeRequest,
  type ParsedBody,
  sendResponse,
  toWriteRequest,
  watchCaller,
} from "../node-http.js";

/** The default type of `request.raw`: what Express's and Fastify's requests have in common. Guards may have set `user`. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly user?: unknown;
}

/** The members of Fastify's request that the library uses. */
export interface FastifyRequest extends ParsedBody {
  readonly raw: IncomingMessage;
  /** Assigned headers replace those that came over the wire. */
  headers: IncomingHttpHeaders;
}

/** The members of Fastify's reply that the library uses. */
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
  /** The route's parameters, which both frameworks keep here. */
  readonly params?: Readonly<Record<string, string>>;
};
export type PlatformResponse = ServerResponse | FastifyReply;

/** Express's request is Node's own; Fastify's wraps it. */
export function nodeRequestOf(request: NodeRequest | FastifyRequest): IncomingMessage {
  return "raw" in request ? request.raw : request;
}

/** Handles a request and sends the response. `request.raw` is the framework's request, with what guards and middleware have set on it. Never rejects. */
export async function serveOn(
  mountable: Pick<Mountable, "handle">,
  request: PlatformRequest,
  response: PlatformResponse,
  url: string,
): Promise<void> {
  const nodeRequest = nodeRequestOf(request);
  const caller = watchCaller("raw" in response ? response.raw : response);
  const respond = (result: WriteResponse): void | Promise<void> =>
    "raw" in response
      ? sendByFastify(nodeRequest, response, result)
      : sendResponse(nodeRequest, response, result);
  try {
    const { body, rawBody } = request;
    const writeRequest = toWriteRequest(nodeRequest, url, caller.signal, { body, rawBody });
    await respond(await mountable.handle({ ...writeRequest, raw: request }));
  } catch {
    await respond(unhandled);
  } finally {
    caller.stop();
  }
}

/** Sends through Fastify instead of Node, so that the application's Fastify hooks see the response. */
function sendByFastify(
  request: IncomingMessage,
  reply: FastifyReply,
  result: WriteResponse,
): void | Promise<void> {
  if (reply.sent) return;
  // Requests made by Fastify's `inject` have no `complete`.
  if (!request.complete && !request.readableEnded) {
    // The caller may still be sending the body. Fastify would close the connection, and the caller would lose the response.
    return sendResponse(request, takeOver(reply), result);
  }
  try {
    reply.code(result.status);
    for (const [name, value] of Object.entries(result.headers)) {
      // Earlier hooks may have set `vary`, and its values still hold.
      const before = name === "vary" ? reply.getHeader(name) : undefined;
      reply.header(name, before === undefined ? value : [before, value].flat().join(", "));
    }
    reply.send(result.body === "" ? undefined : result.body);
  } catch {
    // Node has refused a header. Without a response, the device sends its writes again.
    reply.raw.destroy();
  }
}

/** Takes the response away from Fastify, and keeps the headers that plugins have set so far. */
function takeOver(reply: FastifyReply): ServerResponse {
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined && !raw.headersSent) raw.setHeader(name, value);
  }
  reply.hijack();
  return raw;
}
