/** Kinds of option values, as data, and the function that checks a value against its kind. Every refusal is a TypeError that says what to write. */
import { didYouMean } from "./nearest.js";

export interface Kind {
  /** Completes "must be …". */
  readonly words: string;
  readonly fits: (value: unknown) => boolean;
  /** Checks what is inside a value that fits, and throws a TypeError. */
  readonly inside?: (value: unknown, path: string) => void;
  /** `required`: it must be given. `defined`: it may be left out, but `undefined` is refused. Default: `undefined` is the same as left out. */
  readonly presence?: "required" | "defined";
}

/** The known keys of an object, each with its kind. */
type Shape = Readonly<Record<string, Kind>>;

/** @throws TypeError that names the option and says what to write */
export function checkKind(kind: Kind, value: unknown, path: string): void {
  if (!kind.fits(value)) {
    const cause = unsetText(path, value);
    throw new TypeError(
      cause === undefined ? `${path} must be ${kind.words}.` : `${cause} It must be ${kind.words}.`,
    );
  }
  kind.inside?.(value, path);
}

/** Explains a text that is undefined or empty by its usual cause. Returns `undefined` for any other value. */
export function unsetText(path: string, value: unknown): string | undefined {
  if (value !== undefined && value !== "") return undefined;
  const what = value === undefined ? "undefined" : "empty";
  return `${path} is ${what}: an environment variable is probably not set.`;
}

/** An option that must be given. */
export function required(kind: Kind): Kind {
  return { ...kind, presence: "required" };
}

/** An option whose absence allows more: a variable that is undefined by mistake must not count as "left out". */
export function defined(kind: Kind): Kind {
  return { ...kind, presence: "defined" };
}

/** The same kind with other words in its message. */
export function worded(words: string, kind: Kind): Kind {
  return { ...kind, words };
}

export const text: Kind = {
  words: "a text that is not empty",
  fits: (value) => typeof value === "string" && value !== "",
};

export const func: Kind = {
  words: "a function",
  fits: (value) => typeof value === "function",
};

export const flag: Kind = {
  words: "true or false",
  fits: (value) => typeof value === "boolean",
};

export const number: Kind = {
  words: "a number",
  fits: (value) => typeof value === "number" && !Number.isNaN(value),
};

/** Any value, such as another library's object, whose form is not checked. */
export const anything: Kind = { words: "anything", fits: () => true };

export const logger: Kind = {
  words: "false, or an object with the functions `error` and `warn`, such as the console",
  fits: (value) => {
    if (value === false) return true;
    const { error, warn } = (value ?? {}) as Readonly<Record<string, unknown>>;
    return typeof error === "function" && typeof warn === "function";
  },
};

export const telemetry: Kind = {
  words: "the result of `otel()` from powersync-writes/otel",
  fits: (value) => {
    const { event, request, transaction, statement, waitingLetters } = (value ?? {}) as Readonly<
      Record<string, unknown>
    >;
    const all = [event, request, transaction, statement, waitingLetters];
    return all.every((each) => typeof each === "function");
  },
};

/** One of these values. */
export function oneOf(...values: readonly (string | boolean)[]): Kind {
  return {
    words: values.map((value) => JSON.stringify(value)).join(" or "),
    fits: (value) => values.some((each) => each === value),
  };
}

/** The first of the kinds that fits. */
export function either(...kinds: readonly Kind[]): Kind {
  const fitting = (value: unknown) => kinds.find((kind) => kind.fits(value));
  return {
    words: kinds.map(({ words }) => words).join(", or "),
    fits: (value) => fitting(value) !== undefined,
    inside: (value, path) => fitting(value)?.inside?.(value, path),
  };
}

export function list(of: Kind, words: string): Kind {
  return {
    words,
    fits: Array.isArray,
    inside: (value, path) => {
      for (const [index, each] of (value as readonly unknown[]).entries()) {
        checkKind(of, each, `${path}[${index}]`);
      }
    },
  };
}

/** A plain object whose keys are the application's own names, each with a value of this kind. `undefined` and inherited members are refused. */
export function recordOf(of: Kind, words: string): Kind {
  return {
    words,
    fits: isPlain,
    inside: (value, path) => {
      for (const [name, each] of everyMember(value)) {
        const at = join(path, name);
        if (!Object.hasOwn(value as object, name)) {
          throw new TypeError(`${at} is inherited. Write it into the object itself.`);
        }
        if (each === undefined) throw isUndefined(at, of);
        checkKind(of, each, at);
      }
    },
  };
}

/** An object that may have these keys, and no others. */
export function object(shape: Shape, words: string): Kind {
  return { words, fits: isObject, inside: (value, path) => checkMembers(shape, value, path) };
}

/** An object with these members. An instance of a class may have other members as well. */
export function points(shape: Shape, words: string): Kind {
  return {
    words,
    fits: isObject,
    inside: (value, path) => {
      if (isPlain(value)) return checkMembers(shape, value, path);
      for (const [name, each] of givenOf(shape, value)) {
        const kind = shape[name];
        if (kind !== undefined) checkKind(kind, each, join(path, name));
      }
    },
  };
}

/** Like `points`, with at least one of the members. An object with none does nothing, so one of its names is probably misspelled. */
export function somePoints(shape: Shape, words: string): Kind {
  const { inside, ...kind } = points(shape, words);
  return {
    ...kind,
    inside: (value, path) => {
      inside?.(value, path);
      if (givenOf(shape, value).length > 0) return;
      throw new TypeError(
        `${path} has none of ${Object.keys(shape).join(", ")}. Write at least one of them.`,
      );
    },
  };
}

/** The members that the shape names, including inherited ones. */
function givenOf(shape: Shape, value: unknown): readonly (readonly [string, unknown])[] {
  const object = value as Readonly<Record<string, unknown>>;
  return Object.keys(shape)
    .map((name) => [name, object[name]] as const)
    .filter(([, each]) => each !== undefined);
}

/** Whether the value is an object literal, and not an instance of a class. */
export function isPlain(value: unknown): boolean {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype may be of another realm, because some test runners use several.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether the value is an object with members, and not a list, a Map, or a promise that was not awaited. */
function isObject(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const tag = Object.prototype.toString.call(value);
  return tag === "[object Object]" || tag === "[object Module]";
}

function checkMembers(shape: Shape, value: unknown, path: string): void {
  const given = new Set<string>();
  for (const [name, each] of everyMember(value)) {
    const kind = Object.hasOwn(shape, name) ? shape[name] : undefined;
    const at = join(path, name);
    if (kind === undefined) {
      throw new TypeError(`${at} is not known. ${didYouMean(name, Object.keys(shape))}`);
    }
    given.add(name);
    if (each !== undefined) checkKind(kind, each, at);
    else if (kind.presence !== undefined) throw isUndefined(at, kind);
  }
  for (const [name, kind] of Object.entries(shape)) {
    if (kind.presence !== "required" || given.has(name)) continue;
    // `for … in` does not list the accessors of a class.
    const inherited = (value as Readonly<Record<string, unknown>>)[name];
    if (inherited === undefined) {
      throw new TypeError(`${join(path, name)} is missing. It must be ${kind.words}.`);
    }
    checkKind(kind, inherited, join(path, name));
  }
}

/** Includes inherited members, because reading an option finds them too. */
function everyMember(value: unknown): readonly (readonly [name: string, value: unknown])[] {
  const members: [string, unknown][] = [];
  const object = value as Readonly<Record<string, unknown>>;
  for (const name in object) members.push([name, object[name]]);
  return members;
}

function isUndefined(path: string, { words, presence }: Kind): TypeError {
  const otherwise = presence === "required" ? "" : ", or leave it out";
  return new TypeError(`${path} is undefined. Write ${words}${otherwise}.`);
}

/** The path of a configuration's root is empty. Other roots end with a colon, such as `jwt:`. */
function join(path: string, name: string): string {
  if (path === "") return name;
  return path.endsWith(":") ? `${path} ${name}` : `${path}.${name}`;
}
