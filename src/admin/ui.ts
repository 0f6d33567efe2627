/** The page for dead letters, as the admin routes serve it: three files of this library's own, and nothing of anybody else's. */
import type { WriteRequest } from "../model.js";
import { pathOf } from "../http/request.js";
import type { AdminResponse } from "./routes.js";

type PageFile = "ui" | "ui.css" | "ui.js";

/** The page's file that a GET is for. No letter has such an id. */
export function pageFileOf(base: string, { method, url }: WriteRequest): PageFile | undefined {
  if (method.toUpperCase() !== "GET") return undefined;
  const path = pathOf(url);
  const root = pathOf(base);
  return (["ui", "ui.css", "ui.js"] as const).find(
    (file) => path === `${root === "/" ? "" : root}/${file}`,
  );
}

/**
 * Scripts and styles of this origin alone, and no other request; nothing of what a letter holds can become markup; nobody may frame it.
 * An empty picture stands for the icon, which browsers ask for.
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
  // Loaded where somebody asks for it.
  const { pageCss, pageHtml, pageJs } = await import("./generated/page.js");
  const [type, body] = {
    ui: ["text/html", pageHtml] as const,
    "ui.css": ["text/css", pageCss] as const,
    "ui.js": ["text/javascript", pageJs] as const,
  }[file];
  return { status: 200, body, headers: { ...headers, "content-type": `${type}; charset=utf-8` } };
}

/** Somebody follows a link to the page: it shows nothing of itself, and changes nothing. */
export function isVisit(file: PageFile | undefined, { headers: sent }: WriteRequest): boolean {
  return file === "ui" && sent.get("sec-fetch-mode") === "navigate";
}

/** Where the guard throws `unauthenticated()`, a browser asks for a name and a password. */
export const askForPassword = { "www-authenticate": 'Basic realm="Dead letters", charset="UTF-8"' };
