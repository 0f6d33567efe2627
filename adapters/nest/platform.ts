/** One request as Express and Fastify give it to Nest, answered by the core. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { WriteResponse } from "../../src/model.js";
import { type Endpoint, unhandled } from "../endpoint.js";
import { type NodeRequest, send, toWriteRequest, watch } from "../node-http.js";
import type { AbstractHttpAdapter } from "@nestjs/core";

/** What the library uses of Fastify's request; Express' is Node's own. */
interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly body?: unknown;
  readonly rawBody?: unknown;
  /** Set, it lies over the headers that came. */
  headers: IncomingMessage["headers"];
}

interface FastifyReply {
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

/*
 * Keeps body parsers off the endpoint's requests, so that the library reads them itself: of any size up to its own limit, with every digit
 * of 64-bit integers, and only once the caller is known.
 *
 * Nest adds its parser before any module's middleware, and Fastify parses before any handler; both go by the content type.
 * So it is put aside before they look, and back in its place before anything of the application's does.
 */
/** What is done with a request before it is parsed. */
export interface Early {
  /** The library will read its body. */
  reads(method: string, url: string): boolean;
  /** Answers what needs no controller. False: it is for others. */
  answers(
    request: NodeRequest | FastifyRequest,
    response: ServerResponse | FastifyReply,
    url: string,
  ): boolean;
}

type Next = () => void;

interface Fastify {
  addHook(
    name: "onRequest" | "preValidation",
    hook: (request: FastifyRequest, reply: FastifyReply, done: Next) => void,
  ): unknown;
  hasContentTypeParser(type: string): boolean;
  addContentTypeParser(
    type: string,
    parser: (request: unknown, body: unknown, done: (error: null) => void) => void,
  ): unknown;
}

/** For as soon as there is an adapter, before Nest adds its parser. */
export function comeFirst(adapter: AbstractHttpAdapter, early: Early): void {
  if (adapter.getType() === "fastify") inFastify(adapter.getInstance<Fastify>(), early);
  else {
    adapter.use((request: NodeRequest, response: ServerResponse, next: Next) => {
      const url = request.originalUrl ?? request.url ?? "/";
      if (early.answers(request, response, url)) return;
      if (early.reads(request.method ?? "GET", url)) putAside(request);
      next();
    });
  }
}

/** For when Nest has added its parser, and no module's middleware yet. */
export function afterParser(adapter: AbstractHttpAdapter): void {
  if (adapter.getType() === "fastify") return;
  adapter.use((request: IncomingMessage, _: ServerResponse, next: Next) => {
    putBack(request);
    next();
  });
}

const aside = new WeakMap<IncomingMessage, string>();

function putAside(request: IncomingMessage): void {
  const type = request.headers["content-type"];
  if (type === undefined) return;
  aside.set(request, type);
  delete request.headers["content-type"];
}

function putBack(request: IncomingMessage): void {
  const type = aside.get(request);
  if (type !== undefined) request.headers["content-type"] = type;
}

const unparsed = "application/x-powersync-writes-unparsed";

function inFastify(fastify: Fastify, early: Early): void {
  // Fastify refuses a body of no known type, so this one has a type, and a parser that leaves the stream alone.
  if (!fastify.hasContentTypeParser(unparsed)) {
    fastify.addContentTypeParser(unparsed, (_request, _body, done) => done(null));
  }
  const own = new WeakSet<FastifyRequest>();
  fastify.addHook("onRequest", (request, reply, done) => {
    const { method = "GET", url = "/" } = request.raw;
    if (early.answers(request, reply, url)) return;
    if (early.reads(method, url)) {
      own.add(request);
      request.headers = { "content-type": unparsed };
    }
    done();
  });
  fastify.addHook("preValidation", (request, _, done) => {
    if (own.has(request)) request.headers = {};
    done();
  });
}
