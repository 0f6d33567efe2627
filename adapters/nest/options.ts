/** What an application says to the module. */
import type { IncomingHttpHeaders } from "node:http";
import type {
  DynamicModule,
  FactoryProvider,
  Provider,
  Type,
  VERSION_NEUTRAL,
} from "@nestjs/common";
import type { Principal } from "../../src/layer.js";
import type { Writes } from "../../src/writes.js";
import type { ConfigOf } from "../to-writes.js";

/** `request.raw`, where `authenticate` does not say more: what Express' request and Fastify's have in common, and what guards leave there. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly user?: unknown;
}

/** The configuration, or what `createWrites` made of one. */
export type NestConfig<P extends Principal, DB, Raw = HttpRequest> =
  | ConfigOf<Raw, P, DB>
  | Writes<P>;

export type Version = string | typeof VERSION_NEUTRAL | (string | typeof VERSION_NEUTRAL)[];

/** How the endpoint stands in the application. */
export interface MountOptions {
  /** Other modules may inject `WriteService` without importing this one. Default false. */
  readonly isGlobal?: boolean;
  /** Where writes are that `createWrites` has made; a configuration has a `path` of its own. Default `/api/data`. */
  readonly path?: string;
  /** As in `@Controller({ version })`. Default: the application's `defaultVersion`. */
  readonly version?: Version;
  /** Put on the endpoint's controller, as in `[UseGuards(SignedIn)]`. */
  readonly decorators?: readonly ClassDecorator[];
  /** How long a shutdown waits for uploads in flight. Default 10,000. */
  readonly drainMs?: number;
}

/** For `useClass` and `useExisting`. */
export interface WritesConfigFactory<P extends Principal, DB, Raw = HttpRequest> {
  createWritesConfig(): NestConfig<P, DB, Raw> | Promise<NestConfig<P, DB, Raw>>;
}

type FactoryClass<P extends Principal, DB, Raw> = Type<WritesConfigFactory<P, DB, Raw>>;

/** One of `useFactory`, `useClass`, `useExisting`. */
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

/** The configuration's token inside the module. */
export const givenConfig = Symbol("powersync-writes: the configuration");

export function configProviders<P extends Principal, DB, Raw>(
  options: AsyncOptions<P, DB, Raw>,
): Provider[] {
  if ("useFactory" in options) {
    const { inject = [], useFactory } = options;
    // Nest's own type says that a factory takes anything; what it takes is what `inject` names.
    return [{ provide: givenConfig, inject, useFactory: useFactory as () => unknown }];
  }
  const factory = "useClass" in options ? options.useClass : options.useExisting;
  return [
    ...("useClass" in options ? [factory] : []),
    {
      provide: givenConfig,
      inject: [factory],
      useFactory: (made: WritesConfigFactory<P, DB, Raw>) => made.createWritesConfig(),
    },
  ];
}
