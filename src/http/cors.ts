/** Which web pages may call: none, unless the application names their origins. */

export interface CorsOptions {
  /** Such as `https://app.example.com`; `"*"` for any, without credentials. Or a function that judges an `Origin`. */
  readonly origins: readonly string[] | ((origin: string) => boolean);
  /** Pages may send cookies. Bearer tokens don't need it. Default false. */
  readonly credentials?: boolean;
  /** How long a browser may keep the answer to a preflight. */
  readonly maxAgeSeconds?: number;
}

export interface CrossOrigin {
  readonly allowed: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param methods for a preflight: what may be sent where it asks */
export type Cors = (origin: string | null, methods?: string) => CrossOrigin;

const requestHeaders =
  "authorization, content-type, content-encoding, x-correlation-id, traceparent";
const responseHeaders = "x-correlation-id, retry-after";

/** @throws TypeError where the options contradict themselves, or name what no browser sends */
export function createCors({ origins, credentials = false, maxAgeSeconds }: CorsOptions): Cors {
  const any = typeof origins !== "function" && origins.includes("*");
  if (any && credentials) {
    throw new TypeError('cors: `origins: ["*"]` can\'t be had with credentials; name the origins.');
  }
  if (maxAgeSeconds !== undefined && !(Number.isInteger(maxAgeSeconds) && maxAgeSeconds >= 0)) {
    throw new TypeError("cors: `maxAgeSeconds` must be a whole number, and not negative.");
  }
  if (typeof origins !== "function") origins.forEach(checkOrigin);
  const judge =
    typeof origins === "function" ? origins : (origin: string) => any || origins.includes(origin);

  return (origin, methods) => {
    // Caches must keep the answers to different pages apart, also those that allow nothing.
    const vary = any ? {} : { vary: "origin" };
    // Only `true`: a promise is not yet a yes.
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

/** Browsers send scheme, host, and a port that is not the scheme's own, in lower case. Hybrid apps have schemes of their own. */
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
