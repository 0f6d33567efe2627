/** `PowerSyncWriteAdminModule`: the admin routes of the dead letters in a Nest application. */
import { type DynamicModule, type FactoryProvider, Module, type Provider } from "@nestjs/common";
import { ApplicationConfig } from "@nestjs/core";
import type { Admin } from "../../src/index.js";
import type { Principal } from "../../src/pipeline/layers.js";
import type { Writes } from "../../src/writes.js";
import { type AdminOptionsOf, toAdmin } from "../endpoint.js";
import { adminRoutes, endpointController } from "./controller.js";
import { earlyFor, EarlyModule, earlyToken, endpointToken, injected, nestPath } from "./module.js";
import type { HttpRequest, MountOptions } from "./options.js";
import { WriteService } from "./service.js";

/** The guard, and what the other adapters take beside it. */
export type NestAdminOptions<P extends Principal, Raw = HttpRequest> = AdminOptionsOf<Raw, P>;

/** How the routes stand in the application. */
export interface AdminMountOptions extends Pick<MountOptions, "version" | "decorators"> {
  /** Where `WriteService` comes from: the very `PowerSyncWriteModule` among the application's imports, unless that is global. */
  readonly imports?: DynamicModule["imports"];
  /** In place of `WriteService`: what `createWrites` has made. */
  readonly writes?: Pick<Writes<Principal>, "deadLetters">;
}

/** With `inject`, as Nest has it. */
export interface AsyncAdminOptions<
  P extends Principal,
  Raw = HttpRequest,
> extends AdminMountOptions {
  readonly inject?: FactoryProvider["inject"];
  readonly useFactory: (
    ...injected: never[]
  ) => NestAdminOptions<P, Raw> | Promise<NestAdminOptions<P, Raw>>;
}

const givenOptions = Symbol("powersync-writes: the admin options");

/** The module's `guard` decides alone who may: `authenticate` is not asked, and a user's token must not pass it. */
export class PowerSyncWriteAdminModule extends EarlyModule {
  /**
   * Mounts the routes at `/api/admin/dead-letters`, or what `path` says.
   *
   * @throws TypeError at the application's start, without a guard
   */
  static forRoot<P extends Principal, Raw = HttpRequest>(
    options: NestAdminOptions<P, Raw>,
    mounting: AdminMountOptions = {},
  ): DynamicModule {
    return assemble(mounting, { provide: givenOptions, useValue: options });
  }

  /** The same with options made of providers: a guard that asks a service. */
  static forRootAsync<P extends Principal, Raw = HttpRequest>(
    options: AsyncAdminOptions<P, Raw>,
  ): DynamicModule {
    const { inject = [], useFactory } = options;
    const provider = { provide: givenOptions, inject, useFactory: useFactory as () => unknown };
    return assemble(options, provider);
  }
}

Module({})(PowerSyncWriteAdminModule);
injected(PowerSyncWriteAdminModule);

type AnyOptions = NestAdminOptions<Principal, unknown>;

function assemble(mounting: AdminMountOptions, options: Provider): DynamicModule {
  const { writes, version } = mounting;
  const controller = endpointController(mounting, endpointToken, adminRoutes);
  return {
    module: PowerSyncWriteAdminModule,
    imports: mounting.imports ?? [],
    controllers: [controller.type],
    providers: [
      options,
      {
        provide: endpointToken,
        inject: [givenOptions, ...(writes === undefined ? [WriteService] : [])],
        useFactory: (given: AnyOptions, service?: WriteService) => {
          // Not asked for its letters yet: hooks that are providers may not have been made.
          const source = writes ?? {
            get deadLetters() {
              return lettersOf(service);
            },
          };
          const admin = toAdmin(source, given);
          return () => admin;
        },
      },
      {
        provide: earlyToken,
        inject: [endpointToken, ApplicationConfig],
        useFactory: (endpoint: () => Admin, application: ApplicationConfig) => {
          const path = nestPath(endpoint().path);
          controller.mount(path);
          return earlyFor(endpoint, application, path, version);
        },
      },
    ],
  };
}

function lettersOf(service: WriteService | undefined): Writes<Principal>["deadLetters"] {
  if (service === undefined) throw new TypeError("There is no WriteService.");
  return service.deadLetters;
}
