/**
 * Every kind of command that is sent to MongoDB, as the driver's own monitoring shows it, with the pages of the manual that define its words. The responder of
 * the tests answers, which is no MongoDB.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { CommandStartedEvent } from "mongodb";
import { describe, expect, it } from "vitest";
import { createCollections, mongodb } from "../../src/mongodb/index.js";
import { createTestCollections, openMongo, type OpenMongo } from "../support/mongodb.js";
import { type Sent, sentBy } from "../support/mongodb-golden/commands.js";
import { flows } from "../support/mongodb-golden/flows.js";
import { pagesOf } from "../support/mongodb-golden/pages.js";
import { wordsOf } from "../support/mongodb-golden/words.js";

async function sentIn(run: (opened: OpenMongo) => Promise<void>): Promise<readonly Sent[]> {
  // A server would number its cursors in its own way.
  const opened = await openMongo({}, { url: "" });
  const sent = new Map<string, Sent>();
  const listen = (event: CommandStartedEvent) => {
    // The test's own.
    if (event.commandName === "dropDatabase") return;
    const each = sentBy(event);
    sent.set(JSON.stringify(each), each);
  };
  try {
    await createTestCollections(opened.db);
    opened.client.on("commandStarted", listen);
    await run(opened);
    opened.client.off("commandStarted", listen);
  } finally {
    await opened.close();
  }
  return [...sent].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each);
}

const subjects: Readonly<Record<string, (opened: OpenMongo) => Promise<void>>> = {
  "the library's own collections": async ({ client, db }) => {
    const database = `${db.databaseName}_2`;
    await createCollections(mongodb(client, { database }));
    await client.db(database).dropDatabase();
  },
  ...flows,
};

/** Each command stands under the first subject that sends it. */
const known = new Set<string>();
const around = new Set<string>();
const entries: string[] = [];
const words = new Set<string>();
for (const [subject, run] of Object.entries(subjects)) {
  const lines: string[] = [];
  for (const sent of await sentIn(run)) {
    around.add(JSON.stringify(sent.around));
    const text = JSON.stringify(sent.command);
    if (known.has(text)) continue;
    known.add(text);
    const own = wordsOf(sent.name, sent.command);
    for (const word of own) words.add(word);
    const titles = pagesOf(own).map(({ title, read }) => (read ? title : `${title} (not read)`));
    lines.push(`    { "pages": ${JSON.stringify(titles)},\n      "command": ${text} }`);
  }
  entries.push(`  ${JSON.stringify(subject)}: [\n${lines.join(",\n")}\n  ]`);
}
const carried = [...around].toSorted().map((each) => `    ${each}`);
entries.unshift(`  "what they carry of sessions and transactions": [\n${carried.join(",\n")}\n  ]`);

describe("the commands for MongoDB", () => {
  it("are these, each with the pages that define its words", async () => {
    await expect(`{\n${entries.join(",\n")}\n}\n`).toMatchFileSnapshot(
      "../support/mongodb-golden/golden.json",
    );
  });

  it("have every operator, stage and variable that the store's code has", () => {
    const folder = new URL("../../src/mongodb/", import.meta.url);
    const code = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8"));
    // The name of a field, `$errorCode`, is none.
    const named = code.flatMap(
      (text) => text.match(/(?<=["\s{[(])\${1,2}[a-zA-Z]+(?=["\s:,}=]|$)/gm) ?? [],
    );
    const seen = new Set([...words].map((word) => word.slice(word.lastIndexOf(" ") + 1)));
    expect(named.length).toBeGreaterThan(50);
    expect([...new Set(named)].filter((name) => name !== "$errorCode" && !seen.has(name))).toEqual(
      [],
    );
  });
});
