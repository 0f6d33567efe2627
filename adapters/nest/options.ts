/** What an application says to the module. */
import type { IncomingHttpHeaders } from "node:http";
import {
  type DynamicModule,
  type FactoryProvider,
  type Provider,
  type Type,
  VERSION_NEUTRAL,
  VersioningType,
} from "@nestjs/common";
import type { Principal } from "../../src/pipeline/layers.js";
import type { Writes } from "../../src/writes.js";
import type { ConfigOf } from "../endpoint.js";
import type { ApplicationConfig } from "@nestjs/core";

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

type Version = string | typeof VERSION_NEUTRAL | (string | typeof VERSION_NEUTRAL)[];

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

// Where Nest has put the endpoint: the global prefix and the version come before its own path.
/**
 * The endpoint's paths as they come over the wire, for what has to know a request before Nest's router does.
 *
 * @returns the core's own path for such a URL, without prefix and version
 */
export function ownUrl(
  config: ApplicationConfig,
  path: string,
  version: Version | undefined,
): (url: string) => string | undefined {
  const bases = prefixesOf(config)
    .flatMap((prefix) => versionsOf(config, version).map((each) => [prefix, each, path]))
    .map((parts) => `/${parts.join("/")}`.replace(/\/+/g, "/").replace(/\/$/, "").toLowerCase());
  return (url) => {
    const [external = "", query] = url.split("?", 2);
    // Nest's routers don't tell cases apart unless they are told to.
    const wanted = external.replace(/\/$/, "").toLowerCase();
    const base = bases.find((each) => wanted === each || wanted.startsWith(`${each}/`));
    if (base === undefined) return undefined;
    const rest = wanted.slice(base.length);
    return withQuery(`${path}${rest}`, query);
  };
}

/** @param path empty for the root */
export function withQuery(path: string, query: string | undefined): string {
  return `${path || "/"}${query === undefined ? "" : `?${query}`}`;
}

function prefixesOf(config: ApplicationConfig): readonly string[] {
  // Which routes are excluded is Nest's to judge; both are the application's own way of naming this endpoint.
  const excluded = (config.getGlobalPrefixOptions().exclude ?? []).length > 0;
  return excluded ? [config.getGlobalPrefix(), ""] : [config.getGlobalPrefix()];
}

function versionsOf(config: ApplicationConfig, version: Version | undefined): readonly string[] {
  const versioning = config.getVersioning();
  if (versioning?.type !== VersioningType.URI) return [""];
  const prefix = versioning.prefix === false ? "" : (versioning.prefix ?? "v");
  return [version ?? versioning.defaultVersion ?? VERSION_NEUTRAL]
    .flat()
    .map((each) => (typeof each === "string" ? `${prefix}${each}` : ""));
}
