/** Serves the page for dead letters: three files of this library, and nothing from other origins. */
import type { WriteRequest } from "../model.js";
import { pathOf } from "../http/request.js";
import type { AdminResponse } from "./routes.js";

type PageFile = "ui" | "ui.css" | "ui.js";

/** The page's file that a GET requests. No letter's id has this form. */
export function pageFileOf(base: string, { method, url }: WriteRequest): PageFile | undefined {
  if (method.toUpperCase() !== "GET") return undefined;
  const path = pathOf(url);
  const root = pathOf(base);
  return (["ui", "ui.css", "ui.js"] as const).find(
    (file) => path === `${root === "/" ? "" : root}/${file}`,
  );
}

/**
 * Allows scripts and styles of this origin only, and no other requests. A letter's content can't become markup, and no page may frame this one. An empty
 * image replaces the icon that browsers request.
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

/** Whether somebody follows a link to the page. That is safe: the page alone shows no data, and changes nothing. */
export function isVisit(file: PageFile | undefined, { headers: sent }: WriteRequest): boolean {
  return file === "ui" && sent.get("sec-fetch-mode") === "navigate";
}

/** If the guard throws `unauthenticated()`, this makes the browser ask for a name and a password. */
export const askForPassword = { "www-authenticate": 'Basic realm="Dead letters", charset="UTF-8"' };
