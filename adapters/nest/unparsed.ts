/**
 * Keeps body parsers off the endpoint's requests, so that the library reads them itself: of any size up to its own limit, with every digit
 * of 64-bit integers, and only once the caller is known.
 *
 * Nest adds its parser before any module's middleware, and Fastify parses before any handler; both go by the content type.
 * So it is put aside before they look, and back in its place before anything of the application's does.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AbstractHttpAdapter } from "@nestjs/core";
import type { NodeRequest } from "../node-http.js";
import type { FastifyReply, FastifyRequest } from "./platform.js";

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
