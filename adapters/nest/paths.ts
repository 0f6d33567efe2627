/** Where Nest has put the endpoint: the global prefix and the version come before its own path. */
import { VERSION_NEUTRAL, VersioningType } from "@nestjs/common";
import type { ApplicationConfig } from "@nestjs/core";
import type { Version } from "./options.js";

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
