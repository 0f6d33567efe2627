/** What docs/client.md says to writers of connectors: its table of answers, by our connector, and its smallest connector by that table. */
import { readFile } from "node:fs/promises";
import type { PowerSyncDatabase } from "@powersync/node";
import { transform } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { PowerSyncWriteConnector } from "../../src/client/index.js";
import { addLists, createDevices, queued } from "../support/device.js";
import {
  fatal,
  results,
  type Scripted,
  type ScriptedServer,
  startScriptedServer,
} from "../support/scripted-server.js";

type UploadData = (
  database: PowerSyncDatabase,
  endpoint: { readonly url: string; readonly token: string },
) => Promise<void>;

const page = await readFile("docs/client.md", "utf8");
const [, section = ""] = page.split("\n## A connector of your own\n");
const rows = section
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| /, "").trim()))
  .slice(1);

const result = (status: unknown) => results({ status });
const bare = (result: object): Scripted => ({ body: result });
const status = (...all: readonly number[]) =>
  all.map((one): Scripted => ({ status: one, body: { message: "No." } }));

/** Of each row: what comes in `results`, and to the smallest connector, which sends one bare transaction. */
const answers: Readonly<Record<string, readonly (readonly [Scripted, Scripted?])[]>> = {
  "200, `success`": [[result("success"), bare({ status: "success" })]],
  "200, `fatal_error` with `requires_client_handling: false`": [
    [results(fatal("CHECK_VIOLATION")), bare(fatal("CHECK_VIOLATION"))],
  ],
  "200, `fatal_error` with `requires_client_handling: true`": [
    [results(fatal("CONFLICT", true)), bare(fatal("CONFLICT", true))],
  ],
  "200, `fatal_error` without a boolean `requires_client_handling`": [undefined, null, "false"].map(
    (flag) => {
      const answer = { ...fatal("CHECK_VIOLATION"), requires_client_handling: flag };
      return [results(answer), bare(answer)];
    },
  ),
  "200, `retryable_error`": [[result("retryable_error"), bare({ status: "retryable_error" })]],
  "200, `not_attempted`": [[result("not_attempted"), bare({ status: "not_attempted" })]],
  "200, another `status` or none, such as `{}`": [
    [result("ok"), bare({ status: "ok" })],
    [result(undefined), bare({})],
    [{ body: {} }],
    [{ body: { message: "No." } }],
    [{ body: null }],
  ],
  "200, a body that is not JSON, or a wrong number of `results`": [
    [{ text: "<html>Sign in to the Wi-Fi</html>" }],
    [{ text: "" }],
    [results()],
    [results({ status: "success" }, { status: "success" })],
  ],
  "a redirect": [301, 302, 307, 308].map((one) => [
    { status: one, headers: { location: "/elsewhere" }, text: "" },
  ]),
  "400": status(400).map((one) => [one]),
  "401": status(401).map((one) => [one]),
  "403, 404, 415": status(403, 404, 415).map((one) => [one]),
  "413": status(413).map((one) => [one]),
  "429, 503": status(429, 503).map((one) => [one]),
  "500, 502, 504, and any other status": [
    ...status(500, 502, 504, 418).map((one) => [one] as const),
    [{ status: 204, text: "" }],
    [{ status: 201, body: { status: "success" } }],
  ],
  "none: offline, the connection lost, a time-out, an abort": [["cut"]],
};

const devices = createDevices();
let database: PowerSyncDatabase;
let server: ScriptedServer;
let uploadData: UploadData;

beforeAll(async () => {
  database = await devices.open();
  const [, block = ""] = /```ts\n(\/\/ upload-data\.ts\n.*?)```/s.exec(page) ?? [];
  const { code } = await transform(block, { loader: "ts", format: "esm" });
  ({ uploadData } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    uploadData: UploadData;
  });
});
afterEach(async () => {
  await server?.close();
  await database.disconnectAndClear();
});
afterAll(() => devices.remove());

it("has a row for every answer that is tried here, and no other", () => {
  expect(new Set(rows.map(([answer]) => answer))).toEqual(new Set(Object.keys(answers)));
});

describe.each(rows)("%s: %s", (answer = "", decision = "") => {
  const left = decision === "complete" ? 0 : 1;
  const cases = answers[answer] ?? [];

  /** Twice the answer, for who sends again at once. */
  async function answered(by: Scripted) {
    server = await startScriptedServer([by, by], () => by);
    await addLists(database, ["a"]);
  }

  it.each(cases.map(([results]) => results))("by our connector", async (results) => {
    await answered(results);
    const connector = new PowerSyncWriteConnector({
      url: server.url,
      powersyncUrl: "http://127.0.0.1:1",
      getToken: () => "token",
    });
    const uploaded = await connector.uploadData(database).then(
      () => true,
      () => false,
    );
    expect([uploaded, (await queued(database)).length]).toEqual([left === 0, left]);
  });

  it.each(cases.map(([results, bare = results]) => bare))("by the smallest one", async (bare) => {
    await answered(bare);
    const uploaded = await uploadData(database, { url: server.url, token: "token" }).then(
      () => true,
      () => false,
    );
    expect([uploaded, (await queued(database)).length]).toEqual([left === 0, left]);
  });
});
