/** Decides which web pages may call the endpoint: none, unless the application names their origins. */

export interface CorsOptions {
  /** Allowed origins, such as `https://app.example.com`; `"*"` allows any, without credentials. Or a function that returns whether an `Origin` is allowed. */
  readonly origins: readonly string[] | ((origin: string) => boolean);
  /** Whether pages may send cookies. Bearer tokens don't need it. Default false. */
  readonly credentials?: boolean;
  /** How long a browser may cache the answer to a preflight, in seconds. Default: the browser decides. */
  readonly maxAgeSeconds?: number;
}

export interface CrossOrigin {
  readonly allowed: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param methods for a preflight: the methods that its URL accepts, as a header lists them */
export type Cors = (origin: string | null, methods?: string) => CrossOrigin;

const requestHeaders =
  "authorization, content-type, content-encoding, x-correlation-id, traceparent";
const responseHeaders = "x-correlation-id, retry-after";

/** @throws TypeError if the options contradict each other, or name an origin that no browser sends */
export function createCors({ origins, credentials = false, maxAgeSeconds }: CorsOptions): Cors {
  const any = typeof origins !== "function" && origins.includes("*");
  if (any && credentials) {
    throw new TypeError(
      'cors: `origins: ["*"]` can\'t be combined with `credentials: true`; name the origins.',
    );
  }
  if (maxAgeSeconds !== undefined && !(Number.isInteger(maxAgeSeconds) && maxAgeSeconds >= 0)) {
    throw new TypeError("cors: `maxAgeSeconds` must be a whole number, and not negative.");
  }
  if (typeof origins !== "function") origins.forEach(checkOrigin);
  const judge =
    typeof origins === "function" ? origins : (origin: string) => any || origins.includes(origin);

  return (origin, methods) => {
    // Caches must keep the answers to different origins apart, including refusals.
    const vary = any ? {} : { vary: "origin" };
    // Compared with `true`, because an async function returns a promise, which is truthy.
    if (origin === null || judge(origin) !== true) return { allowed: false, headers: vary };
    return {
      allowed: true,
      headers: {
        ...vary,
        "access-control-allow-origin": any ? "*" : origin,
        ...(credentials && { "access-control-allow-credentials": "true" }),
        ...(methods === undefined
          ? { "access-control-expose-headers": responseHeaders }
          : preflight(methods, maxAgeSeconds)),
      },
    };
  };
}

function preflight(methods: string, maxAgeSeconds: number | undefined): CrossOrigin["headers"] {
  return {
    "access-control-allow-methods": methods,
    "access-control-allow-headers": requestHeaders,
    ...(maxAgeSeconds !== undefined && { "access-control-max-age": String(maxAgeSeconds) }),
  };
}

/** Browsers send the scheme, the host, and a port other than the scheme's default, in lower case. Hybrid apps use schemes of their own. */
function checkOrigin(origin: string): void {
  if (origin === "*" || origin === "null") return;
  const sent = /^https?:/i.test(origin)
    ? URL.canParse(origin) && new URL(origin).origin
    : /^[a-z][a-z\d+.-]*:\/\/[^/?#A-Z]*$/.exec(origin)?.[0];
  if (sent !== origin) {
    throw new TypeError(
      `cors: "${origin}" is not an origin as browsers send it, such as "https://app.example.com".`,
    );
  }
}
