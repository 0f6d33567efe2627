/** The page for dead letters, in Chromium: what an operator does there, what a letter can't do to it, and what it looks like. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { powersyncWritesAdmin } from "../../adapters/express.js";
import { findChromium, openChromium } from "../support/chromium.js";
import { betterSqlite3, type TestDatabase } from "../support/databases.js";
import {
  alice,
  badThing,
  bob,
  from,
  patch,
  put,
  uuid,
  writesWithEvents,
} from "../support/letters.js";

const path = findChromium();
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

describe.skipIf(path === undefined)("the page for dead letters", () => {
  let database: TestDatabase;
  let writes: ReturnType<typeof writesWithEvents>["writes"];
  let server: Server;
  let base: string;
  let profile: string;
  let browser: BrowserContext;
  let page: Page;
  const problems: string[] = [];
  const requested: string[] = [];

  beforeAll(async () => {
    database = await betterSqlite3.open();
    ({ writes } = writesWithEvents(database.db, { logger: false }));
    const guard = ({ headers }: { headers: { get(name: string): string | null } }) =>
      headers.get("cookie") === "operator=yes";
    server = createServer(express().use("/ops", powersyncWritesAdmin(writes, { guard, ui: true })));
    server.listen(0, "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    profile = await mkdtemp(join(tmpdir(), "dead-letters-"));
    browser = await openChromium(path ?? "", profile);
    await signIn();
    page = await browser.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => requested.push(request.url()));
    page.on("dialog", (dialog) => {
      problems.push(`A dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  });
  afterAll(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await database.close();
  });

  beforeEach(async () => {
    await database.reset();
    problems.length = 0;
    requested.length = 0;
  });

  const signIn = () => browser.addCookies([{ name: "operator", value: "yes", url: base }]);
  const open = async () => {
    await page.goto("about:blank");
    await page.goto(`${base}/ops/api/admin/dead-letters/ui`);
    await page.locator("#letters li").first().waitFor();
  };
  const status = () => page.locator("#status").textContent();
  const said = (text: string) => page.locator("#status", { hasText: text }).waitFor();
  const bad = (n: number, client = "phone", who = alice) =>
    writes.processTransaction(from(client, n, badThing(uuid(n))), who);
  const violations = async () => {
    await page.evaluate(await readFile(axe, "utf8"));
    const found = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: {
          run(): Promise<{
            violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
          }>;
        };
      };
      return (await axe.run()).violations;
    });
    return found.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ""}`).join("; ")}`,
    );
  };

  it("shows base, theirs and yours, stores an edit, and applies it", async () => {
    await database.db
      .insertInto("things")
      .values({ id: uuid(1), size: 7, code: "seven" })
      .execute();
    const change = { ...patch("things", uuid(1), { size: -1 }), previous_values: { size: 5 } };
    await writes.processTransaction(from("phone", 1, change), alice);
    await open();
    await page.locator("#letters a").click();
    const row = page.locator("#letter tbody tr", { hasText: "size" });
    await row.waitFor();
    expect(await row.locator("td").allTextContents()).toEqual(["5", "7", "-1"]);
    expect(await row.locator("td.changed").allTextContents()).toEqual(["7", "-1"]);
    await page.getByText("Columns of things").click();
    expect(await page.locator("#payload-help").textContent()).toContain("size: int4");

    await page.getByRole("button", { name: "Retry", exact: true }).click();
    await said("Not applied.");
    const editor = page.locator("#payload");
    await editor.fill("{ nothing");
    await page.getByRole("button", { name: "Store" }).click();
    await said("the payload is not valid JSON");
    const crud = [{ ...patch("things", uuid(1), { size: 8, big: "B" }) }];
    await editor.fill(JSON.stringify({ crud }).replace('"B"', "9007199254740993"));
    await page.getByRole("button", { name: "Store" }).click();
    await said("Stored.");
    await page.locator("dd", { hasText: "edited since" }).waitFor();
    expect(await page.locator("#payload").inputValue()).toContain("9007199254740993");
    await page.getByRole("button", { name: "Retry", exact: true }).click();
    await said("The letter has been applied.");
    const [thing] = await database.db.selectFrom("things").selectAll().execute();
    expect(database.plain(thing ?? {})).toMatchObject({ size: 8, big: "9007199254740993" });
    expect(problems.filter((text) => !/status of (?:409|422)/.test(text))).toEqual([]);
  });

  it("filters, counts by cause, and deals with several", async () => {
    for (const n of [1, 2, 3]) await bad(n, `device ${n}`);
    await writes.processTransaction(from("tablet", 9, put("unknown", uuid(9))), bob);
    await open();
    expect(await page.locator("#letters li").count()).toBe(4);
    await page.getByText("By cause").click();
    await page.getByRole("button", { name: "1 × UNKNOWN_TABLE in unknown" }).waitFor();
    await page.getByRole("button", { name: "3 × CHECK_VIOLATION in things" }).click();
    await expect.poll(() => page.locator("#letters li").count()).toBe(3);
    await page.getByLabel("All shown").check();
    await page.getByRole("button", { name: "Retry selected" }).click();
    await said("0 applied, 3 not applied.");
    await page.getByLabel("All shown").check();
    await page.getByRole("button", { name: "Discard selected…" }).click();
    await page.locator("#discard-yes").click();
    await page.locator("#discard-problem", { hasText: "Enter a reason" }).waitFor();
    await page.getByLabel("Reason, kept with the letter").fill("All of one test.");
    await page.locator("#discard-yes").click();
    await said("3 discarded.");
    const { letters } = await writes.deadLetters.list({ status: "discarded" });
    expect(letters.map(({ reason }) => reason)).toEqual(Array(3).fill("All of one test."));
    await page.getByRole("button", { name: "Clear" }).click();
    await page.locator("#letters .code", { hasText: "UNKNOWN_TABLE" }).waitFor();
  });

  it("leads through a chain, and discards it as one", async () => {
    await writes.processTransaction(from("phone", 1, badThing(uuid(1))), alice);
    await writes.processTransaction(from("phone", 2, patch("things", uuid(1), { size: 2 })), alice);
    await open();
    await page.locator("#letters li", { hasText: "1 depends on it" }).locator("a").click();
    await page.getByRole("button", { name: "Retry the chain" }).waitFor();
    await page.locator("#letter ol a").click();
    await page.getByText("This letter depends on another letter").waitFor();
    await page.locator("#letter p a").click();
    await page.getByText("These letters depend on this one").waitFor();
    await page.getByRole("button", { name: "Discard…", exact: true }).click();
    await page.getByLabel("Reason, kept with the letter").fill("Old.");
    await page.locator("#discard-yes").click();
    await said("0 discarded, 1 not discarded.");
    await page.getByRole("button", { name: "Discard…", exact: true }).click();
    await page.getByLabel("Reason, kept with the letter").fill("Old.");
    await page.getByLabel("Discard them, too").check();
    await page.locator("#discard-yes").click();
    await said("1 discarded.");
    expect((await writes.deadLetters.list({ status: "open" })).letters).toEqual([]);
  });

  it("takes nothing that a letter holds for markup, and asks nobody else", async () => {
    const evil = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
    const entry = put(evil, evil, { [evil]: evil, __proto__x: "javascript:alert(3)" });
    await writes.processTransaction(from(evil, 1, entry), { principal: { userId: evil } });
    await open();
    await page.locator("#letters a").click();
    await page.locator("#payload").waitFor();
    expect(await page.locator("main img, main script, #letters img").count()).toBe(0);
    expect(await page.locator("#letter h3").first().textContent()).toContain(evil);
    expect(problems).toEqual([]);
    expect(
      requested.filter((url) => !url.startsWith(base) && !/^(?:data|about):/.test(url)),
    ).toEqual([]);
    expect(await status()).toBe("");
  });

  it("is used by the keyboard alone", async () => {
    await bad(1);
    await open();
    await page.locator("#letters a").focus();
    await page.keyboard.press("Enter");
    await page.locator("#payload").waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("letter");
    await page.keyboard.press("Tab");
    await page.getByRole("button", { name: "Discard…", exact: true }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("discard-reason");
    await page.keyboard.press("Escape");
    expect(await page.locator("#discard").isVisible()).toBe(false);
  });

  it("keeps what was typed, and says so, while the session has ended", async () => {
    for (const n of [1, 2]) await bad(n, `device ${n}`);
    await open();
    await page.locator("#letters a").first().click();
    const editor = page.locator("#payload");
    await editor.fill('{"crud":[]}');
    await page.getByText("Not stored yet.").waitFor();
    await browser.clearCookies();
    await page.getByRole("button", { name: "Refresh" }).click();
    await said("Your session may have ended. Sign in again");
    expect(await page.locator("#letters li").count()).toBe(2);
    expect(await editor.inputValue()).toBe('{"crud":[]}');
    await page.getByLabel("All shown").check();
    await page.getByRole("button", { name: "Retry selected" }).click();
    await said(
      "0 applied, 2 not applied. The first error: You may not use this endpoint. Your session may have ended",
    );
    await page.locator("#letters a").last().click();
    await page.locator("#letter .failed", { hasText: "Your session may have ended" }).waitFor();
    await signIn();
    await page.getByRole("button", { name: "Refresh" }).click();
    await editor.waitFor();
    await page.locator("#letters a").first().click();
    await page.getByText("Not stored yet.").waitFor();
    expect(await editor.inputValue()).toBe('{"crud":[]}');
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await editor.inputValue()).toContain('"size": -1');
    expect(await page.locator("#payload-state").textContent()).toBe("");
    expect(problems.filter((text) => !/status of 403/.test(text))).toEqual([]);
  });

  it("does not overwrite what another operator has stored", async () => {
    await bad(1);
    await open();
    await page.locator("#letters a").click();
    const editor = page.locator("#payload");
    await editor.fill('{"crud":[]}');
    const [letter] = (await writes.deadLetters.list()).letters;
    const theirs = { crud: [put("things", uuid(1), { size: 3 })] };
    await writes.deadLetters.edit(letter?.id ?? "", theirs);
    await page.getByRole("button", { name: "Store" }).click();
    await said("Not stored: another operator has changed the letter in the meantime");
    expect(await editor.inputValue()).toBe('{"crud":[]}');
    // Shown anew, what was typed is still for the letter as it was.
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.locator("dd", { hasText: "edited since" }).waitFor();
    await page.getByRole("button", { name: "Store" }).click();
    await said("Not stored: another operator has changed the letter in the meantime");
    expect((await writes.deadLetters.get(letter?.id ?? ""))?.payload).toEqual(theirs);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => editor.inputValue()).toContain('"size": 3');
    await writes.deadLetters.edit(letter?.id ?? "", {
      crud: [put("things", uuid(1), { size: 4 })],
    });
    await page.getByRole("button", { name: "Retry", exact: true }).click();
    await said("Not applied. The letter has been edited since it was read");
    await expect.poll(() => editor.inputValue()).toContain('"size": 4');
    await writes.deadLetters.discard(letter?.id ?? "", "Theirs.");
    await page.getByRole("button", { name: "Retry", exact: true }).click();
    await said("Not applied.");
    await page.locator("#letter dd", { hasText: "discarded" }).waitFor();
  });

  it("shows the letter that was opened last, however late the answers come", async () => {
    for (const n of [1, 2]) await bad(n, `device ${n}`);
    const [slow] = (await writes.deadLetters.list()).letters;
    await page.route(`**/dead-letters/${slow?.id}`, async (route) => {
      await new Promise((done) => setTimeout(done, 500));
      await route.continue();
    });
    await open();
    await page.locator(`#letters a[href$="${slow?.id}"]`).click();
    await page.locator("#letters a").last().click();
    await page.locator("#letter dd", { hasText: "device 1" }).waitFor();
    await page.waitForTimeout(700);
    expect(await page.locator("#letter dd", { hasText: "device 1" }).count()).toBe(1);
    await page.unroute(`**/dead-letters/${slow?.id}`);
  });

  it("pages through many letters, each once, and keeps the keyboard's place", async () => {
    for (let n = 1; n <= 130; n += 1) await bad(n, `device ${n}`);
    await open();
    const more = page.getByRole("button", { name: "Show more" });
    for (const shown of [100, 130]) {
      await more.focus();
      await page.keyboard.press("Enter");
      await expect.poll(() => page.locator("#letters li").count()).toBe(shown);
    }
    expect(await more.isVisible()).toBe(false);
    const ids = await page
      .locator("#letters li")
      .evaluateAll((all) => all.map((each) => each.getAttribute("data-id")));
    expect(new Set(ids).size).toBe(130);
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.closest("#letters li") !== null))
      .toBe(true);
    await page.getByText("By cause").click();
    await page.getByRole("button", { name: "130 × CHECK_VIOLATION in things" }).waitFor();
    // Two answers under way: the list holds one of them.
    await page.getByRole("button", { name: "Filter" }).dblclick();
    await expect.poll(() => page.locator("#letters li").count()).toBe(50);
  });

  it("asks for the careful choice with each discard, and has a keyboard's place afterwards", async () => {
    for (const n of [1, 2]) await bad(n, `device ${n}`);
    await open();
    await page.locator("#letters a").first().click();
    const ask = page.getByRole("button", { name: "Discard…", exact: true });
    await ask.focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Discard them, too").check();
    await page.getByRole("button", { name: "Cancel" }).click();
    await ask.focus();
    await page.keyboard.press("Enter");
    expect(await page.getByLabel("Do not discard a letter that has some").isChecked()).toBe(true);
    await page.keyboard.type("Old.");
    await page.locator("#discard-yes").focus();
    await page.keyboard.press("Enter");
    await said("1 discarded.");
    await expect
      .poll(() => page.evaluate(() => document.activeElement === document.body))
      .toBe(false);
  });

  it.each([
    ["zoomed to 200 %", 640],
    ["on 320 px", 320],
  ])("has no line that runs out of the page: %s", async (name, width) => {
    const words = "שלום עולם ".repeat(3).trim();
    const id = uuid(1);
    const long = `${"word ".repeat(2_000)}${"x".repeat(2_000)}`;
    await writes.processTransaction(from("phone", 1, badThing(id)), {
      principal: { userId: `${words} <operator@example.com>` },
    });
    await writes.processTransaction(from("phone", 2, patch("things", id, { code: long })), {
      principal: { userId: `${words} <operator@example.com>` },
    });
    await writes.processTransaction(from("tablet", 3, put(words, words, { [words]: long })), alice);
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: "light" });
    await open();
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    const shot = (what: string) =>
      page.screenshot({
        path: join(tmpdir(), `powersync-writes-letters-${width}-${what}.png`),
        fullPage: true,
      });
    await shot("list");
    expect(await overflow(), `${name}, the list`).toBeLessThanOrEqual(0);
    for (const [index, link] of (await page.locator("#letters a").all()).entries()) {
      const href = await link.getAttribute("href");
      await page.evaluate((hash) => void (location.hash = hash ?? ""), href);
      await page.locator("#payload").waitFor();
      await shot(`letter-${index}`);
      expect(await overflow(), `${name}, letter ${index}`).toBeLessThanOrEqual(0);
      expect(await violations()).toEqual([]);
      await page.getByRole("button", { name: "Discard…", exact: true }).click();
      await shot(`discard-${index}`);
      expect(await overflow(), `${name}, discarding`).toBeLessThanOrEqual(0);
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("button", { name: "← Back to the list" }).click();
      await page.locator("#letters li").first().waitFor();
    }
    await page.setViewportSize({ width: 1100, height: 900 });
  });

  it.each([
    ["light", 1100, "light"],
    ["dark", 1100, "dark"],
    ["phone", 390, "light"],
    ["phone-dark", 390, "dark"],
  ] as const)("has no violations that axe knows: %s", async (name, width, colorScheme) => {
    await database.db
      .insertInto("things")
      .values({ id: uuid(1), size: 7, code: "seven" })
      .execute();
    const change = {
      ...patch("things", uuid(1), { size: -1, code: "one" }),
      previous_values: { size: 5, code: "five" },
    };
    await writes.processTransaction(
      from("phone", 1, change, put("lists", uuid(3), { name: "Groceries" })),
      alice,
    );
    for (const n of [4, 5]) await bad(n, `device ${n}`);
    await writes.processTransaction(
      from("phone", 9, patch("lists", uuid(3), { name: "Shopping" })),
      alice,
    );
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    await open();
    await page.getByText("By cause").click();
    await page.locator("#causes button").first().waitFor();
    const folder = tmpdir();
    await page.screenshot({
      path: join(folder, `powersync-writes-letters-${name}-list.png`),
      fullPage: true,
    });
    expect(await violations()).toEqual([]);
    await page.locator("#letters li", { hasText: "depends on it" }).locator("a").click();
    await page.locator("#payload").waitFor();
    await page.getByText("Columns of things").click();
    await page.screenshot({
      path: join(folder, `powersync-writes-letters-${name}.png`),
      fullPage: true,
    });
    expect(await violations()).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await page.getByRole("button", { name: "Discard…", exact: true }).click();
    await page.screenshot({ path: join(folder, `powersync-writes-letters-${name}-discard.png`) });
    expect(await violations()).toEqual([]);
    await page.keyboard.press("Escape");
  });
});
