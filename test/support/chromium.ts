/** The browser that tests use where one is installed. In CI one must be. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";

/** As in `.ci/check-chromium`. */
const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * `CHROMIUM_PATH`, or the first on the PATH; undefined where there is none.
 *
 * @throws in CI where there is none, so that nothing is skipped there; and where `CHROMIUM_PATH` is no program
 */
export function findChromium(): string | undefined {
  const { CHROMIUM_PATH: given, PATH = "", CI } = process.env;
  if (given !== undefined && given !== "") {
    if (!isProgram(given)) throw new Error(`CHROMIUM_PATH=${given} is no program.`);
    return given;
  }
  const found = PATH.split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isProgram);
  if (found === undefined && CI) throw new Error("No Chromium is installed: .ci/check-chromium");
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param profile a folder: what the browser keeps is there when it is opened again */
export function openChromium(path: string, profile: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, {
    executablePath: path,
    headless: true,
    viewport: { width: 1100, height: 800 },
    // On a machine that is busy, the browser alone may take half a minute to start.
    timeout: 120_000,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
