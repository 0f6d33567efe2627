/** Serves the page for dead letters. Its three files are part of this library; it loads nothing from other origins. */
import type { WriteRequest } from "../model.js";
import { pathOf } from "../http/request.js";
import type { AdminResponse } from "./routes.js";

type PageFile = "ui" | "ui.css" | "ui.js";

/** The page's file that a GET requests. No letter has one of these names as its id. */
export function pageFileOf(base: string, { method, url }: WriteRequest): PageFile | undefined {
  if (method.toUpperCase() !== "GET") return undefined;
  const path = pathOf(url);
  const root = pathOf(base);
  return (["ui", "ui.css", "ui.js"] as const).find(
    (file) => path === `${root === "/" ? "" : root}/${file}`,
  );
}

/**
 * Allows only scripts, styles and requests of this origin. The content of a letter can't become markup, and no other page may frame this one. `data:` is
 * for the empty image that replaces the icon that browsers request.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const headers: Readonly<Record<string, string>> = {
  "content-security-policy": policy,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
};

export async function pageResponse(file: PageFile): Promise<AdminResponse> {
  // Loaded on demand, because most servers never serve it.
  const { pageCss, pageHtml, pageJs } = await import("./generated/page.js");
  const [type, body] = {
    ui: ["text/html", pageHtml] as const,
    "ui.css": ["text/css", pageCss] as const,
    "ui.js": ["text/javascript", pageJs] as const,
  }[file];
  return { status: 200, body, headers: { ...headers, "content-type": `${type}; charset=utf-8` } };
}

/** Whether the request follows a link to the page. Such a request may come from any site: the page itself contains no data and changes nothing. */
export function isVisit(file: PageFile | undefined, { headers: sent }: WriteRequest): boolean {
  return file === "ui" && sent.get("sec-fetch-mode") === "navigate";
}

/** The header that makes the browser ask for a name and a password, if the guard throws `unauthenticated()`. */
export const askForPassword = { "www-authenticate": 'Basic realm="Dead letters", charset="UTF-8"' };
