/**
 * The endpoint as a controller.
 *
 * Global prefix, versioning, guards, interceptors and `app.use()` act on controllers, and on nothing that a module could put in front of them.
 * A body parser also comes in front of controllers; `unparsed.ts` keeps it off these.
 */
import {
  Controller,
  Inject,
  Req,
  RequestMapping,
  RequestMethod,
  Res,
  type Type,
} from "@nestjs/common";
import type { MountOptions } from "./options.js";
import { withQuery } from "./paths.js";
import { answer, type PlatformRequest, type PlatformResponse } from "./platform.js";
import { WriteService } from "./service.js";

/** The core's routes below its path. Preflights are not among them: browsers send no credentials with those, and guards would refuse them. */
const routes = [
  { name: "upload", method: RequestMethod.POST, path: "" },
  { name: "limits", method: RequestMethod.GET, path: "/limits" },
  { name: "contract", method: RequestMethod.GET, path: "/openapi.yaml" },
  { name: "checkpoint", method: RequestMethod.PUT, path: "/checkpoint" },
  { name: "checkpointRequest", method: RequestMethod.POST, path: "/checkpoint-request" },
] as const;
const checkpointRoutes: readonly string[] = ["checkpoint", "checkpointRequest"];

type RouteHandler = (request: PlatformRequest, response: PlatformResponse) => Promise<void>;
type Endpoint = Record<(typeof routes)[number]["name"], RouteHandler>;

export interface EndpointController {
  readonly type: Type<Endpoint>;
  /** Gives it its path and routes: the configuration may only be known when providers have been made, which is still before Nest's router looks. */
  mount(path: string, checkpoints: boolean): void;
}

/** A class of its own for each module: two endpoints may stand in one application. */
export function endpointController({ version, decorators = [] }: MountOptions): EndpointController {
  let base = "";

  class PowerSyncWriteController implements Endpoint {
    readonly #service: WriteService;

    constructor(service: WriteService) {
      this.#service = service;
    }

    upload(request: PlatformRequest, response: PlatformResponse): Promise<void> {
      return this.#answer(request, response, base);
    }

    limits(request: PlatformRequest, response: PlatformResponse): Promise<void> {
      return this.#answer(request, response, `${base}/limits`);
    }

    contract(request: PlatformRequest, response: PlatformResponse): Promise<void> {
      return this.#answer(request, response, `${base}/openapi.yaml`);
    }

    checkpoint(request: PlatformRequest, response: PlatformResponse): Promise<void> {
      return this.#answer(request, response, `${base}/checkpoint`);
    }

    checkpointRequest(request: PlatformRequest, response: PlatformResponse): Promise<void> {
      return this.#answer(request, response, `${base}/checkpoint-request`);
    }

    /** By the core's own path: what Nest puts in front of it is none of the core's business. */
    #answer(request: PlatformRequest, response: PlatformResponse, path: string): Promise<void> {
      const query = ("raw" in request ? request.raw : request).url?.split("?", 2)[1];
      return answer(this.#service.writes, request, response, withQuery(path, query));
    }
  }

  Inject(WriteService)(PowerSyncWriteController, undefined, 0);
  const controllerAt = (path: string) =>
    Controller({ path, ...(version !== undefined && { version }) })(PowerSyncWriteController);
  controllerAt("");
  for (const decorate of decorators) decorate(PowerSyncWriteController);

  return {
    type: PowerSyncWriteController,
    mount: (path, checkpoints) => {
      base = path;
      controllerAt(path);
      const { prototype } = PowerSyncWriteController;
      for (const { name, method, path } of routes) {
        const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
        if (descriptor === undefined) continue;
        // Where they are off, the application may have some of its own there.
        if (!checkpoints && checkpointRoutes.includes(name)) continue;
        RequestMapping({ method, path })(prototype, name, descriptor);
        // With `@Res()` Nest leaves the answer, also one to an error, to the handler.
        Req()(prototype, name, 0);
        Res()(prototype, name, 1);
      }
    },
  };
}
