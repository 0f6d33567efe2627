/**
 * Serves the page in `page/` without a build: its script is bundled at the first request. PowerSync's SDK contains its worker and SQLite as files
 * that can be served.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import express, { type RequestHandler, type Response, type Router } from "express";
import { loopbackOnly } from "./loopback.js";
import { syncStandIn } from "./sync-stand-in.js";

const folder = join(import.meta.dirname, "page");
const standInPath = "/sync-stand-in";

/**
 * @param powersyncUrl the URL of a PowerSync service; without one, the stand-in is served as well
 * @throws Error with a message for the user, if it is not a URL
 */
export function pageRoutes(powersyncUrl: string | undefined): Router {
  const url = powersyncUrl === "" ? undefined : powersyncUrl;
  if (url !== undefined && !URL.canParse(url)) {
    throw new Error(`POWERSYNC_URL=${url} is not a URL. It must look like http://127.0.0.1:8080.`);
  }
  const guard = loopbackOnly("The page can be opened only on this computer.");
  const secure = headers(url);
  const router = express.Router();
  if (url === undefined) router.use(standInPath, syncStandIn(guard));

  let made: Promise<Page> | undefined;
  const page: RequestHandler = (_request, response, next) => {
    made ??= makePage(url);
    made.then(
      (page) => {
        response.locals["page"] = page;
        next();
      },
      (error: unknown) => {
        made = undefined;
        console.error(error);
        response.status(501).type("text").send(absent);
      },
    );
  };
  const file = (name: string): RequestHandler => {
    return (_request, response) => response.sendFile(name, { root: folder });
  };
  router.get("/", guard, secure, page, file("index.html"));
  router.get("/page.js", guard, secure, page, (_request, response) => {
    response.type("text/javascript").send(pageOf(response).script);
  });
  router.get("/style.css", guard, secure, file("style.css"));
  router.get("/icon.svg", guard, secure, file("icon.svg"));
  router.use("/powersync", guard, secure, page, (request, response, next) => {
    pageOf(response).worker(request, response, next);
  });
  return router;
}

interface Page {
  readonly script: string;
  readonly worker: RequestHandler;
}

const pageOf = (response: Response) => response.locals["page"] as Page;

const absent =
  "The page needs this project's development dependencies (@powersync/web, esbuild): run `npm ci`. The endpoint works without them.\n";

/** @throws Error if the SDK or the bundler is not installed */
async function makePage(powersyncUrl: string | undefined): Promise<Page> {
  const worker = fileURLToPath(import.meta.resolve("@powersync/web/bundled_worker"));
  const { build, stop } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(folder, "main.ts")],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2023",
    logLevel: "silent",
    define: {
      POWERSYNC_URL: JSON.stringify(powersyncUrl ?? null),
      STAND_IN_PATH: JSON.stringify(standInPath),
    },
    // The worker contains SQLite.
    external: ["@journeyapps/wa-sqlite/*"],
  });
  await stop();
  const [script] = outputFiles;
  if (script === undefined) throw new Error("Nothing was bundled.");
  return { script: script.text, worker: express.static(dirname(worker), { index: false }) };
}

/** Sets a policy that lets the page load only from this server, and send only to this server and the PowerSync service. */
function headers(powersyncUrl: string | undefined): RequestHandler {
  const service = powersyncUrl === undefined ? "" : ` ${new URL(powersyncUrl).origin}`;
  const policy = [
    "default-src 'none'",
    // SQLite is WebAssembly.
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self'${service}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return (_request, response, next) => {
    response.set({
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
    });
    next();
  };
}
