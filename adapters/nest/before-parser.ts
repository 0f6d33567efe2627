/**
 * Reaches the endpoint's requests before Nest's body parser does, so that the library reads their bodies itself: up to its own size limit,
 * with every digit of 64-bit integers, and only after authentication.
 *
 * Nest adds its parser before any module's middleware, and Fastify parses before any handler. Both parsers choose by the content type.
 * Therefore the header is removed before the parser runs, and restored before any code of the application runs.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Inject, type NestModule, Optional } from "@nestjs/common";
import { type AbstractHttpAdapter, type ApplicationConfig, HttpAdapterHost } from "@nestjs/core";
import type { Mountable } from "../host.js";
import type { NodeRequest } from "../node-http.js";
import { endpointUrl, type Version } from "./controller.js";
import { type FastifyReply, type FastifyRequest, nodeRequestOf, serveOn } from "./platform.js";

/** The token of a module's `BeforeParser`. */
export const beforeParserToken = Symbol("powersync-writes: before the parser");

/** What one endpoint does with a request before it is parsed. */
export interface BeforeParser {
  /** Whether the library will read the request's body. */
  reads(method: string, url: string): boolean;
  /** Responds to a request that must not reach the controller. False: the request goes on. */
  responds(
    request: NodeRequest | FastifyRequest,
    response: ServerResponse | FastifyReply,
    url: string,
  ): boolean;
}

/** The base of the library's two modules, which installs their `BeforeParser`. */
export class BeforeParserModule implements NestModule {
  readonly #host: HttpAdapterHost;

  /**
   * @param beforeParser null if the module has mounted nothing, undefined if the application imports the class without its configuration
   *
   * @throws TypeError if it is undefined
   */
  constructor(host: HttpAdapterHost, beforeParser: BeforeParser | null | undefined) {
    if (beforeParser === undefined) {
      const { name } = this.constructor;
      throw new TypeError(
        `${name} is imported without its configuration. Import the object that ${name}.forRoot(…) or forRootAsync(…) returns: the same object in every module that needs it, or once, with isGlobal.`,
      );
    }
    this.#host = host;
    // Waits for `init$`, because a testing module gets its HTTP adapter late. An application context without HTTP never has one.
    host.init$.subscribe(() => {
      if (beforeParser !== null && this.#adapter !== undefined) {
        installBeforeParser(this.#adapter, beforeParser);
      }
    });
  }

  /** Nest calls this after it has added its body parser and before it adds any module's middleware. */
  configure(): void {
    if (this.#adapter !== undefined) restoreAfterParser(this.#adapter);
  }

  get #adapter(): HttpAdapterHost["httpAdapter"] | undefined {
    return this.#host.httpAdapter ?? undefined;
  }
}

// Decorators are called as functions, so that these sources run with any compiler settings, and where types are only stripped.
// The modules inherit them and need no calls of their own, so that a bundler can leave out an unused admin module.
Inject(HttpAdapterHost)(BeforeParserModule, undefined, 0);
Inject(beforeParserToken)(BeforeParserModule, undefined, 1);
Optional()(BeforeParserModule, undefined, 1);

/** Creates the `BeforeParser` of the endpoint at `path`. It answers preflights, because the application's guards would refuse a request without credentials. */
export function createBeforeParser(
  mountable: () => Mountable,
  application: ApplicationConfig,
  path: string,
  version: Version | undefined,
): BeforeParser {
  // Created with the first request, because global prefix and versioning are set after the modules have been created.
  let resolve: ReturnType<typeof endpointUrl> | undefined;
  const handledUrl = (method: string, url: string): string | undefined => {
    const ownUrl = (resolve ??= endpointUrl(application, path, version))(url);
    return ownUrl !== undefined && mountable().handles(method, ownUrl) ? ownUrl : undefined;
  };
  return {
    reads: (method, url) => handledUrl(method, url) !== undefined,
    responds: (request, response, url) => {
      const { method } = nodeRequestOf(request);
      const preflightUrl = method === "OPTIONS" ? handledUrl(method, url) : undefined;
      if (preflightUrl === undefined) return false;
      void serveOn(mountable(), request, response, preflightUrl);
      return true;
    },
  };
}

type Next = () => void;

function installBeforeParser(adapter: AbstractHttpAdapter, beforeParser: BeforeParser): void {
  if (adapter.getType() === "fastify") {
    installInFastify(adapter.getInstance<Fastify>(), beforeParser);
    return;
  }
  adapter.use((request: NodeRequest, response: ServerResponse, next: Next) => {
    const url = request.originalUrl ?? request.url ?? "/";
    if (beforeParser.responds(request, response, url)) return;
    if (beforeParser.reads(request.method ?? "GET", url)) removeContentType(request);
    next();
  });
}

function restoreAfterParser(adapter: AbstractHttpAdapter): void {
  if (adapter.getType() === "fastify") return;
  adapter.use((request: IncomingMessage, _: ServerResponse, next: Next) => {
    restoreContentType(request);
    next();
  });
}

const removedTypes = new WeakMap<IncomingMessage, string>();

function removeContentType(request: IncomingMessage): void {
  const type = request.headers["content-type"];
  if (type === undefined) return;
  removedTypes.set(request, type);
  delete request.headers["content-type"];
}

function restoreContentType(request: IncomingMessage): void {
  const type = removedTypes.get(request);
  if (type !== undefined) request.headers["content-type"] = type;
}

/** The members of a Fastify instance that the library uses. */
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

const unparsedType = "application/x-powersync-writes-unparsed";

function installInFastify(fastify: Fastify, beforeParser: BeforeParser): void {
  // Fastify refuses a body whose content type has no parser. The parser of this type leaves the stream unread.
  if (!fastify.hasContentTypeParser(unparsedType)) {
    fastify.addContentTypeParser(unparsedType, (_request, _body, done) => done(null));
  }
  const unparsed = new WeakSet<FastifyRequest>();
  fastify.addHook("onRequest", (request, reply, done) => {
    const { method = "GET", url = "/" } = request.raw;
    if (beforeParser.responds(request, reply, url)) return;
    if (beforeParser.reads(method, url)) {
      unparsed.add(request);
      request.headers = { "content-type": unparsedType };
    }
    done();
  });
  fastify.addHook("preValidation", (request, _, done) => {
    if (unparsed.has(request)) request.headers = {};
    done();
  });
}
