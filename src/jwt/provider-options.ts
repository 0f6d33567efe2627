/** What the ready-made options of all providers have in common, and the checks of their own options. */
import { anything, checkKind, type Kind, object, unsetText } from "../config/kinds.js";
import type { JwksUriOptions } from "./options.js";

/** Options that every provider takes beside its own. */
export type ProviderOptions = Pick<
  JwksUriOptions,
  "clockTolerance" | "tokenCacheMs" | "jwksCache" | "fetch" | "allowLoopbackHttp"
>;

/** The names of the options that apply to any token. */
export const claimNames = { clockTolerance: anything, tokenCacheMs: anything };

const commonNames = {
  ...claimNames,
  jwksCache: anything,
  fetch: anything,
  allowLoopbackHttp: anything,
} satisfies Record<keyof ProviderOptions, Kind>;

/** @throws TypeError for an option that is not known: a misspelled one would be a check that nobody makes */
export function checkNames(
  provider: string,
  options: object,
  own: Readonly<Record<string, Kind>>,
  common: Readonly<Record<string, Kind>> = commonNames,
): void {
  checkKind(object({ ...own, ...common }, "an object of options"), options, `${provider}:`);
}

export function common(options: ProviderOptions): ProviderOptions {
  const { clockTolerance, tokenCacheMs, jwksCache, fetch, allowLoopbackHttp } = options;
  return givenOptions({ clockTolerance, tokenCacheMs, jwksCache, fetch, allowLoopbackHttp });
}

type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

export function givenOptions<T extends object>(options: T): Given<T> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Given<T>;
}

export function namesOneOf(known: readonly string[], value: unknown): boolean {
  return typeof value === "string" && known.includes(value);
}

export function checkedText(provider: string, name: string, value: unknown, form: RegExp): string {
  if (typeof value === "string" && form.test(value)) return value;
  const path = `${provider}: \`${name}\``;
  throw new TypeError(
    unsetText(path, value) ?? `${path} must be written as the provider shows it.`,
  );
}

export function checkedList(
  provider: string,
  name: string,
  given: readonly string[],
): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [];
  const wrong = list.findIndex((one) => typeof one !== "string" || one === "");
  if (list.length > 0 && wrong === -1) return [...given];
  throw new TypeError(
    wrong >= 0 && (list[wrong] === undefined || list[wrong] === "")
      ? `${provider}: \`${name}\` has an empty entry: an environment variable is probably not set.`
      : `${provider}: \`${name}\` must be a list of strings, and not empty.`,
  );
}

/** Removes the slash at the end, since issuers are written without it. */
export function base(provider: string, name: string, value: string | URL): string {
  const path = `${provider}: \`${name}\``;
  if (!URL.canParse(value)) {
    throw new TypeError(unsetText(path, value) ?? `${path} must be an absolute URL.`);
  }
  const { origin, pathname, search, hash } = new URL(value);
  if (search !== "" || hash !== "") {
    throw new TypeError(`${path} must be a URL without query and fragment.`);
  }
  return `${origin}${pathname.replace(/\/+$/, "")}`;
}
