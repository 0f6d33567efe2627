/** Checkpoints of the application's own. */
import { type Case, type Expected, refused, type Send } from "../case.js";

const next = (client_id: unknown, more: Send = {}): Send => ({
  method: "PUT",
  path: "/api/data/checkpoint",
  body: { client_id },
  ...more,
});
const ask = (client_id: unknown, checkpoint_request_id: unknown, more: Send = {}): Send => ({
  path: "/api/data/checkpoint-request",
  body: { client_id, checkpoint_request_id },
  ...more,
});
const askInText = (id: string): Send =>
  ask("", "", { body: `{"client_id":"phone","checkpoint_request_id":${id}}` });
const numbered = (checkpoint: string): Expected => ({ status: 200, body: { checkpoint } });
const recorded = (checkpoint_request_id: string): Expected => ({
  status: 200,
  body: { checkpoint_request_id },
});

const setting = "checkpoints";
const largest = "9223372036854775807";

export const checkpoints: readonly Case[] = [
  {
    id: "C-700",
    level: "MUST",
    title: "counts the checkpoints of each device of each user, from 1",
    setting,
    steps: [
      { send: next("phone"), expect: numbered("1") },
      { send: next("phone"), expect: numbered("2") },
      { send: next("tablet"), expect: numbered("1") },
      { send: next("phone", { as: "bob" }), expect: numbered("1") },
      { send: next("PHONE"), expect: numbered("1") },
      { send: next("phone "), expect: numbered("1") },
      { send: next("phöne"), expect: numbered("1") },
      { send: next("phone"), expect: numbered("3") },
    ],
  },
  {
    id: "C-701",
    level: "MUST",
    title: "keeps the greatest checkpoint request of each device of each user",
    setting,
    steps: [
      { send: ask("phone", "41"), expect: recorded("41") },
      { send: ask("phone", "41"), expect: recorded("41") },
      { send: ask("phone", "7"), expect: recorded("41") },
      { send: ask("phone", 42), expect: recorded("42") },
      { send: ask("phone", "100"), expect: recorded("100") },
      { send: ask("phone", "99"), expect: recorded("100") },
      { send: ask("tablet", "1"), expect: recorded("1") },
      { send: ask("phone", "2", { as: "bob" }), expect: recorded("2") },
      { send: ask("new", 0), expect: recorded("0") },
    ],
  },
  {
    id: "C-702",
    level: "MUST",
    title: "keeps all digits of a checkpoint request, and never passes 64 bits",
    setting,
    steps: [
      { send: askInText("9007199254740993"), expect: recorded("9007199254740993") },
      { send: ask("phone", "9007199254740992"), expect: recorded("9007199254740993") },
      { send: next("phone"), expect: numbered("9007199254740994") },
      { send: ask("phone", "9007199254740995"), expect: recorded("9007199254740995") },
      { send: ask("phone", "0000000000000000042"), expect: recorded("9007199254740995") },
      { send: ask("phone", largest), expect: recorded(largest) },
      { send: ask("phone", "9223372036854775806"), expect: recorded(largest) },
      { send: next("phone"), expect: numbered(largest) },
      { send: ask("phone", "9223372036854775808"), expect: refused(400) },
      { send: askInText("9223372036854775808"), expect: refused(400) },
      { send: ask("phone", "1"), expect: recorded(largest) },
    ],
  },
  {
    id: "C-703",
    level: "MUST",
    title: "counts on from where the client's own numbers are",
    setting,
    steps: [
      { send: next("phone"), expect: numbered("1") },
      { send: ask("phone", "5"), expect: recorded("5") },
      { send: next("phone"), expect: numbered("6") },
      { send: ask("phone", "6"), expect: recorded("6") },
    ],
  },
  {
    id: "C-710",
    level: "MUST",
    title: "refuses checkpoint requests that are no number of 64 bits",
    setting,
    steps: [
      ...[
        "-1",
        "-9223372036854775808",
        "1.5",
        "1e400",
        "123456789012345678901234567890",
        '""',
        '" 1"',
        '"1.0"',
        '"1e3"',
        '"-1"',
        '"0x10"',
        '"NaN"',
        '"123456789012345678901234567890"',
        "null",
        "true",
        "[1]",
        "{}",
      ].map((bad) => ({ send: askInText(bad), expect: refused(400) })),
      { send: ask("phone", undefined), expect: refused(400) },
      { send: ask("phone", "1"), expect: recorded("1") },
    ],
  },
  {
    id: "C-711",
    level: "MUST",
    title: "refuses client ids that can't be kept",
    setting,
    steps: [undefined, null, "", 7, ["phone"], "x".repeat(256), "a\0b", "a\ud800b"].flatMap(
      (bad) => [
        { send: next(bad), expect: refused(400) },
        { send: ask(bad, "1"), expect: refused(400) },
      ],
    ),
  },
  {
    id: "C-720",
    level: "MUST",
    title: "takes client ids of 255 characters, whatever they are made of",
    setting,
    steps: [
      { send: next("x".repeat(255)), expect: numbered("1") },
      { send: next("'; drop table powersync_checkpoints; --"), expect: numbered("1") },
      { send: next("📱".repeat(100)), expect: numbered("1") },
      { send: next("📱".repeat(100)), expect: numbered("2") },
    ],
  },
  {
    id: "C-721",
    level: "MUST",
    title: "asks who calls before it reads anything",
    setting,
    steps: [
      { send: next("phone", { as: null, body: "{" }), expect: refused(401) },
      { send: ask("phone", "1", { as: null, body: "{" }), expect: refused(401) },
      { send: next("phone", { body: "{" }), expect: refused(400) },
      { send: next("phone", { body: "[]" }), expect: refused(400) },
      { send: next("phone", { headers: { "content-type": "text/plain" } }), expect: refused(415) },
      { send: next("phone"), expect: numbered("1") },
    ],
  },
  {
    id: "C-722",
    level: "MUST",
    title: "tells that it has checkpoints, and has nothing there for other methods",
    setting,
    steps: [
      {
        send: { method: "GET", path: "/api/data/limits", as: null },
        expect: { status: 200 },
      },
      { send: next("phone", { method: "POST" }), expect: { status: 404 } },
      { send: ask("phone", "1", { method: "PUT" }), expect: { status: 404 } },
      { send: { method: "GET", path: "/api/data/checkpoint" }, expect: { status: 404 } },
    ],
  },
  {
    id: "C-723",
    level: "MUST",
    title: "has no checkpoints of its own unless it is told to",
    steps: [
      { send: next("phone"), expect: { status: 404 } },
      { send: ask("phone", "1"), expect: { status: 404 } },
    ],
  },
];
