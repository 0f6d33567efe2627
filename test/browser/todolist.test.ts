/** The demo's page in a real browser, against the real demo: what a user does arrives in the database, and what can't is put right. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, openChromium } from "../support/chromium.js";
import { type Demo, startDemo } from "../support/demo.js";

const chromium = findChromium();
const screenshot = join(tmpdir(), "powersync-writes-todolist.png");
const sharing = join(tmpdir(), "powersync-writes-todolist-sharing.png");
const conflict = (scheme: string) =>
  join(tmpdir(), `powersync-writes-todolist-conflict-${scheme}.png`);
const longList = join(tmpdir(), "powersync-writes-todolist-long.png");
const synced = join(tmpdir(), "powersync-writes-todolist-sync.png");

/** For whatever a loaded machine needs. */
const patient = { timeout: 90_000, interval: 50 };

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

const sent = "Everything has been sent.";

describe.skipIf(chromium === undefined)("the page, in Chromium", () => {
  let folder: string;
  let demo: Demo;
  let browser: BrowserContext;
  let database: InstanceType<typeof Sqlite>;
  /** What the browser complains of, and whatever it asks of anybody else. */
  const complaints: string[] = [];

  const openBrowser = async () => {
    browser = await openChromium(chromium as string, join(folder, "profile"));
    browser.setDefaultTimeout(patient.timeout);
    browser.on("request", (one) => {
      if (!one.url().startsWith(demo.url)) complaints.push(`asks ${one.url()}`);
    });
    browser.on("weberror", (error) => complaints.push(error.error().message));
    browser.on("console", (message) => {
      const { url } = message.location();
      // A request that fails is told there, too; the demo is stopped below.
      if (message.type() === "error" && !/Failed to load resource/.test(message.text()))
        complaints.push(`${message.text()} (${url})`);
    });
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "page-"));
    const file = join(folder, "demo.db");
    demo = await startDemo({ DATABASE_URL: `sqlite:${file}` });
    database = new Sqlite(file, { readonly: true });
    await openBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    database?.close();
    await demo?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const rows = (sql: string, ...parameters: string[]) =>
    database
      .prepare(sql)
      .all(parameters)
      .map((row) => Object.values(row as object) as unknown[]);
  const todosOf = (owner: string) =>
    rows(
      "select description, completed from todos where list_id in (select id from lists where owner_id = ?) order by created_at, id",
      owner,
    );
  const listsOf = (owner: string) =>
    rows("select name from lists where owner_id = ? order by created_at, id", owner).flat();
  const answered = () => rows("select 1 from powersync_ledger").length;
  const letters = () =>
    rows("select error_code from powersync_dead_letters order by error_code").flat();

  const open = async (user: string, page?: Page): Promise<Page> => {
    const tab = page ?? (await browser.newPage());
    await tab.goto(`${demo.url}/?user=${user}`);
    await tab.locator("html[data-ready]").waitFor();
    return tab;
  };
  const status = (page: Page) => page.getByRole("status").textContent();
  const isSent = (page: Page) => expect.poll(() => status(page), patient).toBe(sent);
  const addList = async (page: Page, name: string) => {
    await page.getByLabel("New list").fill(name);
    await page.getByRole("button", { name: "Add list" }).click();
    await page.locator("button[aria-current=true]", { hasText: name }).waitFor();
  };
  const addTodo = async (page: Page, description: string) => {
    await page.getByLabel("New todo").fill(description);
    await page.getByLabel("New todo").press("Enter");
  };
  /** A user who has a list with these todos, sent. */
  const begin = async (user: string, ...descriptions: string[]): Promise<Page> => {
    const page = await open(user);
    await addList(page, "Groceries");
    for (const description of descriptions) await addTodo(page, description);
    await expect.poll(() => todosOf(user).length, patient).toBe(descriptions.length);
    await isSent(page);
    return page;
  };
  const todo = (page: Page, at: number) => page.locator("li.todo").nth(at);
  /** The page shows it ticked when its database has it so, and not at once. */
  const done = async (page: Page, at: number): Promise<void> => {
    const box = todo(page, at).getByRole("checkbox");
    await box.click();
    await expect.poll(() => box.isChecked(), patient).toBe(true);
  };
  const rename = async (page: Page, at: number, description: string) => {
    const input = todo(page, at).getByRole("textbox");
    await input.fill(description);
    await input.press("Enter");
  };
  const shown = (page: Page) =>
    page
      .locator("li.todo")
      .evaluateAll((items) =>
        items.map((item) => [
          item.querySelector<HTMLInputElement>("input[type=text]")?.value,
          item.querySelector<HTMLInputElement>("input[type=checkbox]")?.checked,
          item.querySelector(".mark")?.textContent,
        ]),
      );
  const texts = async (page: Page) => (await shown(page)).map(([text]) => text);

  it("adds, ticks, renames and deletes", async () => {
    const page = await begin("alice", "Milk", "Bred", "Cheese");
    await done(page, 0);
    await rename(page, 1, "Bread");
    await page.getByRole("button", { name: "Delete Cheese" }).click();
    await page.getByLabel("Name of the list").fill("Shopping");
    await page.getByLabel("Name of the list").press("Enter");
    await expect.poll(() => listsOf("alice"), patient).toEqual(["Shopping"]);
    await isSent(page);
    await expect
      .poll(() => shown(page), patient)
      .toEqual([
        ["Milk", true, ""],
        ["Bread", false, ""],
      ]);
    expect(todosOf("alice")).toEqual([
      ["Milk", 1],
      ["Bread", 0],
    ]);

    await addList(page, "Mistake");
    await addTodo(page, "Nothing");
    await expect.poll(() => todosOf("alice"), patient).toContainEqual(["Nothing", 0]);
    expect(listsOf("alice")).toEqual(["Shopping", "Mistake"]);
    await page.getByRole("button", { name: "Delete list" }).click();
    await expect.poll(() => listsOf("alice"), patient).toEqual(["Shopping"]);
    await isSent(page);
    await page.close();
  });

  it("goes offline, keeps what is written also when it is loaded again, and sends it when it is back", async () => {
    let page = await begin("carol", "Milk", "Bread");
    await page.getByRole("switch", { name: "Online" }).uncheck();
    await addTodo(page, "Olives");
    await done(page, 1);
    await expect.poll(() => status(page), patient).toBe("Offline. 2 changes wait on this device.");
    const edited = [
      ["Milk", false, ""],
      ["Bread", true, "not sent yet"],
      ["Olives", false, "not sent yet"],
    ];
    await expect.poll(() => shown(page), patient).toEqual(edited);

    await page.reload();
    await expect.poll(() => shown(page), patient).toEqual(edited);
    // The browser ends, and begins again.
    await browser.close();
    await openBrowser();
    page = await open("carol");
    // Longer than an upload would take.
    await page.waitForTimeout(2_000);
    expect(await shown(page)).toEqual(edited);
    expect(await status(page)).toBe("Offline. 2 changes wait on this device.");
    expect(todosOf("carol")).toEqual([
      ["Milk", 0],
      ["Bread", 0],
    ]);

    await page.getByRole("switch", { name: "Online" }).check();
    await isSent(page);
    expect(todosOf("carol")).toEqual([
      ["Milk", 0],
      ["Bread", 1],
      ["Olives", 0],
    ]);
    await expect
      .poll(async () => (await shown(page)).map(([, , mark]) => mark), patient)
      .toEqual(["", "", ""]);
    await page.close();
  });

  it("shows what is rejected: one is put right, the others are let go", async () => {
    const page = await begin("dave", "Milk", "Bread");
    await addTodo(page, "");
    await rename(page, 0, "");
    await rename(page, 1, "");
    await page.getByText("See a write rejected").click();
    await page.getByRole("button", { name: "create a list in somebody else’s name" }).click();
    await expect
      .poll(() => status(page), patient)
      .toBe("Everything has been sent; 4 writes were rejected.");
    expect(letters()).toEqual([
      "NOT_NULL_VIOLATION",
      "NOT_NULL_VIOLATION",
      "NOT_NULL_VIOLATION",
      "UNAUTHORIZED",
    ]);
    expect(todosOf("dave")).toHaveLength(2);
    const refused = ["", false, "rejected"];
    await expect.poll(() => shown(page), patient).toEqual([refused, refused, refused]);
    const writes = page.getByRole("region", { name: "Rejected" }).locator("li.write");
    const write = (title: string) => writes.filter({ hasText: title });
    expect(await writes.getByRole("heading").allTextContents()).toEqual([
      "New todo",
      "Change of a todo: Milk",
      "Change of a todo: Bread",
      "New list: Somebody else’s list",
    ]);
    await page.screenshot({ path: screenshot, fullPage: true });
    expect(existsSync(screenshot)).toBe(true);

    // Not without what the database asks for.
    await write("New todo").getByRole("button", { name: "Send again" }).click();
    await expect.poll(() => writes.count(), patient).toBe(4);
    await write("New todo").getByLabel("Description").fill("Tomatoes");
    await write("New todo").getByRole("button", { name: "Send again" }).click();
    await expect
      .poll(() => status(page), patient)
      .toBe("Everything has been sent; 3 writes were rejected.");
    expect(todosOf("dave").at(-1)).toEqual(["Tomatoes", 0]);
    await expect
      .poll(async () => (await shown(page)).at(-1), patient)
      .toEqual(["Tomatoes", false, ""]);

    await rename(page, 1, "Rye");
    await expect.poll(() => todosOf("dave")[1], patient).toEqual(["Rye", 0]);

    // What is let go is as it was before, unless it has been changed again; and nothing is sent for it.
    const before = answered();
    for (const title of ["a todo: Milk", "a todo: Bread", "New list"]) {
      await write(title).getByRole("button", { name: "Discard" }).click();
    }
    await isSent(page);
    expect(await page.getByRole("region", { name: "Rejected" }).count()).toBe(0);
    await expect.poll(() => texts(page), patient).toEqual(["Milk", "Rye", "Tomatoes"]);
    expect(await page.getByRole("button", { name: /Somebody else/ }).count()).toBe(0);
    await addTodo(page, "Afterwards");
    await expect.poll(() => todosOf("dave").at(-1), patient).toEqual(["Afterwards", 0]);
    expect(answered()).toBe(before + 1);
    expect(todosOf("dave")).toEqual([
      ["Milk", 0],
      ["Rye", 0],
      ["Tomatoes", 0],
      ["Afterwards", 0],
    ]);
    expect(letters()).toHaveLength(4);
    await page.close();
  });

  it("shares a list by a mutation, whose refusal is put right", async () => {
    const page = await begin("grace", "Milk");
    const members = page.locator("#members");
    const share = async (user: string) => {
      await page.getByLabel("Share with").fill(user);
      await page.getByRole("button", { name: "Share", exact: true }).click();
    };
    const sharedBy = (owner: string) =>
      rows(
        "select user_id from list_members where list_id in (select id from lists where owner_id = ?) order by user_id",
        owner,
      ).flat();
    await page.getByRole("switch", { name: "Online" }).uncheck();
    await share("heidi");
    // At once, and before the server knows of it.
    await expect.poll(() => members.textContent(), patient).toBe("Shared with heidinot sent yet");
    expect(sharedBy("grace")).toEqual([]);
    await page.getByRole("switch", { name: "Online" }).check();
    await isSent(page);
    expect(sharedBy("grace")).toEqual(["heidi"]);
    await expect.poll(() => members.textContent(), patient).toBe("Shared with heidi");

    await share("grace");
    const writes = page.locator("#rejected li.write");
    await expect
      .poll(() => writes.allTextContents(), patient)
      .toEqual([expect.stringContaining("The list is yours already.")]);
    expect(await writes.getByRole("heading").textContent()).toBe("Sharing of a list");
    await page.screenshot({ path: sharing, fullPage: true });
    await writes.getByLabel("Share with").fill("ivan");
    await writes.getByRole("button", { name: "Send again" }).click();
    await isSent(page);
    expect(sharedBy("grace")).toEqual(["heidi", "ivan"]);
    await share("grace");
    await expect.poll(() => writes.count(), patient).toBe(1);
    await writes.getByRole("button", { name: "Discard" }).click();
    await isSent(page);
    await expect.poll(() => members.textContent(), patient).not.toContain("grace");
    expect(sharedBy("grace")).toEqual(["heidi", "ivan"]);
    await page.close();
  });

  it("adds up what two devices count, and asks about what both have written", async () => {
    const page = await begin("mallory", "Milk");
    const notes = () => rows("select note, people from list_notes").at(-1);
    const here = page.getByRole("textbox", { name: "Note" });
    const more = page.getByRole("button", { name: "One more" });
    const write = async (text: string) => {
      await here.fill(text);
      await here.press("Enter");
    };
    await write("Dinner");
    await expect.poll(notes, patient).toEqual(["Dinner", 0]);
    await more.click();
    await expect.poll(notes, patient).toEqual(["Dinner", 1]);
    await isSent(page);

    await page.getByRole("switch", { name: "Online" }).uncheck();
    await more.click();
    await write("Dinner at eight");
    await page.getByText("See a conflict").click();
    await page.getByRole("button", { name: "change both on another device" }).click();
    await expect.poll(notes, patient).toEqual(["Written on another device (1)", 2]);
    await expect
      .poll(() => page.locator("#other-device-says").textContent(), patient)
      .toContain("added one person");
    await page.getByRole("switch", { name: "Online" }).check();
    const writes = page.locator("#rejected li.write");
    await expect.poll(() => writes.count(), patient).toBe(1);
    // Both have added one person, and neither note is lost.
    expect(notes()).toEqual(["Written on another device (1)", 3]);
    expect(await writes.getByRole("heading").textContent()).toBe("Change of a note: Dinner");
    expect(await writes.getByRole("row").last().getByRole("cell").allTextContents()).toEqual([
      "Dinner",
      "Written on another device (1)",
      "Dinner at eight",
    ]);
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.screenshot({ path: conflict(scheme), fullPage: true });
      expect([scheme, await violations(page)]).toEqual([scheme, []]);
    }
    await writes.getByLabel("Note").fill("Dinner at eight, as we both said");
    await writes.getByRole("button", { name: "Send again" }).click();
    await expect.poll(notes, patient).toEqual(["Dinner at eight, as we both said", 3]);
    await isSent(page);

    // The other device has not heard of it, and is refused itself.
    await page.getByRole("button", { name: "change both on another device" }).click();
    await expect
      .poll(() => page.locator("#other-device-says").textContent(), patient)
      .toContain("was refused");
    await page.close();
  });

  it("keeps status and rejections in sight with a long list, and offers only what can be put right", async () => {
    const page = await begin("judy", ...Array.from({ length: 40 }, (_, index) => `Todo ${index}`));
    await page.getByText("See a write rejected").click();
    await page.getByRole("button", { name: "create a list in somebody else’s name" }).click();
    const writes = page.locator("#rejected li.write");
    await expect.poll(() => writes.count(), patient).toBe(1);
    // Another name would not make it the caller's.
    expect(await writes.getByRole("button").allTextContents()).toEqual(["Discard"]);
    expect(await writes.getByRole("textbox").count()).toBe(0);
    await todo(page, 39).scrollIntoViewIfNeeded();
    expect(await inSight(page, "#status")).toBe(true);
    expect(await inSight(page, "#rejected-title")).toBe(false);
    await page.screenshot({ path: longList });
    await page.getByRole("link", { name: "Show what was rejected" }).click();
    await expect.poll(() => inSight(page, "#rejected-title"), patient).toBe(true);
    await writes.getByRole("button", { name: "Discard" }).click();
    await expect
      .poll(() => page.getByRole("link", { name: "Show what was rejected" }).count(), patient)
      .toBe(0);
    await page.close();
  });

  it("says when the sync service is down, does not trust it, or has not sent everything yet", async () => {
    let answer: "distrust" | "open" = "distrust";
    const service = createServer((request, response) => {
      request.resume();
      response.setHeader("access-control-allow-origin", "*");
      response.setHeader("access-control-allow-headers", "*");
      if (request.method === "OPTIONS") response.writeHead(204).end();
      else if (answer === "distrust")
        response.writeHead(401).end(JSON.stringify({ error: { code: "PSYNC_S2101" } }));
      else if (request.url?.startsWith("/sync/stream"))
        response
          .writeHead(200, { "content-type": "application/x-ndjson" })
          .write(`${JSON.stringify({ token_expires_in: 3600 })}\n`);
      else response.end(JSON.stringify({ data: { write_checkpoint: "1" } }));
    });
    const listening = async (port: number) => {
      service.listen(port, "127.0.0.1");
      await once(service, "listening");
      return (service.address() as AddressInfo).port;
    };
    const closing = async () => {
      const closed = once(service, "close");
      service.close();
      service.closeAllConnections();
      await closed;
    };
    const port = await listening(0);
    const file = join(folder, "synced.db");
    const origin = `http://127.0.0.1:${port}`;
    const other = await startDemo({ DATABASE_URL: `sqlite:${file}`, POWERSYNC_URL: origin });
    const page = await browser.newPage();
    try {
      await page.goto(`${other.url}/?user=kim`);
      const sync = page.locator("#sync");
      const says = (text: RegExp) => expect.poll(() => sync.textContent(), patient).toMatch(text);
      await says(/refuses this app's token/);
      answer = "open";
      await says(/^The first sync is in progress/);
      await closing();
      await says(/can’t be reached/);
      await page.screenshot({ path: synced });
      // What is written is sent all the same.
      await addList(page, "Without a service");
      const written = new Sqlite(file, { readonly: true });
      await expect
        .poll(() => written.prepare("select name from lists").all([]), patient)
        .toEqual([{ name: "Without a service" }]);
      written.close();
      await page.getByRole("switch", { name: "Online" }).uncheck();
      await expect.poll(() => sync.isVisible(), patient).toBe(false);
    } finally {
      await page.close();
      await other.stop();
      if (service.listening) await closing();
      // It asked the other demo and its service, and nobody else.
      const others = complaints.filter(
        (one) => !one.includes(other.url) && !one.startsWith(`asks ${origin}`),
      );
      complaints.splice(0, complaints.length, ...others);
    }
  });

  it("is somebody else's in another tab, and the same in a second one of the same user", async () => {
    const erin = await begin("erin", "Milk");
    const [again, bob] = [await open("erin"), await open("bob")];
    expect(await bob.getByText("Create a list to begin with.").isVisible()).toBe(true);
    await addList(bob, "Bob’s list");
    await addTodo(bob, "Bob’s todo");
    await addTodo(again, "From the second tab");
    await expect.poll(() => texts(erin), patient).toContain("From the second tab");
    await expect.poll(() => todosOf("bob"), patient).toEqual([["Bob’s todo", 0]]);
    await expect.poll(() => todosOf("erin").at(-1), patient).toEqual(["From the second tab", 0]);
    for (const page of [erin, again, bob]) await isSent(page);
    expect(listsOf("bob")).toEqual(["Bob’s list"]);
    expect(await texts(erin)).not.toContain("Bob’s todo");
    // The switch is the user's, in every tab.
    await erin.getByRole("switch", { name: "Online" }).uncheck();
    await expect.poll(() => status(again), patient).toBe("Offline. Nothing waits.");
    expect(await status(bob)).toBe(sent);
    await erin.getByRole("switch", { name: "Online" }).check();
    await isSent(again);
    for (const page of [erin, again, bob]) await page.close();
  });

  it("is for this computer alone, under a policy that nothing breaks", async () => {
    for (const path of [
      "/",
      "/page.js",
      "/powersync/worker.js",
      "/sync-stand-in/write-checkpoint2.json",
    ]) {
      expect([path, (await get(path, "127.0.0.1")).statusCode]).toEqual([path, 200]);
      expect([path, (await get(path, "rebound.example")).statusCode]).toEqual([path, 403]);
    }
    const { headers } = await get("/", "localhost");
    expect(headers["content-security-policy"]).toMatch(
      /^default-src 'none'; script-src 'self' 'wasm/,
    );
    expect(headers["content-security-policy"]).not.toMatch(/'unsafe-|\*|https?:/);
    expect(complaints).toEqual([]);
  });

  it("goes on when the server has been away, and no longer knows its tokens", async () => {
    const page = await begin("frank", "Milk");
    const { port } = new URL(demo.url);
    // Also while a stream is open.
    expect(await demo.stop()).toBe(0);
    await addTodo(page, "While it was away");
    await expect
      .poll(() => status(page), patient)
      .toMatch(/^The server can't be reached\. 1 change waits/);
    demo = await startDemo({ DATABASE_URL: `sqlite:${join(folder, "demo.db")}`, PORT: port });
    await isSent(page);
    expect(todosOf("frank").at(-1)).toEqual(["While it was away", 0]);
    await page.close();
  });

  /** What axe finds, by its rules' names. */
  const violations = async (page: Page): Promise<readonly string[]> => {
    await page.evaluate(readFileSync(axe, "utf8"));
    return page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      const { violations } = await axe.run();
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    });
  };

  const inSight = (page: Page, selector: string) =>
    page.locator(selector).evaluate((element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    });

  const get = (path: string, host: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const { port } = new URL(demo.url);
      request({ host: "127.0.0.1", port, path, headers: { host: `${host}:${port}` } }, (answer) => {
        answer.resume();
        resolve(answer);
      })
        .on("error", reject)
        .end();
    });
});
