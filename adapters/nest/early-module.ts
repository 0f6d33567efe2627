/** A module whose endpoint is asked before Nest's body parser, so that it reads its own requests' bodies. */
import { Inject, type NestModule, type Type } from "@nestjs/common";
import { type ApplicationConfig, HttpAdapterHost } from "@nestjs/core";
import type { Endpoint } from "../to-writes.js";
import type { MountOptions } from "./options.js";
import { ownUrl } from "./paths.js";
import { answer } from "./platform.js";
import { afterParser, comeFirst, type Early } from "./unparsed.js";

export const earlyToken = Symbol("powersync-writes: before the parser");
export const endpointToken = Symbol("powersync-writes: the endpoint");

export class EarlyModule implements NestModule {
  readonly #host: HttpAdapterHost;

  constructor(host: HttpAdapterHost, early: Early | null) {
    this.#host = host;
    // In tests there is no adapter yet, in contexts without HTTP there is none at all.
    host.init$.subscribe(() => {
      if (early !== null && this.#adapter !== undefined) comeFirst(this.#adapter, early);
    });
  }

  /** Nest calls this between adding its body parser and adding anybody's middleware. */
  configure(): void {
    if (this.#adapter !== undefined) afterParser(this.#adapter);
  }

  get #adapter(): HttpAdapterHost["httpAdapter"] | undefined {
    return this.#host.httpAdapter ?? undefined;
  }
}

/** Tells Nest what the constructor takes. */
export function injected(module: Type<EarlyModule>): void {
  Inject(HttpAdapterHost)(module, undefined, 0);
  Inject(earlyToken)(module, undefined, 1);
}

/** What is to be done before Nest's parser with requests for the endpoint at `path`. */
export function earlyFor(
  endpoint: () => Endpoint,
  application: ApplicationConfig,
  path: string,
  version: MountOptions["version"],
): Early {
  // Global prefix and versioning are set after the modules have been made.
  let known: ReturnType<typeof ownUrl> | undefined;
  const own = (url: string) => (known ??= ownUrl(application, path, version))(url);
  const handled = (method: string, url: string) => {
    const ownPath = own(url);
    return ownPath !== undefined && endpoint().handles(method, ownPath) ? ownPath : undefined;
  };
  return {
    reads: (method, url) => handled(method, url) !== undefined,
    answers: (request, response, url) => {
      const { method } = "raw" in request ? request.raw : request;
      const preflight = method === "OPTIONS" ? handled(method, url) : undefined;
      if (preflight === undefined) return false;
      void answer(endpoint(), request, response, preflight);
      return true;
    },
  };
}

/** As Nest writes a path: with one slash in front, and none behind. */
export function nestPath(path: string): string {
  return `/${path}`.replace(/\/+/g, "/").replace(/\/$/, "");
}
