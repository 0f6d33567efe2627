/** `PowerSyncWriteAdminModule`: the admin routes of the dead letters in a Nest application. */
import { type DynamicModule, type FactoryProvider, type Provider } from "@nestjs/common";
import { ApplicationConfig } from "@nestjs/core";
import type { Admin } from "../../src/admin/admin.js";
import { anything, checkKind, func, type Kind, object } from "../../src/config/kinds.js";
import type { Principal } from "../../src/context.js";
import type { Writes } from "../../src/config/writes.js";
import { type AdminOptionsOf, toAdmin } from "../host.js";
import { BeforeParserModule, beforeParserToken, createBeforeParser } from "./before-parser.js";
import {
  adminRoutes,
  type ControllerOptions,
  controllerOptions,
  createController,
  endpointToken,
  nestPath,
} from "./controller.js";
import type { HttpRequest } from "./platform.js";
import { WriteService } from "./service.js";

/** The guard, and the other options of the admin routes, as in every adapter. */
export type NestAdminOptions<P extends Principal, Raw = HttpRequest> = AdminOptionsOf<Raw, P>;

/** How the admin routes are mounted in the application. */
export interface AdminMountOptions extends ControllerOptions {
  /** The module that provides `WriteService`: the same `PowerSyncWriteModule` object as in the application's imports. Not needed if that module is global. */
  readonly imports?: DynamicModule["imports"];
  /** Writes that were made by `createWrites`, to use instead of `WriteService`. */
  readonly writes?: Pick<Writes<Principal>, "deadLetters">;
}

const mountOptions = {
  ...controllerOptions,
  imports: anything,
  writes: anything,
} satisfies Record<keyof AdminMountOptions, Kind>;
const forRootOptions = object(mountOptions, "an object of options");
const forRootAsyncOptions = object(
  { ...mountOptions, inject: anything, useFactory: func },
  "an object of options",
);

/** Takes a factory whose parameters are the providers that `inject` names. */
export interface AsyncAdminOptions<
  P extends Principal,
  Raw = HttpRequest,
> extends AdminMountOptions {
  readonly inject?: FactoryProvider["inject"];
  readonly useFactory: (
    ...injected: never[]
  ) => NestAdminOptions<P, Raw> | Promise<NestAdminOptions<P, Raw>>;
}

/**
 * Mounts the admin routes of the dead letters.
 *
 * Only `guard` decides who may use them: `authenticate` is not called, and the guard must refuse the tokens of ordinary users.
 *
 * @example
 * const writes = PowerSyncWriteModule.forRoot({ authenticate, database, tables });
 * const admin = PowerSyncWriteAdminModule.forRoot({ guard: isOperator }, { imports: [writes] });
 * // Import both in a module.
 */
export class PowerSyncWriteAdminModule extends BeforeParserModule {
  /**
   * Mounts the routes at `/api/admin/dead-letters`, or the path that `path` gives.
   *
   * @example
   * const writes = PowerSyncWriteModule.forRoot(config);
   * const admin = PowerSyncWriteAdminModule.forRoot({ guard }, { imports: [writes] });
   * // in the application's module: imports: [writes, admin]
   *
   * @throws TypeError at the application's start, without a guard
   */
  static forRoot<P extends Principal, Raw = HttpRequest>(
    options: NestAdminOptions<P, Raw>,
    mounting: AdminMountOptions = {},
  ): DynamicModule {
    checkKind(forRootOptions, mounting, "PowerSyncWriteAdminModule.forRoot:");
    return assemble(mounting, { provide: optionsToken, useValue: options });
  }

  /** Like `forRoot`, with options that are made from providers, such as a guard that calls a service. */
  static forRootAsync<P extends Principal, Raw = HttpRequest>(
    options: AsyncAdminOptions<P, Raw>,
  ): DynamicModule {
    checkKind(forRootAsyncOptions, options, "PowerSyncWriteAdminModule.forRootAsync:");
    const { inject = [], useFactory } = options;
    if (typeof useFactory !== "function") {
      throw new TypeError("PowerSyncWriteAdminModule.forRootAsync needs `useFactory`.");
    }
    const provider = { provide: optionsToken, inject, useFactory: useFactory as () => unknown };
    return assemble(options, provider);
  }
}

/** The token of the options inside the module. */
const optionsToken = Symbol("powersync-writes: the admin options");

type AnyOptions = NestAdminOptions<Principal, unknown>;

function assemble(mounting: AdminMountOptions, options: Provider): DynamicModule {
  const { writes, version } = mounting;
  const controller = createController(mounting, adminRoutes);
  return {
    module: PowerSyncWriteAdminModule,
    imports: mounting.imports ?? [],
    controllers: [controller.type],
    providers: [
      options,
      {
        provide: endpointToken,
        inject: [optionsToken, { token: WriteService, optional: true }],
        useFactory: (given: AnyOptions, service?: WriteService) => {
          if (writes === undefined && service === undefined) {
            throw new TypeError(
              "PowerSyncWriteAdminModule finds no WriteService. List the application's PowerSyncWriteModule object in `imports`, make that module global, or set `writes`.",
            );
          }
          // A getter, because the service must not create its writes yet: hooks that are providers may not exist.
          const source = writes ?? {
            get deadLetters() {
              return deadLettersOf(service);
            },
          };
          const admin = toAdmin(source, given);
          return () => admin;
        },
      },
      {
        provide: beforeParserToken,
        inject: [endpointToken, ApplicationConfig],
        useFactory: (admin: () => Admin, application: ApplicationConfig) => {
          const path = nestPath(admin().path);
          controller.mount(path);
          return createBeforeParser(admin, application, path, version);
        },
      },
    ],
  };
}

function deadLettersOf(service: WriteService | undefined): Writes<Principal>["deadLetters"] {
  if (service === undefined) throw new TypeError("There is no WriteService.");
  return service.deadLetters;
}
