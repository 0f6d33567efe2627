/** `PowerSyncWriteModule`: the write endpoint, `WriteService` and hooks in a Nest application. */
import { type DynamicModule, type FactoryProvider, type Provider, type Type } from "@nestjs/common";
import { ApplicationConfig, DiscoveryModule, DiscoveryService, Reflector } from "@nestjs/core";
import {
  anything,
  checkKind,
  flag,
  func,
  type Kind,
  number,
  object,
  text,
  worded,
} from "../../src/config/kinds.js";
import type { Principal } from "../../src/context.js";
import type { Hooks } from "../../src/pipeline/layers.js";
import type { Writes } from "../../src/config/writes.js";
import { type ConfigOf, isWrites, toWrites } from "../host.js";
import {
  type BeforeParser,
  BeforeParserModule,
  beforeParserToken,
  createBeforeParser,
} from "./before-parser.js";
import {
  type ControllerOptions,
  controllerOptions,
  createController,
  type EndpointController,
  endpointToken,
  nestPath,
  warnOfSecond,
  writeRoutes,
} from "./controller.js";
import { providedHooks } from "./hooks.js";
import type { HttpRequest } from "./platform.js";
import { WriteService } from "./service.js";

/** A configuration, or the writes that `createWrites` made of one. */
export type NestConfig<P extends Principal, DB, Raw = HttpRequest> =
  | ConfigOf<Raw, P, DB>
  | Writes<P>;

/** How the endpoint is mounted in the application. */
export interface MountOptions extends ControllerOptions {
  /** Lets other modules inject `WriteService` without importing this module. Default false. */
  readonly isGlobal?: boolean;
  /** The path of writes that were made by `createWrites`. A configuration has its own `path`. Default `/api/data`. */
  readonly path?: string;
  /** How long a shutdown waits for uploads in progress, in milliseconds. Default 10,000. */
  readonly drainMs?: number;
}

const mountOptions = {
  ...controllerOptions,
  isGlobal: flag,
  path: worded("a path", text),
  drainMs: worded("a number of milliseconds", number),
} satisfies Record<keyof MountOptions, Kind>;
const forRootOptions = object(mountOptions, "an object of options");
const forRootAsyncOptions = object(
  {
    ...mountOptions,
    imports: anything,
    inject: anything,
    useFactory: func,
    useClass: func,
    useExisting: anything,
  },
  "an object of options",
);

const factoryOptions = ["useFactory", "useClass", "useExisting"];

/** Implemented by classes for `useClass` and `useExisting`. */
export interface WritesConfigFactory<P extends Principal, DB, Raw = HttpRequest> {
  createWritesConfig(): NestConfig<P, DB, Raw> | Promise<NestConfig<P, DB, Raw>>;
}

type FactoryClass<P extends Principal, DB, Raw> = Type<WritesConfigFactory<P, DB, Raw>>;

/** Takes one of `useFactory`, `useClass`, `useExisting`. */
export type AsyncOptions<P extends Principal, DB, Raw = HttpRequest> = MountOptions & {
  readonly imports?: DynamicModule["imports"];
} & (
    | {
        readonly inject?: FactoryProvider["inject"];
        readonly useFactory: (
          ...injected: never[]
        ) => NestConfig<P, DB, Raw> | Promise<NestConfig<P, DB, Raw>>;
      }
    | { readonly useClass: FactoryClass<P, DB, Raw> }
    | { readonly useExisting: FactoryClass<P, DB, Raw> }
  );

/**
 * Mounts the write endpoint as a controller, and exports `WriteService`. It may be the application's root module.
 *
 * @example
 * const app = await NestFactory.create(
 *   PowerSyncWriteModule.forRoot({ authenticate, database, tables }), // or among the imports of a module
 * );
 */
export class PowerSyncWriteModule extends BeforeParserModule {
  /**
   * Mounts `POST /api/data`, or the path that `config.path` gives. With `path: false` it mounts nothing, for applications whose own
   * controllers call `WriteService`.
   *
   * @example
   * imports: [PowerSyncWriteModule.forRoot({ authenticate, database, tables })]
   *
   * @throws TypeError at the application's start, for an invalid configuration
   */
  static forRoot<P extends Principal, DB, Raw = HttpRequest>(
    config: NestConfig<P, DB, Raw>,
    options: MountOptions = {},
  ): DynamicModule {
    checkKind(forRootOptions, options, "PowerSyncWriteModule.forRoot:");
    return assemble(options, [{ provide: configToken, useValue: config }]);
  }

  /**
   * Like `forRoot`, with a configuration that is made from providers: the `Kysely` instance, the authenticator, the table rules.
   *
   * @example
   * imports: [
   *   PowerSyncWriteModule.forRootAsync({
   *     imports: [DatabaseModule],
   *     inject: [DatabaseService],
   *     useFactory: ({ kysely }: DatabaseService) => ({ authenticate, database: kysely, tables }),
   *   }),
   * ]
   */
  static forRootAsync<P extends Principal, DB, Raw = HttpRequest>(
    options: AsyncOptions<P, DB, Raw>,
  ): DynamicModule {
    if (!factoryOptions.some((name) => Object.hasOwn(options ?? {}, name))) {
      throw new TypeError(
        "PowerSyncWriteModule.forRootAsync needs `useFactory`, `useClass` or `useExisting`. To pass a configuration, use forRoot.",
      );
    }
    checkKind(forRootAsyncOptions, options, "PowerSyncWriteModule.forRootAsync:");
    return assemble(options, configProviders(options), options.imports);
  }
}

type AnyConfig = NestConfig<Principal, unknown, unknown>;

/** The token of the configuration inside the module. */
const configToken = Symbol("powersync-writes: the configuration");

function configProviders<P extends Principal, DB, Raw>(
  options: AsyncOptions<P, DB, Raw>,
): Provider[] {
  if ("useFactory" in options) {
    const { inject = [], useFactory } = options;
    // Nest's type lets a factory take any arguments. This one takes the providers that `inject` names.
    return [{ provide: configToken, inject, useFactory: useFactory as () => unknown }];
  }
  const factory = "useClass" in options ? options.useClass : options.useExisting;
  return [
    ...("useClass" in options ? [factory] : []),
    {
      provide: configToken,
      inject: [factory],
      useFactory: (instance: Partial<WritesConfigFactory<P, DB, Raw>>) => {
        if (typeof instance?.createWritesConfig !== "function") {
          throw new TypeError(
            `PowerSyncWriteModule.forRootAsync: ${factory.name} has no method createWritesConfig().`,
          );
        }
        return instance.createWritesConfig();
      },
    },
  ];
}

function assemble(
  options: MountOptions,
  config: readonly Provider[],
  imports: NonNullable<DynamicModule["imports"]> = [],
): DynamicModule {
  const controller = createController(options, writeRoutes);
  return {
    module: PowerSyncWriteModule,
    global: options.isGlobal ?? false,
    imports: [DiscoveryModule, ...imports],
    controllers: [controller.type],
    providers: [
      ...config,
      {
        provide: WriteService,
        inject: [configToken, DiscoveryService, Reflector],
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
        provide: beforeParserToken,
        inject: [configToken, WriteService, ApplicationConfig],
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
  if (isWrites<Principal>(given)) {
    throw new TypeError(
      "A @WriteHook() can't be added to writes that have already been created. Give the module the configuration instead.",
    );
  }
  const { hooks = [] } = given;
  // Not a copy, which would lack what a class of the application has on its prototype, such as `authorize`.
  const withAll: AnyConfig = Object.create(given, {
    hooks: { value: [hooks, provided].flat(), enumerable: true },
  });
  return toWrites(withAll);
}

/** Gives the controller its path. Returns null if nothing is mounted. */
function mount(
  given: AnyConfig,
  service: WriteService,
  application: ApplicationConfig,
  controller: EndpointController,
  { path: pathOption, version }: MountOptions,
): BeforeParser | null {
  checkGiven(given);
  const chosen = isWrites<Principal>(given) ? pathOption : given.path;
  if (chosen === false) return null;
  const path = nestPath(chosen ?? "/api/data");
  if (isWrites<Principal>(given) && !given.handles("POST", path)) {
    throw new TypeError(
      `These writes are not at ${path}. Give their path as an option of the module: { path: "…" }.`,
    );
  }
  const checkpoints = isWrites<Principal>(given)
    ? given.handles("PUT", `${path}/checkpoint`)
    : given.checkpoints === true;
  controller.mount(path, checkpoints);
  warnOfSecond(application, path, version);
  return createBeforeParser(() => service.writes, application, path, version);
}

/** @throws TypeError for a value that is not a configuration, and for a configuration that contains options of the module */
function checkGiven(given: AnyConfig): void {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(
      "PowerSyncWriteModule has no configuration. Pass one to forRoot, or return one from the factory of forRootAsync.",
    );
  }
  if (isWrites<Principal>(given)) return;
  const misplaced = Object.keys(mountOptions).find(
    (name) => name !== "path" && Object.hasOwn(given, name),
  );
  if (misplaced !== undefined) {
    throw new TypeError(
      `${misplaced} is an option of the module and not of the configuration. Write forRoot(configuration, { ${misplaced} }), or put it next to the factory of forRootAsync.`,
    );
  }
}
