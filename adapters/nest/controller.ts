/**
 * An endpoint as a controller.
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
import type { Endpoint } from "../endpoint.js";
import { type MountOptions, withQuery } from "./options.js";
import { answer, type PlatformRequest, type PlatformResponse } from "./platform.js";

interface Route {
  /** The handler's name. */
  readonly name: string;
  readonly method: RequestMethod;
  /** Below the endpoint's path; `:id` is a parameter. */
  readonly path: string;
}

/** The core's routes below its path. Preflights are not among them: browsers send no credentials with those, and guards would refuse them. */
export const writeRoutes: readonly Route[] = [
  { name: "upload", method: RequestMethod.POST, path: "" },
  { name: "limits", method: RequestMethod.GET, path: "/limits" },
  { name: "contract", method: RequestMethod.GET, path: "/openapi.yaml" },
  { name: "checkpoint", method: RequestMethod.PUT, path: "/checkpoint" },
  { name: "checkpointRequest", method: RequestMethod.POST, path: "/checkpoint-request" },
];
const checkpointRoutes: readonly string[] = ["checkpoint", "checkpointRequest"];

/** Of the dead letters. */
export const adminRoutes: readonly Route[] = [
  { name: "list", method: RequestMethod.GET, path: "" },
  { name: "export", method: RequestMethod.GET, path: "/export" },
  { name: "retryAll", method: RequestMethod.POST, path: "/retry" },
  { name: "discardAll", method: RequestMethod.POST, path: "/discard" },
  { name: "get", method: RequestMethod.GET, path: "/:id" },
  { name: "edit", method: RequestMethod.PUT, path: "/:id" },
  { name: "retry", method: RequestMethod.POST, path: "/:id/retry" },
  { name: "discard", method: RequestMethod.POST, path: "/:id/discard" },
];

export interface EndpointController {
  readonly type: Type<unknown>;
  /** Gives it its path and routes: the configuration may only be known when providers have been made, which is still before Nest's router looks. */
  mount(path: string, checkpoints?: boolean): void;
}

/**
 * A class of its own for each module: two endpoints may stand in one application.
 *
 * @param token of the provider that gives the endpoint, once it is asked for
 */
export function endpointController(
  { version, decorators = [] }: Pick<MountOptions, "version" | "decorators">,
  token: symbol,
  routes: readonly Route[],
): EndpointController {
  let base = "";

  class PowerSyncWriteController {
    readonly #endpoint: () => Endpoint;

    constructor(endpoint: () => Endpoint) {
      this.#endpoint = endpoint;
    }

    /** By the core's own path: what Nest puts in front of it is none of the core's business. */
    answer(route: string, request: PlatformRequest, response: PlatformResponse): Promise<void> {
      const query = ("raw" in request ? request.raw : request).url?.split("?", 2)[1];
      const id = request.params?.["id"] ?? "";
      const path = `${base}${route.replace(":id", encodeURIComponent(id))}`;
      return answer(this.#endpoint(), request, response, withQuery(path, query));
    }
  }

  Inject(token)(PowerSyncWriteController, undefined, 0);
  const controllerAt = (path: string) =>
    Controller({ path, ...(version !== undefined && { version }) })(PowerSyncWriteController);
  controllerAt("");
  for (const decorate of decorators) decorate(PowerSyncWriteController);

  return {
    type: PowerSyncWriteController,
    mount: (path, checkpoints = false) => {
      base = path;
      controllerAt(path);
      const { prototype } = PowerSyncWriteController;
      for (const { name, method, path } of routes) {
        // Where they are off, the application may have some of its own there.
        if (!checkpoints && checkpointRoutes.includes(name)) continue;
        const value = function (
          this: PowerSyncWriteController,
          request: PlatformRequest,
          reply: PlatformResponse,
        ): Promise<void> {
          return this.answer(path, request, reply);
        };
        // Interceptors and guards may ask for it.
        Object.defineProperty(value, "name", { value: name });
        const descriptor = { configurable: true, writable: true, value };
        Object.defineProperty(prototype, name, descriptor);
        RequestMapping({ method, path })(prototype, name, descriptor);
        // With `@Res()` Nest leaves the answer, also one to an error, to the handler.
        Req()(prototype, name, 0);
        Res()(prototype, name, 1);
      }
    },
  };
}
