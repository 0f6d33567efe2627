/** The site of the docs in a real browser: every page by itself, light and dark, wide and narrow. Screenshots are left in the system's folder for temporary files. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, openChromium } from "../support/chromium.js";

const chromium = findChromium();
const run = promisify(execFile);
let folder: string;
let site: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "site-"));
  site = join(folder, "site");
  // It ends with an error where a link leads nowhere.
  await run(process.execPath, ["--import", "tsx", resolve("docs/site/build.ts"), site]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("has a page for each of docs, and names them for programs", () => {
  const made = readdirSync(site);
  const expected = readdirSync("docs")
    .filter((name) => name.endsWith(".md"))
    .map((name) => name.replace(/\.md$/, ".html"));
  expect(made).toEqual(expect.arrayContaining([...expected, "index.html", "llms.txt"]));
});

describe.skipIf(chromium === undefined)("in Chromium", () => {
  let browser: BrowserContext;
  let page: Page;
  /** What the browser complains of, and whatever it asks of anybody else. */
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await openChromium(chromium as string, join(folder, "profile"));
    browser.setDefaultTimeout(90_000);
    browser.on("request", (one) => {
      if (!/^(?:file|data):/.test(one.url())) complaints.push(`asks ${one.url()}`);
    });
    browser.on("weberror", (error) => complaints.push(error.error().message));
    browser.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page = await browser.newPage();
  });

  afterAll(() => browser?.close());

  const open = (name: string) => page.goto(pathToFileURL(join(site, name)).href);
  const shoot = (name: string) =>
    page.screenshot({ path: join(tmpdir(), `powersync-writes-site-${name}.png`) });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const isTooWide = () =>
    page.evaluate(
      () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
    );

  it.each(["light", "dark"] as const)("is %s where the reader's system is", async (colorScheme) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme });
    await open("index.html");
    expect(await ground()).toBe(colorScheme === "light" ? "rgb(255, 255, 255)" : "rgb(20, 24, 31)");
    await shoot(`home-${colorScheme}`);
    await open("configuration.html");
    await shoot(`configuration-${colorScheme}`);
  });

  it("is followed by its links, and says where one is", async () => {
    await open("index.html");
    await page.locator(".pages").getByRole("link", { name: "Troubleshooting" }).click();
    expect(await page.locator("h1").textContent()).toBe("Troubleshooting");
    expect(await page.locator(".pages [aria-current=page]").textContent()).toBe("Troubleshooting");
  });

  it("no page is wider than a phone, and all pages can be reached from there", async () => {
    await page.setViewportSize({ width: 375, height: 700 });
    const wide: string[] = [];
    for (const name of readdirSync(site).filter((one) => one.endsWith(".html"))) {
      await open(name);
      if (await isTooWide()) wide.push(name);
    }
    expect(wide).toEqual([]);
    await open("quickstart-koa.html");
    await shoot("phone");
    await page.locator(".menu summary").click();
    await page.locator(".menu").getByRole("link", { name: "API", exact: true }).click();
    expect(await page.locator("h1").textContent()).toBe("API");
    await shoot("phone-api");
  });

  it("complains of nothing, and asks nobody else", () => {
    expect(complaints).toEqual([]);
  });
});
