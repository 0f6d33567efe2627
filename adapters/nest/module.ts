/** `PowerSyncWriteModule`: puts the endpoint, the service and the hooks into a Nest application. */
import {
  type DynamicModule,
  Inject,
  Module,
  type NestModule,
  type Provider,
  type Type,
} from "@nestjs/common";
import {
  ApplicationConfig,
  DiscoveryModule,
  DiscoveryService,
  HttpAdapterHost,
  Reflector,
} from "@nestjs/core";
import type { Hooks, Principal } from "../../src/pipeline/layers.js";
import type { Writes } from "../../src/writes.js";
import { type Endpoint, toWrites } from "../endpoint.js";
import { endpointController, type EndpointController, writeRoutes } from "./controller.js";
import { providedHooks } from "./hooks.js";
import {
  type AsyncOptions,
  configProviders,
  givenConfig,
  type HttpRequest,
  type MountOptions,
  type NestConfig,
  ownUrl,
} from "./options.js";
import { WriteService } from "./service.js";
import { afterParser, answer, comeFirst, type Early } from "./platform.js";

/** A module whose endpoint is asked before Nest's body parser, so that it reads its own requests' bodies. */
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

/** `imports: [PowerSyncWriteModule.forRoot(config)]`, or the root module itself. */
export class PowerSyncWriteModule extends EarlyModule {
  /** Mounts `POST /api/data`, or what `config.path` says; with `path: false` nothing, for controllers of one's own. */
  static forRoot<P extends Principal, DB, Raw = HttpRequest>(
    config: NestConfig<P, DB, Raw>,
    options: MountOptions = {},
  ): DynamicModule {
    return assemble(options, [{ provide: givenConfig, useValue: config }]);
  }

  /** The same with a configuration made of providers: Kysely's instance, the authenticator, the table rules, hooks. */
  static forRootAsync<P extends Principal, DB, Raw = HttpRequest>(
    options: AsyncOptions<P, DB, Raw>,
  ): DynamicModule {
    return assemble(options, configProviders(options), options.imports);
  }
}

// Decorators as the functions that they are: so these sources run wherever types are only stripped, whatever the compiler's settings.
Module({})(PowerSyncWriteModule);
injected(PowerSyncWriteModule);

type AnyConfig = NestConfig<Principal, unknown, unknown>;

function assemble(
  options: MountOptions,
  config: readonly Provider[],
  imports: NonNullable<DynamicModule["imports"]> = [],
): DynamicModule {
  const controller = endpointController(options, endpointToken, writeRoutes);
  return {
    module: PowerSyncWriteModule,
    global: options.isGlobal ?? false,
    imports: [DiscoveryModule, ...imports],
    controllers: [controller.type],
    providers: [
      ...config,
      {
        provide: WriteService,
        inject: [givenConfig, DiscoveryService, Reflector],
        useFactory: (given: AnyConfig, discovery: DiscoveryService, reflector: Reflector) =>
          new WriteService(
            () => withHooks(given, providedHooks(discovery, reflector)),
            options.drainMs ?? 10_000,
          ),
      },
      {
        provide: endpointToken,
        inject: [WriteService],
        useFactory: (service: WriteService) => () => service.writes,
      },
      {
        provide: earlyToken,
        inject: [givenConfig, WriteService, ApplicationConfig],
        useFactory: (given: AnyConfig, service: WriteService, application: ApplicationConfig) =>
          mount(given, service, application, controller, options),
      },
    ],
    exports: [WriteService],
  };
}

function withHooks(
  given: AnyConfig,
  provided: readonly Hooks<Principal, unknown>[],
): Writes<Principal> {
  if (provided.length === 0) return toWrites(given);
  if (isWrites(given)) {
    throw new TypeError("A @WriteHook() needs the configuration: these writes have been created.");
  }
  const { hooks = [] } = given;
  return toWrites({ ...given, hooks: [hooks, provided].flat() });
}

/** Gives the controller its place, and says what is to be done before Nest's parser. */
function mount(
  given: AnyConfig,
  service: WriteService,
  application: ApplicationConfig,
  controller: EndpointController,
  { path: named, version }: MountOptions,
): Early | null {
  const chosen = isWrites(given) ? (named ?? "/api/data") : (given.path ?? "/api/data");
  if (chosen === false) return null;
  const path = nestPath(chosen);
  if (isWrites(given) && !given.handles("POST", path)) {
    throw new TypeError(`These writes are not at ${path}; say where they are: { path: "…" }.`);
  }
  const checkpoints = isWrites(given)
    ? given.handles("PUT", `${path}/checkpoint`)
    : given.checkpoints === true;
  controller.mount(path, checkpoints);
  return earlyFor(() => service.writes, application, path, version);
}

function isWrites(given: AnyConfig): given is Writes<Principal> {
  return "handle" in given && typeof given.handle === "function";
}
