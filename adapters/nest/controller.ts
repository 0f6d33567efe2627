/**
 * The endpoint as a Nest controller, and the URL at which Nest serves it.
 *
 * The endpoint is a controller and not middleware, because a global prefix, versioning, guards and interceptors apply only to controllers.
 * Nest's body parser runs before controllers; `before-parser.ts` keeps it away from the endpoint's requests.
 */
import {
  Controller,
  Inject,
  Logger,
  Req,
  RequestMapping,
  RequestMethod,
  Res,
  type Type,
  VERSION_NEUTRAL,
  VersioningType,
} from "@nestjs/common";
import type { ApplicationConfig } from "@nestjs/core";
import { anything, func, type Kind, list } from "../../src/config/kinds.js";
import type { Mountable } from "../host.js";
import { nodeRequestOf, type PlatformRequest, type PlatformResponse, serveOn } from "./platform.js";

/** The token of a module's `() => Mountable`. */
export const endpointToken = Symbol("powersync-writes: the endpoint");

export type Version = string | typeof VERSION_NEUTRAL | (string | typeof VERSION_NEUTRAL)[];

/** Settings of the endpoint's controller. */
export interface ControllerOptions {
  /** As in `@Controller({ version })`. Default: the application's `defaultVersion`. */
  readonly version?: Version;
  /** Applied to the endpoint's controller, as in `[UseGuards(SignedIn)]`. */
  readonly decorators?: readonly ClassDecorator[];
}

export const controllerOptions = {
  version: anything,
  decorators: list(func, "a list of decorators"),
} satisfies Record<keyof ControllerOptions, Kind>;

interface HandlerRoute {
  /** The handler's name. */
  readonly name: string;
  readonly method: RequestMethod;
  /** Below the endpoint's path; `:id` is a parameter. */
  readonly path: string;
}

/** The write endpoint's routes. Preflights are answered by `before-parser.ts`: they carry no credentials, and guards would refuse them. */
export const writeRoutes: readonly HandlerRoute[] = [
  { name: "upload", method: RequestMethod.POST, path: "" },
  { name: "uploadPut", method: RequestMethod.PUT, path: "" },
  { name: "uploadPatch", method: RequestMethod.PATCH, path: "" },
  { name: "uploadDelete", method: RequestMethod.DELETE, path: "" },
  { name: "limits", method: RequestMethod.GET, path: "/limits" },
  { name: "contract", method: RequestMethod.GET, path: "/openapi.yaml" },
  { name: "checkpoint", method: RequestMethod.PUT, path: "/checkpoint" },
  { name: "checkpointRequest", method: RequestMethod.POST, path: "/checkpoint-request" },
];
const checkpointRoutes: readonly string[] = ["checkpoint", "checkpointRequest"];

/** The admin routes of the dead letters. */
export const adminRoutes: readonly HandlerRoute[] = [
  { name: "list", method: RequestMethod.GET, path: "" },
  { name: "export", method: RequestMethod.GET, path: "/export" },
  { name: "retryAll", method: RequestMethod.POST, path: "/retry" },
  { name: "discardAll", method: RequestMethod.POST, path: "/discard" },
  { name: "get", method: RequestMethod.GET, path: "/:id" },
  { name: "edit", method: RequestMethod.PUT, path: "/:id" },
  { name: "compare", method: RequestMethod.GET, path: "/:id/compare" },
  { name: "retry", method: RequestMethod.POST, path: "/:id/retry" },
  { name: "discard", method: RequestMethod.POST, path: "/:id/discard" },
];

export interface EndpointController {
  readonly type: Type<unknown>;
  /**
   * Sets the path and the routes. The path may be known only after all providers have been created, which is still before Nest's router reads it.
   *
   * @param checkpoints whether to add the checkpoint routes; if not, the application may have its own routes at their paths
   */
  mount(path: string, checkpoints?: boolean): void;
}

/** Creates a controller class for each module, because an application may have several endpoints. */
export function createController(
  { version, decorators = [] }: ControllerOptions,
  routes: readonly HandlerRoute[],
): EndpointController {
  let base = "";

  class PowerSyncWriteController {
    readonly #mountable: () => Mountable;

    constructor(mountable: () => Mountable) {
      this.#mountable = mountable;
    }

    /** Passes on the endpoint's own URL, without Nest's global prefix and version. */
    serve(route: string, request: PlatformRequest, response: PlatformResponse): Promise<void> {
      const query = nodeRequestOf(request).url?.split("?", 2)[1];
      const id = request.params?.["id"] ?? "";
      const path = `${base}${route.replace(":id", encodeURIComponent(id))}`;
      return serveOn(this.#mountable(), request, response, withQuery(path, query));
    }
  }

  Inject(endpointToken)(PowerSyncWriteController, undefined, 0);
  const setPath = (path: string) =>
    Controller({ path, ...(version !== undefined && { version }) })(PowerSyncWriteController);
  setPath("");
  for (const decorate of decorators) decorate(PowerSyncWriteController);

  return {
    type: PowerSyncWriteController,
    mount: (path, checkpoints = false) => {
      base = path;
      setPath(path);
      const { prototype } = PowerSyncWriteController;
      for (const { name, method, path } of routes) {
        if (!checkpoints && checkpointRoutes.includes(name)) continue;
        const value = function (
          this: PowerSyncWriteController,
          request: PlatformRequest,
          response: PlatformResponse,
        ): Promise<void> {
          return this.serve(path, request, response);
        };
        // Interceptors and guards may read the handler's name.
        Object.defineProperty(value, "name", { value: name });
        const descriptor = { configurable: true, writable: true, value };
        Object.defineProperty(prototype, name, descriptor);
        RequestMapping({ method, path })(prototype, name, descriptor);
        // With `@Res()`, Nest leaves the response to the handler, even after an error.
        Req()(prototype, name, 0);
        Res()(prototype, name, 1);
      }
    },
  };
}

/** A path in Nest's form: with one slash at the beginning, and none at the end. */
export function nestPath(path: string): string {
  return `/${path}`.replace(/\/+/g, "/").replace(/\/$/, "");
}

/**
 * Recognizes the URLs at which Nest serves the endpoint: below the global prefix and the version.
 *
 * @returns a function that returns the endpoint's own URL, without prefix and version, or `undefined` for a URL that is not the endpoint's
 */
export function endpointUrl(
  application: ApplicationConfig,
  path: string,
  version: Version | undefined,
): (url: string) => string | undefined {
  const bases = prefixesOf(application)
    .flatMap((prefix) => versionsOf(application, version).map((each) => [prefix, each, path]))
    .map((parts) => nestPath(parts.join("/")).toLowerCase());
  return (url) => {
    const [external = "", query] = url.split("?", 2);
    // Nest's routers ignore case by default.
    const asked = external.replace(/\/$/, "").toLowerCase();
    const base = bases.find((each) => asked === each || asked.startsWith(`${each}/`));
    return base === undefined ? undefined : withQuery(`${path}${asked.slice(base.length)}`, query);
  };
}

/** @param path empty for the root */
function withQuery(path: string, query: string | undefined): string {
  return `${path || "/"}${query === undefined ? "" : `?${query}`}`;
}

function prefixesOf(application: ApplicationConfig): readonly string[] {
  // Only Nest knows which routes are excluded from the prefix. If some are, the endpoint may be at either path.
  const someExcluded = (application.getGlobalPrefixOptions().exclude ?? []).length > 0;
  return someExcluded ? [application.getGlobalPrefix(), ""] : [application.getGlobalPrefix()];
}

function versionsOf(
  application: ApplicationConfig,
  version: Version | undefined,
): readonly string[] {
  const versioning = application.getVersioning();
  if (versioning?.type !== VersioningType.URI) return [""];
  const prefix = versioning.prefix === false ? "" : (versioning.prefix ?? "v");
  return [version ?? versioning.defaultVersion ?? VERSION_NEUTRAL]
    .flat()
    .map((each) => (typeof each === "string" ? `${prefix}${each}` : ""));
}

/** The endpoints of each application, by path and version. */
const mounted = new WeakMap<ApplicationConfig, Set<string>>();

/** Warns of a second endpoint at the same path: Nest serves only the first controller of a path, without a warning of its own. */
export function warnOfSecond(
  application: ApplicationConfig,
  path: string,
  version: Version | undefined,
): void {
  const endpoints = mounted.get(application) ?? new Set();
  mounted.set(application, endpoints);
  const endpoint = `${path} ${[version].flat().map(String).join()}`;
  if (endpoints.has(endpoint)) {
    new Logger("PowerSyncWriteModule").warn(
      `There are two endpoints at ${path}, and the second one is never reached. To inject WriteService in several modules, import the same module object in each of them, or set isGlobal.`,
    );
  }
  endpoints.add(endpoint);
}
